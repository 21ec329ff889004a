"""Tensor products of cubic splines on graded cells of a box: smooth functions of a few coordinates.

Values and gradients at points are products of sparse matrices with the coefficients (de Boor, *A practical
guide to splines*, ch. IX): a row has ``4^d`` entries.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import scipy.sparse as sp
from scipy.interpolate import BSpline

from solver.arrays import Array

DEGREE = 3
#: Growth of neighbouring cells away from where the fine ones are: a cubic spline does not notice it.
GROWTH = 1.4


@dataclass(frozen=True)
class SplineGrid:
    """Cubic splines on the cells between given lines.

    Attributes:
        lines: Ends of the cells along each axis, ascending.
    """

    lines: tuple[Array, ...]

    @property
    def counts(self) -> tuple[int, ...]:
        """The number of splines along each axis."""
        return tuple(len(line) + DEGREE - 1 for line in self.lines)

    def matrices(self, x: Array) -> tuple[sp.csr_matrix, list[sp.csr_matrix]]:
        """Values and derivatives at points ``(d, N)`` from coefficients: a matrix, and one for each axis."""
        dim, count = x.shape
        places, factors = [], []
        for line, number, along in zip(self.lines, self.counts, x, strict=True):
            knots = np.concatenate([[line[0]] * DEGREE, line, [line[-1]] * DEGREE])
            spline = BSpline(knots, np.eye(number), DEGREE)
            first = np.clip(np.searchsorted(knots, along, "right") - 1, DEGREE, number - 1) - DEGREE
            near = first[:, None] + np.arange(DEGREE + 1)
            rows = np.arange(count)[:, None]
            places.append(near)
            factors.append((spline(along)[rows, near], spline.derivative()(along)[rows, near]))
        columns = places[0]
        for number, near in zip(self.counts[1:], places[1:], strict=True):
            columns = (columns[:, :, None] * number + near[:, None, :]).reshape(count, -1)

        def matrix(derivative: int) -> sp.csr_matrix:
            entries = np.ones((count, 1))
            for k, pair in enumerate(factors):
                entries = (entries[:, :, None] * pair[k == derivative][:, None, :]).reshape(count, -1)
            starts = np.arange(count + 1) * columns.shape[1]
            shape = (count, int(np.prod(self.counts)))
            return sp.csr_matrix((entries.reshape(-1), columns.reshape(-1), starts), shape=shape)

        return matrix(-1), [matrix(k) for k in range(dim)]

    def axes(self, parts: int) -> list[Array]:
        """The middles of so many equal parts of every cell, along each axis."""
        at = (np.arange(parts) + 0.5) / parts
        return [(line[:-1, None] + at * np.diff(line)[:, None]).reshape(-1) for line in self.lines]

    def cells(self, x: Array) -> Array:
        """The cells that hold points ``(d, N)``, each once: their numbers along the axes, ``(d, M)``."""
        pairs = zip(self.lines, x, strict=True)
        found = [np.clip(np.searchsorted(line, c, "right") - 1, 0, len(line) - 2) for line, c in pairs]
        return np.unique(np.stack(found), axis=1)

    def inside(self, cells: Array, parts: int) -> Array:
        """The middles of so many equal parts of cells along each axis, ``(d, N)``."""
        low = np.stack([line[k] for line, k in zip(self.lines, cells, strict=True)])
        size = np.stack([np.diff(line)[k] for line, k in zip(self.lines, cells, strict=True)])
        unit = mesh_points([(np.arange(parts) + 0.5) / parts] * len(cells))
        return (low[:, :, None] + size[:, :, None] * unit[:, None, :]).reshape(len(cells), -1)

    def round(self, point: Array, radii: Sequence[float], count: int) -> Array:
        """Points on spheres round a point, ``(d, N)``, the radii in units of the cell that it is in."""
        cell = np.array([
            np.diff(line)[np.clip(np.searchsorted(line, c) - 1, 0, len(line) - 2)]
            for line, c in zip(self.lines, point, strict=True)
        ])  # fmt: skip
        ways = np.array(list(itertools.product(*[[-1.0, 0.0, 1.0]] * len(point)))).T
        if len(point) == 2:
            turns = 2 * np.pi * (np.arange(count) + 0.25) / count
            ways = np.array([np.cos(turns), np.sin(turns)])
        ways = ways[:, np.any(ways != 0, axis=0)]
        ways = ways / np.linalg.norm(ways, axis=0)
        found = np.concatenate([point[:, None] + r * cell[:, None] * ways for r in radii], axis=1)
        low, high = (np.array([line[end] for line in self.lines])[:, None] for end in (0, -1))
        return np.asarray(found[:, np.all((found >= low) & (found <= high), axis=0)])


def mesh_points(axes: Sequence[Array]) -> Array:
    """The points of a product of axes, ``(d, N)``, the last axis fastest."""
    return np.array(np.meshgrid(*axes, indexing="ij")).reshape(len(axes), -1)


def graded_grid(bounds: Array, points: Array, cells: int) -> SplineGrid:
    """Cells of one size round some points, and growing ones from there to the ends of a box.

    Args:
        bounds: The box, ``(d, 2)``.
        points: The points, ``(n, d)``.
        cells: How many of the fine cells are as long as the points are apart, in units of the box.
    """
    widths = bounds[:, 1] - bounds[:, 0]
    reach = float(np.max(np.ptp(points, axis=0) / widths))
    lines = []
    for (low, high), along, width in zip(bounds, points.T, widths, strict=True):
        step = reach * width / cells
        # half of their distance on all sides: there a bound is decided
        first = max(low, along.min() - 0.5 * reach * width)
        last = min(high, along.max() + 0.5 * reach * width)
        fine = np.linspace(first, last, max(2, int(np.ceil((last - first) / step)) + 1))
        lines.append(np.concatenate([_growing(first, low, step)[::-1], fine, _growing(last, high, step)]))
    return SplineGrid(tuple(lines))


def _growing(start: float, end: float, step: float) -> Array:
    """Ends of cells from ``start`` on, that grow up to ``end``."""
    count, size = 0, 0.0
    while size < abs(end - start) * (1.0 - 1e-9):
        count += 1
        size += step * GROWTH**count
    if not count:
        return np.zeros(0)
    ends = np.cumsum(GROWTH ** np.arange(1.0, count + 1))
    return np.asarray(start + (end - start) * ends / ends[-1])
