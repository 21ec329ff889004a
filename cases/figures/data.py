"""Fields of a run at the places where the figures need them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from cases.figures.maps import Samples
from cases.figures.rundata import RunData
from solver.output.celllocator import CellLocator
from solver.output.linearise import linear_pieces
from solver.output.probe import sample
from solver.output.vtkgrid import VtkGrid, read_field, read_grid

Array = NDArray[np.float64]

PLANES = ((0, 1), (0, 2), (1, 2))
_RASTER = 81  # points a side of a slice through a three-dimensional field


@dataclass(frozen=True)
class Sampler:
    """The fields of one noise at fixed places: all nodes, or the points of a slice.

    Attributes:
        run: The run.
        noise: The noise.
        samples: The places, with no values yet.
        full: The points with all their coordinates, or None when they are the nodes of the grid.
        locator: Finds the points in the grid.
    """

    run: RunData
    noise: str
    samples: Samples
    full: Array | None
    locator: CellLocator | None

    def field(self, name: str) -> Array | None:
        """Values of a scalar field, NaN where it has none; None when it was not written."""
        if not self.run.has(self.noise, name):
            return None
        path = self.run.grid_file(self.noise)
        if self.full is None:
            return read_field(path, name).values
        return sample(path, name, self.full, locator=self.locator)

    def log_density(self, epsilon: float) -> Array | None:
        """log p at a noise level."""
        values = self.field(f"log_density_eps{epsilon:g}")
        if values is None and (density := self.field(f"density_eps{epsilon:g}")) is not None:
            values = np.log(np.where(density > 0, density, np.nan))
        return values

    def density(self, epsilon: float) -> Array | None:
        """The density p at a noise level."""
        values = self.field(f"density_eps{epsilon:g}")
        if values is None and (logarithm := self.log_density(epsilon)) is not None:
            values = np.exp(logarithm)
        return values


def sampler(run: RunData, noise: str) -> Sampler:
    """All nodes of a one- or two-dimensional grid (for 1D: segments)."""
    grid = read_grid(run.grid_file(noise))
    plane = (0, 1) if grid.dim > 1 else (0, 0)
    places = Samples(plane, grid.points, linear_pieces(grid), np.zeros(len(grid.points)))
    return Sampler(run, noise, places, None, None)


def slices(run: RunData, noise: str) -> list[tuple[str, Sampler]]:
    """Coordinate planes of a three-dimensional field through the first saddle (else the first attractor)."""
    grid = read_grid(run.grid_file(noise))
    locator = CellLocator(grid)
    centre = (run.saddles or run.attractors or [grid.points.mean(axis=0)])[0]
    result = []
    for plane in PLANES:
        other = 3 - sum(plane)
        points, triangles = _raster(grid, plane)
        full = np.empty((len(points), 3))
        full[:, plane] = points
        full[:, other] = centre[other]
        places = Samples(plane, points, triangles, np.zeros(len(points)))
        title = f"{run.coordinates[other]} = {centre[other]:.3g}"
        result.append((title, Sampler(run, noise, places, full, locator)))
    return result


def _raster(grid: VtkGrid, plane: tuple[int, int]) -> tuple[Array, NDArray[np.int64]]:
    low, high = grid.points.min(axis=0)[list(plane)], grid.points.max(axis=0)[list(plane)]
    lines = [np.linspace(a, b, _RASTER) for a, b in zip(low, high, strict=True)]
    points = np.stack(np.meshgrid(*lines, indexing="ij"), axis=-1).reshape(-1, 2)
    i, j = (index.reshape(-1) for index in np.meshgrid(*(np.arange(_RASTER - 1),) * 2, indexing="ij"))
    corner = i * _RASTER + j
    first = np.stack([corner, corner + _RASTER, corner + 1], axis=1)
    second = np.stack([corner + _RASTER, corner + _RASTER + 1, corner + 1], axis=1)
    return points, np.concatenate([first, second]).astype(np.int64)
