"""Minima of a loss and the passes between them, whether or not it is smooth there.

A search for zeros of ``b = −∇U`` (:mod:`solver.drift.fixed_points`) misses minima at kinks, where b jumps
from one side to the other, and gives up at points where the Hessian is singular.  What a loss looks like is
seen from its values alone: every vertex of a grid leads down, from neighbour to neighbour, to a minimum; two
basins meet at a pass where their common border is lowest (:mod:`solver.drift.basins`).  Both are followed
through finer and finer grids on smaller and smaller windows.  Where U turns out smooth Newton's method ends
the search; if not, the Hessian is replaced by secants 2ΔU/r² of the loss.

What is guaranteed: every point that is returned is a strict minimum, or has two separate lower sides, on a
small sphere.  Minima and passes that the first grid does not resolve are missed.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.sparse import coo_matrix
from scipy.sparse.csgraph import connected_components
from scipy.spatial import cKDTree

from solver.arrays import Array
from solver.drift.basins import Border, Relief, borders, lowest, mountain_pass, relief
from solver.drift.connections import Saddle
from solver.drift.fixed_points import FixedPoint, describe
from solver.drift.subdivision import newton
from solver.errors import DegenerateFixedPoints
from solver.system import System

# two points nearer than this part of the box are one, passes (which are found less sharply) than that
SAME, SAME_PASS = 1e-6, 1e-4
# the sphere on which a point is judged: of the box, and of the way to the nearest other point; it is halved
# where it reaches into another basin
SPHERE, APART, HALVINGS = 0.02, 0.3, 6
# round a pass the sphere is at least so many cells of the grid, so that the basins on its sides are known
CELLS = 3.0
# what falls by less than this part of the steepest way down is the ridge, not a side of it
SHALLOW = 0.1
# a rise of the loss by this part of its largest value is rounding
ROUNDING = 1e-13
# a secant over this part of the box agrees with the Jacobian to this part of it where U is smooth
SECANT, AGREES = 1e-4, 0.02
# where the Hessian is singular Newton's method gains a third of the distance in a step
NEWTON = 100
# a Hessian with a smaller ratio of eigenvalues is singular
SINGULAR = 1e-6
# the part of the lowest barrier over which the secants of a minimum are taken
PART = 0.1
# directions are narrowed down so often, each time to two fifths
TURNS = 16
# a minimum is followed for so many steps, down to spheres of this radius
SLIDES, FINEST = 400, 1e-10
# one that was found before is recognised from so far
NEARBY = 0.25
# lines, and points on each, that are compared on the way to a ridge, and how often they are narrowed down
ACROSS, RIDGES = 17, 30
DIRECTIONS = {1: 2, 2: 128, 3: 600}


@dataclass(frozen=True)
class Landscape:
    """The minima of a loss, then its saddles, and what these lie between (None: the way leads outside)."""

    points: tuple[FixedPoint, ...]
    saddles: tuple[Saddle, ...]


def landscape(system: System, bounds: Sequence[tuple[float, float]]) -> Landscape:
    """Minima and passes of the loss of a system in a box.  Not collective.

    Raises:
        DegenerateFixedPoints: If a minimum is not isolated.
    """
    land = relief(system, bounds)
    minima, ends = _minima(land)
    minima = [_settled(land, x) for x in minima]
    for x in minima:
        if not _strict(land, x):
            at = ", ".join(f"{value:.6g}" for value in land.outward(x))
            raise DegenerateFixedPoints(
                f"the loss is least on more than a point near ({at}): there is no isolated minimum there"
            )
    passes = _passes(land, ends, minima)
    heights = [_reference(land, k, x, passes) for k, x in enumerate(minima)]
    points = [_minimum(land, x, height) for x, height in zip(minima, heights, strict=True)]
    saddles = [_saddle(land, border) for border in passes]
    return Landscape((*points, *(one.fixed_point for one in saddles)), tuple(saddles))


def unseen_minimum(
    system: System, bounds: Sequence[tuple[float, float]], known: Sequence[FixedPoint]
) -> Array | None:
    """A minimum of the loss that is not one of the known points; None if there is none.  Not collective."""
    land = relief(system, bounds)
    seen = [land.inward(p.point) for p in known]
    for x in _minima(land, seen)[0]:
        if _strict(land, x):
            return land.outward(x)
    return None


def _minima(land: Relief, known: Sequence[Array] = ()) -> tuple[list[Array], dict[int, int | None]]:
    """The minima inside the box by coordinates, and to which of them (None: the edge) basins of it lead.

    Points that are known are not among them.
    """
    found: list[Array] = []
    ends: dict[int, int | None] = {}
    sinks = np.unique(land.basin)
    for n in sinks[np.argsort(land.values[sinks])]:
        x = land.grid[:, n]
        if any(np.abs(y - x).max() < 1.5 * land.cell for y in known):
            ends[int(n)] = None
            continue
        x = _slid(land, lowest(land, x), found)
        if ((x <= SAME) | (x >= 1.0 - SAME)).any():
            ends[int(n)] = None
            continue
        near = [m for m, y in enumerate(found) if np.abs(y - x).max() < max(SAME, 0.1 * land.cell)]
        if any(np.abs(y - x).max() < max(SAME, 0.1 * land.cell) for y in known):
            ends[int(n)] = None
            continue
        ends[int(n)] = near[0] if near else len(found)
        if not near:
            found.append(x)
    order = sorted(range(len(found)), key=lambda m: tuple(np.round(found[m] / 1e-7)))
    place = {m: k for k, m in enumerate(order)}
    return [found[m] for m in order], {n: None if m is None else place[m] for n, m in ends.items()}


def _slid(land: Relief, x: Array, found: Sequence[Array]) -> Array:
    """A point moved on to the lowest of smaller and smaller spheres.

    Vertices of a grid do not follow a kink along a slanted line; the lowest points of spheres do.  A minimum
    that was found before is taken where the straight way to it leads down.
    """
    height, radius = float(land.loss(x[:, None])[0]), SPHERE
    sphere, steps = _directions(land.dim), np.linspace(0.0, 1.0, 65)[1:]
    for _ in range(SLIDES):
        for y in found:
            if (
                np.linalg.norm(y - x) < NEARBY
                and (np.diff(land.loss(x[:, None] + np.outer(y - x, steps))) <= 0).all()
            ):
                return y
        start = sphere[:, int(np.argmin(land.loss(x[:, None] + radius * sphere)))]
        trial = x + _lowest_direction(land, x, radius, start)
        there = float(land.loss(trial[:, None])[0])
        if there < height:
            x, height = trial, there
        else:
            radius *= 0.5
        if radius < FINEST:
            break
    return x


def _settled(land: Relief, x: Array) -> Array:
    """Newton's method from a point found on grids, where it leads to one nearby that is no higher."""
    start = land.outward(x)[:, None]
    with np.errstate(all="ignore"):
        end = newton(land.system.drift, land.system.jacobian, start, NEWTON, sizes=land.width)
    found = land.inward(end[:, 0])
    if np.isfinite(found).all() and np.abs(found - x).max() < SAME_PASS:
        x = found
    # a coordinate that might as well be zero is
    point = land.outward(x)
    zero = np.abs(point) < SAME * land.width
    trial = land.inward(np.where(zero, 0.0, point))
    heights = land.loss(np.stack([x, trial], axis=1))
    return trial if abs(heights[1] - heights[0]) <= land.noise else x


def _strict(land: Relief, x: Array) -> bool:
    """Whether the loss is higher all round a point."""
    height = land.loss(x[:, None])[0] + land.noise
    sphere = _directions(land.dim)
    for radius in SPHERE * 0.5 ** np.arange(HALVINGS + 1):
        values = land.loss(x[:, None] + radius * sphere)
        way = _lowest_direction(land, x, radius, sphere[:, int(np.argmin(values))])
        if land.loss((x + way)[:, None])[0] > height:
            return True
    return False


def _lowest_direction(land: Relief, x: Array, radius: float, start: Array) -> Array:
    """The way to the lowest point of a sphere near a direction on it."""
    best, spread = start, 4.0 / DIRECTIONS[2]
    if land.dim == 1:
        return radius * start
    across = np.linalg.svd(start[None])[2][1:].T
    steps = np.linspace(-2.0, 2.0, 9)
    offsets = np.stack([a.ravel() for a in np.meshgrid(*[steps] * (land.dim - 1))])
    if land.dim == 3:
        spread = np.sqrt(4 * np.pi / DIRECTIONS[3])
    for _ in range(TURNS):
        trials = best[:, None] + spread * across @ offsets
        trials = trials / np.linalg.norm(trials, axis=0)
        best = trials[:, int(np.argmin(land.loss(x[:, None] + radius * trials)))]
        spread *= 0.4
    return np.asarray(radius * best)


def _passes(land: Relief, ends: dict[int, int | None], minima: Sequence[Array]) -> list[Border]:
    """The passes between basins, each once, by their heights."""
    found: list[Border] = []
    for border in borders(land, ends):
        sharp = mountain_pass(land, border)
        if sharp is None:
            continue
        rough = _sides(land, sharp.point, [])
        if rough is None:
            continue
        x = _settled(land, _ridge(land, sharp.point, rough[0] - rough[1]))
        if any(np.abs(other.point - x).max() < SAME_PASS for other in found):
            continue
        sides = _sides(land, x, [*minima, *(other.point for other in found)])
        if sides is None:
            continue
        first, second = (x + side for side in sides)
        between = _well(land, first, ends), _well(land, second, ends)
        if between[0] != between[1]:
            found.append(Border(x, between, first, second))
    return sorted(found, key=lambda one: tuple(np.round(one.point / 1e-7)))


def _ridge(land: Relief, x: Array, way: Array) -> Array:
    """The lowest point of a ridge that is crossed in a direction: of the maxima along parallel lines.

    Vertices of a grid lie more or less far beside a ridge along a slanted line, and are lower than it.
    """
    way = way / np.linalg.norm(way)
    across = np.linalg.svd(way[None])[2][1:].T
    half = CELLS * land.cell
    steps = np.linspace(-1.0, 1.0, ACROSS)
    offsets = np.stack([a.ravel() for a in np.meshgrid(*[steps] * (land.dim - 1))]) if land.dim > 1 else None
    for _ in range(RIDGES):
        feet = x[:, None] if offsets is None else x[:, None] + half * across @ offsets
        tops, heights = _tops(land, feet, way, CELLS * land.cell)
        best = int(np.argmin(heights))
        inner = offsets is None or np.abs(offsets[:, best]).max() < 0.99
        x = tops[:, best]
        half *= 0.3 if inner else 1.0
        if half < FINEST:
            break
    return x


def _tops(land: Relief, feet: Array, way: Array, reach: float) -> tuple[Array, Array]:
    """The highest points on lines through some points, and the loss there."""
    middle, half = np.zeros(feet.shape[1]), reach
    steps = np.linspace(-1.0, 1.0, ACROSS)
    for _ in range(RIDGES):
        t = middle[:, None] + half * steps
        points = feet[:, :, None] + way[:, None, None] * t
        values = land.loss(points.reshape(land.dim, -1)).reshape(t.shape)
        values = np.where(np.isfinite(values), values, -np.inf)
        best = values.argmax(axis=1)
        middle = t[np.arange(len(t)), best]
        half *= 0.3
        if half < FINEST:
            break
    points = feet + np.outer(way, middle)
    return points, land.loss(points)


def _well(land: Relief, x: Array, ends: dict[int, int | None]) -> int | None:
    """The minimum that the way down from a point leads to; None if it leads to the edge."""
    nearest = int(np.argmin(np.abs(land.grid - x[:, None]).max(axis=0)))
    return ends[int(land.basin[nearest])]


def _sides(land: Relief, x: Array, others: Sequence[Array]) -> tuple[Array, Array] | None:
    """The ways down the two lower sides of a pass, on a sphere; None where there are not two."""
    height = float(land.loss(x[:, None])[0])
    gap = min((float(np.linalg.norm(y - x)) for y in others if np.abs(y - x).max() > SAME), default=1.0)
    sphere = _directions(land.dim)
    for radius in min(max(SPHERE, CELLS * land.cell), APART * gap) * 0.5 ** np.arange(HALVINGS + 1):
        values = land.loss(x[:, None] + radius * sphere)
        drop = height - float(values.min())
        # the ridge between the sides is narrow where it is sharp, and higher than this all the same
        low = np.flatnonzero(values < height - max(SHALLOW * drop, land.noise))
        parts = _components(sphere[:, low])
        if parts.max(initial=-1) == 1:
            best = [low[parts == side][np.argmin(values[low[parts == side]])] for side in (0, 1)]
            first, second = (_lowest_direction(land, x, radius, sphere[:, n]) for n in best)
            return first, second
    return None


def _components(directions: Array) -> np.ndarray:
    """Connected parts of a set of the directions of :func:`_directions`."""
    dim, count = directions.shape
    if dim == 1 or count == 0:
        return np.arange(count)
    # neighbours on the circle and on the lattice, and those next to them
    reach = 1.5 * 2 * np.pi / DIRECTIONS[2] if dim == 2 else 2.2 * np.sqrt(4 * np.pi / DIRECTIONS[3])
    pairs = cKDTree(directions.T).query_pairs(reach, output_type="ndarray")
    graph = coo_matrix((np.ones(len(pairs)), (pairs[:, 0], pairs[:, 1])), shape=(count, count))
    return np.asarray(connected_components(graph, directed=False)[1])


def _reference(land: Relief, k: int, x: Array, passes: Sequence[Border]) -> float:
    """A part of the lowest barrier out of a well, or of the way up to the edge of the box."""
    low = float(land.loss(x[:, None])[0])
    tops = [float(land.loss(p.point[:, None])[0]) for p in passes if k in p.between]
    edge = land.values[((land.grid == 0.0) | (land.grid == 1.0)).any(axis=0)]
    return PART * (min(tops, default=float(np.min(edge))) - low)


def _regular(land: Relief, x: Array, kind: str) -> FixedPoint | None:
    """The point with its Jacobian if the loss is smooth there and its Hessian regular."""
    system, width = land.system, land.width
    point = land.outward(x)
    ratio = width[None, :] / width[:, None]
    with np.errstate(all="ignore"):
        jacobian = system.jacobian(point[:, None])[..., 0] * ratio
        steps = SECANT * np.diag(width)
        rise = system.drift(point[:, None] + steps) - system.drift(point[:, None] - steps)
    secant = rise / width[:, None] / (2 * SECANT)
    if not (np.isfinite(jacobian).all() and np.isfinite(secant).all()):
        return None
    sizes = np.linalg.svd(jacobian, compute_uv=False)
    if sizes[-1] <= SINGULAR * sizes[0] or np.abs(secant - jacobian).max() > AGREES * sizes[0]:
        return None
    found = describe(system, point, on_boundary=False)
    return found if found.kind == kind else None


def _minimum(land: Relief, x: Array, rise: float) -> FixedPoint:
    """A minimum, with the ellipsoid that fits its level set at a height for its Hessian if need be."""
    smooth = _regular(land, x, "attractor")
    if smooth is not None:
        return smooth
    sphere = _directions(land.dim)
    radii = np.geomspace(1e-6, 0.5, 400)
    rays = x[:, None, None] + sphere[:, :, None] * radii
    heights = land.loss(rays.reshape(land.dim, -1)).reshape(sphere.shape[1], -1) - land.loss(x[:, None])[0]
    beyond = heights >= rise
    first = np.where(beyond.any(axis=1), beyond.argmax(axis=1), len(radii) - 1)
    level = sphere * radii[first]
    # ½ pᵀHp = rise at all points p of the level set, in the mean
    rows, columns = np.triu_indices(land.dim)
    matrix = (np.where(rows == columns, 0.5, 1.0)[:, None] * level[rows] * level[columns]).T
    entries = np.linalg.lstsq(matrix / rise, np.ones(len(matrix)), rcond=None)[0]
    hessian = np.zeros((land.dim, land.dim))
    hessian[rows, columns] = hessian[columns, rows] = entries
    values, vectors = np.linalg.eigh(hessian)
    # the level set reaches no further than the box
    values = np.maximum(values, 2 * rise / 0.5**2)
    return _irregular(land, x, (vectors * values) @ vectors.T, "attractor", 0)


def _saddle(land: Relief, border: Border) -> Saddle:
    """A pass as a saddle, with secants for its Hessian if need be."""
    x = border.point
    way = border.first - border.second
    point = _regular(land, x, "saddle")
    if point is None or point.index != 1:
        radius = 0.5 * float(np.linalg.norm(way))
        frame = np.linalg.svd(way[None])[2]
        both = np.concatenate([radius * frame, -radius * frame]).T
        drops = (land.loss(x[:, None] + both) - land.loss(x[:, None])[0]).reshape(2, -1).mean(axis=0)
        curvature = np.abs(2 * drops / radius**2)
        curvature[0] *= -1.0
        point = _irregular(land, x, (frame.T * curvature) @ frame, "saddle", 1)
    values, vectors = np.linalg.eig(point.jacobian)
    n = int(np.argmax(values.real))
    vector = vectors[:, n].real / np.linalg.norm(vectors[:, n].real)
    vector = vector * np.sign(vector @ (land.width * way))
    first, second = border.between
    if first is None or (second is not None and second < first):
        first, second, vector = second, first, -vector
    return Saddle(point.point, (first, second), vector, float(values[n].real), point)


def _irregular(land: Relief, x: Array, hessian: Array, kind: str, index: int) -> FixedPoint:
    """A point with the negative of a Hessian, in units of the box, for its Jacobian."""
    jacobian = -hessian / np.multiply.outer(land.width, land.width)
    values = np.linalg.eigvalsh(jacobian)[::-1].astype(complex)
    return FixedPoint(land.outward(x), jacobian, values, kind, index, regular=False)  # type: ignore[arg-type]


def _directions(dim: int) -> Array:
    """Even directions, ``(d, n)``."""
    count = DIRECTIONS[dim]
    if dim == 1:
        return np.array([[-1.0, 1.0]])
    t = np.arange(count) + 0.5
    if dim == 2:
        return np.array([np.cos(2 * np.pi * t / count), np.sin(2 * np.pi * t / count)])
    z, angle = 1 - 2 * t / count, np.pi * (1 + np.sqrt(5)) * t  # a Fibonacci lattice
    return np.array([np.sqrt(1 - z**2) * np.cos(angle), np.sqrt(1 - z**2) * np.sin(angle), z])
