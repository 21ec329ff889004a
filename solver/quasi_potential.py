"""The quasi-potential of each attractor, its barriers and its instantons, at one noise.

The stages: ε-continuation of the stationary density gives a smooth approximation W of the viscosity solution
(:mod:`solver.continuation`); policy iteration makes it sharp in the sublevel set of each attractor below its
lowest pass (:mod:`solver.policy_iteration`); the barrier at a pass is the cost of the polished instanton
(:mod:`solver.instanton`), whose first guess is traced on W.  The stages check each other: along the instanton
the field must equal the action.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from dolfinx import fem
from mpi4py import MPI

from solver.action import Path, action
from solver.bounds import lower_bound
from solver.coefficients import Coefficients
from solver.cycle_expansion import Local, expand_at
from solver.errors import NotConverged
from solver.evaluate import Locator, evaluate, evaluate_gradient
from solver.growth import Solution, grow
from solver.instanton import Instanton, instanton, trace_back
from solver.limit_cycles import LimitCycle
from solver.linear import Options
from solver.monomials import unit_directions
from solver.periodic import phases
from solver.policy_iteration import Iteration, edge_dofs
from solver.rates import markov_chain
from solver.region import Mask, Region, cell_values, cells_near, component, make_region
from solver.saddle_cost import SaddleCost
from solver.system import Array, System

# the start is used up to this many ε below the lowest pass: nearer to the saddle W is rounded off by noise
CLEARANCE = 3.0
# … and is then extended up to this part of the pass
TOP = 0.999
BALL = 0.1


@dataclass(frozen=True)
class WellPotential:
    """V of one attractor.

    Attributes:
        index: Number of the attractor.
        potential: V, meaningful on the cells of ``valid``.
        cells: Cells in which V was solved for.
        valid: Cells on which V is below the trusted level (free of the edge of the region).
        trusted_level: V below this has converged, and is free of what happens at the edge of the region.
        expansion: V near the attractor.
        iteration: How the policy iteration went.
        coefficients: b, A on the region in which V was solved for.
    """

    index: int
    potential: fem.Function
    cells: Mask
    valid: Mask
    trusted_level: float
    expansion: Local
    iteration: Iteration
    coefficients: Coefficients

    @property
    def smooth(self) -> Mask:
        """The valid cells without those that were cut out at kinks: there V is exact, here it is bridged."""
        return self.valid & ~self.iteration.kinked


@dataclass(frozen=True)
class Barrier:
    """The cost of leaving attractor ``start`` over a saddle into the basin of ``end`` (−1: none).

    Attributes:
        start, end, saddle: Indices; unstable cycles are counted after the saddles.
        barrier: V(saddle) = cost of the instanton.
        lower: A lower bound from a subsolution (see :mod:`solver.bounds`).
        upper: Upper bound: the cost plus its numerical uncertainty.
        instanton: The path.
        mismatch: Largest ``|V − action|`` along the instanton inside the valid region, over the barrier.
    """

    start: int
    end: int
    saddle: int
    barrier: float
    lower: float
    upper: float
    instanton: Instanton
    mismatch: float


def trusted_part(well: WellPotential) -> fem.Function:
    """V of one attractor, NaN outside its valid region and where it is bridged.  Collective."""
    region = make_region(well.coefficients.domain, well.smooth)
    result = fem.Function(well.potential.function_space, name=f"V_{well.index}")
    keep = region.dofs(result.function_space)
    result.x.array[:] = np.where(keep, well.potential.x.array, np.nan)
    return result


def from_attractor(gauge: fem.Function, attractor: Array, locator: Locator) -> fem.Function:
    """``W − W(x̄)``: the approximation of V that the continuation gives in the well of x̄.  Collective."""
    start = fem.Function(gauge.function_space)
    start.x.array[:] = gauge.x.array - evaluate(gauge, attractor[None], locator)[0, 0]
    return start


def local_expansion(
    system: System,
    start: fem.Function,
    known: Coefficients,
    passes: Array,
    attractor: Array | LimitCycle,
    locator: Locator,
) -> Local:
    """Expansion of V at an attractor, up to a tenth of its lowest pass (or of the edge).  Collective."""
    level = np.inf
    if len(passes):
        level = float(np.nanmin(evaluate(start, passes, locator)))
    points = attractor.curve(phases(256)).T if isinstance(attractor, LimitCycle) else attractor
    top = min(level, own_edge(known.region, start, points, level))
    if not 0 < top < np.inf:
        raise NotConverged("the density does not show how high the edge of a well is")
    return expand_at(system, attractor, BALL * top)


def own_edge(known: Region, start: fem.Function, points: Array, level: float) -> float:
    """Lowest value on the edge of the known region next to one well, the part below a level.  Collective.

    Infinite if the well does not reach the edge.  Other wells may reach it far below that.
    """
    domain, space = known.domain, start.function_space
    seeds = cells_near(domain, points)
    below = known.active & (cell_values(start).min(axis=1) < level)
    own = make_region(domain, component(domain, below | (seeds & known.active), seeds)).dofs(space)
    edge = edge_dofs(known, space)
    lowest = float(np.min(start.x.array[edge[own[edge]]], initial=np.inf))
    return float(domain.comm.allreduce(lowest, op=MPI.MIN))


def well_potential(
    system: System,
    coefficients: Coefficients,
    start: fem.Function,
    index: int,
    expansion: Local,
    lowest_exit: float,
    epsilon: float,
    options: Options | None = None,
) -> WellPotential:
    """Solve the Hamilton–Jacobi equation in the well of one attractor.  Collective.

    Args:
        system: The system.
        coefficients: b, A on the region on which the start is known.
        start: Approximation of V, zero at the attractor.
        index: Number of the attractor.
        expansion: V near the attractor.
        lowest_exit: Barrier at the lowest pass out of the well (∞: none).
        epsilon: The lowest noise level from which the start was made.
        options: PETSc options for the linear solver.

    Raises:
        NotConverged: If the policy iteration fails.
    """
    known = coefficients.region
    top = min(lowest_exit, own_edge(known, start, expansion.points, lowest_exit))
    first = min(TOP * top, max(top - CLEARANCE * epsilon, 0.8 * top))
    solution = grow(system, start, known.active, expansion, first, TOP * top, options)
    return well_of(coefficients, index, expansion, solution)


def well_of(coefficients: Coefficients, index: int, expansion: Local, solution: Solution) -> WellPotential:
    """The valid part of a solution of the Hamilton–Jacobi equation.  Collective."""
    region = make_region(coefficients.domain, solution.cells)
    return trusted_below(
        WellPotential(
            index,
            solution.potential,
            solution.cells,
            solution.cells,
            np.inf,
            expansion,
            solution.iteration,
            coefficients.on(region),
        ),
        solution.iteration.converged_level,
    )


def trusted_below(well: WellPotential, level: float) -> WellPotential:
    """V of a well with its valid part cut down to a level.  Collective."""
    trusted = min(well.trusted_level, level)
    region = well.coefficients.region
    seeds = cells_near(region.domain, well.expansion.points)
    valid = region.active & (cell_values(well.potential).max(axis=1) <= trusted)
    valid = component(region.domain, valid | (seeds & region.active), seeds)
    return replace(well, valid=valid, trusted_level=trusted)


def escape_path(
    system: System,
    start: fem.Function,
    expansion: Local,
    saddle: Array,
    locator: Locator,
    step: float,
) -> Instanton:
    """The instanton from an attractor to a saddle.  Collective.

    First guesses: traced back on the start from those points y of a small sphere round the saddle at which
    ``V(y) + S[y → saddle]`` is least among their neighbours (paths may come in from several sides, and the
    symmetric one between them may be a maximum), and the straight line.

    Raises:
        NotConverged: If no path converges.
    """

    def slope(x: Array) -> Array:
        return evaluate_gradient(start, x[None], locator)[0]

    def arrived(x: Array) -> bool:
        return bool(np.sum(expansion.coordinates(x[:, None]) ** 2) < 0.5)

    near = expansion.nearest(saddle)
    gap = float(np.linalg.norm(saddle - near))
    candidates = [np.array([near, saddle])]
    for entry in _entries(system, start, saddle, 0.2 * gap, locator):
        traced = trace_back(slope, system, entry, arrived, step, max_steps=int(20 * gap / step))
        if traced is not None:
            candidates.append(
                np.concatenate([saddle[None], traced, expansion.nearest(traced[-1])[None]])[::-1]
            )
    return instanton(system, expansion, candidates)


def _entries(
    system: System, start: fem.Function, saddle: Array, radius: float, locator: Locator, most: int = 3
) -> list[Array]:
    """Points of a sphere round a saddle through which instantons come in.  Collective."""
    directions = unit_directions(system.dim)
    points = saddle + radius * directions
    straight = [action(system, Path(point, saddle, np.zeros((system.dim, 1)))) for point in points]
    total = evaluate(start, points, locator)[:, 0] + np.array(straight)
    total[np.isnan(total)] = np.inf
    close = directions @ directions.T > 0.9
    best = [n for n in np.argsort(total) if np.isfinite(total[n]) and total[n] <= total[close[n]].min()]
    return [points[n] for n in best[:most]]


def barrier(
    well: WellPotential,
    end: int,
    saddle: int,
    path: Instanton,
    locator: Locator,
    costs: Sequence[SaddleCost] = (),
) -> Barrier:
    """The barrier of one exit, with its bounds and the comparison of field and path.  Collective.

    Args:
        well: V of the well.
        end: Number of the attractor behind the pass (−1: none).
        saddle: Number of the pass.
        path: The instanton.
        locator: Search tree of the mesh.
        costs: The costs of reaching the saddles out of the well, for the lower bound.
    """
    values = evaluate(trusted_part(well), path.points, locator)[:, 0]
    gaps = np.abs(values - path.actions)[np.isfinite(values)]
    known = well.coefficients, well.potential, well.cells, well.expansion
    lower = lower_bound(*known, path.action, costs, locator)
    return Barrier(
        start=well.index,
        end=end,
        saddle=saddle,
        barrier=path.action,
        lower=lower,
        upper=path.action + path.uncertainty,
        instanton=path,
        mismatch=float(np.max(gaps, initial=0.0) / path.action),
    )


def stitched_weights(count: int, barriers: Sequence[Barrier]) -> Array:
    """Leading exponents w of the well weights, ``π_k ≍ e^{−w_k/ε}``, lowest zero, ``(K,)``.

    The Freidlin–Wentzell graph (Random Perturbations of Dynamical Systems, ch. 6): w is the minimum over
    spanning arborescences, here as the limit of the exact stationary weights of a chain with rates
    ``e^{−barrier/δ}`` for a δ so small that only exponents are left.
    """
    if count == 1:
        return np.zeros(1)
    delta = 1e-9 * max(b.barrier for b in barriers)
    log_rate = np.full((count, count), -np.inf)
    for item in barriers:
        if item.end >= 0:
            log_rate[item.start, item.end] = max(log_rate[item.start, item.end], -item.barrier / delta)
    with np.errstate(invalid="ignore"):
        weights = -delta * markov_chain(delta, log_rate).log_weight
    return np.asarray(weights - np.nanmin(weights))
