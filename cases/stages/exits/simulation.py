"""The Monte Carlo check of exit times from sets: plain paths, or splitting where they are too rare."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from cases.casefile.case import Case
from cases.noise.tensors import ScaledNoise
from cases.problem.places import Structure
from cases.results.simulated import Simulated, Simulations
from cases.stages.exits.sets import ExitSet, trusted_potential
from cases.stages.simulation.passages import PLAIN_LOG
from solver.elements.evaluate import bounding_box
from solver.exits.exit_times import RegionExits
from solver.hamilton_jacobi.well import WellPotential
from solver.simulation.first_passage import mean_first_passage
from solver.simulation.sampling import Sampling
from solver.simulation.splitting import rare_passage, tabulated_progress
from solver.simulation.tabulate import tabulate
from solver.simulation.targets import Ball, Superlevel, Target
from solver.system import Array, Field


def simulate_exits(
    case: Case,
    noise: ScaledNoise,
    sets: Sequence[ExitSet],
    found: Sequence[RegionExits],
    places: Structure,
    domain: Any,
    wells: Sequence[WellPotential],
) -> list[Simulations]:
    """Simulated exit times of the sets that the case names, by noise level.  Collective.

    Args:
        case: The case.
        noise: The noise.
        sets: The sets.
        found: Their exit times from the PDE.
        places: The attractors.
        domain: The mesh of the domain.
        wells: V of every attractor, which tells progress to the splitting.

    Raises:
        NotConverged: If too few paths arrive.
    """
    table = case.simulate
    if table is None or not sets:
        return [{} for _ in sets]
    levels = table.epsilon or (case.compare.epsilon if table.rare else [max(case.compare.epsilon)])
    low, high = bounding_box(domain)
    bounds = [(float(a), float(b)) for a, b in zip(low, high, strict=True)]
    tabulated = tabulate(noise.system, bounds)
    results: list[Simulations] = []
    for one, exits in zip(sets, found, strict=True):
        if not one.asked:
            results.append({})
            continue
        target, start = _outside(one, bounds), places.attractors[one.start].point
        computed = {t.epsilon: t.log_mean for t in exits.times}
        mine: dict[float, Simulated] = {}
        for epsilon in sorted(levels, reverse=True):
            expected = computed[epsilon]
            if table.rare and expected > PLAIN_LOG:
                progress = tabulated_progress(_progress(wells[one.start]), tabulated, domain.comm)
                sampling = Sampling(table.rare_paths, table.seed, table.dt, comm=domain.comm)
                rare = rare_passage(tabulated, start, target, epsilon, progress, table.replicas, sampling)
                mine[epsilon] = Simulated(
                    epsilon, rare.log_mean, rare.ci, "splitting", rare.paths, rare.replicas, rare.dt,
                    expected, None,
                )  # fmt: skip
            else:
                sampling = Sampling(table.paths, table.seed, table.dt, table.max_time, comm=domain.comm)
                plain = mean_first_passage(tabulated, start, target, epsilon, sampling)
                mine[epsilon] = Simulated(
                    epsilon, plain.log_mean, plain.ci, "paths", plain.n, None, plain.dt, expected, None
                )
        results.append(mine)
    return results


def _outside(one: ExitSet, bounds: Sequence[tuple[float, float]]) -> Target:
    if one.ball is not None:
        return Ball(np.array(one.ball.centre), one.ball.radius, outside=True)
    return Superlevel(one.level, 0.0, bounds)


def _progress(well: WellPotential) -> Field:
    """V, and its trusted level beyond what is known."""
    potential = trusted_potential(well)

    def progress(x: Array) -> Array:
        return np.asarray(np.nan_to_num(potential(x), nan=well.trusted_level))

    return progress


def add_to_summary(exits: list[dict[str, Any]], simulated: Sequence[Simulations]) -> None:
    """Put the simulated times into the entry ``exits`` of a noise, null where there is none."""
    for entry, mine in zip(exits, simulated, strict=True):
        for time in entry["times"]:
            one = mine.get(time["epsilon"])
            time |= {
                "log_exit_time_simulated": None if one is None else one.log_mean,
                "simulated_ci": None if one is None else list(one.ci),
                "simulated_by": None if one is None else one.by,
                "simulated_paths": None if one is None else one.paths,
            }


def largest_gap(simulated: Sequence[Mapping[float, Simulated]]) -> float | None:
    """Largest distance of log T computed from a 95 % interval."""
    gaps = [
        max(0.0, one.ci[0] - one.computed, one.computed - one.ci[1])
        for mine in simulated
        for one in mine.values()
        if one.computed is not None
    ]
    return max(gaps, default=None)
