"""Meshes of star-shaped sets that follow the boundary: exit regions, sublevel sets round an attractor, balls.

A set that every ray from its centre leaves once is the image of the unit ball,

    x = x̄ + L ρ R(n) n,      |n| = 1, 0 ≤ ρ ≤ 1,

with R(n) the length of the ray in the direction n, measured in a metric L.  The ball is a fan of simplices
(two, six or twenty in 1, 2 or 3 dimensions) cut into n^d each by Kuhn's rule, so that the vertices lie on n
shells; the shells can be graded towards the boundary.  Cells are quadratic: the midpoints of edges are
mapped too, and the boundary is met to third order.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable
from typing import Any

import basix.ufl
import numpy as np
import ufl
from dolfinx import mesh
from mpi4py import MPI
from numpy.typing import NDArray
from scipy.optimize.elementwise import find_root

from meshes.compat import shared_facet_partitioner
from meshes.spacing import graded_to_one

Array = NDArray[np.float64]
Level = Callable[[Array], Array]

GOLDEN = (1 + 5**0.5) / 2
EDGES = {
    1: ((0, 1),),
    2: ((1, 2), (0, 2), (0, 1)),
    3: ((2, 3), (1, 3), (1, 2), (0, 3), (0, 2), (0, 1)),
}
"""Edges in the order in which quadratic cells number their midpoints."""
CELLS = {1: "interval", 2: "triangle", 3: "tetrahedron"}
SAMPLES = 400
FLATTEST, STEEPEST = 0.15, 3.0
"""Cosine of a ray with the normal, and relative change of its length per angle, that are accepted."""


class NotStarShaped(Exception):
    """A set that some ray from its centre leaves more than once, with the reason in one line."""


class Unbounded(NotStarShaped):
    """A set that some ray does not leave inside the domain."""


def ray_lengths(level: Level, centre: Array, directions: Array, longest: Array) -> Array:
    """Distances at which rays first leave ``{level < 0}``.

    Args:
        level: g, ``(d, N) -> (N,)``, negative at the centre.
        centre: ``(d,)``.
        directions: ``(d, N)``; lengths are in units of their norms.
        longest: Where each ray leaves the domain, ``(N,)``.

    Raises:
        Unbounded: If a ray does not leave the set inside the domain.
        NotStarShaped: If the level is no number next to the boundary.
    """

    def along(distance: Array, ray: NDArray[Any]) -> Array:
        k = np.asarray(ray, dtype=int)
        return np.asarray(level(centre[:, None] + directions[:, k] * distance))

    high = np.zeros(len(longest))
    inside: NDArray[np.int64] = np.arange(len(longest))
    for fraction in np.linspace(0.0, 1.0, SAMPLES + 1)[1:]:
        left = along(fraction * longest[inside], inside) >= 0
        high[inside[left]] = fraction * longest[inside[left]]
        inside = inside[~left]
        if not inside.size:
            break
    else:
        bad = directions[:, inside[0]]
        raise Unbounded(f"the set reaches the boundary of the domain in the direction {bad.tolist()}")
    found = find_root(along, (high - longest / SAMPLES, high), args=(np.arange(len(longest)),))
    if not found.success.all():
        bad = directions[:, int(np.argmin(found.success))]
        raise NotStarShaped(f"its boundary cannot be found in the direction {bad.tolist()}")
    return np.asarray(found.x)


def boundary_sample(level: Level, centre: Array, bounds: Array, comm: MPI.Comm, shells: int = 6) -> Array:
    """Points of the boundary of ``{level < 0}`` seen from the centre, ``(d, N)``.  Collective.

    Raises:
        Unbounded: On all ranks, if the set leaves the box.
    """
    outcome: Array | NotStarShaped = np.zeros((len(centre), 0))
    if comm.rank == 0:
        nodes, radii, _ = ball(len(centre), shells)
        unit = nodes[radii == 1.0].T
        unit = unit / np.linalg.norm(unit, axis=0)
        try:
            outcome = centre[:, None] + unit * ray_lengths(
                level, centre, unit, _to_walls(centre, unit, bounds)
            )
        except NotStarShaped as error:
            outcome = error
    outcome = comm.bcast(outcome, root=0)
    if isinstance(outcome, NotStarShaped):
        raise outcome
    return outcome


def star(
    comm: MPI.Comm,
    level: Level,
    centre: Array,
    bounds: Array,
    shells: int,
    *,
    layer: float = 1.0,
) -> mesh.Mesh:
    """Mesh of the part of ``{level < 0}`` that is seen from the centre, with quadratic cells.  Collective.

    Args:
        comm: Communicator over which the mesh is spread.
        level: g, ``(d, N) -> (N,)``, smooth, negative inside.
        centre: ``(d,)``, a vertex of the mesh.
        bounds: Box ``(d, 2)`` in which the set must lie.
        shells: Number n of cells between the centre and the boundary.
        layer: Thickness of the outermost shell, times n over the distance to the centre: 1 for even shells,
            less to resolve a layer at the boundary.

    Raises:
        NotStarShaped: On all ranks, if the set is not seen from the centre or leaves the box.
    """
    d = len(centre)
    outcome: tuple[Array, NDArray[np.int64]] | NotStarShaped
    outcome = (np.zeros((0, d)), np.zeros((0, d + 1 + len(EDGES[d])), dtype=np.int64))
    if comm.rank == 0:
        try:
            outcome = _nodes_and_cells(level, np.asarray(centre, dtype=float), bounds, shells, layer)
        except NotStarShaped as error:
            outcome = error
    problem = comm.bcast(outcome if isinstance(outcome, NotStarShaped) else None, root=0)
    if problem is not None:
        raise problem
    points, cells = outcome  # type: ignore[misc]
    element = ufl.Mesh(basix.ufl.element("Lagrange", CELLS[d], 2, shape=(d,)))
    return mesh.create_mesh(comm, cells=cells, x=points, e=element, partitioner=shared_facet_partitioner())


def _nodes_and_cells(
    level: Level, centre: Array, bounds: Array, shells: int, layer: float
) -> tuple[Array, NDArray[np.int64]]:
    d = len(centre)
    if level(centre[:, None])[0] >= 0:
        raise NotStarShaped(f"the centre {centre.tolist()} does not lie in the set")
    vertices, radii, cells = ball(d, shells)
    nodes, radii, cells = _quadratic(vertices, radii, cells)
    length = np.linalg.norm(nodes, axis=1)
    outer = radii > 0
    unit = (nodes[outer] / length[outer, None]).T
    # L: the half axes of an ellipsoid that the set resembles, so that long sets have cells of good shape
    first = unit * ray_lengths(level, centre, unit, _to_walls(centre, unit, bounds))
    directions = np.linalg.cholesky(first @ first.T / first.shape[1]) @ unit
    reach = ray_lengths(level, centre, directions, _to_walls(centre, directions, bounds))
    _check_transversal(level, centre, directions, reach)
    _check_jumps(centre, unit, reach, np.flatnonzero(outer), cells)
    points = np.repeat(centre[None], len(nodes), axis=0)
    points[outer] += (graded_to_one(radii[outer], layer) * reach * directions).T
    return np.ascontiguousarray(points), cells


def _to_walls(centre: Array, directions: Array, bounds: Array) -> Array:
    """Distances at which rays meet the faces of a box."""
    low, high = np.asarray(bounds, dtype=float).T - centre
    with np.errstate(divide="ignore", invalid="ignore"):
        walls = np.where(directions > 0, high[:, None], low[:, None]) / directions
    return np.asarray(np.nanmin(np.where(directions != 0, walls, np.inf), axis=0))


def _check_transversal(level: Level, centre: Array, directions: Array, reach: Array) -> None:
    """Refuse rays that graze the boundary: beyond a grazing ray the boundary jumps."""
    ends = centre[:, None] + reach * directions
    h = 1e-5 * float(reach.mean()) * np.linalg.norm(directions, axis=0).mean()
    slopes = np.array(
        [(level(ends + h * e[:, None]) - level(ends - h * e[:, None])) for e in np.eye(len(centre))]
    )
    along = np.einsum("in,in->n", slopes, directions)
    cosine = along / np.maximum(np.linalg.norm(slopes, axis=0) * np.linalg.norm(directions, axis=0), 1e-300)
    worst = int(np.argmin(cosine))
    if not cosine[worst] > FLATTEST:
        raise NotStarShaped(
            f"not all of the boundary is seen from {centre.tolist()}: "
            f"a ray grazes it at {ends[:, worst].tolist()}"
        )


def _check_jumps(
    centre: Array, unit: Array, reach: Array, nodes: NDArray[np.int64], cells: NDArray[np.int64]
) -> None:
    """Refuse rays in neighbouring directions that end far apart."""
    d = len(unit)
    number = np.full(cells.max() + 1, -1)
    number[nodes] = np.arange(len(nodes))
    pairs = number[np.concatenate([cells[:, edge] for edge in EDGES[d]])]
    first, second = pairs[(pairs >= 0).all(axis=1)].T
    angle = np.linalg.norm(unit[:, first] - unit[:, second], axis=0)
    change = 2 * np.abs(reach[first] - reach[second]) / (reach[first] + reach[second])
    side = np.einsum("in,in->n", unit[:, first], unit[:, second]) > 0  # not across the centre
    if (change[side] > STEEPEST * angle[side] + 1e-9).any():
        raise NotStarShaped(f"not all of the boundary is seen from {centre.tolist()}: rays end far apart")


def ball(d: int, shells: int) -> tuple[Array, Array, NDArray[np.int64]]:
    """Simplices of a polytope round the origin: vertices ``(N, d)``, their shells in [0, 1], cells."""
    corners, fans = _fans(d)
    lattice = [
        base
        for base in itertools.product(range(shells), repeat=d)
        if all(a >= b for a, b in itertools.pairwise(base))
    ]
    starts = np.array(lattice)
    paths = []
    for order in itertools.permutations(range(d)):
        steps = np.concatenate(
            [np.zeros((1, d), dtype=int), np.cumsum(np.eye(d, dtype=int)[list(order)], axis=0)]
        )
        chain = starts[:, None, :] + steps[None]
        ordered = (np.diff(chain, axis=2) <= 0).all(axis=(1, 2))
        paths.append(chain[ordered])
    kuhn = np.concatenate(paths)
    # lattice coordinates x₁ ≥ x₂ ≥ … to weights of the corners: x₁−x₂, x₂−x₃, …
    weights = -np.diff(np.concatenate([kuhn, np.zeros((*kuhn.shape[:2], 1), dtype=int)], axis=2), axis=2)
    points = np.concatenate([weights @ corners[list(fan)] for fan in fans]).reshape(-1, d) / shells
    radii = np.tile(kuhn[:, :, 0].reshape(-1) / shells, len(fans))
    keys = np.round(points * 1e9).astype(np.int64)
    _, first, inverse = np.unique(keys, axis=0, return_index=True, return_inverse=True)
    return points[first], radii[first], inverse.reshape(-1, d + 1).astype(np.int64)


def _fans(d: int) -> tuple[Array, list[tuple[int, ...]]]:
    """Corners on the unit sphere, and the simplices that they span with the origin."""
    if d == 1:
        return np.array([[-1.0], [1.0]]), [(0,), (1,)]
    if d == 2:
        angles = np.arange(6) * np.pi / 3
        return np.column_stack([np.cos(angles), np.sin(angles)]), [
            (min(k, (k + 1) % 6), max(k, (k + 1) % 6)) for k in range(6)
        ]
    corners = np.array(
        [np.roll([0.0, a, b * GOLDEN], shift) for shift in range(3) for a in (-1.0, 1.0) for b in (-1.0, 1.0)]
    )
    gaps = np.linalg.norm(corners[:, None] - corners[None], axis=-1)
    near = (gaps > 0) & (gaps < 2.1)
    fans = [
        (i, j, k)
        for i, j, k in itertools.combinations(range(12), 3)
        if near[i, j] and near[j, k] and near[i, k]
    ]
    return corners / np.linalg.norm(corners[0]), list(fans)


def _quadratic(
    vertices: Array, radii: Array, cells: NDArray[np.int64]
) -> tuple[Array, Array, NDArray[np.int64]]:
    """Add the midpoints of the edges."""
    d = vertices.shape[1]
    pairs = np.sort(np.concatenate([cells[:, edge] for edge in EDGES[d]]), axis=1)
    edges, numbers = np.unique(pairs, axis=0, return_inverse=True)
    middles = numbers.reshape(len(EDGES[d]), -1).T + len(vertices)
    return (
        np.concatenate([vertices, vertices[edges].mean(axis=1)]),
        np.concatenate([radii, radii[edges].mean(axis=1)]),
        np.concatenate([cells, middles], axis=1),
    )
