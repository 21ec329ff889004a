"""Tabulated landscapes: good ones, odd ones, and damaged files of both kinds."""

from __future__ import annotations

import io
import random
import zipfile
from pathlib import Path
from typing import Any

import h5py
import numpy as np

from tests.fuzz.trial import program

CASE = """
[system]
data = "{name}"
[mesh]
resolution = 8
[noise.one]
diffusion = "{noise}"
"""
TYPES = ["f2", "f4", ">f8", "f16", "c16", "?", "i8", "u1", "i4", "U3", "S5", "O", "M8[s]", "V4", "f8,f8"]
SHAPES: list[tuple[int, ...]] = [
    (), (0,), (1,), (5,), (11,), (12,), (3, 0), (11, 1), (12, 12, 12, 12), (12, 11),
]  # fmt: skip
HUGE = [(10**9,), (2**62,), (2**40, 2**40), (-1,), (10**30,)]


def good(rng: random.Random) -> dict[str, Any]:
    """The arrays of a table that can be used."""
    dim = rng.choice([1, 1, 2, 2, 3])
    axes = [np.linspace(-1.5, 1.5, rng.choice([21, 24]) if dim > 1 else 40) for _ in range(dim)]
    grid = np.meshgrid(*axes, indexing="ij")
    entries: dict[str, Any] = {f"axis_{k}": axis for k, axis in enumerate(axes)}
    entries["loss"] = sum((x**2 - 1) ** 2 / 4 for x in grid)
    if rng.random() < 0.5:
        entries["covariance"] = np.eye(dim) * (1 + grid[0][..., None, None] ** 2)
    if rng.random() < 0.5:
        entries["coordinates"] = np.array(["x", "y", "z"][:dim])
    return entries


def spoil(rng: random.Random, entries: dict[str, Any]) -> None:
    """One odd change."""
    name = rng.choice(list(entries))
    kind = rng.randrange(7)
    if kind == 0:
        del entries[name]
    elif kind == 1:
        entries[name] = np.zeros(rng.choice(SHAPES))
    elif kind == 2:
        try:
            entries[name] = np.asarray(entries[name]).astype(rng.choice(TYPES))
        except (ValueError, TypeError):
            entries[name] = np.zeros(3, dtype=rng.choice(TYPES))
    elif kind == 3 and np.asarray(entries[name]).dtype.kind == "f" and np.size(entries[name]):
        values = np.array(entries[name], dtype=float)
        values.flat[rng.randrange(values.size)] = rng.choice(
            [np.nan, np.inf, -np.inf, 1e300, -1e300, 1e200, 1e160, -1e99, 0.0, 1e-300]
        )
        entries[name] = values
    elif kind == 4 and np.asarray(entries[name]).dtype.kind == "f":
        entries[name] = np.asarray(entries[name]) * rng.choice([0.0, -1.0, 1e-200, 1e30, 1e100, 1e-30, 1e160])
    elif kind == 5:
        entries[rng.choice(["axis_3", "axis_x", "axis_", "loss", "coordinates", "more"])] = entries[name]
    else:
        entries["coordinates"] = np.array(
            rng.choice([["x"], ["x", "x"], [""], ["exp", "y"], ["é" * 99], [["a", "b"]]])
        )


def npz(rng: random.Random, entries: dict[str, Any], path: Path) -> None:
    """An archive, with odd members now and then."""
    with zipfile.ZipFile(
        path, "w", rng.choice([zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_LZMA])
    ) as file:
        for name, values in entries.items():
            stream = io.BytesIO()
            array = np.asarray(values)
            if rng.random() < 0.05:
                header = {"descr": "<f8", "fortran_order": False, "shape": rng.choice(HUGE)}
                np.lib.format.write_array_header_1_0(stream, header)
            else:
                np.lib.format.write_array(stream, array, version=rng.choice([None] * 20 + [(2, 0), (3, 0)]))
            raw = stream.getvalue()
            file.writestr(f"{name}.npy", raw if rng.random() > 0.05 else raw[: rng.randrange(len(raw))])
        if rng.random() < 0.05 and "loss" not in entries:
            file.writestr("loss.npy", b"")
    if rng.random() < 0.15:  # flags of the first member: encrypted, another method
        raw = bytearray(path.read_bytes())
        for mark, shift in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
            at = raw.find(mark) + shift
            raw[at + rng.choice([0, 2])] |= 1 if rng.random() < 0.5 else 99
        path.write_bytes(bytes(raw))


def hdf5(rng: random.Random, entries: dict[str, Any], path: Path) -> None:
    """An HDF5 file, with groups, links and empty data sets now and then."""
    with h5py.File(path, "w") as file:
        for name, values in entries.items():
            array = np.asarray(values)
            kind = rng.random()
            if name == "coordinates" and array.dtype.kind in "US":
                file.attrs["coordinates"] = [str(one) for one in array.ravel()]
            elif kind < 0.03:
                file.create_group(name)
            elif kind < 0.06:
                file[name] = h5py.SoftLink("/nowhere")
            elif kind < 0.09:
                file[name] = h5py.ExternalLink("nowhere.h5", "/x")
            elif kind < 0.12:
                file[name] = h5py.Empty("f8")
            elif kind < 0.15:  # announced, not filled
                shape, chunks = rng.choice([((2**40,), (1024,)), ((10**6, 10**6), (32, 32))])
                file.create_dataset(name, shape, "f8", chunks=chunks)
            elif kind < 0.18:
                file[name] = h5py.SoftLink(f"/{name}")
            elif array.dtype.kind in "fiu" and kind < 0.4 and array.ndim and array.size:
                file.create_dataset(name, data=array, chunks=True, compression="gzip", shuffle=True)
            elif array.dtype.kind in "fiubcS" and array.dtype.names is None:
                file[name] = array
            else:
                file[name] = [str(one) for one in array.ravel()] or h5py.Empty("f8")


def damage(rng: random.Random, path: Path) -> None:
    """Change, leave out or put in some bytes."""
    raw = bytearray(path.read_bytes())
    kind = rng.randrange(5)
    if kind == 0:
        raw = raw[: rng.randrange(len(raw) + 1)]
    elif kind == 1:
        for _ in range(rng.choice([1, 3, 30])):
            raw[rng.randrange(len(raw))] = rng.randrange(256)
    elif kind == 2:  # in the front, where the tables of the file are
        for _ in range(rng.choice([1, 3, 10])):
            raw[rng.randrange(min(len(raw), 2048))] = rng.choice([0, 1, 127, 255, rng.randrange(256)])
    elif kind == 3:
        at = rng.randrange(len(raw))
        raw[at:at] = bytes(rng.randrange(256) for _ in range(rng.choice([1, 8, 100])))
    else:
        raw = bytearray(
            rng.choice([b"", b"PK", b"\x89HDF\r\n\x1a\n", b"no table", b"PK\x03\x04" + b"\0" * 99])
        )
    path.write_bytes(bytes(raw))


def trial(rng: random.Random, folder: Path) -> str:
    """Check a case with one table; what is wrong, or nothing."""
    entries = good(rng)
    for _ in range(rng.choice([0, 0, 1, 1, 2])):
        if entries:
            spoil(rng, entries)
    kind = rng.choice(["npz", "h5"])
    path = folder / f"table.{kind}"
    (npz if kind == "npz" else hdf5)(rng, entries, path)
    if rng.random() < 0.5:
        damage(rng, path)
    if rng.random() < 0.05:
        path = path.rename(folder / rng.choice(["table.npz", "table.h5", "table.HDF5", "table.txt"]))
    noise = rng.choice(["identity", "gradient_covariance", "hessian"])
    case = folder / "case.toml"
    case.write_text(CASE.format(name=path.name, noise=noise))
    return program(["check", str(case)], codes=(0, 2, 3)).problem
