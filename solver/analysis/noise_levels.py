"""Densities and rates at all noise levels of one system, and where the quasi-potential may be started from.

The ε-continuation (:mod:`solver.fokker_planck.continuation`) goes through the levels that are wanted, and on
to one from which V can be started.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np
from dolfinx import fem, mesh

from solver.analysis.direct_times import direct_times
from solver.elements.coefficients import Coefficients
from solver.elements.discretisation import Discretisation
from solver.elements.evaluate import Locator, bounding_box, evaluate
from solver.elements.region import Region, edge_level, whole
from solver.errors import NotConverged, Refused
from solver.fokker_planck.coarse_start import carried_over
from solver.fokker_planck.continuation import (
    FACTOR,
    StationaryDensity,
    density,
    next_gauge,
    positivity_margin,
    schedule,
)
from solver.fokker_planck.density_check import DensityChange, density_change
from solver.fokker_planck.landmarks import Landmarks, first_epsilon
from solver.fokker_planck.markov_chain import time_differences
from solver.fokker_planck.moments import mean_and_covariance
from solver.fokker_planck.passage import Passage
from solver.fokker_planck.potential_start import potential_start, start_with
from solver.fokker_planck.reversible import circulating_density, reversible_density
from solver.fokker_planck.spectrum import Spectrum, well_eigenvalues
from solver.system import Array

# the quasi-potential is started from W at a noise this many times below the lowest barrier
START_RATIO = 30.0
LEAST_RATIO = 12.0
# where the first densities of the continuation fail, the next start is this part of the noise level
RESTART = 0.25

Monitor = Callable[[str], None]


@dataclass(frozen=True)
class Level:
    """Results at one noise level.

    Attributes:
        state: Density, rates, region; with the refreshed gauge.
        gauge_refresh: Largest change of a log passage time when the gauge was refreshed.
        gauge_changes: The same for every pair of wells, ``(K, K)``; None without rates.
        density_refresh: Largest change of log p below the passes then
            (:mod:`solver.fokker_planck.density_check`).
        mass_refresh: How much of the probability moved then.
        log_density_change: |Δ log p| at the nodes then; None where it is not known, or nothing changed.
        margin: How far above the highest pass the density is positive, in e-folds.
        passages: Direct mean first passage times by pair of attractors, where they can be trusted.
        spectrum: The slow eigenvalues of the generator, or why they cannot be had.
        mean, covariance: Of the stationary density.
        overlap: The wells are not separated at this noise, so that there are no rates.
    """

    state: StationaryDensity
    gauge_refresh: float
    density_refresh: float
    margin: float
    passages: dict[tuple[int, int], Passage]
    spectrum: Spectrum
    mean: Array
    covariance: Array
    overlap: bool
    gauge_changes: Array | None = None
    mass_refresh: float = 0.0
    log_density_change: Array | None = None


@dataclass(frozen=True)
class Continuation:
    """From what V can be started: W at ε = 0, the region it is known on, and the ε that it is good to."""

    limit: fem.Function
    known: Coefficients
    epsilon: float


class Continued(NamedTuple):
    """What a continuation gave.

    Attributes:
        levels: By noise level, those of the wanted ones that were solved for.
        start: From which V can be started; None where that is not wanted, or too far from the limit.
        refused: Why there is no density at the other levels.
    """

    levels: dict[float, Level]
    start: Continuation | None
    refused: dict[float, Refused]


@dataclass(frozen=True)
class Begin:
    """Where a continuation begins: W, the region, and the noise levels to go through.

    ``informed`` where W knows of the wells: densities at high noise are not needed then.
    """

    gauge: fem.Function
    part: Coefficients
    plan: tuple[float, ...]
    informed: bool = False


@dataclass(frozen=True)
class Run:
    """How far a continuation came: the levels, the last gauge, and where and why it failed, if it did.

    ``height`` is that of the lowest pass in the last gauge once all levels were solved for, else zero.
    """

    levels: dict[float, Level]
    end: Continuation
    height: float
    failed_at: float | None = None
    failure: NotConverged | None = None


def continue_levels(
    discretisation: Discretisation,
    epsilons: Sequence[float],
    landmarks: Landmarks,
    monitor: Monitor = lambda _: None,
    *,
    coarse: StationaryDensity | None = None,
    onwards: bool = True,
) -> Continued:
    """ε-continuation through all wanted levels, and on to the start of the quasi-potential.  Collective.

    In space and with momentum it starts from the gauge of :mod:`solver.fokker_planck.potential_start` where
    that serves, else, and where the first density fails with it, from none at a noise that spreads the
    density over the box.

    Args:
        discretisation: The system on the mesh.
        epsilons: Noise levels wanted; none: only those on the way to a start of the quasi-potential.
        landmarks: Attractors and passes.
        monitor: Told what is being done.
        coarse: A density at a higher noise level on another (coarser) mesh, to start from.
        onwards: Whether a start of the quasi-potential is wanted, too.

    A level that fails (the mesh is too coarse for it, or a linear solve fails) takes those below it along;
    the others stand.
    """
    highest = max(epsilons, default=0.0)
    first = first_epsilon(_corners(discretisation.domain), landmarks.pins)
    begin = _beginning(discretisation, epsilons, landmarks, coarse, first)
    while True:
        run = march(discretisation, begin, epsilons, landmarks, monitor, onwards)
        if run.failed_at is None:
            return Continued(run.levels, run.end if onwards else None, {})
        assert run.failure is not None
        if begin.informed and run.failed_at == begin.plan[0] and coarse is None:
            begin = _from_nothing(discretisation, epsilons, first)
        elif coarse is None and run.failed_at > (highest or RESTART**4 * first):
            # Noise that grows away from the attractors spreads the density over the box, up to where the
            # noise is weak, at a level that the attractors do not tell: start again from a lower one.
            begin = _from_nothing(discretisation, epsilons, RESTART * run.failed_at)
        else:
            # below the wanted levels, the last gauge will do if it is near enough to the limit
            near = run.height / run.end.epsilon >= LEAST_RATIO
            missing = {e: Refused(str(run.failure)) for e in epsilons if e not in run.levels}
            return Continued(run.levels, run.end if near else None, missing)


def levels_from(
    discretisation: Discretisation,
    epsilons: Sequence[float],
    landmarks: Landmarks,
    potential: fem.Function,
    monitor: Monitor = lambda _: None,
    *,
    reversible: bool = True,
) -> Continued:
    """All wanted levels where ``e^{−V/ε}`` is the density, each by itself.  Collective.

    Args:
        discretisation: The system on the mesh.
        epsilons: Noise levels wanted.
        landmarks: Attractors and passes.
        potential: The quasi-potential.
        monitor: Told what is being done.
        reversible: The density carries no current.
    """
    solve = reversible_density if reversible else circulating_density
    locator, options = discretisation.locator, discretisation.options
    levels: dict[float, Level] = {}
    refused: dict[float, Refused] = {}
    for epsilon in sorted(set(epsilons), reverse=True):
        known = start_with(discretisation, potential, epsilon, landmarks, exact=True)
        if known is None:
            return continue_levels(discretisation, epsilons, landmarks, monitor, onwards=False)
        monitor(f"stationary density at epsilon = {epsilon:.4g}")
        try:
            state, changes = solve(known.part, potential, epsilon, landmarks, locator, options)
            # log p is exact
            levels[epsilon] = _told(state, changes, None, discretisation, landmarks)
        except NotConverged as error:
            refused[epsilon] = Refused(str(error))
    return Continued(levels, None, refused)


def _beginning(
    discretisation: Discretisation,
    epsilons: Sequence[float],
    landmarks: Landmarks,
    coarse: StationaryDensity | None,
    first: float,
) -> Begin:
    """The best that is known to begin with.  Collective."""
    if coarse is not None:
        plan = schedule(FACTOR * coarse.epsilon, epsilons)
        return Begin(*carried_over(coarse, discretisation, landmarks, plan[0]), tuple(plan), informed=True)
    if epsilons and (discretisation.system.dim == 3 or discretisation.system.momentum is not None):
        start = potential_start(discretisation, max(epsilons), landmarks)
        if start is not None:
            plan = schedule(start.epsilon, epsilons)
            return Begin(start.gauge, start.part, tuple(plan), informed=True)
    return _from_nothing(discretisation, epsilons, first)


def _from_nothing(discretisation: Discretisation, epsilons: Sequence[float], first: float) -> Begin:
    """No gauge, on the whole mesh, from this noise level on."""
    whole_mesh = discretisation.coefficients.on(whole(discretisation.domain))
    gauge = fem.Function(discretisation.space, name="W")
    return Begin(gauge, whole_mesh, tuple(schedule(first, list(epsilons) or [first])))


def march(
    discretisation: Discretisation,
    begin: Begin,
    epsilons: Sequence[float],
    landmarks: Landmarks,
    monitor: Monitor,
    onwards: bool,
) -> Run:
    """Through the levels of a plan, and, if that is wanted, onwards until V can be started.  Collective.

    Arguments are those of :func:`continue_levels`, and where to begin.
    """
    locator, options = discretisation.locator, discretisation.options
    gauge, part, plan = begin.gauge, begin.part, list(begin.plan)
    levels: dict[float, Level] = {}
    epsilon, height, limit = np.inf, 0.0, gauge
    while True:
        last, epsilon = epsilon, plan.pop(0)
        monitor(f"stationary density at epsilon = {epsilon:.4g}")
        try:
            state = density(part, gauge, epsilon, landmarks, locator, options)
            if epsilon in epsilons:
                levels[epsilon] = _level(state, discretisation, landmarks)
                state = levels[epsilon].state
            if not plan and not onwards:
                return Run(levels, Continuation(gauge, part, epsilon), height)
            following = plan[0] if plan else FACTOR * epsilon
            renewed, smaller = next_gauge(state, landmarks, locator, following)
        except NotConverged as error:
            return Run(levels, Continuation(limit, part, last), height, epsilon, error)
        limit = _extrapolated(gauge, last, renewed, epsilon)
        gauge, part = renewed, smaller
        if not plan:
            height = _lowest_pass(gauge, part.region, landmarks, locator)
            if height / epsilon >= START_RATIO:
                return Run(levels, Continuation(limit, part, epsilon), height)
            # straight to the level that is needed, in steps of the usual size
            plan = schedule(epsilon, [height / START_RATIO * 0.99 if height > 0 else following])[1:]


def _extrapolated(first: fem.Function, high: float, second: fem.Function, low: float) -> fem.Function:
    """Limit ε → 0 of ``W_ε = V + ε W₁ + O(ε²)`` from two noise levels."""
    result = fem.Function(second.function_space, name="W")
    # the first of them has no level before it: high is infinite
    ratio = low / high
    result.x.array[:] = (second.x.array - ratio * first.x.array) / (1.0 - ratio)
    return result


def _level(state: StationaryDensity, discretisation: Discretisation, landmarks: Landmarks) -> Level:
    """Refresh the gauge at the same ε, and compute what else is wanted there.  Collective."""
    epsilon, locator, options = state.epsilon, discretisation.locator, discretisation.options
    gauge, part = next_gauge(state, landmarks, locator, epsilon)
    fresh = density(part, gauge, epsilon, landmarks, locator, options)
    shift = density_change(state, fresh, landmarks, locator)
    changes = None
    if state.rates is not None and fresh.rates is not None:
        changes = time_differences(state.rates, fresh.rates)
    return _told(fresh, changes, shift, discretisation, landmarks)


def _told(
    state: StationaryDensity,
    changes: Array | None,
    shift: DensityChange | None,
    discretisation: Discretisation,
    landmarks: Landmarks,
) -> Level:
    """A level from its density: direct times, eigenvalues, moments.  Collective.

    Args:
        state: The density.
        changes: By how much log T is uncertain; None without rates.
        shift: By how much the density is; None for a closed form.
        discretisation: The system on the mesh.
        landmarks: Attractors and passes.
    """
    locator, part, space = discretisation.locator, state.coefficients, state.gauge.function_space
    passages = direct_times(state, changes, discretisation, landmarks)
    spectrum = well_eigenvalues(part, space, state.epsilon, state.rates)
    margin = positivity_margin(state, landmarks, locator)
    overlap = len(landmarks.pins) > 1 and state.rates is None
    mean, spread = mean_and_covariance(state)
    change = 0.0 if changes is None else float(np.max(changes))
    shift = shift or DensityChange(0.0, 0.0, None)
    told = Level(state, change, shift.largest, margin, passages, spectrum, mean, spread, overlap, changes)
    return replace(told, mass_refresh=shift.mass, log_density_change=shift.log_density_gap)


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
        if k is not None
    ]
    return float(np.nanmin(heights)) if heights else edge_level(region, gauge) - float(wells[0])


def _corners(domain: mesh.Mesh) -> Array:
    """Corners of the bounding box of a mesh.  Collective."""
    return np.array(list(itertools.product(*zip(*bounding_box(domain), strict=True))))
