"""Everything about one system: densities and rates at all noise levels, V of every well, barriers, paths.

The order of the stages, for one diffusion tensor; each stage is in a module of its own.
"""

from __future__ import annotations

import functools
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from dolfinx import fem, mesh

from solver.analysis.barriers import Barrier, barrier, stitched_weights
from solver.analysis.gauge_check import lowest_gauge_gap
from solver.analysis.grown_well import Found, grown_well, surest
from solver.analysis.noise_levels import Continuation, Level, Monitor, alone, continue_to_start
from solver.drift.connections import Saddle
from solver.drift.cycle_passes import CyclePass
from solver.drift.fixed_points import FixedPoint
from solver.drift.limit_cycles import LimitCycle
from solver.drift.lyapunov import covariance
from solver.drift.tube import covariance_at
from solver.elements.coefficients import Coefficients, coefficients
from solver.elements.evaluate import Locator, bounding_box
from solver.elements.linear import Options
from solver.errors import NotConverged
from solver.fokker_planck.continuation import Landmarks
from solver.fokker_planck.well_density import Pin
from solver.hamilton_jacobi.bounds.saddle_cost import saddle_cost
from solver.hamilton_jacobi.cycle_expansion import seat
from solver.hamilton_jacobi.well import BALL, WellPotential, from_attractor, local_expansion, well_potential
from solver.paths.gates import Gate, gate, path_to
from solver.paths.instanton import Instanton
from solver.paths.prefactor import Asymptotics, kramers
from solver.system import Array, System


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
        asymptotics: Kramers / Bouchet–Reygner for each of the barriers; None where a cycle is involved,
            or the path has a focal point.
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


@dataclass(frozen=True)
class Wells:
    """V of every well with the paths out of it, and what was needed to solve for it.

    Attributes:
        landmarks: Attractors with covariances, passes.
        coefficients: b, A on the whole mesh.
        space: Space of V.
        locator: Search tree of the mesh.
        exits: For every attractor, the passes next to it with the attractor behind each (−1: none).
        found: For every attractor V, and an instanton to each of its passes.
        levels: Densities and rates by noise level, as asked for.
        start: Where V was started from densities; None where it was grown from the attractors.
    """

    landmarks: Landmarks
    coefficients: Coefficients
    space: fem.FunctionSpace
    locator: Locator
    exits: list[list[tuple[int, int]]]
    found: tuple[Found, ...]
    levels: dict[float, Level]
    start: Continuation | None


def solve_wells(
    system: System,
    domain: mesh.Mesh,
    attractors: Sequence[FixedPoint | LimitCycle],
    saddles: Sequence[Saddle | CyclePass],
    epsilons: Sequence[float],
    degree: int,
    options: Options | None = None,
    monitor: Monitor = lambda _: None,
) -> Wells:
    """Solve for the densities that are wanted, and for V of every well.  Collective.

    Arguments and exceptions are those of :func:`analyse`.
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
        return continue_to_start(base, space, epsilons, landmarks, locator, options, monitor)

    def targets(k: int) -> tuple[Array | LimitCycle, list[Array | Gate]]:
        ways = [saddles[n] for n, _ in exits[k]]
        return seat(attractors[k]), [
            way.point if isinstance(way, Saddle) else gate(system, way, k, attractors[k].point)
            for way in ways
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
    found = tuple(surest([functools.partial(route, k) for route in routes]) for k in range(len(exits)))
    levels, start = continuation() if continuation.cache_info().currsize else ({}, None)
    return Wells(landmarks, base, space, locator, exits, found, levels, start)


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
    stage = solve_wells(system, domain, attractors, saddles, epsilons, degree, options, monitor)
    landmarks, levels = stage.landmarks, stage.levels
    wells = [well for well, _ in stage.found]
    barriers: list[Barrier] = []
    for (well, paths), ways in zip(stage.found, stage.exits, strict=True):
        costs = [
            saddle_cost(system, path.points[-1], path.points[-2], BALL * path.action)
            for (n, _), path in zip(ways, paths, strict=True)
            if isinstance(saddles[n], Saddle)
        ]
        known = [cost for cost in costs if cost is not None]
        barriers += [
            barrier(well, end, n, path, stage.locator, known)
            for (n, end), path in zip(ways, paths, strict=True)
        ]
    if len(wells) == 1 and not saddles and not isinstance(attractors[0], LimitCycle):
        levels = {epsilon: alone(level, wells[0], landmarks, options) for epsilon, level in levels.items()}
    asymptotics = [
        None
        if isinstance(attractors[b.start], LimitCycle) or isinstance(saddles[b.saddle], CyclePass)
        else _asymptotics(system, landmarks, b)
        for b in barriers
    ]
    weights = stitched_weights(len(attractors), barriers)
    return Analysis(
        system=system,
        landmarks=landmarks,
        coefficients=stage.coefficients,
        levels=levels,
        gauge=fem.Function(stage.space, name="W") if stage.start is None else stage.start.limit,
        lowest_epsilon=None if stage.start is None else stage.start.epsilon,
        wells=tuple(wells),
        barriers=tuple(barriers),
        asymptotics=tuple(asymptotics),
        weights=weights,
        gauge_gap=lowest_gauge_gap(
            {epsilon: level.state for epsilon, level in levels.items()},
            wells,
            weights,
            landmarks,
            stage.locator,
            options,
        ),
    )


def _asymptotics(system: System, landmarks: Landmarks, barrier: Barrier) -> Asymptotics | None:
    start, over = landmarks.pins[barrier.start].point, landmarks.passes[barrier.saddle]
    try:
        return kramers(system, start, over, barrier.instanton)
    except NotConverged:
        return None


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


def well_sizes(landmarks: Landmarks, epsilon: float) -> list[float]:
    """Cell size that resolves the density at each attractor: its smallest standard deviation."""
    return [float(np.sqrt(epsilon * np.linalg.eigvalsh(pin.covariance)[0])) for pin in landmarks.pins]


def _typical_cell(domain: mesh.Mesh) -> float:
    """Edge length of a mesh of as many equal cells.  Collective."""
    low, high = bounding_box(domain)
    volume = float(np.prod(high - low))
    count = domain.topology.index_map(domain.topology.dim).size_global
    return float((volume / count) ** (1.0 / domain.geometry.dim))
