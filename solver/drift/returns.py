"""Returns of a trajectory to a section: the hyperplane through its start x₀ across the drift there.

A return is a crossing in the direction of the drift at x₀, nearer to the start than a part of how far the
trajectory has been: a curve that closes up, or nearly.  A start at which the drift crosses the section the
other way (beyond the centre of a spiral, say) has no returns.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from solver.arrays import Array, Field
from solver.drift.flow import ARRIVED, CREEPING, FIRST, LEFT, MEMORY, STAGES, STUCK, Basin, march

# a crossing is a return where it is nearer to the start than this part of the extent of the trajectory
NEAR = 0.5
# extent before which nothing is a return, over the sides of the box
LEAST = 1e-5
# steps of each return, by default
STEPS_BACK = 4000
UNIT = np.array([0.0, 1.0])


@dataclass(frozen=True)
class Returns:
    """First returns of n trajectories; NaN and 0 where there is none.

    Attributes:
        points: Where the section is crossed, ``(d, n)``.
        times: After which time, ``(n,)``.
        extents: Largest distance from the start on the way, ``(n,)``.
        ended: 0 where there was a return or steps were used up, else how the trajectory ended otherwise
            (:mod:`solver.drift.flow`: LEFT, STUCK, or ARRIVED + number of the basin).
    """

    points: Array
    times: Array
    extents: Array
    ended: NDArray[np.int64]

    @property
    def back(self) -> NDArray[np.bool_]:
        """Which trajectories returned."""
        return self.times > 0


def returns(
    drift: Field, sections: Array, x: Array, basins: Sequence[Basin], max_steps: int, near: float = NEAR
) -> Returns:
    """Follow the columns of ``x`` to their next return, in the unit cube.

    Args:
        drift: b, in units of the box.
        sections: Points x₀ of the sections, ``(d, n)``; the starts ``x`` lie on them.
        x: Starts, ``(d, n)``.
        basins: Neighbourhoods of attractors, which end a trajectory.
        max_steps: Of each trajectory.
        near: A crossing is a return where it is nearer to the start than this part of the extent.
    """
    dim, count = x.shape
    box = np.tile(UNIT, (dim, 1))
    slope = drift(sections)
    normal = slope / np.maximum(np.linalg.norm(slope, axis=0), np.finfo(float).tiny)
    extent, clock = np.zeros(count), np.zeros(count)
    pace = np.full(count, FIRST)
    before = np.full((dim, count), np.nan)
    span = np.zeros(count)
    onward = (near == np.inf) | (np.einsum("in,in->n", drift(x), normal) > 0)
    RETURNED, BACKWARD = ARRIVED + len(basins), ARRIVED + len(basins) + 1

    def stop(who: NDArray[np.int64], old: Array, new: Array, time: Array) -> NDArray[np.int64]:
        answer = np.zeros(who.size, dtype=np.int64)
        pace[who] = MEMORY * pace[who] + (1 - MEMORY) * np.abs(new - old).max(axis=0)
        answer[pace[who] < CREEPING] = STUCK
        heights = [np.einsum("in,in->n", p - sections[:, who], normal[:, who]) for p in (old, new)]
        away = np.linalg.norm(new - x[:, who], axis=0)
        crossing = (time > 0) & (heights[0] < 0) & (heights[1] >= 0)
        crossing &= (away < near * extent[who]) & (extent[who] > LEAST)
        extent[who] = np.maximum(extent[who], away)
        before[:, who[crossing]], span[who[crossing]] = old[:, crossing], time[crossing]
        clock[who] += np.where(crossing, 0.0, time)
        answer[((new <= 0) | (new >= 1)).any(axis=0)] = LEFT
        for i, basin in enumerate(basins):
            answer[basin.holds(new)] = ARRIVED + i
        answer[crossing] = RETURNED
        answer[answer == 0] = np.where(onward[who[answer == 0]], 0, BACKWARD)
        return answer

    said, _ = march(drift, x, box, max_steps, stop)
    said = np.where(said == BACKWARD, 0, said)
    back = said == RETURNED
    points, times = np.full((dim, count), np.nan), np.zeros(count)
    if back.any():
        part, where = _crossing(drift, before[:, back], span[back], sections[:, back], normal[:, back])
        points[:, back], times[back] = where, clock[back] + part
    return Returns(points, times, extent, np.where(back, 0, said))


def _crossing(drift: Field, old: Array, span: Array, at: Array, normal: Array) -> tuple[Array, Array]:
    """The time after ``old``, within a step, at which the section is crossed, and the point."""
    low, high = np.zeros_like(span), span.copy()
    for _ in range(40):
        middle = 0.5 * (low + high)
        above = np.einsum("in,in->n", _step(drift, old, middle) - at, normal) >= 0
        low, high = np.where(above, low, middle), np.where(above, middle, high)
    return high, _step(drift, old, high)


def _step(drift: Field, x: Array, time: Array) -> Array:
    """One step of the pair."""
    stages = [drift(x)]
    for row in STAGES[:-1]:
        stages.append(drift(x + time * sum(c * k for c, k in zip(row, stages, strict=True))))
    return np.asarray(x + time * sum(c * k for c, k in zip(STAGES[-1], stages, strict=True)))
