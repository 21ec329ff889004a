"""Densities and rates at all noise levels of one system, and where the quasi-potential may be started from.

The ε-continuation (:mod:`solver.fokker_planck.continuation`) goes through the levels that are wanted, and on
to one from which V can be started.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np
from dolfinx import fem, mesh

from solver.analysis.potential_density import density_from_potential
from solver.elements.coefficients import Coefficients
from solver.elements.evaluate import Locator, bounding_box, evaluate
from solver.elements.linear import Options
from solver.elements.region import Region, edge_level, whole
from solver.errors import NotConverged
from solver.fokker_planck.continuation import (
    Density,
    Landmarks,
    density,
    first_epsilon,
    next_gauge,
    positivity_margin,
    schedule,
)
from solver.fokker_planck.density_check import density_difference
from solver.fokker_planck.markov_chain import time_difference
from solver.fokker_planck.moments import mean_and_covariance
from solver.fokker_planck.passage import Passage, passages_to
from solver.fokker_planck.potential_start import potential_start
from solver.fokker_planck.spectrum import Spectrum, well_eigenvalues
from solver.hamilton_jacobi.well import WellPotential
from solver.system import Array

# the quasi-potential is started from W at a noise this many times below the lowest barrier
START_RATIO = 30.0
LEAST_RATIO = 12.0
# where the first densities of the continuation fail, the next start is this part of the noise level
RESTART = 0.25
# up to here the backward equation is solved directly beside the rates
DIRECT_LOG = 14.0
# the mass beyond so many ε is below rounding for all that is reported
NEGLIGIBLE = 30.0

Monitor = Callable[[str], None]


@dataclass(frozen=True)
class Level:
    """Results at one noise level.

    Attributes:
        state: Density, rates, region; with the refreshed gauge.
        gauge_refresh: Largest change of a log passage time when the gauge was refreshed.
        density_refresh: Largest change of log p below the passes then
            (:mod:`solver.fokker_planck.density_check`).
        margin: How far above the highest pass the density is positive, in e-folds.
        passages: Direct mean first passage times by pair of attractors, where they can be trusted.
        spectrum: The slow eigenvalues of the generator, or why they cannot be had.
        mean, covariance: Of the stationary density.
        overlap: The wells are not separated at this noise, so that there are no rates.
    """

    state: Density
    gauge_refresh: float
    density_refresh: float
    margin: float
    passages: dict[tuple[int, int], Passage]
    spectrum: Spectrum
    mean: Array
    covariance: Array
    overlap: bool


@dataclass(frozen=True)
class Continuation:
    """Where the ε-continuation ended: W extrapolated to ε = 0, the region it is known on, the last ε."""

    limit: fem.Function
    known: Coefficients
    epsilon: float


def continue_to_start(
    base: Coefficients,
    space: fem.FunctionSpace,
    epsilons: Sequence[float],
    landmarks: Landmarks,
    locator: Locator,
    options: Options | None,
    monitor: Monitor,
) -> tuple[dict[float, Level], Continuation | None]:
    """ε-continuation through all wanted levels, and on to the start of the quasi-potential.

    In space it starts from the gauge of :mod:`solver.fokker_planck.potential_start` where that serves, else,
    and where the first density fails with it, from none at a noise that spreads the density over the box.

    None where the continuation fails below the wanted levels, too far from the limit for a start.
    """
    first = first_epsilon(_corners(base.domain), landmarks.pins)
    wanted = set(epsilons)
    plan = schedule(first, list(epsilons) or [first])
    levels: dict[float, Level] = {}
    gauge, part = fem.Function(space, name="W"), base.on(whole(base.domain))
    informed = None
    if base.domain.geometry.dim == 3 and epsilons:
        informed = potential_start(base, space, max(epsilons), landmarks, locator, options)
    if informed is not None:
        gauge, part = informed.gauge, informed.part
        plan = schedule(informed.epsilon, epsilons)
    lowest_wanted = min(wanted, default=first)
    epsilon, height, limit = np.inf, 0.0, gauge
    while True:
        last, epsilon = epsilon, plan.pop(0)
        monitor(f"stationary density at epsilon = {epsilon:.4g}")
        try:
            state = density(part, gauge, epsilon, landmarks, locator, options)
            if epsilon in wanted:
                levels[epsilon] = _level(state, landmarks, locator, options)
                state = levels[epsilon].state
            following = plan[0] if plan else 0.6 * epsilon
            renewed, smaller = next_gauge(state, landmarks, locator, following)
        except NotConverged:
            if informed is not None and gauge is informed.gauge:
                informed, plan = None, schedule(first, epsilons)
                gauge, part = fem.Function(space, name="W"), base.on(whole(base.domain))
                epsilon, levels = np.inf, {}
                continue
            if epsilon > max(epsilons, default=RESTART**4 * first):
                # Noise that grows away from the attractors spreads the density over the box, up to where the
                # noise is weak, at a level that the attractors do not tell: start again from a lower one.
                plan = schedule(RESTART * epsilon, list(epsilons) or [RESTART * epsilon])
                gauge, part = fem.Function(space, name="W"), base.on(whole(base.domain))
                epsilon, height, limit = np.inf, 0.0, gauge
                continue
            # below the wanted levels, the last gauge will do if it is near enough to the limit
            if epsilon >= lowest_wanted:
                raise
            return levels, None if height / last < LEAST_RATIO else Continuation(limit, part, last)
        limit = _extrapolated(gauge, last, renewed, epsilon)
        gauge, part = renewed, smaller
        if not plan:
            height = _lowest_pass(gauge, part.region, landmarks, locator)
            if height / epsilon >= START_RATIO:
                return levels, Continuation(limit, part, epsilon)
            # straight to the level that is needed, in steps of the usual size
            plan = schedule(epsilon, [height / START_RATIO * 0.99 if height > 0 else following])[1:]


def _extrapolated(first: fem.Function, high: float, second: fem.Function, low: float) -> fem.Function:
    """Limit ε → 0 of ``W_ε = V + ε W₁ + O(ε²)`` from two noise levels."""
    result = fem.Function(second.function_space, name="W")
    ratio = low / high
    result.x.array[:] = (second.x.array - ratio * first.x.array) / (1.0 - ratio)
    return result


def _level(state: Density, landmarks: Landmarks, locator: Locator, options: Options | None) -> Level:
    """Refresh the gauge at the same ε, and compute what else is wanted there."""
    epsilon = state.epsilon
    gauge, part = next_gauge(state, landmarks, locator, epsilon)
    fresh = density(part, gauge, epsilon, landmarks, locator, options)
    change, shift = 0.0, density_difference(state, fresh, landmarks, locator)
    passages: dict[tuple[int, int], Passage] = {}
    if state.rates is not None and fresh.rates is not None:
        change = time_difference(state.rates, fresh.rates)
        times = fresh.rates.log_mfpt
        pins = landmarks.pins
        for j, target in enumerate(pins):
            near = [i for i in range(len(pins)) if i != j and times[i, j] < DIRECT_LOG]
            if near:
                starts = [pins[i] for i in near]
                found = passages_to(part, gauge.function_space, epsilon, starts, target, locator, options)
                passages |= {(i, j): passage for i, passage in zip(near, found, strict=True)}
    spectrum = well_eigenvalues(part, gauge.function_space, epsilon, fresh.rates)
    margin = positivity_margin(fresh, landmarks, locator)
    overlap = len(landmarks.pins) > 1 and fresh.rates is None
    mean, spread = mean_and_covariance(fresh)
    return Level(fresh, change, shift, margin, passages, spectrum, mean, spread, overlap)


def alone(level: Level, well: WellPotential, landmarks: Landmarks, options: Options | None) -> Level:
    """The density of a single well with V for the gauge, where V is known high enough for that.  Collective.

    The density of the continuation knows of the walls of the box.
    """
    if well.trusted_level < NEGLIGIBLE * level.state.epsilon:
        return level
    try:
        state = density_from_potential(well, level.state.epsilon, landmarks.pins[0], options)
    except NotConverged:
        return level
    mean, spread = mean_and_covariance(state)
    return replace(level, state=state, mean=mean, covariance=spread)


def _lowest_pass(gauge: fem.Function, region: Region, landmarks: Landmarks, locator: Locator) -> float:
    """Height of the lowest barrier in W; of the edge of the region where there is no pass.  Collective."""
    wells = evaluate(gauge, np.array([pin.point for pin in landmarks.pins]), locator)[:, 0]
    heights = [
        level - wells[k]
        for level, pair in zip(
            evaluate(gauge, landmarks.passes, locator)[:, 0] if len(landmarks.passes) else [],
            landmarks.between,
            strict=True,
        )
        for k in pair
        if k >= 0
    ]
    return float(np.nanmin(heights)) if heights else edge_level(region, gauge) - float(wells[0])


def _corners(domain: mesh.Mesh) -> Array:
    """Corners of the bounding box of a mesh.  Collective."""
    return np.array(list(itertools.product(*zip(*bounding_box(domain), strict=True))))
