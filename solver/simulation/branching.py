"""The compiled part of adaptive multilevel splitting: excursions of paths, and one replica of branching.

A cycle of a path is: from A = {ξ < low} until ξ ≥ first, then (the *excursion*) until it is back in A or has
arrived at the target.  Of an excursion only its *records* are kept: the first points at which ξ passes rungs
of a ladder above ``first``.  That is all that branching needs.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

from solver.compiled import compiled
from solver.simulation.random_stream import State, below, seed_stream, uniform
from solver.simulation.tabulate import Table, interpolate
from solver.simulation.targets import PackedTarget, crossing_probability, gap, signed_level
from solver.simulation.weak_scheme import LEVEL, Motion, X, drift_and_factor, fold, step, workspace
from solver.system import Array

RUNGS = 2000
BURN_IN = 5
STREAMS = 1 << 32
"""Random streams set aside for each replica."""


class Ladder(NamedTuple):
    """The reaction coordinate ξ as numba reads it: a table, the two levels, and the distance of rungs."""

    table: Table
    low: float
    first: float
    spacing: float


class Walk(NamedTuple):
    """What moves the paths, where they go, and how progress is measured."""

    motion: Motion
    target: PackedTarget
    ladder: Ladder


class Records(NamedTuple):
    """Records of n excursions: ``rungs[n, r]`` and points ``points[n, r]``, ``filled[n]`` of them."""

    rungs: Array
    points: Array
    filled: Array


@compiled
def progress(ladder: Ladder, work: Array) -> float:
    """ξ at x in row X of ``work``."""
    interpolate(ladder.table, work, X, LEVEL, 0, 1)
    return float(work[LEVEL, 0])


@compiled
def follow(
    walk: Walk,
    state: State,
    work: Array,
    records: Records,
    n: int,
    limit: int,
) -> tuple[int, bool]:
    """Follow an excursion from x in row X of ``work``, adding to the records of path n.

    Returns the number of steps and whether the path arrived; an arrival adds the rung RUNGS + 1.
    """
    motion, target, ladder = walk.motion, walk.target, walk.ladder
    d = motion.table.dim
    count = records.filled[n]
    highest = records.rungs[n, count - 1] if count > 0 else -1
    level = signed_level(target, work, d)
    drift_and_factor(motion, work)
    before = gap(target, work, d, level, motion.dt)
    xi = progress(ladder, work)
    for taken in range(limit):
        rung = min(math.floor((xi - ladder.first) / ladder.spacing), RUNGS)
        if rung > highest:
            records.rungs[n, count] = rung
            records.points[n, count, :d] = work[X, :d]
            count, highest = count + 1, rung
        step(motion, state, work)
        fold(motion.table, work)
        xi = progress(ladder, work)
        level = signed_level(target, work, d)
        arrived = level >= 0
        if not arrived:
            drift_and_factor(motion, work)
            after = gap(target, work, d, level, motion.dt)
            chance = crossing_probability(before, after)
            arrived = chance > 0 and uniform(state) < chance
            before = after
        if arrived:
            records.rungs[n, count] = RUNGS + 1
            records.filled[n] = count + 1
            return taken + 1, True
        if xi < ladder.low:
            records.filled[n] = count
            return taken + 1, False
    records.filled[n] = count
    return limit, False


@compiled
def leave(motion: Motion, ladder: Ladder, state: State, work: Array, limit: int) -> int:
    """Follow x in row X of ``work`` until ξ ≥ first; return the number of steps."""
    for taken in range(limit):
        if progress(ladder, work) >= ladder.first:
            return taken
        drift_and_factor(motion, work)
        step(motion, state, work)
        fold(motion.table, work)
    return limit


@compiled
def cycles(
    walk: Walk,
    start: Array,
    state: State,
    records: Records,
    paths: int,
    limit: int,
) -> tuple[float, int]:
    """Fill the records with the excursions of successive cycles; return mean length and steps taken."""
    motion = walk.motion
    work = workspace(motion)
    d = motion.table.dim
    work[X, :d] = start
    total, used = 0, 0
    for n in range(-BURN_IN, paths):
        records.filled[max(n, 0)] = 0
        steps = leave(motion, walk.ladder, state, work, limit - used)
        more, arrived = follow(walk, state, work, records, max(n, 0), limit - used - steps)
        used += steps + more
        if n >= 0:
            total += steps + more
        if arrived:
            work[X, :d] = start
        if used >= limit:
            return math.nan, used
    return total * motion.dt / paths, used


@compiled
def replica(
    walk: Walk,
    start: Array,
    seed: int,
    number: int,
    paths: int,
    limit: int,
) -> tuple[float, float, int]:
    """One run of adaptive multilevel splitting.

    Returns the estimated log probability that a cycle arrives (−inf: none did), the mean length of a cycle,
    and the number of steps taken; NaN if there were too many.
    """
    motion = walk.motion
    d = motion.table.dim
    rungs = np.empty((paths, RUNGS + 3), np.int64)
    points = np.empty((paths, RUNGS + 3, d))
    records = Records(rungs, points, np.zeros(paths, np.int64))
    state = np.empty(4, np.uint64)
    stream = STREAMS * number
    seed_stream(state, seed, stream)
    length, used = cycles(walk, start, state, records, paths, limit)
    choice = np.empty(4, np.uint64)
    seed_stream(choice, seed, stream + 1)
    stream += 2
    work = workspace(motion)
    survivors = np.empty(paths, np.int64)
    log_probability = 0.0
    while used < limit:
        lowest = RUNGS + 1
        for n in range(paths):
            lowest = min(lowest, rungs[n, records.filled[n] - 1])
        if lowest == RUNGS + 1:
            return log_probability, length, used
        alive = 0
        for n in range(paths):
            if rungs[n, records.filled[n] - 1] > lowest:
                survivors[alive] = n
                alive += 1
        if alive == 0:
            return -math.inf, length, used
        log_probability += math.log(alive / paths)
        for n in range(paths):
            if rungs[n, records.filled[n] - 1] > lowest:
                continue
            parent = survivors[below(choice, alive)]
            count = 0
            while count == 0 or rungs[n, count - 1] <= lowest:
                rungs[n, count] = rungs[parent, count]
                points[n, count] = points[parent, count]
                count += 1
            records.filled[n] = count
            if rungs[n, count - 1] == RUNGS + 1:
                continue
            work[X, :d] = points[n, count - 1]
            seed_stream(state, seed, stream)
            stream += 1
            used += follow(walk, state, work, records, n, limit - used)[0]
    return math.nan, length, used


@compiled
def pilot(motion: Motion, ladder: Ladder, start: Array, seed: int, paths: int, steps: int) -> Array:
    """ξ along the second halves of short paths from the start, ``(paths, steps // 2)``."""
    work = workspace(motion)
    state = np.empty(4, np.uint64)
    half = steps // 2
    values = np.empty((paths, half))
    for n in range(paths):
        seed_stream(state, seed, -1 - n)
        work[X, : motion.table.dim] = start
        for m in range(2 * half):
            if m >= half:
                values[n, m - half] = progress(ladder, work)
            drift_and_factor(motion, work)
            step(motion, state, work)
            fold(motion.table, work)
    return values
