"""Evaluate the finite-element fields of a VTKHDF file at points, without a mesh object or MPI.

The fields are polynomials on each cell of the file, so the values are those of the finite-element
functions that were written, to rounding.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from solver.output.celllocator import CellLocator
from solver.output.reading import Unreadable
from solver.output.vtkgrid import VtkGrid, field_names, read_field, read_grid

__all__ = ["Value", "fields", "locator_of", "probe", "sample"]

Array = NDArray[np.float64]
Value = float | list[float] | list[list[float]] | None


def fields(path: str | Path) -> list[str]:
    """Names of the point and cell fields in a file."""
    return field_names(path)


def probe(path: str | Path, field: str, points: Array) -> list[Value]:
    """Evaluate a field at points.

    Args:
        path: VTKHDF file written by :func:`solver.output.vtkhdf.write_vtkhdf`.
        field: Name of a point or cell field.
        points: Array ``(n, d)``.

    Returns:
        Per point a number, a list (vector) or a list of rows (tensor); None outside the mesh or the valid
        region of the field.

    Raises:
        ValueError: There is no such field, or the points have the wrong number of coordinates.
    """
    values = sample(path, field, points)
    finite = _finite_rows(values)
    return [value.tolist() if ok else None for value, ok in zip(values, finite, strict=True)]


def sample(
    path: str | Path, field: str, points: Array, *, locator: CellLocator | None = None
) -> NDArray[np.float64]:
    """Like :func:`probe`, as an array ``(n, ...)`` with NaN where there is no value.

    Args:
        path: VTKHDF file.
        field: Name of a point or cell field.
        points: Array ``(n, d)``.
        locator: The locator of an earlier call for the same file, to save building it again.
    """
    points = np.atleast_2d(np.asarray(points, dtype=np.float64))
    data = read_field(path, field)
    locator = locator or locator_of(path)
    grid = locator.grid
    if points.ndim != 2 or points.shape[1] != grid.dim:
        raise ValueError(f"points need {grid.dim} coordinates for {Path(path).name}, not {points.shape[-1]}")
    broken = _broken_cells(grid, data.values, data.per_cell)
    cells, reference = locator.locate(points, broken)
    found = cells >= 0
    result = np.full((len(points), *data.values.shape[1:]), np.nan)
    if not found.any():  # no basis can be had of no points
        return result
    if data.per_cell:
        result[found] = data.values[cells[found]]
        return result
    basis = grid.basis(reference[found])
    result[found] = np.einsum("pn,pn...->p...", basis, data.values[grid.nodes[cells[found]]])
    return result


def locator_of(path: str | Path) -> CellLocator:
    """What finds points in the grid of a file.

    Raises:
        Unreadable: If the file is damaged, or none of ours.
    """
    grid = read_grid(path)
    try:
        return CellLocator(grid)
    except np.linalg.LinAlgError:
        raise Unreadable(path, "it is damaged: a cell has no volume") from None


def _broken_cells(grid: VtkGrid, values: Array, per_cell: bool) -> NDArray[np.bool_]:
    """Cells in which the field has no value, because it is NaN somewhere in them."""
    finite = _finite_rows(values)
    return ~finite if per_cell else ~np.asarray(finite[grid.nodes].all(axis=1))


def _finite_rows(values: Array) -> NDArray[np.bool_]:
    return np.asarray(np.isfinite(values).all(axis=tuple(range(1, values.ndim))))
