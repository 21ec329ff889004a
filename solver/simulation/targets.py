"""Sets whose first passage is timed: a point x is in the target where ``g(x) ≥ 0``.

Each target is a small dataclass; :func:`packed` turns it into the arrays that numba reads.  Between two
points of a discrete path, a crossing that the points do not show is drawn with the probability of a
Brownian bridge, ``exp(-2 s₀ s₁)`` with s the distance in units of the noise of a step (:func:`gap`; Gobet
2000), which raises the order of exit times from ½ to 1.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from solver.compiled import compiled, inlined
from solver.simulation.tabulate import Table, interpolate, make_table, tabulate_scalar
from solver.simulation.weak_scheme import CHANGE, FACTOR, GRADIENT, KEPT, LEVEL, POINT, X
from solver.system import Array, Field

NEAR = 5.0


@dataclass(frozen=True)
class Ball:
    """``|x - centre|_M ≤ radius`` with ``|y|_M² = yᵀMy``, or its outside; not wrapped where periodic.

    Attributes:
        centre: ``(d,)``.
        radius: In units of the metric.
        metric: M, ``(d, d)``; None for the identity.
        outside: The target is the complement: the time is that of leaving the ball.
    """

    centre: Array
    radius: float
    metric: Array | None = None
    outside: bool = False


@dataclass(frozen=True)
class HalfSpace:
    """``normal · x ≥ offset``."""

    normal: Array
    offset: float


@dataclass(frozen=True)
class Superlevel:
    """``function(x) ≥ level``: the time is that of leaving the sublevel set ``{function < level}``.

    Attributes:
        function: ``(d, N) -> (N,)``, smooth; tabulated on ``bounds``.
        level: The level.
        bounds: The box of the simulation.
    """

    function: Field
    level: float
    bounds: Sequence[tuple[float, float]]


Target = Ball | HalfSpace | Superlevel


class PackedTarget(NamedTuple):
    """A target as numba reads it: ``g(x) = sign (|x - centre|_M - level)``, linear, or tabulated.

    ``vectors`` has the centre or the normal in row 0 and the metric in rows 1 to d.
    """

    kind: int
    vectors: Array
    level: float
    sign: float
    table: Table


def packed(target: Target, dim: int) -> PackedTarget:
    """Return the numba form of ``target`` in ``dim`` dimensions.

    Raises:
        ValueError: shapes or numbers that make no target.
    """
    table = make_table(np.zeros((1, 1)), [2], [0.0], [1.0])
    vectors = np.zeros((4, 3))
    if isinstance(target, Ball):
        metric = np.eye(dim) if target.metric is None else np.array(target.metric, dtype=float)
        centre = np.array(target.centre, dtype=float)
        if centre.shape != (dim,) or metric.shape != (dim, dim) or not target.radius > 0:
            raise ValueError(f"a ball in {dim}D needs {dim} coordinates and a positive radius: {target}")
        vectors[0, :dim], vectors[1 : dim + 1, :dim] = centre, metric
        return PackedTarget(0, vectors, float(target.radius), 1.0 if target.outside else -1.0, table)
    if isinstance(target, HalfSpace):
        normal = np.array(target.normal, dtype=float)
        if normal.shape != (dim,) or not normal.any():
            raise ValueError(f"a half-space in {dim}D needs a normal of {dim} numbers, not all 0: {target}")
        vectors[0, :dim] = normal
        return PackedTarget(1, vectors, float(target.offset), 1.0, table)
    function = tabulate_scalar(target.function, target.bounds)
    return PackedTarget(2, vectors, float(target.level), 1.0, function.table)


@inlined
def signed_level(target: PackedTarget, work: Array, d: int) -> float:
    """Return g, positive in the target, at x in row X of ``work``; write ∇g into row GRADIENT."""
    if target.kind == 2:
        return _tabulated(target, work, d)
    vectors = target.vectors
    if target.kind == 1:
        value = -target.level
        for i in range(d):
            work[GRADIENT, i] = vectors[0, i]
            value += vectors[0, i] * work[X, i]
        return value
    square = 0.0
    for i in range(d):
        along = 0.0
        for j in range(d):
            along += vectors[1 + i, j] * (work[X, j] - vectors[0, j])
        work[GRADIENT, i] = along
        square += along * (work[X, i] - vectors[0, i])
    norm = math.sqrt(max(square, 0.0))
    for i in range(d):
        work[GRADIENT, i] *= target.sign / max(norm, 1e-300)
    return target.sign * (norm - target.level)


@compiled
def _tabulated(target: PackedTarget, work: Array, d: int) -> float:
    for i in range(d):
        work[POINT, i] = work[X, i]
    for i in range(d):
        h = 0.5 * (target.table.extent[i] / (target.table.shape[i] - 1))
        work[POINT, i] = work[X, i] + h
        interpolate(target.table, work, POINT, LEVEL, 0, 1)
        ahead = work[LEVEL, 0]
        work[POINT, i] = work[X, i] - h
        interpolate(target.table, work, POINT, LEVEL, 0, 1)
        work[GRADIENT, i] = (ahead - work[LEVEL, 0]) / (2 * h)
        work[POINT, i] = work[X, i]
    interpolate(target.table, work, X, LEVEL, 0, 1)
    return work[LEVEL, 0] - target.level


@compiled
def gap(target: PackedTarget, work: Array, d: int, level: float, dt: float) -> float:
    """Return the distance to the target in units of the noise of one step.

    That is ``s = |g| / |σᵀ∇g| / √(ε dt)`` to first order.  Near the target, where g may curve within a
    step, it is corrected by the value of g at the foot ``x - g A∇g / (∇gᵀA∇g)``: exact where g is
    quadratic along that line.  Without it, exit times from level sets err by 10 % at usual steps.

    Args:
        target: The target.
        work: Scratch of the path: x, ∇g at x, and √ε σ at x; ∇g is destroyed.
        d: Number of coordinates.
        level: g(x) < 0.
        dt: Time step.
    """
    square = 0.0
    for j in range(d):
        along = 0.0
        for i in range(j, d):
            along += work[GRADIENT, i] * work[FACTOR + i, j]
        work[CHANGE, j] = along
        square += along * along
    if square <= 0.0:
        return math.inf
    unit = math.sqrt(square * dt)
    if target.kind == 1 or -level > NEAR * unit:
        return -level / unit
    for i in range(d):
        shift = 0.0
        for j in range(i + 1):
            shift += work[FACTOR + i, j] * work[CHANGE, j]
        work[KEPT, i] = work[X, i]
        work[X, i] -= level / square * shift
    foot = signed_level(target, work, d)
    for i in range(d):
        work[X, i] = work[KEPT, i]
    # On the way to the foot, g = level (1 - τ) + foot τ²; its zero lies at τ times the distance.
    bend = max(foot / -level, -0.25)
    return -level / unit * 2 / (1 + math.sqrt(1 + 4 * bend))


@inlined
def crossing_probability(before: float, after: float) -> float:
    """Probability that a Brownian bridge touched the target, from the gaps at its ends."""
    exponent = 2 * before * after
    return math.exp(-exponent) if exponent < 40 else 0.0
