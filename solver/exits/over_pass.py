"""The lowest V on the boundary of a set that holds a pass: that of the pass, where the way down leads out.

V of an attractor is the cost of the way to a point, and from a pass on the drift itself leads down: along the
unstable curve of the saddle V stays what it is at the saddle.  Where that curve ends on the boundary of the
set, V has this value there, and no point of the boundary a lower one if V is above it, or nearly so, wherever
it is known on the way up to the pass.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from solver.drift.connections import Saddle
from solver.drift.flow import march
from solver.exits.backward import LowestExit
from solver.system import Array, Field

FIRST = 1e-4
"""Where the way down starts, over the sides of the box: as far as where unstable curves are followed from."""
STEPS = 20_000
"""Steps after which a way is given up; far more than any way down has taken."""
ARRIVED, LOST = 1, 2


def exit_over_pass(
    drift: Field, level: Field, saddle: Saddle, barrier: float, bounds: Array
) -> LowestExit | None:
    """Where the way down from a pass leaves the set ``{g < 0}``, with V of the pass.

    Args:
        drift: b.
        level: g, ``(d, N) -> (N,)``.
        saddle: A pass.
        barrier: V at the pass.
        bounds: The box ``(d, 2)``.

    Returns:
        None where the pass is not in the set, or neither of its two ways down leaves it.
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
    return LowestExit(crossing[:, ways[0]], barrier) if ways.size else None


def _between(level: Field, inside: Array, outside: Array) -> Array:
    """Where g changes its sign on the segment between two points, by bisection."""
    for _ in range(60):
        middle = 0.5 * (inside + outside)
        inside, outside = (inside, middle) if level(middle[:, None])[0] >= 0 else (middle, outside)
    return np.asarray(0.5 * (inside + outside))
