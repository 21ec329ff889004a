"""Densities and rates at a list of noise levels, without the Hamilton–Jacobi stage.

The ε-continuation of :mod:`solver.fokker_planck.continuation` through all wanted levels.  At each of them
the gauge is refreshed at the same ε, and the change of the rates is the estimate of what the gauge costs.

The high levels of a continuation fill the whole domain and need no resolution: in three dimensions they are
best done on a coarse mesh, from which the fine one starts, at once in the sublevel set of the passes.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from dolfinx import fem, mesh

from solver.elements.coefficients import Coefficients, all_cells, coefficients
from solver.elements.evaluate import Locator, bounding_box, evaluate
from solver.elements.fading import fade_levels
from solver.elements.linear import Options
from solver.elements.region import cell_values, cells_near, component, edge_level, make_region, whole
from solver.errors import NotConverged
from solver.fokker_planck.continuation import (
    FACTOR,
    Density,
    Landmarks,
    density,
    first_epsilon,
    next_gauge,
    schedule,
)
from solver.fokker_planck.density_check import density_difference
from solver.fokker_planck.markov_chain import time_difference
from solver.system import Array, System

# where the first densities fail, the sweep starts again at this part of their noise level
RESTART = 0.25


@dataclass(frozen=True)
class Swept:
    """One noise level.

    Attributes:
        state: Density and rates with the refreshed gauge.
        first: The same with the gauge that came from the level above.
        gauge_refresh: Largest difference of a log passage time between the two; 0 for a single well.
        density_refresh: Largest difference of log p between the two below the passes.
    """

    state: Density
    first: Density
    gauge_refresh: float
    density_refresh: float


def corners(domain: mesh.Mesh) -> Array:
    """Corners of the bounding box of a mesh, ``(2^d, d)``.  Collective."""
    return np.array(list(itertools.product(*zip(*bounding_box(domain), strict=True))))


def carried_over(
    start: Density,
    part: Coefficients,
    space: fem.FunctionSpace,
    landmarks: Landmarks,
    locator: Locator,
    epsilon: float,
) -> tuple[fem.Function, Coefficients]:
    """``W − ε log q`` of a density on another mesh, and the region for the next noise level.  Collective."""
    gauge, _ = next_gauge(start, landmarks, Locator(start.coefficients.domain), epsilon)
    domain, result = space.mesh, fem.Function(space, name="W")
    cells = all_cells(domain)
    links = fem.create_interpolation_data(space, gauge.function_space, cells, padding=1e-8)
    result.interpolate_nonmatching(gauge, cells, interpolation_data=links)
    result.x.scatter_forward()
    points = np.array([*(pin.point for pin in landmarks.pins), *landmarks.passes])
    highest = float(np.nanmax(evaluate(result, points, locator)))
    fade = None
    if len(landmarks.passes):
        fade = fade_levels(edge_level(whole(domain), result), highest, epsilon, landmarks.cover)
    low = np.asarray(cell_values(result).min(axis=1) < (np.inf if fade is None else fade.top))
    seeds = np.any([cells_near(domain, pin.point) for pin in landmarks.pins], axis=0)
    return result, part.on(make_region(domain, component(domain, low, seeds)), fade)


def noise_sweep(
    system: System,
    domain: mesh.Mesh,
    landmarks: Landmarks,
    epsilons: Sequence[float],
    degree: int,
    options: Options | None = None,
    start: Density | None = None,
) -> dict[float, Swept]:
    """Solve at all noise levels, from the highest to the lowest.  Collective.

    Args:
        system: The system.
        domain: The mesh.
        landmarks: Attractors and passes in the mesh.
        epsilons: Noise levels wanted.
        degree: Degree of the elements.
        options: PETSc options for the linear solvers.
        start: A density at a higher noise level on another (coarser) mesh of the domain; without it, the
            sweep starts at a noise that spreads the density over the domain.

    Raises:
        NotConverged: If the mesh is too coarse for one of the levels, or a linear solve fails.
    """
    part = coefficients(domain, system, degree).on(whole(domain))
    gauge = fem.Function(fem.functionspace(domain, ("Lagrange", degree)), name="W")
    locator = Locator(domain)
    if start is None:
        plan = schedule(first_epsilon(corners(domain), landmarks.pins), epsilons)
    else:
        plan = schedule(FACTOR * start.epsilon, epsilons)
        gauge, part = carried_over(start, part, gauge.function_space, landmarks, locator, plan[0])
    result: dict[float, Swept] = {}
    while plan:
        epsilon = plan.pop(0)
        try:
            state = density(part, gauge, epsilon, landmarks, locator, options)
        except NotConverged:
            if start is not None or RESTART * epsilon <= max(epsilons):
                raise
            # noise that grows away from the attractors spreads the density at a level they do not tell
            plan = schedule(RESTART * epsilon, epsilons)
            gauge, part = fem.Function(gauge.function_space, name="W"), part.on(whole(domain))
            continue
        if epsilon in epsilons:
            gauge, part = next_gauge(state, landmarks, locator, epsilon)
            fresh = density(part, gauge, epsilon, landmarks, locator, options)
            change = density_difference(state, fresh, landmarks, locator)
            result[epsilon] = Swept(fresh, state, time_difference(state.rates, fresh.rates), change)
            state = fresh
        if plan:
            gauge, part = next_gauge(state, landmarks, locator, plan[0])
    return result
