"""Where the way down from a pass leaves a set.

V of an attractor is the cost of the way to a point, and from a pass on the drift itself leads down: along the
unstable curve of the saddle V stays what it is at the saddle.  Where that curve ends on the boundary of a
set, V has this value there, and nowhere on it a lower one if V is above it wherever it is known.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from solver.arrays import Array, Field
from solver.drift.connections import Saddle
from solver.drift.flow import march

FIRST = 1e-4
"""Where the way down starts, over the sides of the box: as far as where unstable curves are followed from."""
STEPS = 20_000
"""Steps after which a way is given up; far more than any way down has taken."""
ARRIVED, LOST = 1, 2


def way_out(drift: Field, level: Field, saddle: Saddle, bounds: Array) -> Array | None:
    """The point at which the unstable curve of a saddle leaves the set ``{g < 0}``, ``(d,)``.

    It is looked for on the chord of the last step, at most a tenth of the box long: on the boundary to
    rounding, and along it to a thousandth of the box.

    Args:
        drift: b.
        level: g, ``(d, N) -> (N,)``.
        saddle: The saddle.
        bounds: The box ``(d, 2)``.

    Returns:
        None where the saddle is not in the set, or neither of its two ways down leaves it.
    """
    if not level(saddle.point[:, None])[0] < 0:
        return None
    width = bounds[:, 1] - bounds[:, 0]
    step = FIRST * saddle.unstable_eigenvector / np.abs(saddle.unstable_eigenvector / width).max()
    starts = np.stack([saddle.point + step, saddle.point - step], axis=1)
    crossing = starts.copy()

    def stop(who: NDArray[np.int64], old: Array, new: Array, time: Array) -> NDArray[np.int64]:
        out = level(new) >= 0
        away = (new < bounds[:, :1]) | (new > bounds[:, 1:])
        for n in np.flatnonzero(out):
            crossing[:, who[n]] = _between(level, old[:, n], new[:, n])
        return np.where(out, ARRIVED, np.where(away.any(axis=0), LOST, 0))

    fates, _ = march(drift, starts, bounds, STEPS, stop)
    ways = np.flatnonzero(fates == ARRIVED)
    return crossing[:, ways[0]] if ways.size else None


def _between(level: Field, inside: Array, outside: Array) -> Array:
    """Where g changes its sign on the segment between two points, by bisection."""
    for _ in range(60):
        middle = 0.5 * (inside + outside)
        inside, outside = (inside, middle) if level(middle[:, None])[0] >= 0 else (middle, outside)
    return np.asarray(0.5 * (inside + outside))
