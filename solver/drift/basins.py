"""A loss on a grid: which minimum every vertex leads down to, and where the basins border on each other.

All inner work is in units in which the box is the unit cube.  A minimum is sharpened to the lowest vertex of
smaller and smaller windows; a pass to the lowest vertex over which its two sides are connected within them.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import product

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import cKDTree

from solver.arrays import Array
from solver.system import System

Indices = NDArray[np.int64]

# vertices along each axis of the first grid, and of the windows
FIRST = {1: 2001, 2: 161, 3: 41}
WINDOW = {1: 33, 2: 17, 3: 9}
# a window reaches this many cells of the grid before to each side; it is moved or narrowed at most so often
REACH, STEPS = 2, 120
# and widened up to so many cells where the sides of a pass are not separate in it
WIDEST = 16
# the width of the last window, of the box
FINEST = 1e-12
# a border is looked at where it is lower than all of it within so many cells
NEAR = 3.0
ROUNDING = 1e-13


@dataclass(frozen=True)
class Relief:
    """A loss on a grid over the unit cube.

    Attributes:
        system: The system, in its own coordinates.
        low, width: Lowest corner and sides of the box, ``(d,)``.
        grid: Vertices, ``(d, n)``.
        values: U there, infinite where it is not known.
        cell: Their distance along the axes.
        basin: For every vertex the lowest one that it leads down to.
        below: For every vertex its lowest neighbour, or itself.
        noise: What is rounding in U.
    """

    system: System
    low: Array
    width: Array
    grid: Array
    values: Array
    cell: float
    basin: Indices
    below: Indices
    noise: float

    @property
    def dim(self) -> int:
        """d."""
        return self.system.dim

    def outward(self, xi: Array) -> Array:
        """A point of the unit cube in the coordinates of the system."""
        return np.asarray(self.low + self.width * xi)

    def inward(self, x: Array) -> Array:
        """A point in units of the box."""
        return np.asarray((x - self.low) / self.width)

    def loss(self, xi: Array) -> Array:
        """U at points ``(d, n)`` of the unit cube, infinite where it is not known, and outside."""
        return _loss(self.system, self.low, self.width, xi)


@dataclass(frozen=True)
class Border:
    """A place where two basins meet: the highest point, and one lower on each side; which basins they are."""

    point: Array
    between: tuple[int | None, int | None]
    first: Array
    second: Array


def relief(system: System, bounds: Sequence[tuple[float, float]]) -> Relief:
    """Put a loss on a grid.  Not collective."""
    box = np.array(bounds, dtype=float)
    low, width = box[:, 0], box[:, 1] - box[:, 0]
    count = FIRST[system.dim]
    axis = np.linspace(0.0, 1.0, count)
    grid = np.stack([a.ravel() for a in np.meshgrid(*[axis] * system.dim, indexing="ij")])
    values = _loss(system, low, width, grid)
    noise = ROUNDING * float(np.max(np.abs(values[np.isfinite(values)]), initial=0.0))
    below = _lowest_neighbours(values, count, system.dim)
    basin = below
    while (basin[basin] != basin).any():
        basin = basin[basin]
    return Relief(system, low, width, grid, values, 1.0 / (count - 1), basin, below, noise)


def _loss(system: System, low: Array, width: Array, xi: Array) -> Array:
    assert system.loss is not None
    with np.errstate(all="ignore"):
        values = np.asarray(system.loss(low[:, None] + width[:, None] * xi), dtype=float)
    outside = ((xi < 0.0) | (xi > 1.0)).any(axis=0)
    return np.where(np.isfinite(values) & ~outside, values, np.inf)


def _pairs(count: int, dim: int) -> Iterator[tuple[Indices, Indices]]:
    """Neighbouring vertices of a grid with ``count`` along each axis, diagonals too, each pair once."""
    number = np.arange(count**dim).reshape([count] * dim)
    for offset in product((-1, 0, 1), repeat=dim):
        if offset <= (0,) * dim:
            continue
        here = tuple(slice(max(0, -o), count - max(0, o)) for o in offset)
        there = tuple(slice(max(0, o), count + min(0, o)) for o in offset)
        yield number[here].ravel(), number[there].ravel()


def _lowest_neighbours(values: Array, count: int, dim: int) -> Indices:
    """The lowest neighbour of every vertex of a grid, or itself."""
    below, least = np.arange(len(values)), values.copy()
    for a, b in _pairs(count, dim):
        for one, other in ((a, b), (b, a)):
            lower = values[other] < least[one]
            below[one[lower]], least[one[lower]] = other[lower], values[other[lower]]
    return below


@lru_cache(maxsize=4)
def _neighbours(count: int, dim: int) -> list[list[int]]:
    """The neighbours of every vertex of a grid."""
    found: list[list[int]] = [[] for _ in range(count**dim)]
    for first, second in _pairs(count, dim):
        for a, b in zip(first, second, strict=True):
            found[a].append(int(b))
            found[b].append(int(a))
    return found


def lowest(land: Relief, start: Array) -> Array:
    """The lowest point near a vertex of the grid."""
    x, half = start, REACH * land.cell
    height = float(land.loss(x[:, None])[0])
    for _ in range(STEPS):
        points = _window(x, half, land.dim)
        values = land.loss(points)
        n = int(np.argmin(values))
        moved = np.abs(points[:, n] - x).max() > 0.99 * half
        if values[n] < height:
            x, height = points[:, n], float(values[n])
        if not moved:
            half *= 2 * REACH / (WINDOW[land.dim] - 1)
        if half < FINEST:
            break
    return x


def _window(centre: Array, half: float, dim: int) -> Array:
    axis = np.linspace(-half, half, WINDOW[dim])
    offsets = np.stack([a.ravel() for a in np.meshgrid(*[axis] * dim, indexing="ij")])
    return centre[:, None] + offsets


def borders(land: Relief, ends: dict[int, int | None]) -> list[Border]:
    """Where two basins have the lowest points of their common border.

    Args:
        land: The loss on its grid.
        ends: By lowest vertex the number of the basin, None for those that end on the edge of the box.
    """
    count = FIRST[land.dim]
    names = np.array([-1 if ends[int(n)] is None else ends[int(n)] for n in land.basin])
    edges = [np.stack([a, b])[:, names[a] != names[b]] for a, b in _pairs(count, land.dim)]
    first, second = np.concatenate(edges, axis=1)
    heights = np.maximum(land.values[first], land.values[second])
    kind = np.sort(np.stack([names[first], names[second]]), axis=0)
    found = []
    for pair in np.unique(kind, axis=1).T:
        of_pair = np.flatnonzero((kind == pair[:, None]).all(axis=0) & np.isfinite(heights))
        middles = 0.5 * (land.grid[:, first[of_pair]] + land.grid[:, second[of_pair]]).T
        tree = cKDTree(middles)
        taken = np.zeros(len(of_pair), dtype=bool)
        for n in np.argsort(heights[of_pair], kind="stable"):
            near = tree.query_ball_point(middles[n], NEAR * land.cell)
            # the lowest of its neighbourhood, unless that is part of one that was lower
            if not taken[near].any():
                a, b = int(first[of_pair[n]]), int(second[of_pair[n]])
                found.append(_border(land, a, b, names))
            taken[near] = True
    return found


def _border(land: Relief, a: int, b: int, names: Indices) -> Border:
    top = a if land.values[a] >= land.values[b] else b
    between = tuple(None if names[n] < 0 else int(names[n]) for n in (a, b))
    sides = [land.grid[:, land.below[n]] for n in (a, b)]
    return Border(land.grid[:, top], between, *sides)  # type: ignore[arg-type]


def mountain_pass(land: Relief, border: Border) -> Border | None:
    """The pass near a point of a border; None where the sides are not separate there."""
    x, first, second, half = border.point, border.first, border.second, REACH * land.cell
    count = WINDOW[land.dim]
    for _ in range(STEPS):
        points = _window(x, half, land.dim)
        values = land.loss(points)
        below = _lowest_neighbours(values, count, land.dim)
        seeds = []
        for side in (first, second):
            n = int(np.argmin(np.abs(points - side[:, None]).max(axis=0)))
            while below[n] != n:
                n = int(below[n])
            seeds.append(n)
        joint = None if seeds[0] == seeds[1] else _joint(values, seeds, count, land.dim)
        if joint is None:
            # the way down along the grid misleads near a ridge: the two sides are told apart from further off
            half *= 2.0
            if half > WIDEST * land.cell:
                return None
            continue
        top, first, second = points[:, joint[0]], points[:, joint[1]], points[:, joint[2]]
        if np.abs(top - x).max() < 0.99 * half:
            half *= 2 * REACH / (count - 1)
        x = top
        if half < FINEST:
            break
    return Border(x, border.between, first, second)


def _joint(values: Array, seeds: Sequence[int], count: int, dim: int) -> tuple[int, int, int] | None:
    """The lowest vertex over which two others are connected, and its lowest neighbours on both sides."""
    neighbours = _neighbours(count, dim)
    root = np.full(len(values), -1)

    def find(n: int) -> int:
        while root[n] != n:
            root[n] = root[root[n]]
            n = int(root[n])
        return n

    for n in np.argsort(values, kind="stable"):
        if not np.isfinite(values[n]):
            return None
        near = [m for m in neighbours[n] if root[m] >= 0]
        sides = [find(s) if root[s] >= 0 else -1 for s in seeds]
        touching = [[m for m in near if find(m) == side] for side in sides]
        if all(touching) and sides[0] != sides[1]:
            first, second = (min(side, key=lambda m: values[m]) for side in touching)
            return int(n), first, second
        root[n] = n
        for m in near:
            root[find(m)] = n
    return None
