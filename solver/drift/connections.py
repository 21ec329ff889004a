"""Which attractors a saddle lies between: its unstable curves followed along ẋ = b(x).

All curves of all saddles are integrated together (:mod:`solver.drift.flow`), until they enter a neighbourhood
that the flow cannot leave: an ellipsoid ``yᵀPy < r²`` round an attractor, with ``JᵀP + PJ = -I`` in units of
the sides of the box, shrunk until ``yᵀP b < 0`` on sampled shells inside it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import solve_continuous_lyapunov

from solver.arrays import Array
from solver.drift.fixed_points import FixedPoint
from solver.drift.flow import Basin, Course, follow
from solver.errors import DegenerateFixedPoints
from solver.system import System

# where an unstable curve starts, over the distance to the next fixed point
FIRST = 1e-4
# the radius of a trap is at most this part of the distance to the next fixed point, and of the box
ROOM, LARGEST, SHRINK = 0.5, 0.25, 0.8


@dataclass(frozen=True)
class Saddle:
    """A saddle with one unstable direction, and where its unstable curve leads.

    Attributes:
        point: Coordinates, ``(d,)``.
        between: Indices of the attractors reached along ``+`` and ``-`` the eigenvector, smaller
            first; None (last) where the curve leaves the domain or ends in no attractor.
        unstable_eigenvector: Unit vector, ``(d,)``, pointing to the first of ``between``.
        unstable_eigenvalue: The positive eigenvalue λ₊ of ∇b.
        fixed_point: The same point with its Jacobian and all eigenvalues.
        doubts: Sentences on what is not known of ``between``.
    """

    point: Array
    between: tuple[int | None, int | None]
    unstable_eigenvector: Array
    unstable_eigenvalue: float
    fixed_point: FixedPoint
    doubts: tuple[str, ...] = ()


@dataclass(frozen=True)
class Trap:
    """An ellipsoid ``(x - centre)ᵀ metric (x - centre) < 1`` that the flow enters and never leaves.

    Attributes:
        centre: The attractor, ``(d,)``.
        metric: ``(d, d)``, positive definite.
        period: Period of each coordinate, inf where it does not wrap, ``(d,)``.
    """

    centre: Array
    metric: Array
    period: Array

    def holds(self, points: Array) -> NDArray[np.bool_]:
        """Return which of ``points`` ``(d, N)`` are inside."""
        y = points - self.centre[:, None]
        turns = np.round(y / self.period[:, None])
        y = y - np.where(turns == 0, 0.0, self.period[:, None]) * turns
        return np.asarray(np.einsum("in,ij,jn->n", y, self.metric, y) < 1)


def connections(
    system: System,
    points: Sequence[FixedPoint],
    bounds: Sequence[tuple[float, float]],
    periodic: Sequence[bool] = (),
    max_steps: int = 20_000,
    further: Sequence[Basin] = (),
) -> tuple[Saddle, ...]:
    """Follow the unstable curves of every saddle of index 1 to the attractors.

    Attractors are numbered in the order in which they occur in ``points``.  Not collective.

    Args:
        system: The system.
        points: All fixed points of the domain, from :func:`solver.drift.fixed_points.fixed_points`.
        bounds: The box ``((low, high), ...)``; a curve that leaves it counts as lost (None).
        periodic: Which coordinates wrap round.
        further: Neighbourhoods of other attractors (cycles), which are numbered after the points.
        max_steps: Steps after which a curve that reached nothing is given up (None, with a doubt).

    Returns:
        The saddles of index 1 in the order of ``points``.  A curve that ends at another saddle (it can, where
        the system is symmetric) is continued along the unstable curve of that one, to the attractor of lower
        number.
    """
    box = np.array(bounds, dtype=float)
    width = box[:, 1] - box[:, 0]
    wraps = _wraps(system, periodic)
    caught = [*traps(system, points, bounds, periodic), *further]
    unstable = [p for p in points if p.kind != "attractor"]
    saddles = [p for p in unstable if p.kind == "saddle" and p.index == 1]
    if not saddles:
        return ()
    ways = [_unstable(s) for s in saddles]
    starts = []
    for saddle, (vector, _) in zip(saddles, ways, strict=True):
        step = FIRST * _nearest(saddle, points, width) / np.abs(vector / width).max()
        starts += [saddle.point + step * vector, saddle.point - step * vector]
    held = np.array([p.point for p in unstable]).reshape(-1, system.dim).T
    courses = follow(system, np.array(starts).T, caught, box, max_steps, held, wraps)
    ends = _ends(courses, [next((n for n, s in enumerate(saddles) if s is p), None) for p in unstable])
    result = []
    for n, (saddle, (vector, value)) in enumerate(zip(saddles, ways, strict=True)):
        pair, both = (ends[2 * n], ends[2 * n + 1]), courses[2 * n : 2 * n + 2]
        order = [len(caught) if end is None else end for end in pair]
        if order[0] > order[1]:
            pair, both, vector = (pair[1], pair[0]), both[::-1], -vector
        doubts = tuple(text for course in both if (text := _doubt(saddle, course, max_steps)))
        result.append(Saddle(saddle.point, pair, vector, value, saddle, doubts))
    return tuple(result)


def _ends(courses: Sequence[Course], saddles: Sequence[int | None]) -> list[int | None]:
    """The attractor at the end of every unstable curve; ``saddles`` are the numbers of unstable points."""

    def end(n: int, passed: frozenset[int]) -> int | None:
        course = courses[n]
        if course.fate == "caught":
            return course.end
        following = None if course.fate != "held" or course.end is None else saddles[course.end]
        if following is None or following in passed:
            return None
        sides = [end(2 * following + side, passed | {following}) for side in (0, 1)]
        return min((side for side in sides if side is not None), default=None)

    return [end(n, frozenset({n // 2})) for n in range(len(courses))]


def _doubt(saddle: FixedPoint, course: Course, steps: int) -> str:
    way, last = f"the way down from the saddle {_text(saddle.point)}", _text(course.last)
    return {
        "wandering": f"{way} was followed for {steps} steps, to {last}, and reached no attractor",
        "stuck": f"{way} comes to a halt at {last}, where the drift jumps or vanishes on more than a point",
        "held": f"{way} ends at another unstable fixed point, {last}, and leads on from there to more than "
        "one side; only one of them is counted",
    }.get(course.fate, "")


def _text(point: Array) -> str:
    return "(" + ", ".join(f"{x:.4g}" for x in np.asarray(point)) + ")"


def _wraps(system: System, periodic: Sequence[bool]) -> NDArray[np.bool_]:
    return np.array([*periodic, *[False] * (system.dim - len(periodic))], dtype=bool)


def traps(
    system: System,
    points: Sequence[FixedPoint],
    bounds: Sequence[tuple[float, float]],
    periodic: Sequence[bool] = (),
) -> list[Trap]:
    """A neighbourhood of every attractor among the fixed points that the flow cannot leave."""
    box = np.array(bounds, dtype=float)
    width = box[:, 1] - box[:, 0]
    period = np.where(_wraps(system, periodic), width, np.inf)
    attractors = [p for p in points if p.kind == "attractor"]
    return [trap(system, a, _nearest(a, points, width), width, period) for a in attractors]


def trap(system: System, attractor: FixedPoint, size: float, width: Array, period: Array) -> Trap:
    """Return an ellipsoid of largest radius at most ``size`` that the flow cannot leave.

    Args:
        system: The system.
        attractor: Its centre.
        size: Distance of the next fixed point, in units of the box.
        width: Sides of the box, ``(d,)``.
        period: Period of each coordinate, inf where it does not wrap, ``(d,)``.
    """
    d = system.dim
    jacobian = attractor.jacobian * width[None, :] / width[:, None]
    metric = solve_continuous_lyapunov(jacobian.T, -np.eye(d))
    metric = (metric + metric.T) / 2
    values, vectors = np.linalg.eigh(metric)
    if not values[0] > 0:
        raise DegenerateFixedPoints(f"the attractor {_text(attractor.point)} is not a stable one")
    shells = np.linspace(0.025, 1.0, 40)[:, None, None]
    y = (shells * ((vectors / np.sqrt(values)) @ _sphere(d))).transpose(1, 0, 2).reshape(d, -1)
    radius = min(ROOM * size, LARGEST)
    for _ in range(150):
        # The longest half-axis is `radius`: yᵀ metric y = radius² min(eigenvalue).
        level = radius**2 * values[0]
        scaled = np.sqrt(level) * y
        with np.errstate(all="ignore"):
            value = system.drift(attractor.point[:, None] + width[:, None] * scaled) / width[:, None]
        if (np.einsum("in,ij,jn->n", scaled, metric, value) < 0).all():
            return Trap(attractor.point, metric / level / np.multiply.outer(width, width), period)
        radius *= SHRINK
    raise DegenerateFixedPoints(f"no neighbourhood of the attractor {_text(attractor.point)} is invariant")


def _sphere(dim: int) -> Array:
    if dim == 1:
        return np.array([[-1.0, 1.0]])
    t = np.arange(128) + 0.5
    if dim == 2:
        return np.array([np.cos(2 * np.pi * t / 128), np.sin(2 * np.pi * t / 128)])
    t = np.arange(512) + 0.5
    z, angle = 1 - 2 * t / 512, np.pi * (1 + np.sqrt(5)) * t  # a Fibonacci lattice
    return np.array([np.sqrt(1 - z**2) * np.cos(angle), np.sqrt(1 - z**2) * np.sin(angle), z])


def _nearest(point: FixedPoint, points: Sequence[FixedPoint], width: Array) -> float:
    """Distance to the nearest other fixed point in units of the box, at most its side."""
    distances = [float(np.linalg.norm((p.point - point.point) / width)) for p in points]
    return min([1.0, *(x for x in distances if x > 0)])


def _unstable(saddle: FixedPoint) -> tuple[Array, float]:
    values, vectors = np.linalg.eig(saddle.jacobian)
    n = int(np.argmax(values.real))
    vector = vectors[:, n].real
    vector = vector / np.linalg.norm(vector)
    return vector * np.sign(vector[np.argmax(np.abs(vector))]), float(values[n].real)
