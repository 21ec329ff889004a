"""Everything about one system: densities and rates at all noise levels, V of every well, barriers, paths.

The order of the stages, for one diffusion tensor; each stage is in a module of its own.
"""

from __future__ import annotations

import functools
import itertools
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from dolfinx import fem, mesh

from solver.coefficients import Coefficients, coefficients
from solver.connections import Saddle
from solver.continuation import (
    Density,
    Landmarks,
    density,
    first_epsilon,
    next_gauge,
    positivity_margin,
    schedule,
)
from solver.cycle_pass import CyclePass, Gate, gate, path_to
from solver.errors import NotConverged
from solver.evaluate import Locator, bounding_box, evaluate
from solver.fixed_points import FixedPoint
from solver.gauge_check import lowest_gauge_gap
from solver.grown_well import Found, grown_well, surest
from solver.instanton import Instanton
from solver.kramers import Asymptotics, kramers
from solver.limit_cycles import LimitCycle
from solver.linear import Options
from solver.lyapunov import covariance
from solver.moments import mean_and_covariance
from solver.passage import Passage, mean_first_passage
from solver.policy_iteration import edge_level
from solver.quasi_potential import (
    Barrier,
    WellPotential,
    barrier,
    from_attractor,
    local_expansion,
    stitched_weights,
    well_potential,
)
from solver.rates import time_difference
from solver.region import Region, whole
from solver.spectrum import LOWEST_LOG, slowest_eigenvalues
from solver.stationary import Pin
from solver.system import Array, System
from solver.tube import covariance_at

# the quasi-potential is started from W at a noise this many times below the lowest barrier
START_RATIO = 30.0
LEAST_RATIO = 12.0
# where the first densities of the continuation fail, the next start is this part of the noise level
RESTART = 0.25
# up to here the backward equation is solved directly beside the rates
DIRECT_LOG = 14.0

Monitor = Callable[[str], None]


@dataclass(frozen=True)
class Level:
    """Results at one noise level.

    Attributes:
        state: Density, rates, region; with the refreshed gauge.
        gauge_refresh: Largest change of a log passage time when the gauge was refreshed.
        margin: How far above the highest pass the density is positive, in e-folds.
        passages: Direct mean first passage times by pair of attractors, where they can be trusted.
        eigenvalue: λ₂, where it can be resolved.
        mean, covariance: Of the stationary density.
        overlap: The wells are not separated at this noise, so that there are no rates.
    """

    state: Density
    gauge_refresh: float
    margin: float
    passages: dict[tuple[int, int], Passage]
    eigenvalue: float | None
    mean: Array
    covariance: Array
    overlap: bool


@dataclass(frozen=True)
class Analysis:
    """Results for one system.

    Attributes:
        system: The system.
        landmarks: Attractors with covariances, passes.
        coefficients: b, A on the whole mesh.
        levels: By noise level, as asked for.
        gauge: W extrapolated to ε = 0 from the lowest two noise levels, the start of V; zero where V was
            grown from the attractors alone.
        lowest_epsilon: The lower of these levels; None where V was grown.
        wells: V of every attractor.
        barriers: For every attractor and every pass next to it.
        asymptotics: Kramers / Bouchet–Reygner for each of the barriers; None where a cycle is involved.
        weights: Leading exponents of the well weights.
        gauge_gap: Change of log passage times at the lowest noise level when the gauge is made of V (∞: no
            solution with that gauge); None where there is nothing to compare.
    """

    system: System
    landmarks: Landmarks
    coefficients: Coefficients
    levels: dict[float, Level]
    gauge: fem.Function
    lowest_epsilon: float | None
    wells: tuple[WellPotential, ...]
    barriers: tuple[Barrier, ...]
    asymptotics: tuple[Asymptotics | None, ...]
    weights: Array
    gauge_gap: float | None = None


def landmarks_of(
    system: System, attractors: Sequence[FixedPoint | LimitCycle], saddles: Sequence[Saddle | CyclePass]
) -> Landmarks:
    """Attractors with their covariances under this noise, and the passes; of a cycle, one point."""
    pins = []
    for attractor in attractors:
        if isinstance(attractor, LimitCycle):
            pins.append(Pin(attractor.point, covariance_at(system, attractor)))
            continue
        diffusion = system.diffusion(attractor.point[:, None])[..., 0]
        pins.append(Pin(attractor.point, covariance(attractor.jacobian, diffusion)))
    passes = np.array([s.point for s in saddles]).reshape(len(saddles), system.dim)
    between = tuple(
        (-1 if s.between[0] is None else s.between[0], -1 if s.between[1] is None else s.between[1])
        for s in saddles
    )
    return Landmarks(tuple(pins), passes, between)


def analyse(
    system: System,
    domain: mesh.Mesh,
    attractors: Sequence[FixedPoint | LimitCycle],
    saddles: Sequence[Saddle | CyclePass],
    epsilons: Sequence[float],
    degree: int,
    options: Options | None = None,
    monitor: Monitor = lambda _: None,
) -> Analysis:
    """Run all stages.  Collective.

    Args:
        system: The system.
        domain: The mesh.
        attractors: Attracting points and cycles in the domain.
        saddles: Passes (saddles, unstable cycles), with the numbers of the attractors they lie between.
        epsilons: Noise levels at which densities and rates are wanted; none: only V, grown from the
            attractors.
        degree: Degree of the elements.
        options: PETSc options for the linear solvers.
        monitor: Told what is being done, for progress.

    Raises:
        NotConverged: If a stage fails.
    """
    landmarks = landmarks_of(system, attractors, saddles)
    base = coefficients(domain, system, degree)
    space = fem.functionspace(domain, ("Lagrange", degree))
    locator = Locator(domain)
    step = 0.5 * _typical_cell(domain)
    exits = [
        [(n, pair[1 - pair.index(k)]) for n, pair in enumerate(landmarks.between) if k in pair]
        for k in range(len(landmarks.pins))
    ]

    @functools.cache
    def continuation() -> tuple[dict[float, Level], Continuation | None]:
        return _continue(base, space, epsilons, landmarks, locator, options, monitor)

    def targets(k: int) -> tuple[Array | LimitCycle, list[Array | Gate]]:
        attractor = attractors[k]
        at = attractor if isinstance(attractor, LimitCycle) else attractor.point
        ways = [saddles[n] for n, _ in exits[k]]
        return at, [
            way.point if isinstance(way, Saddle) else gate(system, way, k, attractor.point) for way in ways
        ]

    def from_expansion(k: int) -> Found:
        return grown_well(system, base, space, k, *targets(k), locator, step, options, monitor)

    def from_density(k: int) -> Found:
        start = continuation()[1]
        if start is None:
            raise NotConverged("the densities end too far above the noise from which V could be started")
        return _from_continuation(system, start, k, *targets(k), locator, step, options, monitor)

    routes = [from_expansion]
    if not epsilons:
        routes = [from_expansion, from_density]
    elif continuation()[1] is not None:
        routes = [from_density, from_expansion]
    wells: list[WellPotential] = []
    barriers: list[Barrier] = []
    for k, ways in enumerate(exits):
        well, paths = surest([functools.partial(route, k) for route in routes])
        wells.append(well)
        barriers += [barrier(well, end, n, path, locator) for (n, end), path in zip(ways, paths, strict=True)]
    levels, continued = continuation() if continuation.cache_info().currsize else ({}, None)
    asymptotics = [
        None
        if isinstance(attractors[b.start], LimitCycle) or isinstance(saddles[b.saddle], CyclePass)
        else kramers(system, landmarks.pins[b.start].point, landmarks.passes[b.saddle], b.instanton)
        for b in barriers
    ]
    weights = stitched_weights(len(attractors), barriers)
    return Analysis(
        system=system,
        landmarks=landmarks,
        coefficients=base,
        levels=levels,
        gauge=fem.Function(space, name="W") if continued is None else continued.limit,
        lowest_epsilon=None if continued is None else continued.epsilon,
        wells=tuple(wells),
        barriers=tuple(barriers),
        asymptotics=tuple(asymptotics),
        weights=weights,
        gauge_gap=lowest_gauge_gap(
            {epsilon: level.state for epsilon, level in levels.items()},
            wells,
            weights,
            landmarks,
            locator,
            options,
        ),
    )


@dataclass(frozen=True)
class Continuation:
    """Where the ε-continuation ended: W extrapolated to ε = 0, the region it is known on, the last ε."""

    limit: fem.Function
    known: Coefficients
    epsilon: float


def _from_continuation(
    system: System,
    continued: Continuation,
    index: int,
    attractor: Array | LimitCycle,
    passes: Sequence[Array | Gate],
    locator: Locator,
    step: float,
    options: Options | None,
    monitor: Monitor,
) -> tuple[WellPotential, list[Instanton]]:
    """V of one attractor and the instantons to its passes, started from W.  Collective."""
    monitor(f"instantons from attractor {index}")
    point = attractor.point if isinstance(attractor, LimitCycle) else attractor
    start = from_attractor(continued.limit, point, locator)
    points = np.array([way.shell()[0] if isinstance(way, Gate) else way for way in passes])
    expansion = local_expansion(system, start, continued.known, points, attractor, locator)
    paths = [path_to(system, start, expansion, target, locator, step) for target in passes]
    monitor(f"Hamilton–Jacobi equation in well {index}")
    lowest_exit = min((path.action for path in paths), default=np.inf)
    well = well_potential(
        system, continued.known, start, index, expansion, lowest_exit, continued.epsilon, options
    )
    return well, paths


def _continue(
    base: Coefficients,
    space: fem.FunctionSpace,
    epsilons: Sequence[float],
    landmarks: Landmarks,
    locator: Locator,
    options: Options | None,
    monitor: Monitor,
) -> tuple[dict[float, Level], Continuation | None]:
    """ε-continuation through all wanted levels, and on to the start of the quasi-potential.

    None where the continuation fails below the wanted levels, too far from the limit for a start.
    """
    first = first_epsilon(_corners(base.domain), landmarks.pins)
    wanted = set(epsilons)
    plan = schedule(first, list(epsilons) or [first])
    levels: dict[float, Level] = {}
    gauge, part = fem.Function(space, name="W"), base.on(whole(base.domain))
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
    change = 0.0
    passages: dict[tuple[int, int], Passage] = {}
    eigenvalue = None
    if state.rates is not None and fresh.rates is not None:
        change = time_difference(state.rates, fresh.rates)
        times = fresh.rates.log_mfpt
        pins = landmarks.pins
        for i, j in itertools.permutations(range(len(pins)), 2):
            if times[i, j] < DIRECT_LOG:
                passages[i, j] = mean_first_passage(
                    part, gauge.function_space, epsilon, pins[i], pins[j], locator, options
                )
        slowest = np.logaddexp.reduce(fresh.rates.log_rate, axis=None)
        if len(pins) == 2 and slowest > LOWEST_LOG:
            eigenvalue = float(
                slowest_eigenvalues(part, gauge.function_space, epsilon, 1, float(np.exp(slowest)))[0]
            )
    margin = positivity_margin(fresh, landmarks, locator)
    overlap = len(landmarks.pins) > 1 and fresh.rates is None
    mean, spread = mean_and_covariance(fresh)
    return Level(fresh, change, margin, passages, eigenvalue, mean, spread, overlap)


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


def well_sizes(landmarks: Landmarks, epsilon: float) -> list[float]:
    """Cell size that resolves the density at each attractor: its smallest standard deviation."""
    return [float(np.sqrt(epsilon * np.linalg.eigvalsh(pin.covariance)[0])) for pin in landmarks.pins]


def _typical_cell(domain: mesh.Mesh) -> float:
    """Edge length of a mesh of as many equal cells.  Collective."""
    low, high = bounding_box(domain)
    volume = float(np.prod(high - low))
    count = domain.topology.index_map(domain.topology.dim).size_global
    return float((volume / count) ** (1.0 / domain.geometry.dim))
