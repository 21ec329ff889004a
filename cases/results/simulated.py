"""Simulated passage and exit times, as far as the summary has to know of them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Literal

from solver.simulation.survival import Simulation


@dataclass(frozen=True)
class Simulated:
    """Simulated passages from the starting attractor to the target under one noise at one level.

    Attributes:
        epsilon: Noise level.
        log_mean: log of the mean passage time.
        ci: Its 95 % interval.
        by: "paths" or "splitting".
        paths: Number of paths (of each replica).
        replicas: Number of replicas of the splitting; None for plain paths.
        dt: Time step.
        computed: log T of the PDE, for the same target where that can be solved for.
        sgd: Minibatch SGD on the data, where asked for.
        sde: The simulation by plain paths, with its survival curve; None for splitting.
    """

    epsilon: float
    log_mean: float
    ci: tuple[float, float]
    by: Literal["paths", "splitting"]
    paths: int
    replicas: int | None
    dt: float
    computed: float | None
    sgd: Simulation | None
    sde: Simulation | None = None


Simulations = Mapping[float, Simulated]


def largest_gap(simulated: Iterable[Simulated]) -> float | None:
    """By how much a computed log T is outside the simulated 95 % interval, at most; None without any."""
    gaps = [
        max(0.0, one.ci[0] - one.computed, one.computed - one.ci[1])
        for one in simulated
        if one.computed is not None
    ]
    return max(gaps, default=None)
