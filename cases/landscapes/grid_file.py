"""The file of a tabulated landscape, ``[system] data``: its layout, reading, checking and writing.

Layout of the file, NPZ (``numpy.savez``) or HDF5 (datasets in the root group), for d = 1 to 3 coordinates:

==================  ====================  ==============================================================
name                shape                 content
==================  ====================  ==============================================================
``axis_0`` …        ``(n_0,)`` …          values of the coordinates, increasing; one array per coordinate
``loss``            ``(n_0, …)``          the loss on the grid, first index first coordinate ("ij")
``covariance``      ``(n_0, …, d, d)``    optional: covariance of the per-sample gradients on the grid
``coordinates``     ``(d,)`` strings      optional: their names (in HDF5 an attribute of the root group)
==================  ====================  ==============================================================

Further entries are kept for people and ignored here.  What is made of the arrays is in
:mod:`cases.landscapes.tabulated`.
"""

from __future__ import annotations

import zipfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from cases.expressions import splines
from solver.system import Array

SUFFIXES = (".npz", ".h5", ".hdf5")
MAX_POINTS = 20_000_000


class BadTable(Exception):
    """A table that cannot be used: problem and fix."""


@dataclass(frozen=True)
class Table:
    """Loss and covariance on a grid.

    Attributes:
        axes: The d increasing coordinate arrays.
        loss: ``(n_0, …)``.
        covariance: ``(n_0, …, d, d)``, or None.
        coordinates: Names of the coordinates; empty where the file does not say.
    """

    axes: tuple[Array, ...]
    loss: Array
    covariance: Array | None = None
    coordinates: tuple[str, ...] = ()

    @property
    def dim(self) -> int:
        """The number of coordinates."""
        return len(self.axes)

    @property
    def bounds(self) -> list[list[float]]:
        """The box of the grid."""
        return [[float(axis[0]), float(axis[-1])] for axis in self.axes]


def read(path: Path) -> Table:
    """Read and check a file.

    Raises:
        BadTable: with what is wrong and what to do.
    """
    if path.suffix.casefold() not in SUFFIXES:
        raise BadTable(f"'{path.name}' is neither .npz nor .h5", "write it with numpy.savez or h5py")
    try:
        entries = _read_npz(path) if path.suffix.casefold() == ".npz" else _read_hdf5(path)
    except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile) as error:
        raise BadTable(
            f"'{path.name}' cannot be read ({error})", "write it with numpy.savez or h5py"
        ) from None
    return _checked(entries)


def write(path: Path, table: Table, **more: Array) -> None:
    """Write a table in the layout above; ``more`` are further arrays for people."""
    entries = {f"axis_{k}": axis for k, axis in enumerate(table.axes)} | {"loss": table.loss, **more}
    if table.covariance is not None:
        entries["covariance"] = table.covariance
    if path.suffix.casefold() == ".npz":
        np.savez(path, **entries, coordinates=np.array(table.coordinates, dtype=str))  # type: ignore[arg-type]
        return
    import h5py

    with h5py.File(path, "w") as file:
        for name, values in entries.items():
            file[name] = values
        if table.coordinates:
            file.attrs["coordinates"] = list(table.coordinates)


def _read_npz(path: Path) -> dict[str, Array]:
    file = np.load(path, allow_pickle=False)
    if not isinstance(file, np.lib.npyio.NpzFile):
        raise ValueError("it holds one array without a name")
    with file:
        return {name: file[name] for name in file.files if _wanted(name)}


def _read_hdf5(path: Path) -> dict[str, Array]:
    import h5py

    with h5py.File(path, "r") as file:
        entries = {name: item[()] for name, item in file.items() if _wanted(name)}
        if "coordinates" in file.attrs:
            entries["coordinates"] = np.array(file.attrs["coordinates"])
    return entries


def _wanted(name: str) -> bool:
    return name in ("loss", "covariance", "coordinates") or name.startswith("axis_")


def _checked(entries: dict[str, Array]) -> Table:
    dim = len([name for name in entries if name.startswith("axis_")])
    names = [f"axis_{k}" for k in range(dim)]
    if dim not in (1, 2, 3) or any(name not in entries for name in names):
        raise BadTable(
            f"it has {dim} arrays named axis_…", "give axis_0, axis_1, … , one to three of them, from 0 on"
        )
    axes = tuple(_axis(name, entries[name]) for name in names)
    if "loss" not in entries:
        raise BadTable("it has no array named loss", f"it has {', '.join(sorted(entries))}")
    shape = tuple(len(axis) for axis in axes)
    loss = _numbers("loss", entries["loss"], shape)
    covariance = None
    if "covariance" in entries:
        covariance = check_covariance(_numbers("covariance", entries["covariance"], (*shape, dim, dim)), axes)
    return Table(axes, loss, covariance, _coordinates(entries.get("coordinates"), dim))


def _axis(name: str, values: Array) -> Array:
    if values.ndim != 1 or values.dtype.kind not in "fiu" or len(values) < splines.FEWEST:
        raise BadTable(
            f"{name} has shape {values.shape} and type {values.dtype}",
            f"give at least {splines.FEWEST} real numbers",
        )
    axis = np.asarray(values, dtype=np.float64)
    if not np.isfinite(axis).all() or not (np.diff(axis) > 0).all():
        raise BadTable(f"{name} is not increasing", "sort the grid along it")
    if np.diff(axis).max() > 20 * np.diff(axis).min():
        raise BadTable(f"{name} has steps that differ twentyfold", "use a more even grid")
    return axis


def _numbers(name: str, values: Array, shape: tuple[int, ...]) -> Array:
    if values.shape != shape:
        raise BadTable(f"{name} has shape {values.shape}", f"the axes ask for {shape}")
    if values.dtype.kind not in "fiu":
        raise BadTable(f"{name} has the type {values.dtype}", "give real numbers")
    if values.size > MAX_POINTS:
        raise BadTable(f"{name} has {values.size} numbers", f"use a grid with at most {MAX_POINTS}")
    if not np.isfinite(values).all():
        raise BadTable(f"{name} is not finite at index {_first(~np.isfinite(values))}", "leave no gaps")
    return np.asarray(values, dtype=np.float64)


def check_covariance(values: Array, axes: Sequence[Array]) -> Array:
    """Symmetric, positive semidefinite matrices at every grid point, exactly symmetric afterwards.

    Raises:
        BadTable: naming the first index where they are not.
    """
    d = len(axes)
    size = np.abs(values).max(axis=(-2, -1))
    skew = np.abs(values - np.swapaxes(values, -2, -1)).max(axis=(-2, -1))
    if (skew > 1e-6 * size).any():
        raise BadTable(
            f"covariance is not symmetric at index {_first(skew > 1e-6 * size)}", "it must be a covariance"
        )
    values = 0.5 * (values + np.swapaxes(values, -2, -1))
    smallest = np.linalg.eigvalsh(values.reshape(-1, d, d))[:, 0].reshape(size.shape)
    # what single precision leaves of a singular matrix is let through: the domain decides (noise checks)
    if (smallest < -1e-6 * size).any():
        raise BadTable(
            f"covariance has the negative eigenvalue {smallest.min():.3g} at index "
            f"{_first(smallest == smallest.min())}",
            "it must be a covariance",
        )
    return values


def _coordinates(values: Array | None, dim: int) -> tuple[str, ...]:
    if values is None or not np.asarray(values).size:
        return ()
    names = tuple(n.decode() if isinstance(n, bytes) else str(n) for n in np.atleast_1d(values))
    if len(names) != dim:
        raise BadTable(f"coordinates has {len(names)} names for {dim} axes", "give one for each")
    return names


def _first(mask: Array) -> tuple[int, ...]:
    return tuple(int(i) for i in np.argwhere(mask)[0])
