"""Meshes from files, spread over the ranks."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import basix.ufl
import numpy as np
import ufl
from dolfinx import mesh
from mpi4py import MPI

from meshes.compat import shared_facet_partitioner
from meshes.mesh_file import UnreadableMesh, read_cells

SIMPLICES = {1: "interval", 2: "triangle", 3: "tetrahedron"}


def read_mesh(comm: MPI.Comm, path: Path, dim: int) -> mesh.Mesh:
    """Read a simplex mesh of dimension ``dim`` and spread it over the ranks.  Collective.

    Rank 0 reads the file and checks what is in it (:func:`meshes.mesh_file.read_cells`).

    Raises:
        UnreadableMesh: On all ranks, if it cannot be used.
    """
    outcome: tuple[Any, Any] | UnreadableMesh = (np.zeros((0, dim)), np.zeros((0, dim + 1), dtype=np.int64))
    if comm.rank == 0:
        try:
            outcome = read_cells(path, dim)
        except UnreadableMesh as error:
            outcome = error
    problem = comm.bcast(outcome if isinstance(outcome, UnreadableMesh) else None, root=0)
    if problem is not None:
        raise problem
    points, cells = outcome  # type: ignore[misc]
    element = ufl.Mesh(basix.ufl.element("Lagrange", SIMPLICES[dim], 1, shape=(dim,)))
    partitioner = shared_facet_partitioner()
    return mesh.create_mesh(comm, cells=cells, x=points, e=element, partitioner=partitioner)
