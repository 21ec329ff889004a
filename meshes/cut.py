"""Meshes of plane sets ``{g < 0}`` of any shape, cut out of a grid, with quadratic cells along the boundary.

Vertices that lie near the boundary are moved onto it, cells that are still cut are divided, and the midpoints
of boundary edges are moved onto the boundary, which is then met to third order.  For sets that a ray from
their centre leaves once, :mod:`meshes.star` makes better cells.
"""

from __future__ import annotations

from collections.abc import Callable

import basix.ufl
import numpy as np
import ufl
from dolfinx import mesh
from mpi4py import MPI
from numpy.typing import NDArray
from scipy.sparse import coo_matrix
from scipy.sparse.csgraph import connected_components

from meshes.compat import shared_facet_partitioner
from meshes.spacing import between_ends

Array = NDArray[np.float64]
Indices = NDArray[np.int64]
Level = Callable[[Array], Array]

NEAR = 0.3
"""Crossings within this part of an edge pull its end onto the boundary instead of dividing the edge."""
SURVEY = 128
# of the box: points this near to its sides are on them
ROUNDING = 1e-12
EDGES = ((1, 2), (0, 2), (0, 1))


class NothingToMesh(Exception):
    """A set without a component round the centre, with the reason in one line."""


def cut_out(
    comm: MPI.Comm,
    level: Level,
    centre: Array,
    bounds: Array,
    cells: int,
    thin: NDArray[np.bool_] | None = None,
) -> mesh.Mesh:
    """Mesh of the component of ``{level < 0}`` that contains the centre, within a box.  Collective.

    Args:
        comm: Communicator over which the mesh is spread.
        level: g, ``(2, N) -> (N,)``, smooth, negative inside.
        centre: ``(2,)``.
        bounds: Box ``(2, 2)``; where the set reaches it, the mesh ends at the box.
        cells: Number of cells along the longer side of the set.
        thin: Sides of the box at which cells are thinner (:data:`meshes.spacing.THINNEST`): ``(2, 2)``, low
            and high of each coordinate.

    Raises:
        NothingToMesh: On all ranks, if the centre does not lie in the set, or the set is smaller than a cell.
    """
    outcome: tuple[Array, Indices] | NothingToMesh = (np.zeros((0, 2)), np.zeros((0, 6), dtype=np.int64))
    if comm.rank == 0:
        try:
            box = np.asarray(bounds, dtype=float)
            sides = np.zeros((2, 2), dtype=bool) if thin is None else thin
            outcome = _nodes_and_cells(level, np.asarray(centre, dtype=float), box, cells, sides)
        except NothingToMesh as error:
            outcome = error
    problem = comm.bcast(outcome if isinstance(outcome, NothingToMesh) else None, root=0)
    if problem is not None:
        raise problem
    points, connectivity = outcome  # type: ignore[misc]
    element = ufl.Mesh(basix.ufl.element("Lagrange", "triangle", 2, shape=(2,)))
    partitioner = shared_facet_partitioner()
    return mesh.create_mesh(comm, cells=connectivity, x=points, e=element, partitioner=partitioner)


def _nodes_and_cells(
    level: Level, centre: Array, box: Array, cells: int, thin: NDArray[np.bool_]
) -> tuple[Array, Indices]:
    if level(centre[:, None])[0] >= 0:
        raise NothingToMesh(f"the centre {centre.tolist()} does not lie in the set")
    # a survey on a fixed grid tells how large the set is
    points, triangles = grid(box, SURVEY)
    touched = triangles[(level(points.T)[triangles] < 0).any(axis=1)]
    used = points[np.unique(touched[_component(points, touched, centre)])]
    step = (box[:, 1] - box[:, 0]) / SURVEY
    low = np.maximum(used.min(axis=0) - 2 * step, box[:, 0])
    high = np.minimum(used.max(axis=0) + 2 * step, box[:, 1])
    box = np.stack([low, high], axis=1)
    points, triangles = grid(box, cells, thin)
    points, on_level, triangles = _fit(level, points, triangles)
    triangles = triangles[_component(points, triangles, centre)]
    return _quadratic(level, points, on_level, triangles, box)


def grid(box: Array, cells: int, thin: NDArray[np.bool_] | None = None) -> tuple[Array, Indices]:
    """Right triangles with alternating diagonals: vertices ``(N, 2)`` and cells ``(M, 3)``."""
    sides = box[:, 1] - box[:, 0]
    nx, ny = (max(2, int(np.ceil(cells * side / sides.max()))) for side in sides)
    ends = np.zeros((2, 2), dtype=bool) if thin is None else thin
    along = [between_ends(box[k], n, ends[k]) for k, n in enumerate((nx, ny))]
    x, y = np.meshgrid(*along, indexing="ij")
    i, j = (k.ravel() for k in np.meshgrid(np.arange(nx), np.arange(ny), indexing="ij"))
    a = i * (ny + 1) + j
    b, c, d = a + ny + 1, a + ny + 2, a + 1
    even = ((i + j) % 2 == 0)[:, None]
    first = np.where(even, np.stack([a, b, c], axis=1), np.stack([a, b, d], axis=1))
    second = np.where(even, np.stack([a, c, d], axis=1), np.stack([b, c, d], axis=1))
    return np.stack([x.ravel(), y.ravel()], axis=1), np.concatenate([first, second])


def _component(points: Array, triangles: Indices, centre: Array) -> NDArray[np.bool_]:
    """Cells connected through edges with the one whose middle is nearest to the centre."""
    if len(triangles) == 0:
        raise NothingToMesh("the set is smaller than the cells of the grid")
    pairs = np.sort(np.concatenate([triangles[:, edge] for edge in EDGES]), axis=1)
    _, number = np.unique(pairs, axis=0, return_inverse=True)
    number = number.ravel()
    order = np.argsort(number, kind="stable")
    same = number[order[1:]] == number[order[:-1]]
    owner = np.tile(np.arange(len(triangles)), 3)[order]
    links = coo_matrix(
        (np.ones(same.sum()), (owner[:-1][same], owner[1:][same])), shape=(len(triangles),) * 2
    )
    labels = connected_components(links, directed=False)[1]
    nearest = np.argmin(np.linalg.norm(points[triangles].mean(axis=1) - centre, axis=1))
    return np.asarray(labels == labels[nearest])


def _crossings(level: Level, first: Array, second: Array) -> Array:
    """Where between 0 and 1 g changes its sign along edges, by bisection."""
    inside = level(first.T) < 0
    low: Array = np.zeros(len(first))
    high: Array = np.ones(len(first))
    for _ in range(50):
        middle = 0.5 * (low + high)
        same = (level((first + middle[:, None] * (second - first)).T) < 0) == inside
        low, high = np.where(same, middle, low), np.where(same, high, middle)
    return 0.5 * (low + high)


def _fit(level: Level, points: Array, triangles: Indices) -> tuple[Array, NDArray[np.bool_], Indices]:
    """Move vertices, divide cells; returns points, which are on the boundary, and the cells inside."""
    sign = np.sign(level(points.T)).astype(int)
    edges = np.unique(np.sort(np.concatenate([triangles[:, e] for e in EDGES]), axis=1), axis=0)
    cut = edges[sign[edges[:, 0]] * sign[edges[:, 1]] < 0]
    part = _crossings(level, points[cut[:, 0]], points[cut[:, 1]])
    where = points[cut[:, 0]] + part[:, None] * (points[cut[:, 1]] - points[cut[:, 0]])
    ends = np.concatenate([cut[part < NEAR, 0], cut[part > 1 - NEAR, 1]])
    goals = np.concatenate([where[part < NEAR], where[part > 1 - NEAR]])
    way = np.linalg.norm(goals - points[ends], axis=1)
    nearest = np.argsort(way, kind="stable")[::-1]  # the nearest goal of a vertex is written last
    points = points.copy()
    points[ends[nearest]] = goals[nearest]
    sign[ends] = 0
    divided = sign[cut[:, 0]] * sign[cut[:, 1]] < 0
    fresh = {(int(a), int(b)): len(points) + n for n, (a, b) in enumerate(cut[divided])}
    points = np.concatenate([points, where[divided]])
    sign = np.concatenate([sign, np.zeros(int(divided.sum()), dtype=int)])
    signs = sign[triangles]
    middle = level(points[triangles].mean(axis=1).T) < 0
    flat = (signs == 0).all(axis=1)
    whole = (signs <= 0).all(axis=1) & (~flat | middle)
    mixed = triangles[(signs.min(axis=1) < 0) & (signs.max(axis=1) > 0)]
    pieces = [piece for triangle in mixed for piece in _divide(points, sign, triangle, fresh)]
    return (
        points,
        sign == 0,
        np.concatenate([triangles[whole], np.array(pieces, dtype=np.int64).reshape(-1, 3)]),
    )


def _divide(
    points: Array, sign: NDArray[np.int64], triangle: Indices, fresh: dict[tuple[int, int], int]
) -> list[tuple[int, int, int]]:
    """The part of a cut cell that lies inside."""
    low = [int(v) for v in triangle if sign[v] < 0]
    zero = [int(v) for v in triangle if sign[v] == 0]
    high = [int(v) for v in triangle if sign[v] > 0]

    def between(a: int, b: int) -> int:
        return fresh[min(a, b), max(a, b)]

    if zero:
        return [(low[0], between(low[0], high[0]), zero[0])]
    if len(low) == 1:
        return [(low[0], between(low[0], high[0]), between(low[0], high[1]))]
    a, b = low
    c, d = between(b, high[0]), between(a, high[0])
    if np.linalg.norm(points[a] - points[c]) < np.linalg.norm(points[b] - points[d]):
        return [(a, b, c), (a, c, d)]
    return [(a, b, d), (b, c, d)]


def _quadratic(
    level: Level, points: Array, on_level: NDArray[np.bool_], triangles: Indices, box: Array
) -> tuple[Array, Indices]:
    """Add the midpoints of edges, those of boundary edges on the boundary."""
    used, compact = np.unique(triangles, return_inverse=True)
    points, on_level, triangles = points[used], on_level[used], compact.reshape(-1, 3)
    pairs = np.sort(np.concatenate([triangles[:, edge] for edge in EDGES]), axis=1)
    edges, inverse, count = np.unique(pairs, axis=0, return_inverse=True, return_counts=True)
    numbers = inverse.reshape(3, -1).T
    straight = points[edges].mean(axis=1)
    middles = straight.copy()
    room = ROUNDING * (box[:, 1] - box[:, 0])
    walls = ((straight <= box[:, 0] + room) | (straight >= box[:, 1] - room)).any(axis=1)
    curved = np.flatnonzero((count == 1) & on_level[edges].all(axis=1) & ~walls)
    lengths = np.linalg.norm(points[edges[curved, 0]] - points[edges[curved, 1]], axis=1)
    middles[curved] = _projected(level, straight[curved], lengths)
    cells = np.concatenate([triangles, len(points) + numbers], axis=1)
    # a cell that would be folded keeps straight edges
    folded = ~_unfolded(np.concatenate([points, middles])[cells])
    back = np.unique(numbers[folded])
    middles[back] = straight[back]
    return np.concatenate([points, middles]), cells


def _projected(level: Level, x: Array, lengths: Array) -> Array:
    """Points moved along ∇g onto ``g = 0``, by no more than a quarter of the length of their edge."""
    y = x.copy()
    h = 1e-5 * float(np.mean(lengths)) if len(lengths) else 1.0
    for _ in range(8):
        slope = np.stack([level((y + h * e).T) - level((y - h * e).T) for e in np.eye(2)], axis=1) / (2 * h)
        y = y - (level(y.T) / np.maximum((slope**2).sum(axis=1), 1e-300))[:, None] * slope
    far = np.linalg.norm(y - x, axis=1) > 0.25 * lengths
    return np.where(far[:, None], x, y)


def _unfolded(nodes: Array) -> NDArray[np.bool_]:
    """Cells ``(M, 6, 2)`` whose Jacobian determinant keeps its sign, with room to spare."""
    samples = []
    for s, t in ((0, 0), (1, 0), (0, 1), (0.5, 0), (0, 0.5), (0.5, 0.5), (1 / 3, 1 / 3)):
        r = 1 - s - t
        along_s = np.array([1 - 4 * r, 4 * s - 1, 0, 4 * t, -4 * t, 4 * (r - s)])
        along_t = np.array([1 - 4 * r, 0, 4 * t - 1, 4 * s, 4 * (r - t), -4 * s])
        a, b = (np.einsum("n,mnd->md", slope, nodes) for slope in (along_s, along_t))
        samples.append(a[:, 0] * b[:, 1] - a[:, 1] * b[:, 0])
    determinants = np.array(samples)
    determinants = determinants * np.sign(determinants[-1])
    return np.asarray(determinants.min(axis=0) > 0.1 * determinants.max(axis=0))
