"""Simplex meshes of boxes in one, two and three dimensions."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from dolfinx import mesh
from mpi4py import MPI
from numpy.typing import NDArray

LEAST, SLENDER = 8, 16.0

Bounds = Sequence[tuple[float, float]]


def cells_per_side(bounds: Bounds, resolution: int) -> list[int]:
    """Numbers of cells along each side so that the cells are as equilateral as the box allows.

    A side that is sixteen times shorter than the longest has eight all the same (or the resolution, if that
    is less): coordinates have units of their own.
    """
    lengths = [high - low for low, high in bounds]
    longest = max(lengths)
    leasts = [min(resolution, LEAST) if SLENDER * length < longest else 1 for length in lengths]
    return [
        max(least, round(resolution * length / longest))
        for least, length in zip(leasts, lengths, strict=True)
    ]


def box(comm: MPI.Comm, bounds: Bounds, resolution: int) -> mesh.Mesh:
    """Mesh of intervals, triangles or tetrahedra of a box.  Collective.

    Args:
        comm: Communicator over which the mesh is spread.
        bounds: ``(low, high)`` for each of one to three coordinates.
        resolution: Number of cells along the longest side.
    """
    counts = cells_per_side(bounds, resolution)
    low, high = (np.array(side, dtype=float) for side in zip(*bounds, strict=True))
    ghosts = mesh.GhostMode.shared_facet
    if len(bounds) == 1:
        return mesh.create_interval(comm, counts[0], (low[0], high[0]), ghost_mode=ghosts)
    if len(bounds) == 2:
        # alternating diagonals: no preferred direction, and refinement keeps the shapes
        return mesh.create_rectangle(
            comm,
            (low, high),
            counts,
            mesh.CellType.triangle,
            ghost_mode=ghosts,
            diagonal=mesh.DiagonalType.left_right,
        )
    if len(bounds) == 3:
        return mesh.create_box(comm, (low, high), counts, mesh.CellType.tetrahedron, ghost_mode=ghosts)
    raise ValueError(f"a box has 1 to 3 sides, not {len(bounds)}")


def line(comm: MPI.Comm, points: NDArray[np.float64]) -> mesh.Mesh:
    """Mesh of an interval with these vertices ``(N,)``, in order.  Collective."""
    domain = mesh.create_interval(
        comm, len(points) - 1, (0.0, float(len(points) - 1)), ghost_mode=mesh.GhostMode.shared_facet
    )
    x = domain.geometry.x
    x[:, 0] = points[np.rint(x[:, 0]).astype(np.int64)]
    return domain
