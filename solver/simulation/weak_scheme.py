"""One step of ``dX = b dt + √ε σ dW`` with weak order 2, on tabulated b and A.

Platen's explicit scheme (Kloeden & Platen 1992, section 15.1) with Gaussian increments, σ the Cholesky
factor of A with columns s_j, ``y = x + b dt + Σ s_j ΔW_j``, ``R± = x + b dt ± s_j √dt``,
``U± = x ± s_r √dt``:

    x' = x + ½ (b(x) + b(y)) dt + Σ_j s_j ΔW_j
       + ¼ Σ_j  [s_j(R+) + s_j(R-) - 2 s_j] ΔW_j + [s_j(R+) - s_j(R-)] (ΔW_j² - dt)/√dt
       + ¼ Σ_{j≠r} [s_j(U+) + s_j(U-) - 2 s_j] ΔW_j + [s_j(U+) - s_j(U-)] (ΔW_j ΔW_r + V_rj)/√dt,

``V_rj = -V_jr = ±dt`` at random.  Where A is constant the last two lines vanish: it is Heun's scheme.
The Gaussian increments matter: a step then agrees to second order with the controlled path that large
deviations select, so log mean passage times err by O(dt²) too, not only moments.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from numba import uint64

from solver.compiled import compiled, inlined
from solver.simulation.random_stream import State, next_word, normals
from solver.simulation.tabulate import Table, interpolate
from solver.system import Array

X, FIELDS, DRIFT, POINT, CHANGE, DW, GRADIENT = range(7)
FACTOR, PLUS, MINUS, SIGNS, LEVEL, KEPT = 7, 10, 13, 16, 19, 20
ROWS, WIDTH = 21, 9
"""Rows of the scratch array of a path; the 3x3 arrays take three rows each.

One array instead of many: a compiled loop then allocates nothing and counts no references.
"""


class Motion(NamedTuple):
    """What a step needs: the table, whether A varies, √ε times its factor if not, ε and dt."""

    table: Table
    varying: bool
    factor: Array
    epsilon: float
    dt: float


@compiled
def workspace(motion: Motion) -> Array:
    """Return the scratch array of one path, with the factor of A in it where that is constant."""
    work = np.zeros((ROWS, WIDTH))
    d = motion.table.dim
    work[FACTOR : FACTOR + d, :d] = motion.factor
    return work


@inlined
def drift_and_factor(motion: Motion, work: Array) -> None:
    """Write b(x) and √ε times the Cholesky factor of A(x), at x in row X of ``work``."""
    d = motion.table.dim
    last = d + d * (d + 1) // 2 if motion.varying else d
    interpolate(motion.table, work, X, FIELDS, 0, last)
    for i in range(d):
        work[DRIFT, i] = work[FIELDS, i]
    if motion.varying:
        _cholesky(work, d, motion.epsilon, FACTOR)


@inlined
def step(motion: Motion, state: State, work: Array) -> None:
    """Advance x in row X of ``work`` by dt; b and σ at x must be there (:func:`drift_and_factor`)."""
    d, dt = motion.table.dim, motion.dt
    root = math.sqrt(dt)
    normals(state, work, DW, d)
    for i in range(d):
        work[CHANGE, i] = 0.0
        work[DW, i] *= root
    if motion.varying:
        _noise_corrections(motion, state, work)
    for i in range(d):
        noise = 0.0
        for j in range(i + 1):
            noise += work[FACTOR + i, j] * work[DW, j]
        work[POINT, i] = work[X, i] + work[DRIFT, i] * dt + noise
        work[CHANGE, i] += 0.5 * work[DRIFT, i] * dt + noise
    interpolate(motion.table, work, POINT, FIELDS, 0, d)
    for i in range(d):
        work[X, i] += work[CHANGE, i] + 0.5 * work[FIELDS, i] * dt


@compiled
def _noise_corrections(motion: Motion, state: State, work: Array) -> None:
    """Add the terms with R± and U± (lower triangular factors: s_j has no entries above j)."""
    d, dt = motion.table.dim, motion.dt
    root = math.sqrt(dt)
    bits = next_word(state) if d > 1 else uint64(0)
    for r in range(d):
        for j in range(r + 1, d):
            sign = dt if bits & uint64(1) else -dt
            work[SIGNS + r, j], work[SIGNS + j, r] = sign, -sign
            bits = bits >> uint64(1)
    for r in range(d):
        w = work[DW, r]
        _factor_at(motion, 1.0, r, root, work, PLUS)
        _factor_at(motion, 1.0, r, -root, work, MINUS)
        for i in range(r, d):
            plus, minus = work[PLUS + i, r], work[MINUS + i, r]
            work[CHANGE, i] += 0.25 * (plus + minus - 2 * work[FACTOR + i, r]) * w
            work[CHANGE, i] += 0.25 * (plus - minus) * (w * w - dt) / root
        if d == 1:
            continue
        _factor_at(motion, 0.0, r, root, work, PLUS)
        _factor_at(motion, 0.0, r, -root, work, MINUS)
        for j in range(d):
            if j == r:
                continue
            product = (work[DW, j] * w + work[SIGNS + r, j]) / root
            for i in range(j, d):
                plus, minus = work[PLUS + i, j], work[MINUS + i, j]
                work[CHANGE, i] += 0.25 * (plus + minus - 2 * work[FACTOR + i, j]) * work[DW, j]
                work[CHANGE, i] += 0.25 * (plus - minus) * product


@compiled
def _factor_at(motion: Motion, drift: float, column: int, length: float, work: Array, into: int) -> None:
    """Write the factor at ``x + drift b dt + length s_column`` into the rows from ``into``."""
    d = motion.table.dim
    for i in range(d):
        along = work[FACTOR + i, column] if i >= column else 0.0
        work[POINT, i] = work[X, i] + drift * work[DRIFT, i] * motion.dt + length * along
    interpolate(motion.table, work, POINT, FIELDS, d, d + d * (d + 1) // 2)
    _cholesky(work, d, motion.epsilon, into)


@compiled
def _cholesky(work: Array, d: int, epsilon: float, into: int) -> None:
    """Factor ε A (lower triangle in row FIELDS); a pivot that is not positive gives a zero column."""
    at = d
    for i in range(d):
        for j in range(i + 1):
            rest = epsilon * work[FIELDS, at]
            at += 1
            for k in range(j):
                rest -= work[into + i, k] * work[into + j, k]
            if i == j:
                work[into + i, i] = math.sqrt(max(rest, 0.0))
            else:
                pivot = work[into + j, j]
                work[into + i, j] = rest / pivot if pivot > 1e-150 else 0.0


@inlined
def fold(table: Table, work: Array) -> None:
    """Bring x (row X) back into the box: mirrored at its faces, wrapped where periodic."""
    low, size, wrap = table.lower, table.extent, table.periodic
    work[X, 0] = _folded(work[X, 0], low[0], size[0], wrap[0])
    if table.dim > 1:
        work[X, 1] = _folded(work[X, 1], low[1], size[1], wrap[1])
    if table.dim > 2:
        work[X, 2] = _folded(work[X, 2], low[2], size[2], wrap[2])


@inlined
def _folded(x: float, lower: float, extent: float, periodic: bool) -> float:
    u = (x - lower) / extent
    if 0.0 <= u <= 1.0:
        return x
    u = u - math.floor(u) if periodic else abs(u - 2 * math.floor(0.5 * u + 0.5))
    return lower + extent * u
