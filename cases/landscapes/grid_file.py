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

import math
import zipfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO

import numpy as np

from cases.expressions import splines
from solver.output.replacing import replacing
from solver.system import Array

SUFFIXES = (".npz", ".h5", ".hdf5")
MAX_POINTS = 20_000_000
#: Beyond this the squares that errors are measured by are no numbers any more.
LARGEST = 1e120
#: Shape and type of an array, as a file announces it.
Header = tuple[tuple[int, ...], np.dtype[np.generic]]


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

    Types and shapes are looked at before anything is read, so that no file fills the memory.

    Raises:
        BadTable: with what is wrong and what to do.
    """
    kind = path.suffix.casefold()
    if kind not in SUFFIXES:
        raise BadTable(f"'{path.name}' is neither .npz nor .h5", "write it with numpy.savez or h5py")
    try:
        entries = _read_npz(path) if kind == ".npz" else _read_hdf5(path)
    except BadTable:
        raise
    except Exception as error:  # damaged files end in whatever the libraries run into
        reason = " ".join(str(error).split())[:200] or type(error).__name__
        raise BadTable(
            f"'{path.name}' cannot be read ({reason})", "write it with numpy.savez or h5py"
        ) from None
    with np.errstate(all="ignore"):
        return _checked(entries)


def write(path: Path, table: Table, **more: Array) -> None:
    """Write a table in the layout above; ``more`` are further arrays for people."""
    entries = {f"axis_{k}": axis for k, axis in enumerate(table.axes)} | {"loss": table.loss, **more}
    if table.covariance is not None:
        entries["covariance"] = table.covariance
    if path.suffix.casefold() == ".npz":
        names = np.array(table.coordinates, dtype=str)
        with replacing(path) as beside, beside.open("wb") as stream:
            np.savez(stream, **entries, coordinates=names)  # type: ignore[arg-type]
        return
    import h5py

    with replacing(path) as beside, h5py.File(beside, "w") as file:
        for name, values in entries.items():
            file[name] = values
        if table.coordinates:
            file.attrs["coordinates"] = list(table.coordinates)


def _read_npz(path: Path) -> dict[str, Array]:
    if not zipfile.is_zipfile(path):
        raise ValueError("it is no archive of named arrays")
    with zipfile.ZipFile(path) as file:
        members = {
            name.removesuffix(".npy"): name
            for name in file.namelist()
            if name.endswith(".npy") and _wanted(name.removesuffix(".npy"))
        }
        headers = {}
        for name, member in members.items():
            with file.open(member) as stream:
                headers[name] = _npy_header(stream)
        check_headers(headers)
        entries = {}
        for name, member in members.items():
            with file.open(member) as stream:
                entries[name] = np.lib.format.read_array(stream, allow_pickle=False)
    return entries


def _npy_header(stream: IO[bytes]) -> Header:
    version = np.lib.format.read_magic(stream)
    if version not in ((1, 0), (2, 0)):  # later ones are for structures with names of their own
        raise ValueError(f"its arrays are of the version {version}")
    of = np.lib.format
    shape, _, dtype = (of.read_array_header_1_0 if version == (1, 0) else of.read_array_header_2_0)(stream)
    if dtype.hasobject:
        raise ValueError("an array of objects is never read")
    return shape, dtype


def _read_hdf5(path: Path) -> dict[str, Array]:
    import h5py

    with h5py.File(path, "r") as file:
        found = {name: file[name] for name in file if _wanted(name)}
        for name, item in found.items():
            if not isinstance(item, h5py.Dataset) or item.shape is None:
                what = "is empty" if isinstance(item, h5py.Dataset) else "is a group"
                raise BadTable(f"{name} {what}", "make it an array of numbers")
        headers = {name: (item.shape, item.dtype) for name, item in found.items()}
        if "coordinates" in file.attrs:
            attribute = file.attrs.get_id("coordinates")
            headers["coordinates"] = attribute.shape, attribute.dtype
        check_headers(headers)
        entries = {name: item[()] for name, item in found.items()}
        if "coordinates" in file.attrs:
            entries["coordinates"] = np.array(file.attrs["coordinates"])
    return entries


def _wanted(name: str) -> bool:
    return name in ("loss", "covariance", "coordinates") or name.startswith("axis_")


def check_headers(headers: Mapping[str, Header]) -> None:
    """Whether arrays of these shapes and types make a table.

    Raises:
        BadTable: with the first that does not fit.
    """
    dim = len([name for name in headers if name.startswith("axis_")])
    names = [f"axis_{k}" for k in range(dim)]
    if dim not in (1, 2, 3) or any(name not in headers for name in names):
        raise BadTable(
            f"it has {dim} arrays named axis_…", "give axis_0, axis_1, … , one to three of them, from 0 on"
        )
    if "loss" not in headers:
        raise BadTable("it has no array named loss", f"it has {', '.join(sorted(headers))}")
    for name in names:
        shape, dtype = headers[name]
        if len(shape) != 1 or dtype.kind not in "fiu" or shape[0] < splines.FEWEST:
            raise BadTable(
                f"{name} has shape {shape} and type {dtype}", f"give at least {splines.FEWEST} real numbers"
            )
    grid = tuple(headers[name][0][0] for name in names)
    wanted = {"loss": grid, "covariance": (*grid, dim, dim)}
    for name, expected in wanted.items():
        if name not in headers:
            continue
        shape, dtype = headers[name]
        if shape != expected:
            raise BadTable(f"{name} has shape {shape}", f"the axes ask for {expected}")
        if dtype.kind not in "fiu":
            raise BadTable(f"{name} has the type {dtype}", "give real numbers")
        if math.prod(shape) > MAX_POINTS:
            raise BadTable(f"{name} has {math.prod(shape)} numbers", f"use a grid with at most {MAX_POINTS}")
    if "coordinates" in headers:
        shape, dtype = headers["coordinates"]
        size = math.prod(shape)
        if (len(shape) > 1 or size not in (0, 1, dim)) or dtype.kind not in "SUO" or dtype.itemsize > 4096:
            raise BadTable("coordinates is no list of names", f"give {dim} of them, or leave it out")


def _checked(entries: dict[str, Array]) -> Table:
    dim = len([name for name in entries if name.startswith("axis_")])
    axes = tuple(_axis(f"axis_{k}", entries[f"axis_{k}"]) for k in range(dim))
    loss = _numbers("loss", entries["loss"])
    covariance = None
    if "covariance" in entries:
        covariance = check_covariance(_numbers("covariance", entries["covariance"]), axes)
    return Table(axes, loss, covariance, _coordinates(entries.get("coordinates"), dim))


def _axis(name: str, values: Array) -> Array:
    axis = _numbers(name, values)
    steps = np.diff(axis)
    if not (steps > 0).all():
        raise BadTable(f"{name} is not increasing", "sort the grid along it")
    if steps.max() > 20 * steps.min():
        raise BadTable(f"{name} has steps that differ twentyfold", "use a more even grid")
    return axis


def _numbers(name: str, values: Array) -> Array:
    found = np.asarray(values, dtype=np.float64)
    if not np.isfinite(found).all():
        raise BadTable(f"{name} is not finite at index {_first(~np.isfinite(found))}", "leave no gaps")
    if np.abs(found).max() > LARGEST:
        at = _first(np.abs(found) > LARGEST)
        raise BadTable(f"{name} is beyond {LARGEST:g} at index {at}", "use other units")
    return found


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
    try:
        names = tuple(n.decode() if isinstance(n, bytes) else str(n) for n in np.atleast_1d(values))
    except UnicodeDecodeError:
        raise BadTable("coordinates has names that are no UTF-8", "write plain words") from None
    if len(names) != dim:
        raise BadTable(f"coordinates has {len(names)} names for {dim} axes", "give one for each")
    return names


def _first(mask: Array) -> tuple[int, ...]:
    return tuple(int(i) for i in np.argwhere(mask)[0])
