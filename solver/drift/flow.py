"""Many trajectories of ``ẋ = b(x)`` at once, each until it has arrived, in a bounded number of steps.

The Dormand–Prince 5(4) pair, each trajectory with its own step.  Errors and lengths are in units of the sides
of the box, so that nothing depends on the units of a coordinate or of time; what is bounded is the number of
steps and not a time, because near a saddle any time is short.  A trajectory ends

* in a basin, a neighbourhood of an attractor that the flow cannot leave;
* outside of the box;
* at an unstable fixed point, where it started on the stable manifold;
* where its steps go to zero: the drift jumps there, or vanishes on more than a point;
* nowhere, when its steps are used up: it winds round a cycle, or is slow.

Where the drift has a rate that is much faster than what is left of the way, steps of that pair stay as short
as that rate asks for though nothing happens at it any more; a trajectory that has used them up is continued
by a linearly implicit pair (:mod:`solver.drift.stiff`).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal, Protocol

import numpy as np
from numpy.typing import NDArray

from solver.arrays import Array, Field
from solver.drift.stiff import implicit_step
from solver.system import System

STAGES = (
    (1 / 5,),
    (3 / 40, 9 / 40),
    (44 / 45, -56 / 15, 32 / 9),
    (19372 / 6561, -25360 / 2187, 64448 / 6561, -212 / 729),
    (9017 / 3168, -355 / 33, 46732 / 5247, 49 / 176, -5103 / 18656),
    (35 / 384, 0.0, 500 / 1113, 125 / 192, -2187 / 6784, 11 / 84),
)
ERROR = (71 / 57600, 0.0, -71 / 16695, 71 / 1920, -17253 / 339200, 22 / 525, -1 / 40)
# error of a step, first step and longest step, over the sides of the box
TOLERANCE, FIRST, LONGEST = 1e-8, 1e-4, 0.05
# errors of the implicit pair, whose order is lower, and its steps
ROUGH, IMPLICIT_STEPS = 1e-6, 400
# nearer than this to an unstable fixed point a trajectory is on its stable manifold: no start is as near
HELD = 1e-6
# a trajectory whose last hundred steps are shorter than this goes nowhere.  At a jump of the
# drift the error of a step is its length, which the tolerance therefore bounds; else steps are far longer
CREEPING, MEMORY = 1e-7, 0.98

# what is said of a trajectory; from ARRIVED on, the number of the basin, then of the unstable point
LEFT, STUCK, ARRIVED = 1, 2, 3

Fate = Literal["caught", "left", "held", "stuck", "wandering"]


class Basin(Protocol):
    """A neighbourhood of an attractor that the flow cannot leave."""

    def holds(self, points: Array) -> NDArray[np.bool_]:
        """Return which of ``points`` ``(d, N)`` are inside."""


@dataclass(frozen=True)
class Course:
    """How a trajectory ended.

    Attributes:
        fate: ``caught`` in a basin, ``left`` the box, ``held`` at an unstable fixed point, ``stuck`` where
            steps go to zero, ``wandering`` when the steps were used up.
        last: Where it was last, ``(d,)``.
        end: Number of the basin, or of the fixed point that holds it.
    """

    fate: Fate
    last: Array
    end: int | None = None


Stop = Callable[[NDArray[np.int64], Array, Array, Array], NDArray[np.int64]]
# drift, points, drift there and steps, to the move, its error and the drift after it
Step = Callable[[Field, Array, Array, Array], tuple[Array, Array, Array]]


@dataclass(frozen=True)
class Pair:
    """How steps are made: a step, the power of it by which its error goes, and how large that may be."""

    step: Step
    power: float
    tolerance: float


def explicit_step(drift: Field, x: Array, slope: Array, step: Array) -> tuple[Array, Array, Array]:
    """A step of the pair of Dormand and Prince."""
    stages = [slope]
    for row in STAGES:
        stages.append(drift(x + step * sum(c * k for c, k in zip(row, stages, strict=True))))
    move = step * sum(c * k for c, k in zip(STAGES[-1], stages, strict=False))
    error = step * sum(c * k for c, k in zip(ERROR, stages, strict=True))
    return move, error, stages[-1]


EXPLICIT = Pair(explicit_step, 5.0, TOLERANCE)


def march(
    drift: Field,
    x: Array,
    box: Array,
    max_steps: int,
    stop: Stop,
    wraps: NDArray[np.bool_] | None = None,
    pair: Pair = EXPLICIT,
) -> tuple[NDArray[np.int64], Array]:
    """Integrate from the columns of ``x``, ``(d, n)``, until each is stopped or has made its steps.

    Args:
        drift: b.
        x: Starts.
        box: ``((low, high), ...)``, ``(d, 2)``, whose sides are the units of length.
        max_steps: Attempted steps of each trajectory, at most.
        stop: Called after every step with the numbers of the trajectories that made it, the points before
            and after it, ``(d, m)``, and the time it took; returns a positive number for those that are to
            end.
        wraps: Which coordinates wrap round.
        pair: How steps are made.

    Returns:
        What ``stop`` said (0: steps used up), and where each was last.
    """
    width = (box[:, 1] - box[:, 0])[:, None]
    around = np.zeros(len(x), dtype=bool) if wraps is None else wraps
    said = np.zeros(x.shape[1], dtype=np.int64)
    last, who = x.copy(), np.arange(x.shape[1])
    with np.errstate(all="ignore"):  # a trial step may leave the domain of b; it is refused then
        slope = drift(x)
        step = FIRST / np.maximum(np.abs(slope / width).max(axis=0, initial=0.0), np.finfo(float).tiny)
        for _ in range(max_steps):
            if not who.size:
                break
            move, error, following = pair.step(drift, x, slope, step)
            length = np.abs(move / width).max(axis=0)
            error = np.abs(error / width).max(axis=0)
            good = (error <= pair.tolerance) & (length <= 2 * LONGEST)  # false for NaN
            new = np.where(good, x + move, x)
            slope = np.where(good, following, slope)
            seen = np.where(around[:, None], box[:, :1] + np.mod(new - box[:, :1], width), new)
            last[:, who] = seen
            answer = stop(who, x, new, np.where(good, step, 0.0))
            said[who] = answer
            growth = np.clip(0.9 * (pair.tolerance / error) ** (1.0 / pair.power), 0.2, 5.0)
            growth = np.minimum(np.nan_to_num(growth, nan=0.2), np.maximum(LONGEST / length, 0.2))
            step = step * np.nan_to_num(growth, nan=0.2)
            stay = answer == 0
            x, slope, step, who = seen[:, stay], slope[:, stay], step[stay], who[stay]
    return said, last


def follow(
    system: System,
    x: Array,
    basins: Sequence[Basin],
    box: Array,
    max_steps: int,
    unstable: Array | None = None,
    wraps: NDArray[np.bool_] | None = None,
) -> list[Course]:
    """Follow the columns of ``x``, ``(d, n)``, to where they end.

    Args:
        system: The system; its noise does not matter.
        x: Starts.
        basins: Neighbourhoods of attractors.
        box: ``((low, high), ...)``, ``(d, 2)``.
        max_steps: Steps of each trajectory, at most, by the explicit pair; what still wanders then is
            continued by the implicit one.
        unstable: The unstable fixed points, ``(d, m)``.
        wraps: Which coordinates wrap round.
    """
    held = np.empty((len(x), 0)) if unstable is None else unstable
    around = np.zeros(len(x), dtype=bool) if wraps is None else wraps
    width = (box[:, 1] - box[:, 0])[:, None]
    pace = np.full(x.shape[1], FIRST)

    def stop(who: NDArray[np.int64], old: Array, new: Array, time: Array) -> NDArray[np.int64]:
        answer = np.zeros(who.size, dtype=np.int64)
        pace[who] = MEMORY * pace[who] + (1 - MEMORY) * np.abs((new - old) / width).max(axis=0)
        answer[pace[who] < CREEPING] = STUCK
        moved = time > 0
        inside = (around[:, None] | ((new > box[:, :1]) & (new < box[:, 1:]))).all(axis=0)
        answer[moved & ~inside] = LEFT
        for i, basin in enumerate(basins):
            answer[moved & basin.holds(new)] = ARRIVED + i
        for i, point in enumerate(held.T):
            near = np.abs((new - point[:, None]) / width).max(axis=0) < HELD
            answer[moved & near] = ARRIVED + len(basins) + i
        return answer

    said, last = march(system.drift, x, box, max_steps, stop, wraps)
    if (open_ := np.flatnonzero(said == 0)).size:
        pace = np.full(open_.size, FIRST)
        implicit = Pair(implicit_step(system.jacobian), 4.0, ROUGH)
        later, there = march(system.drift, last[:, open_], box, IMPLICIT_STEPS, stop, wraps, implicit)
        # it is left where it was if that was no use
        ended = open_[(later != 0) & (later != STUCK)]
        said[open_], last[:, ended] = np.where(later == STUCK, 0, later), there[:, np.isin(open_, ended)]
    plain: dict[int, Fate] = {0: "wandering", LEFT: "left", STUCK: "stuck"}
    courses = []
    for code, where in zip(map(int, said), last.T, strict=True):
        n = code - ARRIVED
        if n < 0:
            courses.append(Course(plain[code], where))
        elif n < len(basins):
            courses.append(Course("caught", where, n))
        else:
            courses.append(Course("held", where, n - len(basins)))
    return courses
