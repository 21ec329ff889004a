"""Meshes graded towards points, or to a sublevel set, by marked refinement."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from dolfinx import mesh
from mpi4py import MPI
from numpy.typing import NDArray

from meshes.compat import shared_facet_partitioner

Array = NDArray[np.float64]

# cells as large as they may be are not left to rounding
TIE = 1.0 + 1e-9


def cell_diameters(domain: mesh.Mesh) -> Array:
    """Longest edge of every owned cell."""
    x = domain.geometry.x[domain.geometry.dofmap[: _owned(domain)]]
    gaps = x[:, :, None, :] - x[:, None, :, :]
    return np.sqrt(np.max(np.sum(gaps**2, axis=-1), axis=(1, 2)))


def cell_sizes(domain: mesh.Mesh) -> Array:
    """How large every owned cell is: its longest edge, in space the edge of a regular one of its volume.

    A cube cut into tetrahedra has cells whose longest edge is √3 times its side; judged by that, one takes
    ten times as many cells in space as resolve the same things in the plane.
    """
    if domain.topology.dim < 3:
        return cell_diameters(domain)
    x = domain.geometry.x[domain.geometry.dofmap[: _owned(domain)]]
    volumes = np.abs(np.linalg.det(x[:, 1:4] - x[:, :1])) / 6.0
    return np.asarray((6.0 * np.sqrt(2.0) * volumes) ** (1.0 / 3.0))


def graded(
    domain: mesh.Mesh,
    points: Sequence[Array],
    sizes: Sequence[float],
    *,
    reach: float | None = None,
    max_levels: int = 12,
) -> mesh.Mesh:
    """Refine until cells near each point are no larger than its size.  Collective.

    A cell at distance r from a point is refined while its size (:func:`cell_sizes`) exceeds
    ``max(size, r / reach)``, so the cells grow linearly away from the points.

    Args:
        domain: The mesh to refine; it is not changed.
        points: Points ``(d,)``.
        sizes: Target size at each point.
        reach: Number of cells over which the size doubles, about.  The number of cells goes with its d-th
            power: 2, but 1 in space.
        max_levels: Bound on the number of refinements, in space of thirds of one.
    """
    space = domain.topology.dim == 3
    reach = reach or (1.0 if space else 2.0)
    for _ in range(3 * max_levels if space else max_levels):
        owned = _owned(domain)
        diameters = cell_sizes(domain)
        corners = domain.geometry.x[domain.geometry.dofmap[:owned]]
        marked = np.zeros(owned, dtype=bool)
        for point, size in zip(points, sizes, strict=True):
            padded = np.zeros(3)
            padded[: len(point)] = point
            nearest = np.sqrt(np.min(np.sum((corners - padded) ** 2, axis=-1), axis=1, initial=np.inf))
            # a cell that contains the point has it nearer than any of its corners
            distance = np.maximum(nearest - diameters, 0.0)
            marked |= diameters > TIE * np.maximum(size, distance / reach)
        if not domain.comm.allreduce(bool(marked.any()), op=MPI.LOR):
            break
        domain = refine_cells(domain, np.flatnonzero(marked).astype(np.int32))
    return domain


def refined_below(
    domain: mesh.Mesh,
    height: Callable[[Array], Array],
    level: float,
    size: float,
    *,
    max_levels: int = 12,
) -> mesh.Mesh:
    """Refine until cells that reach into a sublevel set are no larger than a size.  Collective.

    A cell reaches into {height < level} if one of its vertices or its centre lies there.

    Args:
        domain: The mesh to refine; it is not changed.
        height: Function of points ``(d, N)`` with values ``(N,)``.
        level: Upper end of the sublevel set.
        size: Largest size (:func:`cell_sizes`) of a cell there.
        max_levels: Bound on the number of refinements, in space of thirds of one.
    """
    dim = domain.topology.dim
    for _ in range(3 * max_levels if dim == 3 else max_levels):
        owned = _owned(domain)
        # the corners come first, also where cells are curved
        corners = domain.geometry.x[domain.geometry.dofmap[:owned, : dim + 1]][..., : domain.geometry.dim]
        points = np.concatenate([corners, corners.mean(axis=1, keepdims=True)], axis=1)
        heights = height(points.reshape(-1, points.shape[-1]).T).reshape(points.shape[:2])
        marked = (heights.min(axis=1) < level) & (cell_sizes(domain) > TIE * size)
        if not domain.comm.allreduce(bool(marked.any()), op=MPI.LOR):
            break
        domain = refine_cells(domain, np.flatnonzero(marked).astype(np.int32))
    return domain


def refine_cells(domain: mesh.Mesh, cells: NDArray[np.int32]) -> mesh.Mesh:
    """Bisect the longest edges of the given owned cells (and what conformity asks for).  Collective."""
    dim = domain.topology.dim
    domain.topology.create_entities(1)
    domain.topology.create_connectivity(dim, 1)
    edges = mesh.compute_incident_entities(domain.topology, cells, dim, 1)
    return mesh.refine(domain, edges, partitioner=shared_facet_partitioner())[0]


def _owned(domain: mesh.Mesh) -> int:
    return int(domain.topology.index_map(domain.topology.dim).size_local)
