"""Copies of a mesh with vertices moved onto a level set.

Where the level set cuts an edge, the nearer of its ends is moved onto the level set.  Afterwards every cell
lies (up to the curvature of the level set over one cell) on one side of it, and the cells on the low side are
a mesh of the sublevel set.  The copy has the topology of the original, so that functions on the two have the
same numbering.  (Vertex snapping, as in Labelle & Shewchuk, Isosurface stuffing, SIGGRAPH 2007.)
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from itertools import combinations

import numpy as np
import ufl
from dolfinx import cpp, fem, mesh
from dolfinx.la import InsertMode
from numpy.typing import NDArray

Array = NDArray[np.float64]
Mask = NDArray[np.bool_]

# value (n,) and gradient (n, d) of the height at reference points (n, d) of local cells (n,)
Height = Callable[[NDArray[np.int32], Array], tuple[Array, Array]]

# a vertex moves by at most this part of the mean length of its edges
FARTHEST = 0.55
STEPS = 3


def moved_copy(domain: mesh.Mesh, x: Array) -> mesh.Mesh:
    """The same topology with other positions of the vertices, ``(geometry nodes, d)``."""
    geometry = domain.geometry
    element = getattr(geometry.cmap, "_cpp_object", geometry.cmap)
    topology = getattr(domain.topology, "_cpp_object", domain.topology)
    dofmap = geometry.dofmap if not hasattr(geometry, "dofmaps") else _first(geometry.dofmaps)
    positions = cpp.mesh.Geometry_float64(
        geometry.index_map(), dofmap, element, np.ascontiguousarray(x), geometry.input_global_indices
    )
    shape = ufl.Mesh(domain.ufl_domain().ufl_coordinate_element())
    return mesh.Mesh(cpp.mesh.Mesh_float64(domain.comm, topology, positions), shape)


def _first(dofmaps: object) -> NDArray[np.int32]:
    return dofmaps(0) if callable(dofmaps) else dofmaps[0]  # type: ignore[index]


def reference_points(corners: Array, x: Array) -> Array:
    """Pull points ``(n, d)`` back to the reference simplex of cells with corners ``(n, d+1, d)``."""
    edges = np.swapaxes(corners[:, 1:] - corners[:, :1], 1, 2)
    return np.asarray(np.linalg.solve(edges, (x - corners[:, 0])[..., None])[..., 0])


def fitted(domain: mesh.Mesh, height: Height) -> tuple[mesh.Mesh, Mask]:
    """Fit a copy of a simplex mesh to the sublevel set {height < 0}.  Collective.

    Args:
        domain: The mesh; it is not changed.
        height: The function of which the zero level set is taken; infinite where it is not known.

    Returns:
        The copy, and which of its local cells lie in the sublevel set.
    """
    dim = domain.geometry.dim
    vertices = fem.functionspace(domain, ("Lagrange", 1))
    corners = domain.geometry.x[domain.geometry.dofmap][:, :, :dim]
    owned = domain.topology.index_map(dim).size_local
    dofs = vertices.dofmap.list
    count = vertices.dofmap.index_map.size_local + vertices.dofmap.index_map.num_ghosts
    place = np.zeros((count, dim))
    place[dofs.reshape(-1)] = corners.reshape(-1, dim)
    reference = np.vstack([np.zeros(dim), np.eye(dim)])
    cells = np.arange(len(dofs), dtype=np.int32)
    values = np.stack(
        [height(cells, np.tile(corner, (len(cells), 1)))[0] for corner in reference], axis=1
    ).reshape(-1, dim + 1)

    total = partial(_total, vertices)
    hits, ends, lengths = [], [], []
    for i, j in combinations(range(dim + 1), 2):
        a, b = values[:owned, i], values[:owned, j]
        cut = (a < 0) != (b < 0)
        nearer_i = np.abs(a) <= np.abs(b)
        hits += [dofs[:owned, i][cut & nearer_i], dofs[:owned, j][cut & ~nearer_i]]
        ends += [dofs[:owned, i], dofs[:owned, j]]
        lengths += [np.linalg.norm(corners[:owned, i] - corners[:owned, j], axis=1)] * 2
    hit = np.concatenate(hits)
    on_level = total(hit, [np.ones(len(hit))])[0] > 0.5
    length = np.concatenate(lengths)
    summed, number = total(np.concatenate(ends), [length, np.ones_like(length)])
    reach = FARTHEST * summed / np.maximum(number, 1.0)
    goal = place.copy()
    for _ in range(STEPS):
        cell, corner = np.nonzero(on_level[dofs[:owned]])
        vertex = dofs[cell, corner]
        local = reference_points(corners[cell], goal[vertex])
        inside = (local.min(axis=1, initial=1.0) >= -1e-9) & (local.sum(axis=1) <= 1 + 1e-9)
        vertex = vertex[inside]
        value, slope = height(cell[inside].astype(np.int32), local[inside])
        known = np.isfinite(value)
        vertex, value, slope = vertex[known], value[known], slope[known]
        sums = total(vertex, [value, *slope.T, np.ones(len(value))])
        found = on_level & (sums[-1] > 0.5)
        mean = np.array(sums[:-1])[:, found] / sums[-1][found]
        goal[found] -= (mean[0] / np.maximum(np.sum(mean[1:] ** 2, axis=0), 1e-300) * mean[1:]).T
        far = np.linalg.norm(goal - place, axis=1)
        shrink = np.minimum(1.0, reach / np.maximum(far, 1e-300))
        goal = place + shrink[:, None] * (goal - place)
    x = np.array(domain.geometry.x[:, :dim])
    x[domain.geometry.dofmap.reshape(-1)] = goal[dofs.reshape(-1)]
    low = values < 0
    active = (low | on_level[dofs]).all(axis=1) & (low & ~on_level[dofs]).any(axis=1)
    moved = x[domain.geometry.dofmap]
    # a cell with all its vertices on the level set is inside if its centre is
    between = np.flatnonzero(on_level[dofs].all(axis=1)).astype(np.int32)
    centre = reference_points(corners[between], moved[between].mean(axis=1))
    active[between] = height(between, centre)[0] < 0
    return moved_copy(domain, x), active & _same_orientation(corners, moved)


def _total(vertices: fem.FunctionSpace, at: NDArray[np.int32], columns: list[Array]) -> list[Array]:
    """Sum of contributions of owned cells at the vertices, over all ranks.  Collective."""
    sums = []
    for column in columns:
        function = fem.Function(vertices)
        np.add.at(function.x.array, at, column)
        function.x.scatter_reverse(InsertMode.add)
        function.x.scatter_forward()
        sums.append(function.x.array.copy())
    return sums


def _same_orientation(before: Array, after: Array) -> Mask:
    """Cells that were not turned inside out or flattened."""
    volumes = [np.linalg.det(corners[:, 1:] - corners[:, :1]) for corners in (before, after)]
    return np.asarray(volumes[1] * np.sign(volumes[0]) > 1e-3 * np.abs(volumes[0]))
