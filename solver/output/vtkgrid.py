"""Read back grids and fields that :mod:`solver.output.vtkhdf` wrote, serially."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import basix
import dolfinx
import h5py
import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

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
    """Read the grid of a VTKHDF file."""
    with _open(path) as root:
        cell_name, degree = str(root.attrs["CellName"]), int(root.attrs["Degree"])
        points = root["Points"][:, : int(root.attrs["GeometricDimension"])]
        cells = int(root["NumberOfCells"][0])
        connectivity = root["Connectivity"][:].reshape(cells, -1)
    order = dolfinx.cpp.io.perm_vtk(_DOLFINX_CELLS[cell_name], connectivity.shape[1])
    return VtkGrid(cell_name, degree, points, connectivity[:, order])


def read_dimension(path: str | Path) -> int:
    """Number of coordinates of the grid of a VTKHDF file."""
    with _open(path) as root:
        return int(root.attrs["GeometricDimension"])


def field_names(path: str | Path) -> list[str]:
    """Names of the point fields and cell fields of a VTKHDF file."""
    with _open(path) as root:
        return [*root["PointData"], *root["CellData"]]


def read_field(path: str | Path, field: str) -> FieldData:
    """Read a field, without the padding that VTK wants.

    Raises:
        ValueError: There is no such field; the message lists those there are.
    """
    names = field_names(path)
    if field not in names:
        raise ValueError(f"no field {field!r} in {Path(path).name}; there are: {', '.join(names)}")
    with _open(path) as root:
        per_cell = field in root["CellData"]
        dataset = root["CellData" if per_cell else "PointData"][field]
        values = np.asarray(dataset[...], dtype=np.float64)
        shape = tuple(int(n) for n in dataset.attrs["ValueShape"])
    if not per_cell and shape:
        values = values.reshape(len(values), *(3,) * len(shape))
        values = values[(slice(None), *(slice(n) for n in shape))]
    return FieldData(values, per_cell)


@contextmanager
def _open(path: str | Path) -> Iterator[h5py.Group]:
    try:
        file = h5py.File(path, "r")
    except OSError as error:
        raise ValueError(f"cannot read {path} as HDF5: {error}") from None
    with file:
        if "VTKHDF" not in file or "CellName" not in file["VTKHDF"].attrs:
            raise ValueError(f"{path} holds no grid written by quasipot")
        yield file["VTKHDF"]
