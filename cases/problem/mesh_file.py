"""The mesh file of a case: whether it can be used, before anything is solved on it."""

from __future__ import annotations

from pathlib import Path

from cases.base.errors import CaseError
from cases.casefile.case import Case
from meshes.mesh_file import UnreadableMesh, read_cells


def check_mesh_file(case: Case) -> None:
    """Read the mesh file of a case, if it has one, as a run would.

    Raises:
        CaseError: when it cannot be used.
    """
    if case.domain.mesh is None:
        return
    path = Path(case.domain.mesh)
    try:
        read_cells(path, case.dim)
    except UnreadableMesh as error:
        raise refused(case, path, error) from None


def refused(case: Case, path: Path, error: UnreadableMesh) -> CaseError:
    """What is wrong with a mesh file, as an error of the case."""
    return case.error("domain.mesh", f"{path.name} {error}", f"give a mesh of {case.dim}D simplices")
