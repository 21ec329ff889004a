"""The problem at one node: the cheapest short path to it from a face of its ring.

Paths from the point y(θ) of the face to the node x are parabolas, with the middle ``(x+y)/2 + Σ_i w_i n_i``
(n_i normal to the mean chord, of its length); with D = x − y and d = Σ w_i n_i Simpson's rule gives

    F(θ, w) = V_face(θ) + (L(y, D + 4d) + 4 L((x+y)/2 + d, D) + L(x, D − 4d))/6 .

Newton's method over θ in the face and w, 2(d−1) numbers; as V is the minimum of F its gradient is ``∂F/∂x``
of the *discrete* F, L_x at the node included: without that term ∇V would be of first order only.
"""

from __future__ import annotations

import math

from solver.arrays import Array
from solver.compiled import compiled
from solver.hamilton_jacobi.jet.faces import on_face
from solver.hamilton_jacobi.jet.lagrangian import (
    BY_PLACE,
    COST,
    FIELDS,
    LAGRANGE,
    MOMENTUM,
    POINT_FIELDS,
    POINT_LAGRANGE,
    bend,
    fields_at,
    lagrangian,
)

# places in the work array: two normals, three velocities, y and the middle; y at the first corner and edges
NORMALS, VELOCITIES, PLACE, MIDDLE, CORNER = 261, 267, 276, 279, 282
CONTROLS, FACE = 291, 310
# θ and w: now, best, last step; F_θw and its Hessian; free directions; the reduced system
NOW, BEST, STEP, SLOPE, HESSIAN, FREE, REDUCED = 316, 320, 324, 328, 332, 348, 364
# the answer: θ, w, V, p
ANSWER, VALUE, GRADIENT = 384, 4, 5
# the best answer of all faces, the node itself
KEPT, ORIGIN, LENGTH = 392, 400, 403

ITERATIONS, SHORTENINGS, SHORTER = 12, 3, 0.3
# longest steps and largest deflection: paths bend little over one cell
THETA_STEP, BEND_STEP, MOST_BENT = 0.7, 0.2, 0.5
# a step by less changes the action by its square, some 1e-10
SMALL = 1e-5
# convexity of V on the face may take so much away from that of the action
CONVEX = 0.3


@compiled
def normals(shape: tuple[int, ...], w: Array) -> None:
    """Normals to the chord from the middle of the face to the node, of its length."""
    dim = len(shape)
    c0, c1, c2 = 0.0, 0.0, 0.0
    if dim == 2:
        c0 = -(w[CORNER] + 0.5 * w[CORNER + 3])
        c1 = -(w[CORNER + 1] + 0.5 * w[CORNER + 4])
        w[NORMALS], w[NORMALS + 1] = -c1, c0
        return
    third = 1.0 / 3.0
    c0 = -(w[CORNER] + third * (w[CORNER + 3] + w[CORNER + 6]))
    c1 = -(w[CORNER + 1] + third * (w[CORNER + 4] + w[CORNER + 7]))
    c2 = -(w[CORNER + 2] + third * (w[CORNER + 5] + w[CORNER + 8]))
    length = math.sqrt(c0 * c0 + c1 * c1 + c2 * c2)
    if abs(c0) <= abs(c1) and abs(c0) <= abs(c2):
        n0, n1, n2 = 0.0, c2, -c1
    elif abs(c1) <= abs(c2):
        n0, n1, n2 = -c2, 0.0, c0
    else:
        n0, n1, n2 = c1, -c0, 0.0
    s = length / math.sqrt(n0 * n0 + n1 * n1 + n2 * n2)
    n0, n1, n2 = s * n0, s * n1, s * n2
    w[NORMALS], w[NORMALS + 1], w[NORMALS + 2] = n0, n1, n2
    w[NORMALS + 3] = (c1 * n2 - c2 * n1) / length
    w[NORMALS + 4] = (c2 * n0 - c0 * n2) / length
    w[NORMALS + 5] = (c0 * n1 - c1 * n0) / length


@compiled
def total_cost(shape: tuple[int, ...], w: Array) -> float:
    """F at ``w[NOW:]``, with all that its derivatives are made of; NaN where A is not positive definite."""
    dim = len(shape)
    for k in range(dim):
        y, off = w[CORNER + k], 0.0
        for m in range(dim - 1):
            y += w[NOW + m] * w[CORNER + 3 * (m + 1) + k]
            off += w[NOW + dim - 1 + m] * w[NORMALS + 3 * m + k]
        w[PLACE + k], w[MIDDLE + k] = y, 0.5 * y + off
        w[VELOCITIES + k] = -y + 4.0 * off
        w[VELOCITIES + 3 + k] = -y
        w[VELOCITIES + 6 + k] = -y - 4.0 * off
    fields_at(shape, w, PLACE, FIELDS)
    fields_at(shape, w, MIDDLE, FIELDS + POINT_FIELDS)
    total = 0.0
    for n in range(3):
        into = LAGRANGE + n * POINT_LAGRANGE
        if not lagrangian(shape, w, FIELDS + n * POINT_FIELDS, VELOCITIES + 3 * n, into):
            return math.nan
        total += (4.0 if n == 1 else 1.0) * w[into + COST]
    on_face(shape, w, CONTROLS, NOW, FACE)
    return float(w[FACE] + total / 6.0)


@compiled
def remember(shape: tuple[int, ...], w: Array, value: float) -> None:
    """The point now as the answer, with ``∂F/∂x``."""
    dim = len(shape)
    g0, g1, g2 = LAGRANGE, LAGRANGE + POINT_LAGRANGE, LAGRANGE + 2 * POINT_LAGRANGE
    for m in range(2 * dim - 2):
        w[BEST + m] = w[ANSWER + m] = w[NOW + m]
    w[ANSWER + VALUE] = value
    for k in range(dim):
        ends = w[g0 + MOMENTUM + k] + w[g2 + MOMENTUM + k] + w[g2 + BY_PLACE + k]
        w[ANSWER + GRADIENT + k] = (ends + 4.0 * w[g1 + MOMENTUM + k] + 2.0 * w[g1 + BY_PLACE + k]) / 6.0


@compiled
def derivatives(shape: tuple[int, ...], w: Array) -> None:
    """Gradient of F, and a positive approximation of its Hessian: L_vv, and of V what leaves it so."""
    dim = len(shape)
    m = dim - 1
    g0, g1, g2 = LAGRANGE, LAGRANGE + POINT_LAGRANGE, LAGRANGE + 2 * POINT_LAGRANGE
    for i in range(m):
        along, across = w[FACE + 1 + i], 0.0
        for k in range(dim):
            first, last = w[g0 + MOMENTUM + k], w[g2 + MOMENTUM + k]
            middle = 2.0 * w[g1 + BY_PLACE + k]
            by_y = (w[g0 + BY_PLACE + k] - first + middle - 4.0 * w[g1 + MOMENTUM + k] - last) / 6.0
            along += by_y * w[CORNER + 3 * (i + 1) + k]
            across += 4.0 * (first + 0.5 * middle - last) / 6.0 * w[NORMALS + 3 * i + k]
        w[SLOPE + i], w[SLOPE + m + i] = along, across
    for i in range(m):
        e, n = CORNER + 3 * (i + 1), NORMALS + 3 * i
        for j in range(m):
            f, o = CORNER + 3 * (j + 1), NORMALS + 3 * j
            if j >= i:
                action = bend(shape, w, g0, e, f) + 4.0 * bend(shape, w, g1, e, f) + bend(shape, w, g2, e, f)
                w[HESSIAN + 4 * i + j] = w[HESSIAN + 4 * j + i] = action / 6.0
                curved = 16.0 * (bend(shape, w, g0, n, o) + bend(shape, w, g2, n, o)) / 6.0
                w[HESSIAN + 4 * (m + i) + m + j] = w[HESSIAN + 4 * (m + j) + m + i] = curved
            mixed = 4.0 * (bend(shape, w, g2, e, o) - bend(shape, w, g0, e, o)) / 6.0
            w[HESSIAN + 4 * i + m + j] = w[HESSIAN + 4 * (m + j) + i] = mixed
    if dim == 2:
        w[HESSIAN] += max(w[FACE + 2], (CONVEX - 1.0) * w[HESSIAN])
        return
    a, b, c = w[HESSIAN], w[HESSIAN + 1], w[HESSIAN + 5]
    p, q, r = a + w[FACE + 3], b + w[FACE + 4], c + w[FACE + 5]
    if p > CONVEX * a and r > CONVEX * c and p * r - q * q > CONVEX * CONVEX * (a * c - b * b):
        w[HESSIAN], w[HESSIAN + 1], w[HESSIAN + 4], w[HESSIAN + 5] = p, q, q, r


@compiled
def free_directions(shape: tuple[int, ...], w: Array, held: bool) -> int:
    """Directions in (θ, w) that do not lead out of the face downhill, rows from ``FREE`` on; how many."""
    dim = len(shape)
    for n in range(16):
        w[FREE + n] = 0.0
    count = 0
    if not held:
        total, fall = 0.0, 0.0
        active, which = 0, -1
        for i in range(dim - 1):
            total += w[NOW + i]
            if w[NOW + i] <= 0.0 and w[SLOPE + i] > 0.0:
                active, which = active + 1, i
        if dim == 2:
            fall = w[SLOPE]
            at_end = w[NOW] >= 1.0 and fall < 0.0
            if active == 0 and not at_end:
                w[FREE] = 1.0
                count = 1
        else:
            fall = w[SLOPE] + w[SLOPE + 1]
            at_end = total >= 1.0 and fall < 0.0
            if active == 0 and not at_end:
                w[FREE], w[FREE + 5] = 1.0, 1.0
                count = 2
            elif active == 1 and not at_end:
                w[FREE + 1 - which] = 1.0
                count = 1
            elif active == 0:
                w[FREE], w[FREE + 1] = 1.0, -1.0
                count = 1
    for i in range(dim - 1):
        w[FREE + 4 * count + dim - 1 + i] = 1.0
        count += 1
    return count


@compiled
def newton_step(  # noqa: C901  (compiled: elimination as plain loops)
    shape: tuple[int, ...], w: Array, count: int
) -> bool:
    """Step of Newton's method in the free directions; False where the Hessian is not positive definite."""
    size = 2 * len(shape) - 2
    for i in range(count):
        right = 0.0
        for a in range(size):
            right -= w[FREE + 4 * i + a] * w[SLOPE + a]
        for j in range(count):
            total = 0.0
            for a in range(size):
                for b in range(size):
                    total += w[FREE + 4 * i + a] * w[HESSIAN + 4 * a + b] * w[FREE + 4 * j + b]
            w[REDUCED + 5 * i + j] = total
        w[REDUCED + 5 * i + i] *= 1.0 + 1e-9
        w[REDUCED + 5 * i + 4] = right
    for i in range(count):
        pivot = w[REDUCED + 5 * i + i]
        if not pivot > 0.0:
            return False
        for j in range(i + 1, count):
            f = w[REDUCED + 5 * j + i] / pivot
            for a in range(i, count):
                w[REDUCED + 5 * j + a] -= f * w[REDUCED + 5 * i + a]
            w[REDUCED + 5 * j + 4] -= f * w[REDUCED + 5 * i + 4]
    for a in range(size):
        w[STEP + a] = 0.0
    for i in range(count - 1, -1, -1):
        s = w[REDUCED + 5 * i + 4]
        for j in range(i + 1, count):
            s -= w[REDUCED + 5 * i + j] * w[REDUCED + 5 * j + 4]
        w[REDUCED + 5 * i + 4] = s / w[REDUCED + 5 * i + i]
        for a in range(size):
            w[STEP + a] += w[FREE + 4 * i + a] * w[REDUCED + 5 * i + 4]
    return True


@compiled
def advance(shape: tuple[int, ...], w: Array) -> bool:
    """Go the step, as far as the face and the largest deflection allow; False if that is next to nothing."""
    m = len(shape) - 1
    big, total, rise = 0.0, 0.0, 0.0
    for i in range(m):
        big = max(big, abs(w[STEP + i]))
    shrink = THETA_STEP / big if big > THETA_STEP else 1.0
    for i in range(m):
        w[STEP + i] *= shrink
        total += w[NOW + i]
        rise += w[STEP + i]
    part = 1.0
    for i in range(m):
        if w[NOW + i] + w[STEP + i] < 0.0:
            part = min(part, -w[NOW + i] / w[STEP + i])
    if rise > 0.0 and total + rise > 1.0:
        part = min(part, (1.0 - total) / rise)
    moved = 0.0
    total = 0.0
    for i in range(m):
        w[STEP + i] *= part
        moved = max(moved, abs(w[STEP + i]))
        place = w[NOW + i] + w[STEP + i]
        w[NOW + i] = place if place > 1e-13 else 0.0
        total += w[NOW + i]
        old = w[NOW + m + i]
        turn = max(-BEND_STEP, min(BEND_STEP, w[STEP + m + i]))
        w[NOW + m + i] = max(-MOST_BENT, min(MOST_BENT, old + turn))
        w[STEP + m + i] = w[NOW + m + i] - old
        moved = max(moved, abs(w[STEP + m + i]))
    if total > 1.0 - 1e-13:
        for i in range(m):
            w[NOW + i] /= total
    return moved >= SMALL or part < 1.0


@compiled
def minimise(shape: tuple[int, ...], w: Array, held: bool) -> bool:
    """Minimise F from the start ``w[NOW:]``; the answer is in ``w[ANSWER:]``.

    Args:
        shape: Its length is d.
        w: Work, with Taylor coefficients, corner and edges, controls, normals, and the fields at the node.
        held: Keep θ as it is.

    Returns:
        False where A is not positive definite at the start.
    """
    size = 2 * len(shape) - 2
    best, shortened = math.inf, 0
    for _ in range(ITERATIONS):
        value = total_cost(shape, w)
        if not value < best:
            if best == math.inf:
                return False
            shortened += 1
            if shortened > SHORTENINGS or value - best < 1e-12 * abs(best):
                break
            for a in range(size):
                w[STEP + a] *= SHORTER
                w[NOW + a] = w[BEST + a] + w[STEP + a]
            continue
        best = value
        remember(shape, w, value)
        derivatives(shape, w)
        if not newton_step(shape, w, free_directions(shape, w, held)):
            break
        if not advance(shape, w):
            break
        shortened = 0
    return True
