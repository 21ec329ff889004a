"""Cycles from orbits that nearly close, and where slow spirals of the plane lead.

In the plane the returns to a line across the flow are a monotone map of one variable: a spiral moves along
the line always in the same direction, towards the next point that returns to itself.  So the sign of the
displacement ``D(s) = P(s) − s`` at points of the line says where a spiral goes that is too slow to be
followed: to the cycle where D changes its sign, or, where D keeps it, to where the points go that do not
return.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from solver.arrays import Array
from solver.drift.flow import Basin, follow
from solver.drift.fourier import phases
from solver.drift.periodic_orbit import LimitCycle, distance, periodic_orbit
from solver.drift.returns import STEPS_BACK, Returns, returns
from solver.system import System

# points of a line at which displacements are looked at, and how often an interval is divided by so many
SCAN, ZOOM, ZOOMS = 48, 8, 5
# displacements below this part of the extent, and multipliers this near to the unit circle, are none
NOTHING = 1e-7
# trajectories this near to a cycle, in units of the box, are on it; cycles differ where their periods do
NEAR_CYCLE, SAME_PERIOD = 1e-3, 1e-6
# first guesses of one search
ALL_GUESSES = 24
# steps after which a spiral that leaves the line of returns must have arrived somewhere
LAST_STEPS = 20_000
# lines that are looked at, at most
LINES = 6
TINY = float(np.finfo(float).tiny)


@dataclass(frozen=True)
class Found:
    """Cycles, and how many first guesses were tried."""

    cycles: tuple[LimitCycle, ...] = ()
    tried: int = 0

    def hold(self, x: Array) -> NDArray[np.bool_]:
        """Which of the points ``(d, N)`` are on a cycle."""
        curves = [c.curve(phases(1001)).T for c in self.cycles]
        return np.array([any(distance(c, p) < NEAR_CYCLE for c in curves) for p in x.T], dtype=bool)

    def number(self, cycle: LimitCycle) -> int | None:
        """Which of the cycles this one is."""
        for n, known in enumerate(self.cycles):
            same = abs(known.period - cycle.period) < SAME_PERIOD * cycle.period
            if same and distance(known.curve(phases(1001)).T, cycle.point) < 0.1 * NEAR_CYCLE:
                return n
        return None


def guessed(system: System, x: Array, way: Returns, found: Found, most: int, closed: float = np.inf) -> Found:
    """The cycles near orbits that nearly close are added: attracting ones, in space also saddles.

    Args:
        system: The system, in units of the box.
        x: Starts, ``(d, n)``.
        way: Their returns.
        found: What is known.
        most: First guesses at most.
        closed: Distance of a return, over the extent of the orbit, up to which it is a first guess.
    """
    gap = np.linalg.norm(way.points - x, axis=0) / np.maximum(way.extents, TINY)
    for n in np.argsort(gap):
        if not most or found.tried >= ALL_GUESSES or not gap[n] < closed:  # false for NaN
            break
        if found.hold(way.points[:, [n]])[0]:
            continue
        most -= 1
        cycle = periodic_orbit(system, x[:, n], float(way.times[n]))
        found = replace(found, tried=found.tried + 1)
        if cycle is None:
            continue
        # one of a continuous family is none
        isolated = (np.abs(np.abs(cycle.multipliers) - 1.0) > NOTHING).all()
        wanted = cycle.kind == "attractor" or (system.dim == 3 and cycle.kind == "saddle")
        if isolated and wanted and found.number(cycle) is None:
            found = replace(found, cycles=(*found.cycles, cycle))
    return found


@dataclass(frozen=True)
class _Line:
    """Points ``x = foot + s along`` of the unit square across the flow, with their displacements."""

    foot: Array
    along: Array

    def points(self, s: Array) -> Array:
        return np.asarray(self.foot[:, None] + s * self.along[:, None])

    def returns(self, system: System, s: Array, basins: Sequence[Basin]) -> tuple[Array, Returns]:
        """D, NaN where a point does not return, and 0 where it is nothing; and the returns."""
        starts = self.points(s)
        section = np.repeat(self.foot[:, None], s.size, axis=1)
        way = returns(system.drift, section, starts, basins, STEPS_BACK)
        move = self.along @ (way.points - starts)
        return np.where(np.abs(move) <= NOTHING * way.extents, 0.0, move), way

    def ends(self) -> tuple[float, float]:
        """s at the edges of the square."""
        with np.errstate(divide="ignore", invalid="ignore"):
            edges = np.concatenate([(0.0 - self.foot) / self.along, (1.0 - self.foot) / self.along])
        edges = edges[np.isfinite(edges)]
        return float(edges[edges < 0].max(initial=-np.inf)), float(edges[edges > 0].min(initial=np.inf))


def settled(
    system: System, x: Array, basins: Sequence[Basin], unstable: Array, found: Found
) -> tuple[Array, Found]:
    """Where slow spirals lead: those that remain open, ``(2, m)``, and the cycles with the new ones.

    Args:
        system: The system, in units of the box.
        x: A point of each spiral, ``(2, n)``.
        basins: Neighbourhoods of attractors.
        unstable: The unstable fixed points.
        found: What is known.
    """
    remaining = []
    for _ in range(LINES):
        if not x.shape[1]:
            break
        slope = system.drift(x[:, :1])[:, 0]
        line = _Line(x[:, 0], np.array([-slope[1], slope[0]]) / max(float(np.linalg.norm(slope)), TINY))
        section = np.repeat(x[:, :1], x.shape[1], axis=1)
        way = returns(system.drift, section, x, basins, STEPS_BACK, near=np.inf)
        places = line.along @ (way.points - x[:, :1])
        places[0] = 0.0
        crossed = np.isfinite(places)
        leads, found = _along(system, line, places[crossed], basins, unstable, found)
        open_ = np.zeros(x.shape[1], dtype=bool)
        open_[crossed] = ~leads
        remaining.append(x[:, open_])
        # what does not come by this line, and has not ended on its way to it, needs another one
        x = x[:, ~crossed & (way.ended == 0)]
    return np.concatenate([*remaining, x], axis=1), found


def _along(
    system: System, line: _Line, places: Array, basins: Sequence[Basin], unstable: Array, found: Found
) -> tuple[NDArray[np.bool_], Found]:
    """For which of the places on a line it is clear where the flow leads; and the cycles, with new ones."""
    low, high = line.ends()
    s = np.unique(np.concatenate([low + (high - low) * np.arange(1, SCAN) / SCAN, places]))
    move, way = line.returns(system, s, basins)
    sign = np.sign(move)
    cycles: dict[int, bool] = {}
    for n in np.flatnonzero((sign[:-1] > 0) & (sign[1:] < 0)):
        cycles[int(n)], found = _between(system, line, (float(s[n]), float(s[n + 1])), basins, found)

    def arrives(n: int) -> bool:
        """Whether a point that does not return ends somewhere."""
        if way.ended[n]:
            return True
        box = np.array([[0.0, 1.0], [0.0, 1.0]])
        (course,) = follow(system, line.points(s[[n]]), basins, box, LAST_STEPS, unstable)
        return course.fate in ("caught", "left", "held")

    ends: dict[int, bool] = {}

    def leads(n: int) -> bool:
        side = int(sign[n]) if np.isfinite(sign[n]) else 0
        if side == 0:
            return bool(np.isnan(sign[n])) and arrives(n)
        while 0 <= n + side < s.size and sign[n + side] == side:
            n += side
        following = n + side
        if not 0 <= following < s.size:
            return True  # out of the square
        if np.isnan(sign[following]):
            if following not in ends:
                ends[following] = arrives(following)
            return ends[following]
        return cycles.get(min(n, following), False)

    return np.array([leads(int(np.searchsorted(s, place))) for place in places], dtype=bool), found


def _between(
    system: System, line: _Line, ends: tuple[float, float], basins: Sequence[Basin], found: Found
) -> tuple[bool, Found]:
    """The cycle where the displacement changes its sign; whether there is one, and all cycles."""
    low, high = ends
    for _ in range(ZOOMS):
        s = low + (high - low) * np.arange(ZOOM + 1) / ZOOM
        move, way = line.returns(system, s, basins)
        pairs = np.flatnonzero((move[:-1] > 0) & (move[1:] < 0))
        if not pairs.size:
            return False, found
        n = int(pairs[0])
        start = line.points(s[[n, n + 1]])
        best = int(np.argmin(np.abs(move[[n, n + 1]])))
        cycle = periodic_orbit(system, start[:, best], float(way.times[n + best]))
        if cycle is not None and cycle.kind == "attractor":
            if found.number(cycle) is None:
                found = replace(found, cycles=(*found.cycles, cycle))
            return True, found
        low, high = float(s[n]), float(s[n + 1])
    return False, found
