"""Paths of least action where noise acts in some directions only: Hamilton's equations between two ends.

Where A is singular a path may not go everywhere, ``φ̇ = b + σw`` at the cost ``½∫|w|² dt``, and the geometric
action (:mod:`solver.paths.action`), which contains A⁻¹, has no meaning.  The equations of optimal control do
without,

    φ̇ = b + A p,      ṗ = −(∇b)ᵀp − ½ p·∇A p,      cost = ½ ∫ p·A p dt.

The path leaves the attractor on the manifold ``p = ∇V`` of its local expansion, at a given level of V, and
ends on the stable manifold of the saddle (:func:`solver.drift.controllability.stable_approach`), at a given
distance ξ from its separatrix; what is missing at both ends is known, at the saddle up to ξ³.  As 𝓗 is
conserved, one of the d conditions at the saddle follows from the others, and the time between the ends takes
its place among the unknowns.  The boundary-value problem is solved by collocation from a path that is near,
or by way of systems in between.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from solver.drift.controllability import stable_approach
from solver.errors import NotConverged
from solver.hamilton_jacobi.expansion import Expansion
from solver.paths.collocation import collocated, halved
from solver.paths.driven import DrivenInstanton, Trajectory, cost_along, flow, flow_derivative
from solver.paths.instanton import MODES_OF_A_PICTURE, fit_path, wind_in
from solver.system import Array, System

#: The path begins at this part of the level of the expansion, well inside its ball.
BEGIN = 0.5
#: It ends at this part of the distance ξ of the attractor: its cube, and the cost left out, is 10⁻⁹.
END = 1e-3
#: Doublings of the nodes, until the cost changes by less than this part of it.
DOUBLINGS, STEADY = 4, 1e-9
#: A path whose cost the last doubling changes by more than this part is not resolved by its nodes.
UNSTEADY = 1e-6
#: The first and the least step from one system to the next.
FIRST_STEP = 0.25
LEAST_STEP = 1.0 / 64


@dataclass(frozen=True)
class Way:
    """From where to where a path leads, under one system.

    Attributes:
        system: The system.
        expansion: V near the attractor.
        saddle: The saddle, ``(d,)``.
        level: V where paths begin, inside the ball of the expansion.
    """

    system: System
    expansion: Expansion
    saddle: Array
    level: float


def connected(
    way: Way, guess: Trajectory, end: float = END, *, fine: bool = True, whole: bool = False
) -> Trajectory:
    """The path of least action near a guess, from the ball round the attractor to next to the saddle.

    Args:
        way: The ends.
        guess: A path that begins near the attractor and ends near the saddle.
        end: The distance from the separatrix at which it ends, over that of the attractor.
        fine: Whether nodes are doubled until the cost is steady.
        whole: The guess has the ends of a path already.

    Raises:
        NotConverged: If Newton's method fails, or the path is not what it should be.
    """
    system, expansion, saddle = way.system, way.expansion, way.saddle
    dim, level = len(saddle), way.level
    rate, left, across, gain = stable_approach(system, saddle)
    away = float(left @ (expansion.point - saddle))
    if not gain > 0.0 or away == 0.0:
        raise NotConverged("no noise drives paths over the saddle: there is no path of finite cost")
    length = float(np.linalg.norm(saddle - expansion.point))
    push = 2.0 * rate * abs(away) / gain  # the size of p
    units = np.concatenate([np.full(dim, length), np.full(dim, push)])
    origin = np.concatenate([expansion.point, np.zeros(dim)])[:, None]
    scale = units[:, None] / units[None, :]

    def slope(y: Array) -> tuple[Array, Array]:
        state = origin + units[:, None] * y
        x, p = state[:dim], state[dim:]
        both = np.concatenate(flow(system, x, p, 1e-4 * length)) / units[:, None]
        return both / rate, flow_derivative(system, x, p, length) / scale[:, :, None] / rate

    def ends(first: Array, last: Array) -> Array:
        start, stop = origin[:, 0] + units * first, origin[:, 0] + units * last
        x = start[:dim, None]
        leaves = (start[dim:] - expansion.gradient(x)[:, 0]) / push
        height = float(expansion(x)[0]) / level - 1.0
        arrives = across @ stop[dim:] / push
        near = float(left @ (stop[:dim] - saddle)) / away - end
        return np.concatenate([leaves, [height], arrives, [near]])

    cut = guess if whole else _cut(way, guess, level, left, end * away)
    mesh, time = cut.times / cut.times[-1], float(cut.times[-1]) * rate
    states = (np.concatenate([cut.points, cut.momenta]) - origin) / units[:, None]

    def trajectory() -> Trajectory:
        state = origin + units[:, None] * states
        return Trajectory(mesh * time / rate, state[:dim], state[dim:])

    states, time = collocated(slope, ends, mesh, states, time)
    cost = total_cost(way, trajectory())
    for _ in range(DOUBLINGS if fine else 0):
        mesh, states = halved(mesh, states, slope, time)
        states, time = collocated(slope, ends, mesh, states, time)
        before, cost = cost, total_cost(way, trajectory())
        if abs(cost - before) <= STEADY * abs(cost):
            break
    else:
        if fine and not abs(cost - before) <= UNSTEADY * abs(cost):
            raise NotConverged("the path of least action to the saddle was not found (its cost varies)")
    _require(way, trajectory(), level)
    return trajectory()


def _require(way: Way, path: Trajectory, level: float) -> None:
    """A path of positive cost that does not come back to where it began."""
    heights = way.expansion(path.points[:, 1:])
    inside = np.sum(way.expansion.coordinates(path.points[:, 1:]) ** 2, axis=0) < 1.0
    if (heights[inside] < 0.5 * level).any() or not cost_along(way.system, path)[-1] > 0.0:
        raise NotConverged("the path of least action to the saddle was not found (it goes back)")


def _cut(way: Way, guess: Trajectory, level: float, left: Array, end: float) -> Trajectory:
    """The part of a guess between the ball round the attractor and the neighbourhood of the saddle."""
    distance = left @ (guess.points - way.saddle[:, None]) / end
    inside = np.flatnonzero(way.expansion(guess.points) < level)
    first = inside[-1] if inside.size else 0
    past = np.flatnonzero(distance[first:] < 1.0)
    last = first + past[0] if past.size else len(guess.times) - 1
    if last < first + 2:
        raise NotConverged("no path to begin with leads from the attractor to the saddle")
    part = slice(first, last + 1)
    times = guess.times[part]
    return Trajectory(times - times[0], guess.points[:, part], guess.momenta[:, part])


def total_cost(way: Way, path: Trajectory) -> float:
    """The cost of the whole path, with what is missing at its ends."""
    rate, left, _, gain = stable_approach(way.system, way.saddle)
    rest = rate / gain * float(left @ (path.points[:, -1] - way.saddle)) ** 2
    return float(way.expansion(path.points[:, :1])[0] + cost_along(way.system, path)[-1] + rest)


def followed(family: Callable[[float], Way], guess: Trajectory) -> tuple[Way, Trajectory]:
    """The path of the last of a family of systems, from a guess at that of the first.

    Args:
        family: The ends of the path under the system of a parameter from 0 to 1.
        guess: The path of the first, or one near it.

    Raises:
        NotConverged: If it is lost on the way.
    """
    path = connected(family(0.0), guess, fine=False)
    before, at, step = path, 0.0, FIRST_STEP
    last = FIRST_STEP
    while at < 1.0:
        step = min(step, 1.0 - at)
        try:
            found = connected(family(at + step), _ahead(before, path, step / last), fine=False, whole=True)
        except NotConverged:
            if step <= LEAST_STEP:
                raise
            step *= 0.5
            continue
        before, path = path, found
        at, last, step = at + step, step, 2.0 * step
    way = family(1.0)
    return way, connected(way, path, whole=True)


def _ahead(before: Trajectory, path: Trajectory, part: float) -> Trajectory:
    """The next path of a family by its last two, which have nodes at the same parts of their times."""
    if before.times.shape != path.times.shape:
        return path
    times, points, momenta = (
        now + part * (now - then)
        for now, then in (
            (path.times, before.times), (path.points, before.points), (path.momenta, before.momenta),
        )
    )  # fmt: skip
    return Trajectory(times, points, momenta) if times[-1] > 0.0 else path


def instanton_of(way: Way, path: Trajectory) -> DrivenInstanton:
    """The instanton that a trajectory is, with an estimate of its error.

    The error is what the cost changes by when the path ends at twice the distance from the separatrix: what
    is left out there grows with the third power of it, at least.

    Raises:
        NotConverged: If that path is not found.
    """
    action = total_cost(way, path)
    error = abs(total_cost(way, connected(way, path, 2.0 * END, fine=False)) - action)
    heights = float(way.expansion(path.points[:, :1])[0]) + cost_along(way.system, path)
    inner = wind_in(way.system, way.expansion, path.points[:, 0])
    points = np.concatenate([inner, path.points.T, way.saddle[None]])
    actions = np.concatenate([way.expansion(inner.T), heights, [action]])
    smooth = fit_path(path.points.T, MODES_OF_A_PICTURE)
    return DrivenInstanton(smooth, way.expansion, action, error, points, actions, path)
