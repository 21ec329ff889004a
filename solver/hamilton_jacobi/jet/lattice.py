"""Regular grids for the jet scheme: drift and diffusion on them in units of the grid, rings of neighbours.

In the coordinates ``ξ_i = (x_i − lower_i)/h_i`` the grid is that of the integers, and

    b_ξ = b_i/h_i,    A_ξ = A_ij/(h_i h_j),    p_ξ = h_i ∂V/∂x_i,

with V and the time unchanged: nothing in the scheme depends on the units of the coordinates.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from solver.arrays import Array
from solver.system import System

# b and A are computed for so many points at a time, to save memory
BATCH = 20_000


@dataclass(frozen=True)
class Grid:
    """A regular grid on a box.

    Attributes:
        lower: Lower corner, ``(d,)``.
        spacing: h, ``(d,)``.
        shape: Nodes along each axis.
    """

    lower: Array
    spacing: Array
    shape: tuple[int, ...]

    @property
    def dim(self) -> int:
        """Number of coordinates d."""
        return len(self.shape)

    @property
    def size(self) -> int:
        """Number of nodes."""
        return int(np.prod(self.shape))

    def points(self) -> Array:
        """The nodes, ``(d, N)``, last axis fastest."""
        axes = [
            low + h * np.arange(n) for low, h, n in zip(self.lower, self.spacing, self.shape, strict=True)
        ]
        return np.stack([axis.ravel() for axis in np.meshgrid(*axes, indexing="ij")])

    def coordinates(self, x: Array) -> Array:
        """ξ of points ``(d, N)``."""
        return np.asarray((x - self.lower[:, None]) / self.spacing[:, None])

    def rim(self, low: Array, high: Array) -> Array:
        """Nodes on the edge of the grid but not of the box from ``low`` to ``high``, ``(N,)``."""
        mask = np.zeros(self.shape, dtype=bool)
        for axis, n in enumerate(self.shape):
            ends = self.lower[axis] + self.spacing[axis] * np.array([0, n - 1])
            view = np.moveaxis(mask, axis, 0)
            # half a cell: the ends of a grid are those of the box or nodes inside it
            view[0] |= ends[0] > low[axis] + 0.5 * self.spacing[axis]
            view[-1] |= ends[1] < high[axis] - 0.5 * self.spacing[axis]
        return mask.ravel()


class Lattice(NamedTuple):
    """A grid in the form that compiled loops read.

    Attributes:
        shape: Nodes along each axis.
        ring: The 3^d − 1 neighbours of a node, as steps, ``(r, d)``.
        faces: The simplices of neighbours that enclose it: rows of ``ring``, ``(f, d)``.
        table: b and the upper triangle of A by rows in units of the grid, ``(points, d + d(d+1)/2)``; the
            grid has one layer of margin here.
        fixed: Nodes at which V is given, ``(N,)``.
    """

    shape: tuple[int, ...]
    ring: Array
    faces: Array
    table: Array
    fixed: Array


def ring_and_faces(dim: int) -> tuple[Array, Array]:
    """The neighbours of a node, and the triangulation of the surface of the cube round it that they span.

    In the plane 8 segments, in space 48 triangles: from the middle of every side of the cube to the middle of
    an edge of it to a corner.
    """
    steps = [step for step in itertools.product((-1, 0, 1), repeat=dim) if any(step)]
    faces = set()
    for order in itertools.permutations(range(dim)):
        for signs in itertools.product((-1, 1), repeat=dim):
            face, step = [], [0] * dim
            for axis in order:
                step[axis] = signs[axis]
                face.append(steps.index(tuple(step)))
            faces.add(tuple(face))
    return np.array(steps, dtype=np.int64), np.array(sorted(faces), dtype=np.int64)


def tabulated(system: System, grid: Grid) -> Array:
    """The table of a :class:`Lattice`; beyond the edge of the grid it is continued by cubics.

    Raises:
        ValueError: If b or A is not finite at a node.
    """
    x = grid.points()
    parts = [_in_grid_units(system, grid, part) for part in np.array_split(x, max(1, x.shape[1] // BATCH), 1)]
    values = np.concatenate(parts, axis=1)
    if not np.isfinite(values).all():
        bad = x[:, ~np.isfinite(values).all(axis=0)][:, 0]
        raise ValueError(f"the drift or the diffusion is not finite at {bad.tolist()}")
    values = values.reshape(-1, *grid.shape)
    for axis in range(1, grid.dim + 1):
        v = np.moveaxis(values, axis, 0)
        before = 4 * v[0] - 6 * v[1] + 4 * v[2] - v[3]
        after = 4 * v[-1] - 6 * v[-2] + 4 * v[-3] - v[-4]
        values = np.moveaxis(np.concatenate([before[None], v, after[None]]), 0, axis)
    return np.ascontiguousarray(values.reshape(len(values), -1).T)


def _in_grid_units(system: System, grid: Grid, x: Array) -> Array:
    h = grid.spacing
    rows, columns = np.triu_indices(grid.dim)
    drift = system.drift(x) / h[:, None]
    diffusion = system.diffusion(x)[rows, columns] / (h[rows] * h[columns])[:, None]
    return np.concatenate([drift, diffusion])


def lattice(system: System, grid: Grid, fixed: Array) -> Lattice:
    """Put a system on a grid.

    Args:
        system: The system.
        grid: At least four nodes along each axis.
        fixed: Where V is given, ``(N,)``.
    """
    ring, faces = ring_and_faces(grid.dim)
    return Lattice(grid.shape, ring, faces, tabulated(system, grid), np.ascontiguousarray(fixed))
