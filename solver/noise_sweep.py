"""Densities and rates at a list of noise levels, without the Hamilton–Jacobi stage.

The ε-continuation of :mod:`solver.continuation` through all wanted levels.  At each of them the gauge is
refreshed at the same ε, and the change of the rates is the estimate of what the gauge costs.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from dolfinx import fem, mesh

from solver.coefficients import coefficients
from solver.continuation import Density, Landmarks, density, first_epsilon, next_gauge, schedule
from solver.evaluate import Locator, bounding_box
from solver.linear import Options
from solver.rates import time_difference
from solver.region import whole
from solver.system import Array, System


@dataclass(frozen=True)
class Swept:
    """One noise level.

    Attributes:
        state: Density and rates with the refreshed gauge.
        first: The same with the gauge that came from the level above.
        gauge_refresh: Largest difference of a log passage time between the two; 0 for a single well.
    """

    state: Density
    first: Density
    gauge_refresh: float


def corners(domain: mesh.Mesh) -> Array:
    """Corners of the bounding box of a mesh, ``(2^d, d)``.  Collective."""
    return np.array(list(itertools.product(*zip(*bounding_box(domain), strict=True))))


def noise_sweep(
    system: System,
    domain: mesh.Mesh,
    landmarks: Landmarks,
    epsilons: Sequence[float],
    degree: int,
    options: Options | None = None,
) -> dict[float, Swept]:
    """Solve at all noise levels, from the highest to the lowest.  Collective.

    Args:
        system: The system.
        domain: The mesh.
        landmarks: Attractors and passes in the mesh.
        epsilons: Noise levels wanted.
        degree: Degree of the elements.
        options: PETSc options for the linear solvers.

    Raises:
        NotConverged: If the mesh is too coarse for one of the levels, or a linear solve fails.
    """
    part = coefficients(domain, system, degree).on(whole(domain))
    gauge = fem.Function(fem.functionspace(domain, ("Lagrange", degree)), name="W")
    locator = Locator(domain)
    plan = schedule(first_epsilon(corners(domain), landmarks.pins), epsilons)
    result: dict[float, Swept] = {}
    for n, epsilon in enumerate(plan):
        state = density(part, gauge, epsilon, landmarks, locator, options)
        if epsilon in epsilons:
            gauge, part = next_gauge(state, landmarks, locator, epsilon)
            fresh = density(part, gauge, epsilon, landmarks, locator, options)
            result[epsilon] = Swept(fresh, state, time_difference(state.rates, fresh.rates))
            state = fresh
        if n + 1 < len(plan):
            gauge, part = next_gauge(state, landmarks, locator, plan[n + 1])
    return result
