"""Reading mesh files: gmsh's ``.msh`` and the other formats that meshio knows.  Serial, without DOLFINx."""

from __future__ import annotations

import contextlib
import io
import resource
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from meshes.conformity import Cells, Points, trouble

#: The cells of a mesh of d dimensions, as meshio calls them.
SIMPLICES = {1: "line", 2: "triangle", 3: "tetra"}
#: How far from the first d coordinates a node may be, over the width of the mesh: rounding of decimals.
OFF = 1e-9
#: Memory that reading a file may take: so many bytes, and so many times its size.
LEAST_MEMORY, MEMORY = 2_000_000_000, 60


class UnreadableMesh(Exception):
    """A mesh file that cannot be used, with the reason in one line."""


def read_cells(path: Path, dim: int) -> tuple[Points, Cells]:
    """Nodes ``(n, dim)`` and simplices ``(m, dim + 1)`` of a file, checked (:mod:`meshes.conformity`).

    Nodes that no cell uses are left out; coordinates beyond the first ``dim`` must vanish.

    Raises:
        UnreadableMesh: If the file cannot be read, holds no cells of this dimension, or they make no mesh.
    """
    import meshio

    # meshio prints its complaints, and raises whatever its readers run into, also SystemExit
    said = io.StringIO()
    try:
        if _names_negative_node(path):
            raise ValueError("a cell has a node of a negative number")
        quiet = contextlib.redirect_stdout(said), contextlib.redirect_stderr(said)
        with quiet[0], quiet[1], _memory(LEAST_MEMORY + MEMORY * path.stat().st_size):
            data = meshio.read(path)
    except SystemExit as error:
        reason = " ".join(said.getvalue().split()) or "unknown format"
        raise UnreadableMesh(f"cannot be read as a mesh ({reason[:200]})") from error
    except Exception as error:
        reason = " ".join(str(error).split()) or type(error).__name__
        raise UnreadableMesh(f"cannot be read as a mesh ({reason[:200]})") from error
    kind = SIMPLICES[dim]
    blocks = [np.asarray(block.data) for block in data.cells if block.type == kind]
    blocks = [block for block in blocks if len(block)]
    if not blocks:
        found = ", ".join(sorted({block.type for block in data.cells})) or "no cells"
        raise UnreadableMesh(f"has no {kind} cells (found {found})")
    try:
        points = np.asarray(data.points, dtype=np.float64)
        cells = np.concatenate(blocks).astype(np.int64)
    except (ValueError, TypeError, OverflowError):
        raise UnreadableMesh("has nodes or cells that are no numbers") from None
    if points.ndim != 2 or points.shape[1] < dim or cells.ndim != 2 or cells.shape[1] != dim + 1:
        raise UnreadableMesh(f"has nodes of the shape {points.shape} and cells of the shape {cells.shape}")
    if (cells < 0).any() or (cells >= len(points)).any():
        raise UnreadableMesh(trouble(points[:, :dim], cells) or "has no nodes")
    # nodes that no cell uses (centres of arcs, say) would stay without a degree of freedom
    used, compact = np.unique(cells, return_inverse=True)
    return _flat(points[used], dim), _sound(points[used, :dim], compact.reshape(cells.shape))


@contextlib.contextmanager
def _memory(more: int) -> Iterator[None]:
    """While the block runs, so many more bytes can be had: a damaged file may ask for anything."""
    kind = resource.RLIMIT_AS
    before = resource.getrlimit(kind)
    try:
        used = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
        if before[0] == resource.RLIM_INFINITY or before[0] > used + more:
            resource.setrlimit(kind, (used + more, before[1]))
    except (OSError, ValueError):
        yield  # a system without such limits
        return
    try:
        yield
    finally:
        resource.setrlimit(kind, before)


def _names_negative_node(path: Path) -> bool:
    """Whether a cell of a gmsh file in text has a negative node: meshio would count it from the end."""
    if path.suffix != ".msh":
        return False
    raw = path.read_bytes()
    head = raw[:200].split()
    if head[:1] != [b"$MeshFormat"] or head[2:3] != [b"0"]:
        return False
    lines = [
        line.split() for line in raw.partition(b"$Elements")[2].partition(b"$EndElements")[0].splitlines()
    ]
    lines = [words for words in lines if words]
    rest = _nodes_2(lines) if head[1].startswith(b"2") else _nodes_4(lines)
    return any(word.startswith(b"-") for word in rest)


def _nodes_2(lines: list[list[bytes]]) -> Iterator[bytes]:
    """The nodes of cells in version 2: number, type, count of tags, tags, nodes."""
    for words in lines[1:]:
        yield from words[3 + int(words[2]) if len(words) > 3 and words[2].isdigit() else 1 :]


def _nodes_4(lines: list[list[bytes]]) -> Iterator[bytes]:
    """The nodes of cells in version 4: blocks of a head, the last word of which counts, and number, nodes."""
    at = 1
    while at < len(lines):
        count = int(lines[at][-1]) if lines[at][-1].isdigit() else 0
        for words in lines[at + 1 : at + 1 + count]:
            yield from words[1:]
        at += 1 + count


def _flat(points: Points, dim: int) -> Points:
    width = np.max(np.ptp(points[:, :dim], axis=0), initial=0.0)
    if points.shape[1] > dim and not np.abs(points[:, dim:]).max(initial=0.0) <= OFF * width:
        raise UnreadableMesh(f"has points off the first {dim} coordinates")
    return np.ascontiguousarray(points[:, :dim])


def _sound(points: Points, cells: Cells) -> Cells:
    problem = trouble(points, cells)
    if problem is not None:
        raise UnreadableMesh(problem)
    return cells
