"""What follows an escape: from the saddle the system relaxes along ``ẋ = b(x)``, at no cost.

The instanton up to the saddle and this path together are the most probable transition (Freidlin & Wentzell,
*Random Perturbations of Dynamical Systems*, ch. 4).
"""

from __future__ import annotations

import numpy as np
from scipy.integrate import solve_ivp

from solver.drift.connections import Saddle
from solver.errors import NotConverged
from solver.system import Array, Field, System

# the lowest way is followed in steps of this part of the way to its end, for up to so many steps
RING, RINGS, DIRECTIONS = 0.01, 2000, 180
# distances relative to the way from the saddle to its goal
FIRST, ARRIVED = 1e-3, 1e-3
LONGEST = 1e3  # in units of 1/λ₊
# where the drift jumps an integrator makes smaller and smaller steps for ever
EVALUATIONS = 20_000


class _Chatters(Exception):
    """An integrator that comes to no end."""


def relaxation_path(system: System, saddle: Saddle, start: int, goal: Array | None, box: Array) -> Array:
    """Points of the unstable curve of a saddle on the far side of an attractor, ``(n, d)``.

    Not collective.

    Args:
        system: The system.
        saddle: A saddle with one unstable direction.
        start: The attractor from which the saddle is reached (-1: the way that leads to none).
        goal: Points ``(m, d)`` of the attractor on the far side; None where the curve leaves the box.
        box: Lowest and highest corner, ``(2, d)``, where the path ends at the latest.

    Raises:
        NotConverged: If the drift jumps along the way, and there is no loss to follow instead.
    """
    near = saddle.between[0] if saddle.between[0] is not None else -1
    direction = -saddle.unstable_eigenvector if near == start else saddle.unstable_eigenvector
    size = float(np.ptp(box, axis=0).min())
    if goal is not None:
        size = min(size, float(np.linalg.norm(goal - saddle.point, axis=1).min()))

    loss = system.loss
    if loss is not None and not saddle.fixed_point.regular:
        return lowest_way(loss, saddle.point, direction, goal, box)
    budget = iter(range(EVALUATIONS))

    def drift(_: float, x: Array) -> Array:
        if next(budget, None) is None:
            raise _Chatters
        # time in units of 1/λ₊: the first step of the integrator depends on it
        return system.drift(x[:, None])[:, 0] / saddle.unstable_eigenvalue

    def arrives(_: float, x: Array) -> float:
        return 1.0 if goal is None else float(np.linalg.norm(goal - x, axis=1).min()) - ARRIVED * size

    def leaves(_: float, x: Array) -> float:
        return float(np.minimum(x - box[0], box[1] - x).min())

    arrives.terminal = leaves.terminal = True  # type: ignore[attr-defined]
    first = saddle.point + FIRST * size * direction
    try:
        found = solve_ivp(
            drift, (0.0, LONGEST), first, "LSODA", events=(arrives, leaves), rtol=1e-6, atol=1e-6 * size
        )
    except _Chatters:
        if loss is None:
            at = ", ".join(f"{value:.4g}" for value in saddle.point)
            raise NotConverged(f"the drift jumps along the way down from the saddle ({at})") from None
        return lowest_way(loss, saddle.point, direction, goal, box)
    points = [saddle.point, *found.y.T]
    if goal is not None and len(found.t_events[0]):
        points.append(goal[np.argmin(np.linalg.norm(goal - points[-1], axis=1))])
    return np.array(points)


def lowest_way(loss: Field, saddle: Array, direction: Array, goal: Array | None, box: Array) -> Array:
    """The way down a loss with kinks from a saddle to a minimum, ``(n, d)``, by the lowest of small circles.

    An integrator of ``ẋ = −∇U`` chatters about the kinks along which such ways lead.  Not collective.

    Args:
        loss: U, ``(d, N) -> (N,)``.
        saddle: Where the way begins, ``(d,)``.
        direction: Which of its two sides to take, ``(d,)``.
        goal: The minimum, ``(d,)`` or ``(1, d)``; None where the way leads out of the box.
        box: Lowest and highest corner, ``(2, d)``.

    Raises:
        NotConverged: If the way ends elsewhere.
    """
    width = box[1] - box[0]
    goal = None if goal is None else np.reshape(goal, -1)
    step = RING * (0.5 if goal is None else float(np.linalg.norm((goal - saddle) / width)))
    circle = _circle(len(saddle))
    points = [saddle, saddle + step * width * (direction / width) / np.linalg.norm(direction / width)]
    for _ in range(RINGS):
        if goal is not None and np.linalg.norm((points[-1] - goal) / width) < 1.5 * step:
            return np.array([*points, goal])
        if goal is None and (np.minimum(points[-1] - box[0], box[1] - points[-1]) <= 0.0).any():
            return np.array(points)
        around = points[-1][:, None] + step * width[:, None] * circle
        # not back
        ahead = ((points[-1] - points[-2]) / width) @ circle > 0.0
        values = np.where(ahead, loss(around), np.inf)
        points.append(around[:, int(np.argmin(values))])
    raise NotConverged("the way down from the saddle does not end in the minimum")


def _circle(dim: int) -> Array:
    """Directions on which the lowest is looked for, the axes among them, ``(d, n)``."""
    if dim == 1:
        return np.array([[-1.0, 1.0]])
    if dim == 2:
        t = 2 * np.pi * np.arange(DIRECTIONS) / DIRECTIONS
        return np.array([np.cos(t), np.sin(t)])
    steps = np.linspace(-1.0, 1.0, 21)
    x = np.stack([a.ravel() for a in np.meshgrid(steps, steps, steps)])
    shell = x[:, np.abs(x).max(axis=0) > 0.99]
    return np.asarray(shell / np.linalg.norm(shell, axis=0))
