"""Meshes graded towards points by marked refinement."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from dolfinx import mesh
from mpi4py import MPI
from numpy.typing import NDArray

from meshes.compat import shared_facet_partitioner

Array = NDArray[np.float64]


def cell_diameters(domain: mesh.Mesh) -> Array:
    """Longest edge of every owned cell."""
    x = domain.geometry.x[domain.geometry.dofmap[: _owned(domain)]]
    gaps = x[:, :, None, :] - x[:, None, :, :]
    return np.sqrt(np.max(np.sum(gaps**2, axis=-1), axis=(1, 2)))


def graded(
    domain: mesh.Mesh,
    points: Sequence[Array],
    sizes: Sequence[float],
    *,
    reach: float = 2.0,
    max_levels: int = 12,
) -> mesh.Mesh:
    """Refine until cells near each point are no longer than its size.  Collective.

    A cell at distance r from a point is refined while its longest edge exceeds ``max(size, r / reach)``, so
    the cells grow linearly away from the points.

    Args:
        domain: The mesh to refine; it is not changed.
        points: Points ``(d,)``.
        sizes: Target edge length at each point.
        reach: Number of cells over which the size doubles, about.
        max_levels: Bound on the number of refinements.
    """
    for _ in range(max_levels):
        owned = _owned(domain)
        diameters = cell_diameters(domain)
        corners = domain.geometry.x[domain.geometry.dofmap[:owned]]
        marked = np.zeros(owned, dtype=bool)
        for point, size in zip(points, sizes, strict=True):
            padded = np.zeros(3)
            padded[: len(point)] = point
            nearest = np.sqrt(np.min(np.sum((corners - padded) ** 2, axis=-1), axis=1, initial=np.inf))
            # a cell that contains the point has it nearer than any of its corners
            distance = np.maximum(nearest - diameters, 0.0)
            marked |= diameters > np.maximum(size, distance / reach)
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
