"""Meshes from files: gmsh's ``.msh`` and the other formats that meshio reads."""

from __future__ import annotations

import contextlib
import io
from pathlib import Path
from typing import Any

import basix.ufl
import numpy as np
import ufl
from dolfinx import mesh
from mpi4py import MPI

from meshes.compat import shared_facet_partitioner

SIMPLICES = {1: ("line", "interval"), 2: ("triangle", "triangle"), 3: ("tetra", "tetrahedron")}


class UnreadableMesh(Exception):
    """A mesh file that cannot be used, with the reason in one line."""


def read_mesh(comm: MPI.Comm, path: Path, dim: int) -> mesh.Mesh:
    """Read a simplex mesh of dimension ``dim`` and spread it over the ranks.  Collective.

    Rank 0 reads the file; coordinates beyond the first ``dim`` must vanish.

    Raises:
        UnreadableMesh: On all ranks, if the file cannot be read or holds no cells of this dimension.
    """
    outcome: tuple[Any, Any] | UnreadableMesh = (np.zeros((0, dim)), np.zeros((0, dim + 1), dtype=np.int64))
    if comm.rank == 0:
        try:
            outcome = _read(path, dim)
        except UnreadableMesh as error:
            outcome = error
    problem = comm.bcast(outcome if isinstance(outcome, UnreadableMesh) else None, root=0)
    if problem is not None:
        raise problem
    points, cells = outcome  # type: ignore[misc]
    element = ufl.Mesh(basix.ufl.element("Lagrange", SIMPLICES[dim][1], 1, shape=(dim,)))
    partitioner = shared_facet_partitioner()
    return mesh.create_mesh(comm, cells=cells, x=points, e=element, partitioner=partitioner)


def _read(path: Path, dim: int) -> tuple[Any, Any]:
    import meshio

    # meshio prints its complaints, and raises whatever its readers run into, also SystemExit
    said = io.StringIO()
    try:
        with contextlib.redirect_stdout(said), contextlib.redirect_stderr(said):
            data = meshio.read(path)
    except SystemExit as error:
        reason = " ".join(said.getvalue().split()) or "unknown format"
        raise UnreadableMesh(f"cannot be read as a mesh ({reason})") from error
    except Exception as error:
        reason = " ".join(str(error).split()) or type(error).__name__
        raise UnreadableMesh(f"cannot be read as a mesh ({reason})") from error
    kind = SIMPLICES[dim][0]
    blocks = [block.data for block in data.cells if block.type == kind]
    if not blocks:
        found = ", ".join(sorted({block.type for block in data.cells})) or "no cells"
        raise UnreadableMesh(f"has no {kind} cells (found {found})")
    points = np.asarray(data.points, dtype=float)
    if points.shape[1] > dim and np.abs(points[:, dim:]).max(initial=0.0) > 1e-12:
        raise UnreadableMesh(f"has points off the first {dim} coordinates")
    cells = np.concatenate(blocks).astype(np.int64)
    # nodes that no cell uses (centres of arcs, say) would stay without a degree of freedom
    used, compact = np.unique(cells, return_inverse=True)
    return np.ascontiguousarray(points[used, :dim]), compact.reshape(cells.shape)
