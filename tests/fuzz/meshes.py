"""Mesh files: good ones, to be read right, ones that are no mesh, to be refused, and damaged ones."""

from __future__ import annotations

import contextlib
import io
import random
from pathlib import Path

import meshio
import numpy as np
import ufl
from dolfinx import fem
from mpi4py import MPI
from numpy.typing import NDArray

from meshes.files import read_mesh
from meshes.mesh_file import UnreadableMesh
from tests.fuzz.trial import Hang, deadline

KINDS = {1: "line", 2: "triangle", 3: "tetra"}
SPLIT = {
    1: [[0, 1]],
    2: [[0, 1, 3], [0, 3, 2]],
    3: [[0, 1, 3, 7], [0, 1, 7, 5], [0, 5, 7, 4], [0, 3, 2, 7], [0, 6, 4, 7], [0, 2, 6, 7]],
}
Array = NDArray[np.float64]
Cells = NDArray[np.int64]


def good(rng: random.Random, dim: int) -> tuple[Array, Cells]:
    """A grid of simplices on a box, its inner nodes moved a little, its cells in any order, in any unit."""
    n = {1: 9, 2: 5, 3: 3}[dim]
    line = np.linspace(0.0, 1.0, n)
    points = np.stack([axis.ravel() for axis in np.meshgrid(*[line] * dim, indexing="ij")], axis=1)
    inner = ((points > 0) & (points < 1)).all(axis=1)
    shift = np.array([[rng.uniform(-0.15, 0.15) / (n - 1) for _ in range(dim)] for _ in points])
    points = points + shift * inner[:, None]
    strides = [n ** (dim - 1 - k) for k in range(dim)]
    corners = [sum(strides[k] for k in range(dim) if (bits >> (dim - 1 - k)) & 1) for bits in range(2**dim)]
    bases = (
        np.stack(np.meshgrid(*[np.arange(n - 1)] * dim, indexing="ij"), axis=-1).reshape(-1, dim) @ strides
    )
    cells = np.concatenate(
        [[[base + corners[v] for v in simplex] for simplex in SPLIT[dim]] for base in bases]
    )
    scale = 10.0 ** rng.choice([-20, -5, 0, 0, 0, 3, 12])
    order = np.array(rng.sample(range(len(cells)), len(cells)))
    return scale * (points - 0.5), cells[order].astype(np.int64)


def duplicate(rng: random.Random, points: Array, cells: Cells) -> tuple[Array, Cells]:
    """A cell twice."""
    again = np.roll(cells[rng.randrange(len(cells))], 1)
    return points, np.insert(cells, rng.randrange(len(cells)), again, axis=0)


def flat(rng: random.Random, points: Array, cells: Cells) -> tuple[Array, Cells]:
    """A cell with a node twice, or with its nodes in a plane."""
    cells = cells.copy()
    k = rng.randrange(len(cells))
    if rng.random() < 0.5 or points.shape[1] == 1:
        cells[k, 1] = cells[k, 0]
    else:
        points = points.copy()
        points[cells[k, 2]] = 0.5 * (points[cells[k, 0]] + points[cells[k, 1]])
    return points, cells


def out_of_range(rng: random.Random, points: Array, cells: Cells) -> tuple[Array, Cells]:
    """A node that is not there."""
    cells = cells.copy()
    cells[rng.randrange(len(cells)), 0] = rng.choice([-1, -2, len(points), len(points) + 7, 2**40, -(2**33)])
    return points, cells


def twice(rng: random.Random, points: Array, cells: Cells) -> tuple[Array, Cells]:
    """The mesh laid on itself, with nodes of its own."""
    shift = rng.choice([0.0, 0.1, 3.0]) * np.ptp(points)
    return np.concatenate([points, points + shift]), np.concatenate([cells, cells + len(points)])


def apart(rng: random.Random, points: Array, cells: Cells) -> tuple[Array, Cells]:
    """One cell with nodes of its own: a part that shares no node."""
    k = rng.randrange(len(cells))
    cells = cells.copy()
    new = np.arange(len(points), len(points) + cells.shape[1])
    points = np.concatenate([points, points[cells[k]]])
    cells[k] = new
    return points, cells


def odd_numbers(rng: random.Random, points: Array, cells: Cells) -> tuple[Array, Cells]:
    """A node that is nowhere."""
    points = points.copy()
    points[rng.choice(cells.ravel()), rng.randrange(points.shape[1])] = rng.choice([np.nan, np.inf, 1e300])
    return points, cells


def folded(rng: random.Random, points: Array, cells: Cells) -> tuple[Array, Cells]:
    """An inner node moved far beyond its neighbours."""
    width = np.ptp(points)
    inner = np.flatnonzero((np.abs(points) < 0.49 * width).all(axis=1))
    points = points.copy()
    points[rng.choice(list(inner))] += 0.6 * width
    return points, cells


def hanging(rng: random.Random, points: Array, cells: Cells) -> tuple[Array, Cells]:
    """A cell cut in two at an inner facet, whose other cell is left as it is."""
    dim = points.shape[1]
    if dim == 1:
        return duplicate(rng, points, cells)
    keys: dict[tuple[int, ...], list[int]] = {}
    for k, cell in enumerate(cells):
        for corner in range(dim + 1):
            keys.setdefault(tuple(sorted(np.delete(cell, corner))), []).append(k)
    facet, owners = rng.choice([(facet, owners) for facet, owners in keys.items() if len(owners) == 2])
    first, second = facet[:2]
    middle = 0.5 * (points[first] + points[second])
    cell = cells[owners[0]]
    halves = [np.where(cell == node, len(points), cell) for node in (first, second)]
    kept = np.delete(cells, owners[0], axis=0)
    return np.concatenate([points, [middle]]), np.concatenate([kept, halves])


FAULTS = (duplicate, flat, out_of_range, twice, apart, odd_numbers, folded, hanging)
FORMATS = [
    (".msh", {"file_format": "gmsh", "binary": False}), (".msh", {"file_format": "gmsh", "binary": True}),
    (".msh", {"file_format": "gmsh22", "binary": False}), (".vtu", {}), (".vtk", {}), (".mesh", {}),
]  # fmt: skip


def write(rng: random.Random, points: Array, cells: Cells, folder: Path) -> Path:
    """The mesh in one of the formats."""
    dim = points.shape[1]
    ending, kind = rng.choice(FORMATS)
    path = folder / f"mesh{ending}"
    flat_points = np.zeros((len(points), 3))
    flat_points[:, :dim] = points
    with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
        meshio.write(path, meshio.Mesh(flat_points, [(KINDS[dim], cells)]), **kind)
    return path


def damage(rng: random.Random, path: Path) -> None:
    """Change, leave out or put in some bytes."""
    raw = bytearray(path.read_bytes())
    kind = rng.randrange(4)
    if kind == 0:
        raw = raw[: rng.randrange(len(raw))]
    elif kind == 1:
        for _ in range(rng.choice([1, 3, 10])):
            raw[rng.randrange(len(raw))] = rng.randrange(256)
    elif kind == 2:  # other digits
        digits = [k for k, byte in enumerate(raw) if 48 <= byte < 58]
        for _ in range(rng.choice([1, 2, 5])):
            raw[rng.choice(digits)] = rng.choice(b"0123456789-e.")
    else:
        at = rng.randrange(len(raw))
        raw[at : at + rng.choice([0, 1, 20])] = rng.choice(
            [b"", b"-1", b"999999999", b"\n", b"1e308", b"nan"]
        )
    path.write_bytes(bytes(raw))


def volume(domain: object) -> float:
    """The volume of a mesh, as the solver sees it."""
    return float(fem.assemble_scalar(fem.form(fem.Constant(domain, 1.0) * ufl.dx)))


def trial(rng: random.Random, folder: Path) -> str:
    """Read one mesh; what is wrong, or nothing."""
    dim = rng.choice([1, 2, 2, 3])
    points, cells = good(rng, dim)
    exact = float(np.prod(np.ptp(points, axis=0)))
    fault = rng.choice([None] * 4 + [*FAULTS])
    if fault is not None:
        points, cells = fault(rng, points, cells)
    try:
        path = write(rng, points, cells, folder)
    except Exception:  # what cannot even be written
        return ""
    damaged = rng.random() < 0.4
    if damaged:
        damage(rng, path)
    try:
        with deadline(60):
            domain = read_mesh(MPI.COMM_SELF, path, dim)
            found = volume(domain)
    except UnreadableMesh as error:
        said = str(error)
        if "\n" in said or len(said) > 500:
            return f"{path.name}: not one line: {said!r}"
        return f"{path.name}: a good mesh was refused: {said}" if fault is None and not damaged else ""
    except (Hang, Exception) as error:  # the point of it all
        return f"{path.name}: {type(error).__name__}: {error}"
    if damaged:
        return "" if np.isfinite(found) and found > 0 else f"{path.name}: a volume of {found}"
    if fault is not None:
        return f"{path.name} in {dim}D: {fault.__name__} was taken for a mesh"
    return "" if abs(found - exact) <= 1e-9 * exact else f"{path.name}: volume {found}, not {exact}"
