"""V on a face of the ring, from V and ∇V at its corners: a limited cubic.

On a segment the cubic of Hermite; on a triangle the reduced cubic of Bézier, whose middle control is a mean
of the others.  Both are made of control values on the edges.  On each edge, with secant slope D, the
departures s = t_a − D and t = t_b − D of the slopes at its ends are nearly equal and opposite where V is
smooth; both are clipped to ``RATIO`` times the smaller one.  Without that limit V is not bounded by its data,
and the iteration may run away (it did, for rotation 50 times as strong as the gradient and for measured
noise).
"""

from __future__ import annotations

from solver.arrays import Array
from solver.compiled import compiled

RATIO = 4.0


@compiled
def _edge(w: Array, a: int, b: int, at_a: float, at_b: float, into_a: int, into_b: int) -> None:
    """The two inner controls of the edge between the controls a and b, from the slopes at its ends."""
    secant = w[b] - w[a]
    s, t = at_a - secant, at_b - secant
    limit = RATIO * min(abs(s), abs(t))
    s, t = max(-limit, min(limit, s)), max(-limit, min(limit, t))
    w[into_a], w[into_b] = w[a] + (secant + s) / 3.0, w[b] - (secant + t) / 3.0


@compiled
def controls(shape: tuple[int, ...], jet: Array, nodes: Array, edges: Array, w: Array, c: int) -> None:
    """Write the controls of a face into ``w`` from ``c`` on.

    Args:
        shape: Its length is d.
        jet: V and ∇V, ``(N, 1 + d)``.
        nodes: The d corners.
        edges: Rows 1 … d−1: from the first corner to the others.
        w: Work.
        c: Order of the controls: on a segment 30 03 21 12; on a triangle 300 030 003 210 201 120 021 102 012
            111.
    """
    dim = len(shape)
    for n in range(dim):
        w[c + n] = jet[nodes[n], 0]
    slope = w[c + 10 :]
    # slopes along the edge m at the corner n: slope[3 n + m]
    for n in range(dim):
        for m in range(1, dim):
            total = 0.0
            for k in range(dim):
                total += jet[nodes[n], 1 + k] * edges[m, k]
            slope[3 * n + m] = total
    if dim == 2:
        _edge(w, c, c + 1, slope[1], slope[4], c + 2, c + 3)
        return
    _edge(w, c, c + 1, slope[1], slope[4], c + 3, c + 5)
    _edge(w, c, c + 2, slope[2], slope[8], c + 4, c + 7)
    _edge(w, c + 1, c + 2, slope[5] - slope[4], slope[8] - slope[7], c + 6, c + 8)
    inner = w[c + 3] + w[c + 4] + w[c + 5] + w[c + 6] + w[c + 7] + w[c + 8]
    w[c + 9] = inner / 4.0 - (w[c] + w[c + 1] + w[c + 2]) / 6.0


@compiled
def flat(shape: tuple[int, ...], value: float, w: Array, c: int) -> None:
    """The controls of a constant."""
    for n in range(10):
        w[c + n] = value


@compiled
def on_face(shape: tuple[int, ...], w: Array, c: int, at: int, into: int) -> None:
    """Value, gradient and second derivatives (11, or 11 12 22) at the point ``w[at:]`` of a face."""
    if len(shape) == 2:
        t = w[at]
        s = 1.0 - t
        a, b, d, e = w[c], w[c + 2], w[c + 3], w[c + 1]
        w[into] = s * s * (s * a + 3.0 * t * b) + t * t * (3.0 * s * d + t * e)
        w[into + 1] = 3.0 * (s * s * (b - a) + 2.0 * s * t * (d - b) + t * t * (e - d))
        w[into + 2] = 6.0 * (s * (a - 2.0 * b + d) + t * (b - 2.0 * d + e))
        return
    l1, l2 = w[at], w[at + 1]
    l0 = 1.0 - l1 - l2
    # the linear forms and the quadratic forms of de Casteljau's net
    r00 = w[c] * l0 + w[c + 3] * l1 + w[c + 4] * l2
    r01 = w[c + 3] * l0 + w[c + 5] * l1 + w[c + 9] * l2
    r02 = w[c + 4] * l0 + w[c + 9] * l1 + w[c + 7] * l2
    r11 = w[c + 5] * l0 + w[c + 1] * l1 + w[c + 6] * l2
    r12 = w[c + 9] * l0 + w[c + 6] * l1 + w[c + 8] * l2
    r22 = w[c + 7] * l0 + w[c + 8] * l1 + w[c + 2] * l2
    q0 = r00 * l0 + r01 * l1 + r02 * l2
    q1 = r01 * l0 + r11 * l1 + r12 * l2
    q2 = r02 * l0 + r12 * l1 + r22 * l2
    w[into] = q0 * l0 + q1 * l1 + q2 * l2
    w[into + 1], w[into + 2] = 3.0 * (q1 - q0), 3.0 * (q2 - q0)
    w[into + 3] = 6.0 * (r11 - 2.0 * r01 + r00)
    w[into + 4] = 6.0 * (r12 - r01 - r02 + r00)
    w[into + 5] = 6.0 * (r22 - 2.0 * r02 + r00)
