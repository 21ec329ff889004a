"""The geometric Lagrangian near a node, where b and A are their Taylor polynomials of second order.

    L(x, v) = |v|_M |b|_M − v·Mb,    M = A⁻¹,    p = L_v = λ M v − M b,    λ = |b|_M/|v|_M,
    L_x = −H_x/λ,                    L_vv = λ (M − a aᵀ/q),  a = M v,  q = v·Mv.

All functions work on one array ``w`` of numbers, at places that are named here, because a compiled call costs
as much for every array that it is given as for a dozen multiplications.  The first argument, the shape of the
grid, gives the dimension d as something that the compiler knows.
"""

from __future__ import annotations

import math

from solver.arrays import Array
from solver.compiled import compiled

# Taylor coefficients of up to nine fields: value, d first, d second, mixed second derivatives
TAYLOR, TERMS = 0, 10
# for three points: each field with its gradient
FIELDS, FIELD, POINT_FIELDS = 90, 4, 36
# for three points: L, λ, q, then p, a, L_x, M
LAGRANGE, POINT_LAGRANGE = 198, 21
COST, LAMBDA, NORM, MOMENTUM, PUSHED, BY_PLACE, METRIC = 0, 1, 2, 3, 6, 9, 12


@compiled
def component(dim: int, i: int, j: int) -> int:
    """Which of the fields A_ij is, i ≤ j."""
    return dim + i * dim - (i * (i - 1)) // 2 + j - i


@compiled
def expand_fields(shape: tuple[int, ...], table: Array, node: int, w: Array) -> None:
    """Taylor coefficients of all fields about a node, by central differences.

    Args:
        shape: Of the grid.
        table: Fields on the grid with its margin (:class:`solver.hamilton_jacobi.jet.lattice.Lattice`).
        node: Number of the node.
        w: Work.
    """
    dim = len(shape)
    row, stride, rest = 0, 1, node
    strides = w[TAYLOR : TAYLOR + 3]
    for axis in range(dim - 1, -1, -1):
        row += (rest % shape[axis] + 1) * stride
        rest //= shape[axis]
        strides[axis] = stride
        stride *= shape[axis] + 2
    s0, s1 = int(strides[0]), int(strides[1])
    s2 = int(strides[2]) if dim == 3 else 0
    for f in range(dim + (dim * (dim + 1)) // 2):
        c = TAYLOR + TERMS * f
        middle = table[row, f]
        w[c] = middle
        for k in range(dim):
            s = s0 if k == 0 else (s1 if k == 1 else s2)
            up, down = table[row + s, f], table[row - s, f]
            w[c + 1 + k] = 0.5 * (up - down)
            w[c + 1 + dim + k] = up - 2.0 * middle + down
        m = c + 1 + 2 * dim
        for i in range(dim - 1):
            for j in range(i + 1, dim):
                s = s0 if i == 0 else s1
                t = s1 if j == 1 else s2
                alike = table[row + s + t, f] + table[row - s - t, f]
                w[m + i + j - 1] = 0.25 * (alike - table[row + s - t, f] - table[row - s + t, f])


@compiled
def fields_at(shape: tuple[int, ...], w: Array, x: int, into: int) -> None:
    """All fields and their gradients at the point ``w[x:]``, relative to the node."""
    dim = len(shape)
    for f in range(dim + (dim * (dim + 1)) // 2):
        c, g = TAYLOR + TERMS * f, into + FIELD * f
        value = w[c]
        for k in range(dim):
            bend = w[c + 1 + dim + k] * w[x + k]
            value += w[x + k] * (w[c + 1 + k] + 0.5 * bend)
            w[g + 1 + k] = w[c + 1 + k] + bend
        m = c + 1 + 2 * dim
        for i in range(dim - 1):
            for j in range(i + 1, dim):
                mixed = w[m + i + j - 1]
                value += mixed * w[x + i] * w[x + j]
                w[g + 1 + i] += mixed * w[x + j]
                w[g + 1 + j] += mixed * w[x + i]
        w[g] = value


@compiled
def metric(shape: tuple[int, ...], w: Array, fields: int, into: int) -> bool:
    """M = A⁻¹, all of it; False where A is not positive definite."""
    if len(shape) == 2:
        a, b, c = w[fields + 2 * FIELD], w[fields + 3 * FIELD], w[fields + 4 * FIELD]
        det = a * c - b * b
        if not (det > 0.0 and a > 0.0):
            return False
        w[into], w[into + 1], w[into + 2], w[into + 3] = c / det, -b / det, -b / det, a / det
        return True
    a00, a01, a02 = w[fields + 3 * FIELD], w[fields + 4 * FIELD], w[fields + 5 * FIELD]
    a11, a12, a22 = w[fields + 6 * FIELD], w[fields + 7 * FIELD], w[fields + 8 * FIELD]
    c00, c01, c02 = a11 * a22 - a12 * a12, a02 * a12 - a01 * a22, a01 * a12 - a02 * a11
    det = a00 * c00 + a01 * c01 + a02 * c02
    if not (det > 0.0 and a00 > 0.0 and c00 > 0.0):
        return False
    w[into], w[into + 1], w[into + 2] = c00 / det, c01 / det, c02 / det
    w[into + 3], w[into + 4], w[into + 5] = (
        c01 / det,
        (a00 * a22 - a02 * a02) / det,
        (a01 * a02 - a00 * a12) / det,
    )
    w[into + 6], w[into + 7], w[into + 8] = (
        c02 / det,
        (a01 * a02 - a00 * a12) / det,
        (a00 * a11 - a01 * a01) / det,
    )
    return True


@compiled
def lagrangian(shape: tuple[int, ...], w: Array, fields: int, velocity: int, into: int) -> bool:
    """L and its first derivatives, and what :func:`bend` needs; False where A is not positive definite."""
    dim = len(shape)
    if not metric(shape, w, fields, into + METRIC):
        return False
    q, r, along = 0.0, 0.0, 0.0
    for i in range(dim):
        s, e = 0.0, 0.0
        for j in range(dim):
            m = w[into + METRIC + i * dim + j]
            s += m * w[velocity + j]
            e += m * w[fields + FIELD * j]
        w[into + PUSHED + i], w[into + MOMENTUM + i] = s, -e
        q += w[velocity + i] * s
        r += w[fields + FIELD * i] * e
        along += w[velocity + i] * e
    if not (q > 0.0 and r >= 0.0):
        return False
    factor = math.sqrt(r / q)
    w[into + COST], w[into + LAMBDA], w[into + NORM] = factor * q - along, factor, q
    for i in range(dim):
        w[into + MOMENTUM + i] += factor * w[into + PUSHED + i]
    for k in range(dim):
        total = 0.0
        for i in range(dim):
            p = w[into + MOMENTUM + i]
            total += p * w[fields + FIELD * i + 1 + k]
            total += 0.5 * p * p * w[fields + FIELD * component(dim, i, i) + 1 + k]
            for j in range(i + 1, dim):
                other = w[into + MOMENTUM + j]
                total += p * other * w[fields + FIELD * component(dim, i, j) + 1 + k]
        # λ is zero at zeros of the drift only, and the total is so there, too
        w[into + BY_PLACE + k] = -total / factor if factor > 0.0 else 0.0
    return True


@compiled
def bend(shape: tuple[int, ...], w: Array, at: int, u: int, v: int) -> float:
    """``u·L_vv v`` of the vectors ``w[u:]`` and ``w[v:]``."""
    dim = len(shape)
    total, by_u, by_v = 0.0, 0.0, 0.0
    for i in range(dim):
        s = 0.0
        for j in range(dim):
            s += w[at + METRIC + i * dim + j] * w[v + j]
        total += w[u + i] * s
        by_u += w[at + PUSHED + i] * w[u + i]
        by_v += w[at + PUSHED + i] * w[v + i]
    return float(w[at + LAMBDA] * (total - by_u * by_v / w[at + NORM]))


@compiled
def onto_zero(shape: tuple[int, ...], w: Array, fields: int, momentum: int) -> None:
    """Move the momentum ``w[momentum:]`` to H = 0, along ``M (b + A p)``: two steps of Newton's method."""
    dim = len(shape)
    for _ in range(2):
        hamiltonian, size = 0.0, 0.0
        direction = w[TAYLOR : TAYLOR + 3]
        if not metric(shape, w, fields, TAYLOR + 3):
            return
        for i in range(dim):
            # M (b + A p) = M b + p
            s = w[momentum + i]
            pushed = 0.0
            for j in range(dim):
                s += w[TAYLOR + 3 + i * dim + j] * w[fields + FIELD * j]
                a = component(dim, min(i, j), max(i, j))
                pushed += w[fields + FIELD * a] * w[momentum + j]
            direction[i] = s
            b = w[fields + FIELD * i]
            hamiltonian += (b + 0.5 * pushed) * w[momentum + i]
            size += (b + pushed) * s
        # a momentum so far off is that of no face: leave it
        if not abs(hamiltonian) <= 0.3 * size or size == 0.0:
            return
        for i in range(dim):
            w[momentum + i] -= hamiltonian / size * direction[i]
