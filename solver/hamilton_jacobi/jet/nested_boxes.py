"""V of one attractor on a whole box, to a tolerance, by the jet scheme on nested grids.

Near the attractor V is its local expansion.  Where its ball is small for the cells of the box, smaller boxes
round the attractor come first, each half as wide with as many cells: V below its least value on the rim
of the smaller box is what the next one starts from, so that V is as good near the attractor, relative to its
own size, as far from it.  Then the number of cells is doubled, with the former V as the start, until the
change is within the tolerance.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, Protocol

import numpy as np

from meshes.serial import dealt
from solver.arrays import Array
from solver.errors import NotConverged
from solver.hamilton_jacobi.cycle_expansion import Local
from solver.hamilton_jacobi.jet.lattice import Grid, Lattice, lattice
from solver.hamilton_jacobi.jet.ordering import first_pass, flow_order
from solver.hamilton_jacobi.jet.solution import JetSolution
from solver.hamilton_jacobi.jet.sweeps import State, evaluate_policy, sweep, unknown
from solver.hamilton_jacobi.jet.validity import doubtful
from solver.system import System

# cells along each axis: first, most
CELLS = {2: (32, 512), 3: (12, 48)}
# the expansion is as good as this part of the tolerance, and reaches this part of the way to the edge
FINER, INWARD = 1e-2, 0.3
# … and V must rise in it along all of these rays at this part of the slope of its quadratic
SAMPLES, RISING = 400, 0.3
# nodes up to so many steps from the attractor must be given: no face of a ring may reach across it
NEAR = 1.5
DEEPEST = 20
# V is given up to this multiple of its highest wanted value, and computed up to this one: at the upper end
# there are nodes of whose faces not all corners are known
GIVEN, COMPUTED = 1.5, 2.0
# V below this part of its least value on the rim of a smaller box is taken over
WITHIN = 0.9
# sweeps end when they change V by this part of the tolerance at nearly all nodes (a few go on changing
# between two faces for ever, to no effect on others); they are full ones every so often
STEADY, NEARLY_ALL, EVERY = 0.03, 0.99, 4
# … and leave out nodes round which nothing changed by more than this part of that
STILL = 0.1
SWEEPS, PASSES = 40, 60


class Expandable(Protocol):
    """An attractor, as :class:`solver.places.attractors.Attractor`."""

    @property
    def points(self) -> Array:
        """Points all along it, ``(n, d)``."""

    def quadratic(self, system: System, x: Array) -> Array:
        """V to second order at points ``(d, N)``, ``(N,)``."""

    def expand(self, system: System, max_level: float, tolerance: float = 1e-9) -> Local:
        """V near it."""


@dataclass(frozen=True)
class Task:
    """What is solved for.

    Attributes:
        system: The system.
        expansion: V near the attractor.
        low, high: The box, ``(d,)``.
        tolerance: Relative error of V.
        top: V above this is of no interest.
        reach: Points that V is to reach, ``(d, n)``; none: it is to fill the box.
    """

    system: System
    expansion: Local
    low: Array
    high: Array
    tolerance: float
    top: float
    reach: Array


def quasi_potential(
    system: System,
    attractor: Expandable,
    bounds: Sequence[tuple[float, float]],
    tolerance: float = 1e-3,
    *,
    top: float = np.inf,
    reach: Array | None = None,
    cells: int | tuple[int, int] | None = None,
) -> JetSolution:
    """V of one attractor on a box: the least action of paths that stay in the box.  Not collective.

    Args:
        system: In two or three dimensions, with A positive definite on the box.
        attractor: A stable point or limit cycle (:mod:`solver.places.attractors`) inside the box.
        bounds: The box ``((low, high), …)``.
        tolerance: Wanted error of V relative to V, held at nine tenths of the nodes; ends the
            refinement.  What was reached is in the errors of the result.
        top: V above this is of no interest: values there are rough or missing.
        reach: Points ``(n, d)`` that V is to reach, such as passes: V is given up to half as much again as at
            the highest of them.  Far from the attractor, where V is steep for the grid or A is next to
            singular, sweeps may not settle: it is well to ask for no more than is wanted.
        cells: Most cells along each axis (default 512 in the plane, 48 in space).  Of two numbers the first
            is that of a trial: where V does not settle on it (its last change is above the tolerance) that
            is the result, because finer grids take long and seldom do better.

    Raises:
        ValueError: In one dimension (V is an integral there), or where b or A is not finite.
        NotConverged: If V has no expansion at the attractor, or A is not positive definite next to it.
    """
    if system.dim not in CELLS:
        raise ValueError(f"the jet scheme is for two and three dimensions, not {system.dim}")
    low, high = np.array(bounds, dtype=float).T
    expansion = _expansion(system, attractor, low, high, FINER * tolerance)
    wanted = np.empty((system.dim, 0)) if reach is None else np.asarray(reach, dtype=float).T
    task = Task(system, expansion, low, high, tolerance, top, wanted)
    first, most = CELLS[system.dim]
    trial, most = cells if isinstance(cells, tuple) else (0, cells or most)
    count = min(first, most)
    chain: list[JetSolution] = []
    while True:
        chain = _chain(task, count, chain)
        if _typical(chain[0]) <= tolerance or 2 * count > most:
            return chain[0]
        if count <= trial < 2 * count and not chain[0].settled <= tolerance:
            return chain[0]
        count *= 2


def quasi_potentials(
    comm: Any,
    system: System,
    attractors: Sequence[Expandable],
    bounds: Sequence[tuple[float, float]],
    tolerance: float = 1e-3,
    *,
    top: float = np.inf,
    cells: int | None = None,
) -> list[JetSolution]:
    """V of several attractors, dealt to the ranks; all ranks get all of them.  Collective.

    Arguments and exceptions are those of :func:`quasi_potential`.
    """
    jobs = [
        partial(quasi_potential, system, attractor, bounds, tolerance, top=top, cells=cells)
        for attractor in attractors
    ]
    return dealt(comm, jobs)


def _expansion(system: System, attractor: Expandable, low: Array, high: Array, tolerance: float) -> Local:
    """V near the attractor, in a neighbourhood inside the box and the basin."""
    count = 33
    axes = [np.linspace(a, b, count) for a, b in zip(low, high, strict=True)]
    x = np.stack([axis.ravel() for axis in np.meshgrid(*axes, indexing="ij")])
    edge = ((x == low[:, None]) | (x == high[:, None])).any(axis=0)
    level = INWARD * float(np.min(attractor.quadratic(system, x[:, edge])))
    if not level > 0.0:
        raise NotConverged("the attractor lies on the edge of the box")
    expansion = attractor.expand(system, level, tolerance=max(tolerance, 1e-9))
    for _ in range(DEEPEST):
        if _rises(expansion, system.dim):
            return expansion
        level = 0.5 * min(level, expansion.level)
        expansion = attractor.expand(system, level, tolerance=max(tolerance, 1e-9))
    raise NotConverged("the drift does not lead back to the attractor from near it")


def _rises(expansion: Local, dim: int) -> bool:
    """Whether V rises along all rays from the attractor like its quadratic: no other zero is near."""
    rng = np.random.default_rng(0)
    lead = expansion.lead
    for _ in range(SAMPLES):
        across = rng.normal(size=dim - lead)
        across *= rng.uniform() / np.linalg.norm(across)
        parameters = np.append(rng.uniform(0.0, 2.0 * np.pi, lead), across)
        slope = (expansion.frame(parameters).T @ expansion.at(parameters)[1])[lead:]
        if slope @ across < RISING * 2.0 * expansion.level * (across @ across):
            return False
    return True


def _chain(task: Task, count: int, former: Sequence[JetSolution]) -> list[JetSolution]:
    """Solutions on the whole box and on smaller and smaller boxes, with so many cells along each axis."""
    grids = _grids(task, count)
    inner: JetSolution | None = None
    found: list[JetSolution] = []
    for depth in range(len(grids) - 1, -1, -1):
        inner = _solve(task, grids[depth], inner, former[depth] if depth < len(former) else None)
        found.insert(0, inner)
    return found


def _grids(task: Task, count: int) -> list[Grid]:
    """Grids on the whole box and on smaller ones, down to one on which the expansion is wide enough."""
    points = task.expansion.points.T
    middle = 0.5 * (points.min(axis=1) + points.max(axis=1))
    grids: list[Grid] = []
    for depth in range(DEEPEST):
        spacing = (task.high - task.low) / count * 0.5**depth
        half = 0.5 * count * spacing
        # nodes are shared with the grids of half and of twice the spacing
        first = np.maximum(np.floor((middle - half - task.low) / (2 * spacing)) * 2, 0) if depth else 0 * half
        cells = np.round((task.high - task.low) / spacing)
        last = np.minimum(np.ceil((middle + half - task.low) / (2 * spacing)) * 2, cells) if depth else cells
        shape = tuple(int(n) + 1 for n in last - first)
        grid = Grid(task.low + first * spacing, spacing, shape)
        if depth and not _holds(grid, task):
            break
        grids.append(grid)
        x = grid.points()
        if _inside(task.expansion, x)[_next_to(grid, points)].all():
            break
    return grids


def _inside(expansion: Local, x: Array) -> Array:
    return np.asarray(np.sum(expansion.coordinates(x) ** 2, axis=0) <= 1.0)


def _next_to(grid: Grid, points: Array) -> Array:
    """Nodes at most ``NEAR`` steps from one of the points ``(d, n)``."""
    near = np.zeros(grid.size, dtype=bool)
    nodes = np.stack(np.unravel_index(np.arange(grid.size), grid.shape))
    for at in np.unique(np.round(grid.coordinates(points)), axis=1).T:
        near |= (np.abs(nodes - at[:, None]) <= NEAR).all(axis=0)
    return near


def _holds(grid: Grid, task: Task) -> bool:
    """Whether the neighbourhood of the expansion does not reach across the rim of a grid."""
    rim = grid.rim(task.low, task.high)
    return not bool(_inside(task.expansion, grid.points()[:, rim]).any())


def _solve(task: Task, grid: Grid, inner: JetSolution | None, former: JetSolution | None) -> JetSolution:
    """V on one grid, from V on a smaller one where there is one, and a former V on this box as a start."""
    x = grid.points()
    fixed = _inside(task.expansion, x) | _next_to(grid, task.expansion.points.T)
    state = unknown(grid.size, grid.dim)
    state.jet[fixed, 0] = task.expansion(x[:, fixed])
    state.jet[fixed, 1:] = (task.expansion.gradient(x[:, fixed]) * grid.spacing[:, None]).T
    if inner is not None:
        given = inner(x)
        level = WITHIN * float(np.min(inner.values[inner.grid.rim(task.low, task.high)]))
        taken = (given < level) & ~_inside(task.expansion, x)
        _take(state, grid, inner, np.flatnonzero(taken))
        fixed |= taken
    board = lattice(task.system, grid, fixed)
    if former is not None:
        start = np.isfinite(former(x)) & ~fixed
        _take(state, grid, former, np.flatnonzero(start))
    level, top = _heights(task, board, state, grid, former)
    first_pass(board, state, top, fixed, 0)
    settled, moved = _settle(board, state, task, top)
    values = np.where(state.jet[:, 0] > level, np.inf, state.jet[:, 0])
    errors = np.full(grid.size, np.nan) if former is None else np.maximum(np.abs(values - former(x)), moved)
    order = flow_order(board, state, np.argsort(state.jet[:, 0]))
    given = np.zeros(grid.size) if inner is None else np.nan_to_num(inner.doubt_at(x))
    doubt = doubtful(board, grid, state, order, given)
    return JetSolution(grid, values, state.jet[:, 1:] / grid.spacing, errors, settled, fixed, doubt)


def _heights(
    task: Task, board: Lattice, state: State, grid: Grid, former: JetSolution | None
) -> tuple[float, float]:
    """V up to which it is given on a grid, and up to which it is computed for that.

    On a smaller box what counts is the rim, on the whole box what is to be reached.
    """
    rim = grid.rim(task.low, task.high)
    if rim.any():
        if former is not None:
            old = former.grid.rim(task.low, task.high)
            level = float(np.min(former.values[old], initial=np.inf))
        else:
            level = first_pass(board, state, task.top, rim, 1)
    elif task.reach.size:
        at = np.round(grid.coordinates(task.reach)).astype(int)
        at = np.clip(at, 0, np.array(grid.shape)[:, None] - 1)
        goals = np.zeros(grid.size, dtype=bool)
        goals[np.ravel_multi_index(tuple(at), grid.shape)] = True
        goals &= ~board.fixed
        level = np.inf
        if former is not None:
            level = float(np.max(former(task.reach), initial=0.0, where=np.isfinite(former(task.reach))))
        elif goals.any():
            level = first_pass(board, state, task.top, goals, int(goals.sum()))
    else:
        return np.inf, task.top
    return GIVEN * level, min(task.top, COMPUTED * level)


def _take(state: State, grid: Grid, other: JetSolution, nodes: Array) -> None:
    x = grid.points()[:, nodes]
    state.jet[nodes, 0] = other(x)
    state.jet[nodes, 1:] = (other.gradient(x) * grid.spacing[:, None]).T


def _settle(board: Lattice, state: State, task: Task, top: float) -> tuple[float, Array]:
    """Sweep until V is steady; the last change relative to V at nearly all nodes, and at each of them."""
    change, moved = np.inf, np.zeros(len(board.fixed))
    # the jets with which nodes were renewed last, by the last face and those next to it, and by all
    seen = [np.full_like(state.jet, np.inf) for _ in range(2)]
    for count in range(SWEEPS):
        before = state.jet[:, 0].copy()
        order = flow_order(board, state, np.argsort(before))
        quick = count % EVERY != 0
        stirred = _stirred(state.jet, seen[quick], STILL * STEADY * task.tolerance)
        for one in seen if not quick else seen[1:]:
            one[stirred] = state.jet[stirred]
        sweep(board, state, order[_beside(stirred, board.shape)[order]], quick, top)
        order = flow_order(board, state, np.argsort(state.jet[:, 0]))
        evaluate_policy(board, state, order, PASSES, 0.1 * STEADY * task.tolerance)
        now = state.jet[:, 0]
        active = ~board.fixed & np.isfinite(before) & np.isfinite(now) & (now > 0) & (now < top)
        if not active.any():
            raise NotConverged("V does not leave the neighbourhood of the attractor: is A positive definite?")
        moved[active] = np.abs(now[active] - before[active])
        change = float(np.quantile(np.abs(now[active] - before[active]) / now[active], NEARLY_ALL))
        if change <= STEADY * task.tolerance:
            break
    return change, moved


def _stirred(jet: Array, seen: Array, tolerance: float) -> Array:
    """Nodes at which V or ∇V, over a cell, is another than it was by this part of V, ``(N,)``."""
    known = np.isfinite(jet[:, 0])
    with np.errstate(invalid="ignore"):
        change = np.abs(jet - seen).max(axis=1)
    return np.asarray(known & ~(change <= tolerance * np.abs(jet[:, 0])))


def _beside(nodes: Array, shape: tuple[int, ...]) -> Array:
    """These nodes and their neighbours, ``(N,)``."""
    found = nodes.reshape(shape).copy()
    for axis in range(len(shape)):
        line = np.moveaxis(found, axis, 0)
        near = line.copy()
        near[1:] |= line[:-1]
        near[:-1] |= line[1:]
        line[:] = near
    return np.asarray(found.reshape(-1))


def _typical(solution: JetSolution) -> float:
    """Estimated error relative to V, nine tenths of the nodes being better."""
    known = ~solution.fixed & np.isfinite(solution.errors) & (solution.values > 0)
    if not known.any():
        return np.inf
    return float(np.quantile(solution.errors[known] / solution.values[known], 0.9))
