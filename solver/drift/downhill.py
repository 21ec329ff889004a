"""What follows an escape: from the saddle the system relaxes along ``ẋ = b(x)``, at no cost.

The instanton up to the saddle and this path together are the most probable transition (Freidlin & Wentzell,
*Random Perturbations of Dynamical Systems*, ch. 4).
"""

from __future__ import annotations

import numpy as np
from scipy.integrate import solve_ivp

from solver.drift.connections import Saddle
from solver.system import Array, System

# distances relative to the way from the saddle to its goal
FIRST, ARRIVED = 1e-3, 1e-3
LONGEST = 1e3  # in units of 1/λ₊


def relaxation_path(system: System, saddle: Saddle, start: int, goal: Array | None, box: Array) -> Array:
    """Points of the unstable curve of a saddle on the far side of an attractor, ``(n, d)``.

    Not collective.

    Args:
        system: The system.
        saddle: A saddle with one unstable direction.
        start: The attractor from which the saddle is reached (-1: the way that leads to none).
        goal: Points ``(m, d)`` of the attractor on the far side; None where the curve leaves the box.
        box: Lowest and highest corner, ``(2, d)``, where the path ends at the latest.
    """
    near = saddle.between[0] if saddle.between[0] is not None else -1
    direction = -saddle.unstable_eigenvector if near == start else saddle.unstable_eigenvector
    size = float(np.ptp(box, axis=0).min())
    if goal is not None:
        size = min(size, float(np.linalg.norm(goal - saddle.point, axis=1).min()))

    def drift(_: float, x: Array) -> Array:
        return system.drift(x[:, None])[:, 0]

    def arrives(_: float, x: Array) -> float:
        return 1.0 if goal is None else float(np.linalg.norm(goal - x, axis=1).min()) - ARRIVED * size

    def leaves(_: float, x: Array) -> float:
        return float(np.minimum(x - box[0], box[1] - x).min())

    arrives.terminal = leaves.terminal = True  # type: ignore[attr-defined]
    first = saddle.point + FIRST * size * direction
    until = LONGEST / saddle.unstable_eigenvalue
    found = solve_ivp(
        drift, (0.0, until), first, "LSODA", events=(arrives, leaves), rtol=1e-6, atol=1e-6 * size
    )
    points = [saddle.point, *found.y.T]
    if goal is not None and len(found.t_events[0]):
        points.append(goal[np.argmin(np.linalg.norm(goal - points[-1], axis=1))])
    return np.array(points)
