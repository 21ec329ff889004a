"""Limit cycles of the drift: found by following the flow, made exact by Fourier collocation.

A stable cycle is where trajectories go that end in no fixed point; an unstable cycle of a planar system is
where they go under −b.  Starts are a grid of points and the neighbourhoods of the unstable fixed points.
What still goes round when its steps are used up is followed from return to return
(:mod:`solver.drift.returns`), and every orbit that nearly closes is a first guess for the closed one
(:mod:`solver.drift.periodic_orbit`).  Spirals of the plane that are too slow to be followed to their end are
settled by :mod:`solver.drift.spirals`; a trajectory in space that neither ends nor closes is reported, as it
may be on a chaotic attractor or a torus.

All of it is done in units in which the box is the unit cube, and in a bounded number of steps.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from solver.arrays import Array
from solver.drift.connections import traps
from solver.drift.fixed_points import FixedPoint
from solver.drift.flow import STUCK, Basin, follow
from solver.drift.periodic_orbit import LimitCycle as LimitCycle
from solver.drift.periodic_orbit import described, distance, orbit_at
from solver.drift.returns import STEPS_BACK, returns
from solver.drift.spirals import NEAR_CYCLE, NOTHING, Found, guessed, settled
from solver.system import System
from solver.units import Units, nondimensional, units_of_box

# starts along each axis, by dimension
STARTS = {2: 8, 3: 4}
# steps before a trajectory is looked at, and how often it is followed round
STEPS = 3000
ROUNDS = {2: 12, 3: 40}
# returns this near, over the extent of the orbit, are a first guess for Newton's method
CLOSED = {2: 0.3, 3: 0.1}
# first guesses at each return
GUESSES = 6
HALTED = "come to a halt where the drift jumps or vanishes on more than a point"
FAST = "go round on one cycle whose fast parts are too short for the series that represents it"
CONSERVED = "close up, each on an orbit of its own: the drift conserves something there"
ENDLESS = "neither end nor close: there may be a chaotic attractor, a torus, or a cycle that was not found"
SADDLE = "a cycle of saddle type: ways out of a basin may lead over it, and are not computed"

Monitor = Callable[[str], None]


@dataclass(frozen=True)
class Unresolved:
    """Starts of which it is not known where they lead.

    Attributes:
        points: Where they were last, ``(n, d)``.
        text: What is the matter, a sentence.
    """

    points: Array
    text: str


@dataclass(frozen=True)
class CycleSearch:
    """Limit cycles, attracting ones first, and what the search could not exclude."""

    found: tuple[LimitCycle, ...]
    unresolved: tuple[Unresolved, ...] = ()


def limit_cycles(
    system: System, points: Sequence[FixedPoint], bounds: Sequence[tuple[float, float]]
) -> tuple[LimitCycle, ...]:
    """The cycles of :func:`search_cycles`."""
    return search_cycles(system, points, bounds).found


def search_cycles(
    system: System,
    points: Sequence[FixedPoint],
    bounds: Sequence[tuple[float, float]],
    monitor: Monitor = lambda _: None,
) -> CycleSearch:
    """Stable cycles (2D, 3D) and unstable ones (2D) in a box; none where the drift is a gradient.

    Not collective: every rank does the same work and has the same answer.  A cycle is found if a start leads
    to it; a cycle whose basin is much smaller than a cell of the grid of starts may be missed.

    Args:
        system: The system.
        points: Its fixed points in the box.
        bounds: The box.
        monitor: Told what is being done.
    """
    if system.dim == 1 or system.loss is not None:
        return CycleSearch(())
    units = units_of_box(system, bounds)
    unit = nondimensional(system, units)
    inner = [_within(p, units) for p in points]
    found, unresolved = _attracting(unit, inner, monitor)
    if system.dim == 2:
        back = unit.reversed()
        turned, doubts = _attracting(back, [_turned(p) for p in inner], lambda s: monitor(f"{s}, backwards"))
        found += [described(unit, c.nodes[::-1], c.period) for c in turned]
        known = {u.text for u in unresolved}
        unresolved += [
            replace(u, text=f"{u.text} (backwards in time)") for u in doubts if u.text not in known
        ]
    rank = {"attractor": 0, "saddle": 1, "repeller": 2}
    order = sorted(found, key=lambda c: (rank[c.kind], *np.round(c.nodes.mean(axis=0), 6), c.period))
    outer = [Unresolved(units.outward(u.points.T).T, u.text) for u in unresolved]
    return CycleSearch(tuple(_without(system, c, units) for c in order), tuple(outer))


def _within(point: FixedPoint, units: Units) -> FixedPoint:
    return replace(point, point=units.inward(point.point), jacobian=units.matrix(point.jacobian))


def _without(system: System, cycle: LimitCycle, units: Units) -> LimitCycle:
    """A cycle in the coordinates of the case."""
    nodes = units.outward(cycle.nodes.T).T
    jacobian = system.jacobian(nodes[0][:, None])[..., 0]
    return replace(cycle, nodes=nodes, period=cycle.period * units.time, jacobian=jacobian)


def _turned(point: FixedPoint) -> FixedPoint:
    kind = {"attractor": "repeller", "repeller": "attractor"}.get(point.kind, point.kind)
    return replace(point, jacobian=-point.jacobian, kind=kind)  # type: ignore[arg-type]


def _attracting(
    system: System, points: Sequence[FixedPoint], monitor: Monitor
) -> tuple[list[LimitCycle], list[Unresolved]]:
    """The attracting cycles in the unit cube (in space also those of saddle type that were met)."""
    dim = system.dim
    box = np.tile([0.0, 1.0], (dim, 1))
    starts = _starts(dim, points)
    monitor(f"looking for limit cycles from {starts.shape[1]} starts")
    basins: list[Basin] = list(traps(system, points, [(0.0, 1.0)] * dim))
    unstable = np.array([p.point for p in points if p.kind != "attractor"]).reshape(-1, dim).T
    courses = follow(system, starts, basins, box, STEPS, unstable)
    unresolved = _open([c.last for c in courses if c.fate == "stuck"], HALTED)
    x: Array = np.array([c.last for c in courses if c.fate == "wandering"]).reshape(-1, dim).T
    found = Found()
    closed: list[Array] = []
    aside: list[Array] = [np.empty((dim, 0))]
    for n in range(ROUNDS[dim]):
        x = x[:, ~found.hold(x)]
        if not x.shape[1]:
            break
        monitor(f"following {x.shape[1]} trajectories that go round, return {n + 1}")
        way = returns(system.drift, x, x, basins, STEPS_BACK)
        unresolved += _open(list(x[:, way.ended == STUCK].T), HALTED)
        found = guessed(system, x, way, found, GUESSES, CLOSED[dim])
        again = np.linalg.norm(way.points - x, axis=0) <= NOTHING * way.extents
        closed.append(np.concatenate([x, way.times[None]])[:, again])
        # what does not return in so many steps would not do so in the next round
        aside.append(x[:, (way.ended == 0) & ~way.back])
        x = way.points[:, way.back & ~again]
    x = np.concatenate([*aside, x], axis=1)
    x = x[:, ~found.hold(x)]
    if dim == 2 and x.shape[1]:
        monitor(f"settling {x.shape[1]} slow spirals")
        x, found = settled(system, x, basins, unstable, found)
    every = np.concatenate([np.empty((dim + 1, 0)), *closed], axis=1)
    unresolved += _unsolved(system, every, found) + _open(list(x.T), ENDLESS)
    unresolved += [Unresolved(c.point[None], SADDLE) for c in found.cycles if c.kind == "saddle"]
    return list(found.cycles), unresolved


def _unsolved(system: System, closed: Array, found: Found) -> list[Unresolved]:
    """Trajectories that close up, given as points and periods ``(d + 1, n)``, on none of the cycles."""
    x, times = closed[:-1], closed[-1]
    x, times = x[:, ~found.hold(x)], times[~found.hold(x)]
    if not len(times):
        return []
    orbit = orbit_at(system, x[:, 0], float(times[0]))
    same = orbit is not None and all(distance(orbit, point) < NEAR_CYCLE for point in x.T)
    return _open(list(x.T), FAST if same else CONSERVED)


def _starts(dim: int, points: Sequence[FixedPoint]) -> Array:
    grid = (np.arange(STARTS[dim]) + 0.5) / STARTS[dim]
    starts = [np.array(s) for s in itertools.product(grid, repeat=dim)]
    for point in points:
        if point.kind != "attractor":
            starts += [point.point + 1e-3 * np.array(s) for s in itertools.product((-1.0, 1.0), repeat=dim)]
    return np.array(starts).T


def _open(places: Sequence[Array], what: str) -> list[Unresolved]:
    return [Unresolved(np.array(places), f"trajectories {what}")] if len(places) else []
