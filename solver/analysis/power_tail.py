"""The power law that a density follows along a line on which some height grows: ``p ∝ L^{−a}``.

a is the slope of log p against log L by least squares; how far the points lie from that line says whether
there is a power law at all.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from solver.analysis.noise_levels import Level
from solver.elements.evaluate import Locator, evaluate
from solver.system import Array, Field

#: The fit begins where L is this many times its value at the centre, and ends well inside the box: at this
#: part of the way to its edge, where the density of the whole space is cut off.
BEGIN, END = 2.0, 0.1
POINTS = 40


@dataclass(frozen=True)
class PowerTail:
    """A fitted power law.

    Attributes:
        exponent: a; None where the density is known at less than half of the points.
        residual: Largest distance of log p from the line; None likewise.
    """

    exponent: float | None
    residual: float | None


def tail_ray(height: Field, centre: Array, wall: float) -> Array:
    """Points ``(n, d)`` on the half-line along the first coordinate where L is well above L at the centre.

    They are evenly spaced in the logarithm of the distance; none where L does not grow that far.

    Args:
        height: L.
        centre: Where the line begins, ``(d,)``.
        wall: First coordinate of the edge of the domain.
    """
    steps = np.geomspace(1e-4, END, 20 * POINTS) * (wall - centre[0])
    ray = centre + steps[:, None] * np.eye(len(centre))[0]
    ray = ray[height(ray.T) > BEGIN * float(height(centre[:, None])[0])]
    if not len(ray):
        return ray
    return np.asarray(ray[np.linspace(0, len(ray) - 1, POINTS).astype(int)])


def power_tail(level: Level, ray: Array, heights: Array, locator: Locator) -> PowerTail:
    """Fit the power law at one noise level.  Collective.

    Args:
        level: With the density in gauge form, ``p = q e^{−W/ε}``.
        ray: Points ``(n, d)``.
        heights: L there, ``(n,)``.
        locator: Search tree of the mesh.
    """
    state = level.state
    q = evaluate(state.q, ray, locator)[:, 0]
    gauge = evaluate(state.gauge, ray, locator)[:, 0]
    known = np.isfinite(q) & (q > 0) & np.isfinite(gauge)
    if known.sum() < POINTS // 2:
        return PowerTail(None, None)
    x, y = np.log(heights[known]), np.log(q[known]) - gauge[known] / state.epsilon
    slope, shift = np.polyfit(x, y, 1)
    return PowerTail(float(-slope), float(np.abs(y - slope * x - shift).max()))
