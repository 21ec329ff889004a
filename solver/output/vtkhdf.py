"""Several named finite-element fields in one VTKHDF file, written in parallel.

The file is plain HDF5 that ParaView 5.11 and newer opens directly: one unstructured grid of Lagrange cells
of a chosen degree, whose points are the equispaced nodes of that degree.  A field of lower or equal
degree is represented exactly.  Every rank writes its own rows; nothing is gathered.

A value of NaN means "outside the region where this field is valid".
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias

import basix
import basix.ufl
import dolfinx
import h5py
import numpy as np
from mpi4py import MPI
from numpy.typing import NDArray

from solver.output import fieldvalues, h5rows
from solver.output.fieldvalues import OnSubmesh, Source

__all__ = ["MAX_DEGREE", "VTK_TYPES", "OnSubmesh", "Source", "write_vtkhdf"]

MAX_DEGREE = 5

#: VTK cell type numbers (linear, Lagrange of any order) per basix cell name.
VTK_TYPES: dict[str, tuple[int, int]] = {
    "interval": (3, 68),
    "triangle": (5, 69),
    "quadrilateral": (9, 70),
    "tetrahedron": (10, 71),
    "hexahedron": (12, 72),
}

Attributes: TypeAlias = Mapping[str, str | float | int | NDArray[Any]]
CellSource: TypeAlias = dolfinx.fem.Function | NDArray[Any]


@dataclass(frozen=True)
class CellGrid:
    """The grid of equispaced Lagrange nodes as this rank sees it.

    Attributes:
        space: Scalar space whose degrees of freedom are the nodes.
        degree: Its degree.
        cells: Number of owned cells.
        points: Number of owned nodes.
    """

    space: dolfinx.fem.FunctionSpace
    degree: int
    cells: int
    points: int

    @property
    def mesh(self) -> dolfinx.mesh.Mesh:
        """The mesh."""
        return self.space.mesh

    @property
    def comm(self) -> MPI.Intracomm:
        """The ranks that share it."""
        return self.mesh.comm


def write_vtkhdf(
    path: str | Path,
    mesh: dolfinx.mesh.Mesh,
    fields: Mapping[str, Source],
    degree: int,
    *,
    cell_fields: Mapping[str, CellSource] | None = None,
    attributes: Attributes | None = None,
    field_attributes: Mapping[str, Attributes] | None = None,
) -> None:
    """Write named fields on one Lagrange grid to a VTKHDF file (collective).

    Args:
        path: File to write; replaced if it exists.  The folder must exist on rank 0.
        mesh: Mesh of intervals, triangles, quadrilaterals, tetrahedra or hexahedra.
        fields: Point fields by name.  Each is a Lagrange function (scalar, vector or tensor, degree at most
            ``degree``), an :class:`OnSubmesh` (NaN elsewhere), or a NumPy function of points ``(d, N)``
            returning ``(N,)``, ``(d, N)`` or ``(d, d, N)``, which is sampled at the nodes.
        degree: Degree of the grid, 1 to 5.
        cell_fields: Cell fields by name: one row per owned cell, or a function of degree 0.
        attributes: Extra HDF5 attributes of the file.
        field_attributes: Extra HDF5 attributes per field name.
    """
    cell_fields, field_attributes = cell_fields or {}, field_attributes or {}
    _validate(mesh, fields, degree, cell_fields, field_attributes)
    folder = Path(path).resolve().parent
    if not mesh.comm.bcast(folder.is_dir() if mesh.comm.rank == 0 else None, root=0):
        raise FileNotFoundError(f"no folder {folder} to write {Path(path).name} into")

    grid = make_grid(mesh, degree)
    with h5rows.writing(path, mesh.comm) as file:
        root = make_root(file, grid)
        for key, value in (attributes or {}).items():
            root.attrs[key] = value
        write_topology(root, grid)
        for where, group in (("PointData", fields), ("CellData", cell_fields)):
            target = root.create_group(where)
            for name, source in group.items():
                values, shape = _evaluate(source, grid, where == "CellData")
                dataset = h5rows.write_rows(target, name, values, mesh.comm)
                dataset.attrs["ValueShape"] = np.array(shape, dtype=np.int64)
                for key, value in field_attributes.get(name, {}).items():
                    dataset.attrs[key] = value


def make_root(file: h5py.File, grid: CellGrid) -> h5py.Group:
    """The group that VTK looks for, with what it is (collective)."""
    root = file.create_group("VTKHDF")
    root.attrs["Version"] = np.array([2, 2], dtype=np.int64)
    root.attrs.create("Type", np.bytes_(b"UnstructuredGrid"))
    root.attrs["Degree"] = grid.degree
    root.attrs["GeometricDimension"] = grid.mesh.geometry.dim
    root.attrs["CellName"] = grid.mesh.basix_cell().name
    return root


def make_grid(mesh: dolfinx.mesh.Mesh, degree: int) -> CellGrid:
    """Build the scalar space whose degrees of freedom are the nodes of the grid (collective)."""
    variant = basix.LagrangeVariant.equispaced  # VTK's nodes; DOLFINx's own default is gll_warped
    element = basix.ufl.element("Lagrange", mesh.basix_cell(), degree, lagrange_variant=variant)
    space = dolfinx.fem.functionspace(mesh, element)
    cells = mesh.topology.index_map(mesh.topology.dim).size_local
    return CellGrid(space, degree, cells, space.dofmap.index_map.size_local)


def write_topology(root: h5py.Group, grid: CellGrid) -> None:
    """Write nodes and cells; the rows of all ranks form a single VTK partition."""
    mesh, comm, dofmap = grid.mesh, grid.comm, grid.space.dofmap
    nodes = dofmap.list[: grid.cells]
    order = np.argsort(dolfinx.cpp.io.perm_vtk(mesh.topology.cell_type, nodes.shape[1]))
    connectivity = dofmap.index_map.local_to_global(nodes[:, order].reshape(-1).astype(np.int32))
    first_cell = sum(comm.allgather(grid.cells)[: comm.rank])
    offsets = (first_cell + np.arange(grid.cells, dtype=np.int64)) * nodes.shape[1]
    if comm.rank == comm.size - 1:  # one more offset than cells: the end of the last one
        offsets = np.append(offsets, (first_cell + grid.cells) * nodes.shape[1])
    vtk_type = VTK_TYPES[mesh.basix_cell().name][0 if grid.degree == 1 else 1]

    h5rows.write_rows(root, "Points", grid.space.tabulate_dof_coordinates()[: grid.points], comm)
    h5rows.write_rows(root, "Connectivity", connectivity.astype(np.int64), comm)
    h5rows.write_rows(root, "Offsets", offsets, comm)
    h5rows.write_rows(root, "Types", np.full(grid.cells, vtk_type, dtype=np.uint8), comm)
    cells = mesh.topology.index_map(mesh.topology.dim).size_global
    counts = {
        "NumberOfPoints": dofmap.index_map.size_global,
        "NumberOfCells": cells,
        "NumberOfConnectivityIds": cells * nodes.shape[1],
    }
    for name, count in counts.items():
        h5rows.write_replicated(root, name, np.array([count], dtype=np.int64), comm)


def _evaluate(source: Any, grid: CellGrid, per_cell: bool) -> tuple[NDArray[Any], tuple[int, ...]]:
    """Rows of this rank for one field, padded to what VTK takes, and the unpadded shape of a value."""
    if per_cell:
        return _cell_rows(source, grid)
    values, shape = fieldvalues.at_nodes(source, grid.space)
    return _pad(values, shape), shape


def _cell_rows(source: CellSource, grid: CellGrid) -> tuple[NDArray[Any], tuple[int, ...]]:
    if isinstance(source, dolfinx.fem.Function):
        space = source.function_space
        values = source.x.array.reshape(-1, space.dofmap.index_map_bs)[space.dofmap.list[: grid.cells, 0]]
        source = values[:, 0] if values.shape[1] == 1 else values
    rows = source[: grid.cells]
    if rows.dtype == bool:  # HDF5 booleans are an enumeration, which VTK does not read
        rows = rows.astype(np.uint8)
    return np.ascontiguousarray(rows), rows.shape[1:]


def _pad(values: NDArray[np.float64], shape: tuple[int, ...]) -> NDArray[np.float64]:
    """Pad vectors to three components and tensors to 3 x 3 = nine: VTK knows no others."""
    if len(shape) == 0:
        return values
    padded = np.zeros((len(values),) + (3,) * len(shape))
    padded[(slice(None), *(slice(n) for n in shape))] = values.reshape(len(values), *shape)
    return padded.reshape(len(values), 3 ** len(shape))


def _validate(
    mesh: dolfinx.mesh.Mesh,
    fields: Mapping[str, Source],
    degree: int,
    cell_fields: Mapping[str, CellSource],
    field_attributes: Mapping[str, Attributes],
) -> None:
    """Refuse what cannot be written before any rank has entered a collective call."""
    if not 1 <= degree <= MAX_DEGREE:
        raise ValueError(f"the degree of the output grid must be 1 to {MAX_DEGREE}, not {degree}")
    if mesh.basix_cell().name not in VTK_TYPES:
        raise ValueError(f"cells of type {mesh.basix_cell().name} cannot be written")
    names = [*fields, *cell_fields]
    if len(set(names)) < len(names):
        raise ValueError("a point field and a cell field have the same name")
    for name in names:
        if not name or "/" in name or name == ".":
            raise ValueError(f"{name!r} is no field name: it is empty or contains a slash")
    if unknown := set(field_attributes) - set(names):
        raise ValueError(f"attributes for fields that are not written: {', '.join(sorted(unknown))}")
    for name, source in fields.items():
        fieldvalues.validate(name, source, mesh, degree)
    cells = mesh.topology.index_map(mesh.topology.dim).size_local
    for name, cell_source in cell_fields.items():
        if isinstance(cell_source, dolfinx.fem.Function):
            if cell_source.function_space.ufl_element().embedded_superdegree != 0:
                raise ValueError(f"cell field {name!r} is not piecewise constant")
        elif len(cell_source) < cells:
            raise ValueError(f"cell field {name!r} has {len(cell_source)} rows for {cells} owned cells")
