"""What the output tests share: meshes of every cell type and a polynomial to put on them."""

from __future__ import annotations

import numpy as np
from dolfinx import mesh
from mpi4py import MPI
from numpy.typing import NDArray

COMM = MPI.COMM_WORLD
LOWER, UPPER = np.array([-1.0, -1.0, 0.0]), np.array([1.0, 2.0, 1.0])
CELLS = ("interval", "triangle", "quadrilateral", "tetrahedron", "hexahedron")


def make_mesh(cell: str, comm: MPI.Intracomm = COMM, size: int = 3) -> mesh.Mesh:
    kind = getattr(mesh.CellType, cell)
    dim = mesh.cell_dim(kind)
    if dim == 1:
        return mesh.create_interval(comm, 2 * size, [LOWER[0], UPPER[0]])
    if dim == 2:
        return mesh.create_rectangle(comm, [LOWER[:2], UPPER[:2]], [size, size + 1], kind)
    return mesh.create_box(comm, [LOWER, UPPER], [size - 1, size - 1, 2], kind)


def random_points(dim: int, count: int = 40) -> NDArray[np.float64]:
    """Points inside, then the two extreme corners, as (n, d)."""
    inside = LOWER[:dim] + np.random.default_rng(7).random((count, dim)) * (UPPER - LOWER)[:dim]
    return np.vstack([inside, LOWER[:dim], UPPER[:dim]])


def polynomial(degree: int, dim: int, x: NDArray[np.float64]) -> NDArray[np.float64]:
    """A polynomial of exactly this total degree in every coordinate."""
    pure = sum((0.7 + 0.4 * i) * x[i] ** degree for i in range(dim))
    return np.asarray(pure - x[0] * x[dim - 1] ** (degree - 1) + 0.3)
