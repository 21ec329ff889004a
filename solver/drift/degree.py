"""The topological degree of a vector field on the boundary of a box.

By Poincaré–Hopf, ``Σ sign det ∇b(x_k)`` over the (non-degenerate) zeros inside equals the degree of
``b/|b|`` on the boundary: half the difference of signs in 1D, the winding number in 2D, the solid
angle swept over 4π in 3D.  It needs values on the boundary only, so it checks a search for zeros
without sharing its assumptions.
"""

from __future__ import annotations

from itertools import product

import numpy as np

from solver.errors import NotConverged
from solver.system import Array, Field

TURN = 0.7
"""Largest angle, in radians, between the fields at the two ends of an edge that is not split."""

# An edge is halved so often; across one that is shorter than rounding, or than is worth the triangles along a
# line on a surface, a field jumps.
DEPTH = {2: 45, 3: 10}
# by less than this angle: then it turns the short way, as all fields do that are near and continuous
LARGEST_JUMP = 2.8


def boundary_degree(drift: Field, lower: Array, upper: Array, budget: int = 400_000) -> int:
    """Return the degree of ``drift`` on the boundary of the box, which must carry no zero.

    Args:
        drift: ``(d, N) -> (d, N)``.
        lower: Lower corner, ``(d,)``, d = 1, 2, 3.
        upper: Upper corner, ``(d,)``.
        budget: Largest number of boundary points.

    Raises:
        NotConverged: the field turns too fast to be followed with ``budget`` points, as it does
            when it vanishes on the boundary.
    """
    dim = lower.size
    if dim == 1:
        ends = np.sign(drift(np.array([[lower[0], upper[0]]]))[0])
        if not ends.all():
            raise NotConverged("the drift vanishes at an end of the interval")
        return int((ends[1] - ends[0]) // 2)
    cells = _loop(lower, upper) if dim == 2 else _surface(lower, upper)
    total = _angle(drift, cells, budget) / (2 * np.pi if dim == 2 else 4 * np.pi)
    if abs(total - round(total)) > 0.05:
        raise NotConverged(f"the degree of the drift on the boundary came out as {total:.3f}, not an integer")
    return round(total)


def _loop(lower: Array, upper: Array, cells: int = 32) -> Array:
    """Edges of a rectangle, counter-clockwise: ``(n, 2, 2)`` = edge, end, coordinate."""
    corners = np.array([lower, [upper[0], lower[1]], upper, [lower[0], upper[1]], lower])
    t = np.linspace(0.0, 1.0, cells, endpoint=False)[:, None]
    points = np.concatenate([(1 - t) * corners[i] + t * corners[i + 1] for i in range(4)])
    return np.stack([points, np.roll(points, -1, axis=0)], axis=1)


def _surface(lower: Array, upper: Array, cells: int = 8) -> Array:
    """Triangles on the faces of a cuboid, oriented outwards: ``(n, 3, 3)``."""
    t = np.linspace(0.0, 1.0, cells + 1)
    triangles = []
    for axis, side in product(range(3), (0, 1)):
        u, v = (axis + 1) % 3, (axis + 2) % 3
        grid = np.empty((cells + 1, cells + 1, 3))
        grid[..., axis] = (lower, upper)[side][axis]
        grid[..., u] = (lower[u] + t * (upper[u] - lower[u]))[:, None]
        grid[..., v] = (lower[v] + t * (upper[v] - lower[v]))[None, :]
        a, b, c, d = grid[:-1, :-1], grid[1:, :-1], grid[1:, 1:], grid[:-1, 1:]
        both = np.concatenate([np.stack([a, b, c], -2), np.stack([a, c, d], -2)]).reshape(-1, 3, 3)
        triangles.append(both if side else both[:, ::-1])
    return np.concatenate(triangles)


def _angle(drift: Field, cells: Array, budget: int) -> float:
    """Sum the angle swept over edges (2D) or triangles (3D), splitting those where b turns fast.

    An edge is judged by its two ends alone, so two triangles that share it split it alike and the
    surface stays closed.
    """
    corners = cells.shape[1]
    total, spent, depth = 0.0, 0, 0
    values = _unit(drift, cells)
    while len(cells):
        spent += cells.shape[0] * corners
        if spent > budget:
            raise NotConverged(f"the drift turns too fast on the boundary near {cells[0, 0]} (a zero on it?)")
        pairs = [(0, 1)] if corners == 2 else [(0, 1), (1, 2), (2, 0)]
        cosine = np.stack([(values[:, i] * values[:, j]).sum(-1) for i, j in pairs], axis=1)
        largest = TURN if depth < DEPTH[corners] else LARGEST_JUMP
        marked = cosine < np.cos(largest)
        if depth == DEPTH[corners] and marked.any():
            at = ", ".join(f"{x:.6g}" for x in cells[marked.any(axis=1)][0, 0])
            raise NotConverged(f"the drift jumps on the boundary of the domain to its opposite, near ({at})")
        depth += 1
        done = ~marked.any(axis=1)
        total += _swept(values[done])
        cells, marked = cells[~done], marked[~done]
        cells = _bisect(cells) if corners == 2 else _split(cells, marked)
        values = _unit(drift, cells)
    return total


def _unit(drift: Field, cells: Array) -> Array:
    value = drift(np.ascontiguousarray(cells.reshape(-1, cells.shape[-1]).T))
    norm = np.linalg.norm(value, axis=0)
    if not np.isfinite(norm).all() or (norm == 0).any():
        raise NotConverged("the drift vanishes or is not finite on the boundary of the domain")
    return (value / norm).T.reshape(cells.shape)


def _swept(v: Array) -> float:
    if v.shape[1] == 2:
        cross = v[:, 0, 0] * v[:, 1, 1] - v[:, 0, 1] * v[:, 1, 0]
        return float(np.arctan2(cross, (v[:, 0] * v[:, 1]).sum(-1)).sum())
    a, b, c = v[:, 0], v[:, 1], v[:, 2]  # Van Oosterom & Strackee 1983
    triple = (a * np.cross(b, c)).sum(-1)
    return float((2 * np.arctan2(triple, 1 + (a * b).sum(-1) + (b * c).sum(-1) + (c * a).sum(-1))).sum())


def _bisect(edges: Array) -> Array:
    middle = edges.mean(axis=1)
    return np.concatenate([np.stack([edges[:, 0], middle], 1), np.stack([middle, edges[:, 1]], 1)])


def _split(triangles: Array, marked: Array) -> Array:
    """Split the marked edges (0-1, 1-2, 2-0) of triangles: into 2, 3 or 4, orientation kept."""
    parts: list[Array] = []
    for pattern in product((False, True), repeat=3):
        chosen = triangles[(marked == pattern).all(axis=1)]
        if not len(chosen) or not any(pattern):
            continue
        while not (pattern[0] and (sum(pattern) != 2 or pattern[1])):  # rotate to a canonical case
            chosen, pattern = np.roll(chosen, -1, axis=1), (pattern[1], pattern[2], pattern[0])
        a, b, c = chosen[:, 0], chosen[:, 1], chosen[:, 2]
        ab, bc, ca = (a + b) / 2, (b + c) / 2, (c + a) / 2
        pieces = {
            1: [(a, ab, c), (ab, b, c)],
            2: [(ab, b, bc), (a, ab, bc), (a, bc, c)],
            3: [(a, ab, ca), (ab, b, bc), (ca, bc, c), (ab, bc, ca)],
        }[sum(pattern)]
        parts.extend(np.stack(piece, axis=1) for piece in pieces)
    return np.concatenate(parts) if parts else triangles[:0]
