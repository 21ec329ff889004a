"""The Monte Carlo check of a case: the SDE, and minibatch SGD on the data, at the largest noise level."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from cases.casefile import Case
from cases.domain import Structure
from cases.landscape import Landscape
from cases.noise import ScaledNoise
from solver.evaluate import bounding_box
from solver.lyapunov import covariance
from solver.minibatch import minibatch_first_passage
from solver.passage import TARGET_RADIUS
from solver.simulate import mean_first_passage
from solver.survival import Simulation
from solver.tabulate import tabulate
from solver.targets import Ball


@dataclass(frozen=True)
class Simulated:
    """Simulated passages from the starting attractor to the target under one noise."""

    epsilon: float
    sde: Simulation
    sgd: Simulation | None


def simulate(
    case: Case, landscape: Landscape, noise: ScaledNoise, places: Structure, domain: Any
) -> Simulated | None:
    """Run the simulations that the case asks for; None if it asks for none.  Collective.

    The target is the ellipsoid of the direct passage time (:mod:`solver.passage`), so that the two are means
    of the same random time.

    Raises:
        NotConverged: if too few paths arrive.
    """
    table = case.simulate
    if table is None or places.target is None or not case.compare.epsilon:
        return None
    epsilon = max(case.compare.epsilon)
    goal, start = places.attractors[places.target], places.attractors[places.start].point
    sigma = covariance(goal.jacobian, noise.system.diffusion(goal.point[:, None])[..., 0])
    target = Ball(
        goal.point,
        TARGET_RADIUS * float(np.sqrt(epsilon)),
        np.asarray(np.linalg.inv(sigma), dtype=np.float64),
    )
    low, high = bounding_box(domain)
    tabulated = tabulate(noise.system, list(zip(low, high, strict=True)))
    sde = mean_first_passage(
        noise.system, tabulated, start, target, epsilon, table.paths, table.seed, table.dt, table.max_time,
        comm=domain.comm,
    )  # fmt: skip
    sgd = None
    if table.sgd_learning_rate is not None and landscape.samples and noise.kind == "gradient_covariance":
        sgd = minibatch_first_passage(
            tabulated, landscape.samples.sample_gradient, landscape.samples.size, start, target,
            epsilon * noise.scale, 1, table.sgd_learning_rate, table.paths, table.seed, table.max_time,
            comm=domain.comm,
        )  # fmt: skip
    return Simulated(epsilon, sde, sgd)
