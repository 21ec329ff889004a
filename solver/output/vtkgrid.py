"""Read back grids and fields that :mod:`solver.output.vtkhdf` wrote, serially."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import basix
import dolfinx
import numpy as np
from numpy.typing import NDArray

from solver.output.reading import Unreadable, opened

Array = NDArray[np.float64]

_HIGHEST = 10  # degree of cells
_DOLFINX_CELLS = {
    name: getattr(dolfinx.mesh.CellType, name)
    for name in ("interval", "triangle", "quadrilateral", "tetrahedron", "hexahedron")
}


@dataclass(frozen=True)
class FieldData:
    """One field as read: values ``(rows, *shape)``, and whether the rows are cells or points."""

    values: Array
    per_cell: bool


@dataclass(frozen=True)
class VtkGrid:
    """A grid of Lagrange cells with equispaced nodes.

    Attributes:
        cell_name: basix name of the cells.
        degree: Degree of the cells.
        points: Nodes, ``(n, dim)``.
        nodes: Nodes of each cell in the order of the reference element, ``(cells, nodes per cell)``.
    """

    cell_name: str
    degree: int
    points: Array
    nodes: NDArray[np.int64]

    @property
    def dim(self) -> int:
        """Number of coordinates."""
        return int(self.points.shape[1])

    @cached_property
    def element(self) -> Any:
        """The reference element: Lagrange with equispaced nodes."""
        return basix.create_element(
            basix.ElementFamily.P,
            basix.CellType[self.cell_name],
            self.degree,
            basix.LagrangeVariant.equispaced,
        )

    def basis(self, reference: Array) -> Array:
        """Basis functions at reference points, ``(points, nodes per cell)``."""
        return np.asarray(self.element.tabulate(0, reference)[0, :, :, 0])

    def basis_gradient(self, reference: Array) -> Array:
        """Derivatives of the basis functions at reference points, ``(dim, points, nodes per cell)``."""
        return np.asarray(self.element.tabulate(1, reference)[1:, :, :, 0])


def read_grid(path: str | Path) -> VtkGrid:
    """Read the grid of a VTKHDF file.

    Raises:
        Unreadable: If it is damaged, or none of ours.
    """
    with opened(path) as root:
        cell_name, degree = str(root.attrs["CellName"]), int(root.attrs["Degree"])
        points = root["Points"][:, : int(root.attrs["GeometricDimension"])]
        cells = int(root["NumberOfCells"][0])
        connectivity = root["Connectivity"][:].reshape(cells, -1)
        if cell_name not in _DOLFINX_CELLS or not 1 <= degree <= _HIGHEST or not cells:
            raise Unreadable(path, f"it is damaged: {cells} cells '{cell_name}' of degree {degree}")
        if not np.isfinite(points).all() or not 1 <= points.shape[1] <= 3:
            raise Unreadable(path, "it is damaged: a node is nowhere")
        if connectivity.min() < 0 or connectivity.max() >= len(points):
            raise Unreadable(path, "it is damaged: a cell has a node that is not there")
        found = VtkGrid(cell_name, degree, points, connectivity)
        if found.element.dim != connectivity.shape[1]:
            raise Unreadable(path, f"it is damaged: {connectivity.shape[1]} nodes a cell")
        order = dolfinx.cpp.io.perm_vtk(_DOLFINX_CELLS[cell_name], connectivity.shape[1])
    return VtkGrid(cell_name, degree, points, connectivity[:, order])


def read_dimension(path: str | Path) -> int:
    """Number of coordinates of the grid of a VTKHDF file."""
    with opened(path) as root:
        return int(root.attrs["GeometricDimension"])


def field_names(path: str | Path) -> list[str]:
    """Names of the point fields and cell fields of a VTKHDF file."""
    with opened(path) as root:
        return [*root["PointData"], *root["CellData"]]


def read_field(path: str | Path, field: str) -> FieldData:
    """Read a field, without the padding that VTK wants.

    Raises:
        ValueError: There is no such field; the message lists those there are.
    """
    names = field_names(path)
    if field not in names:
        raise ValueError(f"no field {field!r} in {Path(path).name}; there are: {', '.join(names)}")
    with opened(path) as root:
        per_cell = field in root["CellData"]
        dataset = root["CellData" if per_cell else "PointData"][field]
        values = np.asarray(dataset[...], dtype=np.float64)
        shape = tuple(int(n) for n in dataset.attrs["ValueShape"])
        rows = int(root["NumberOfCells"][0]) if per_cell else len(root["Points"])
        if len(values) != rows:
            raise Unreadable(path, f"it is damaged: {len(values)} values of {field} for {rows} places")
    if not per_cell and shape:
        values = values.reshape(len(values), *(3,) * len(shape))
        values = values[(slice(None), *(slice(n) for n in shape))]
    return FieldData(values, per_cell)
