"""Which attractors a saddle lies between: its unstable curves followed along ẋ = b(x).

All curves of all saddles are integrated together by the Dormand–Prince 5(4) pair, each with its own
step, until they enter a neighbourhood that the flow cannot leave: an ellipsoid ``yᵀPy < r²`` round
an attractor, with ``JᵀP + PJ = -I``, shrunk until ``yᵀP b < 0`` on sampled shells inside it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import solve_continuous_lyapunov

from solver.drift.fixed_points import FixedPoint
from solver.errors import DegenerateFixedPoints
from solver.system import Array, Field, System

STAGES = (
    (1 / 5,),
    (3 / 40, 9 / 40),
    (44 / 45, -56 / 15, 32 / 9),
    (19372 / 6561, -25360 / 2187, 64448 / 6561, -212 / 729),
    (9017 / 3168, -355 / 33, 46732 / 5247, 49 / 176, -5103 / 18656),
    (35 / 384, 0.0, 500 / 1113, 125 / 192, -2187 / 6784, 11 / 84),
)
ERROR = (71 / 57600, 0.0, -71 / 16695, 71 / 1920, -17253 / 339200, 22 / 525, -1 / 40)


@dataclass(frozen=True)
class Saddle:
    """A saddle with one unstable direction, and where its unstable curve leads.

    Attributes:
        point: Coordinates, ``(d,)``.
        between: Indices of the attractors reached along ``+`` and ``-`` the eigenvector, smaller
            first; None (last) where the curve leaves the domain or ends in no point attractor.
        unstable_eigenvector: Unit vector, ``(d,)``, pointing to the first of ``between``.
        unstable_eigenvalue: The positive eigenvalue λ₊ of ∇b.
        fixed_point: The same point with its Jacobian and all eigenvalues.
    """

    point: Array
    between: tuple[int | None, int | None]
    unstable_eigenvector: Array
    unstable_eigenvalue: float
    fixed_point: FixedPoint


class Basin(Protocol):
    """A neighbourhood of an attractor that the flow cannot leave."""

    def holds(self, points: Array) -> NDArray[np.bool_]:
        """Return which of ``points`` ``(d, N)`` are inside."""


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
        max_steps: Steps after which a curve that reached nothing is given up (None): it winds onto
            a limit cycle, or creeps.

    Returns:
        The saddles of index 1 in the order of ``points``.
    """
    box = np.array(bounds, dtype=float)
    wraps = np.array([*periodic, *[False] * (system.dim - len(periodic))])
    caught = [*traps(system, points, bounds, periodic), *further]
    saddles = [p for p in points if p.kind == "saddle" and p.index == 1]
    if not saddles:
        return ()
    ways = [_unstable(s) for s in saddles]
    starts = []
    for saddle, (vector, _) in zip(saddles, ways, strict=True):
        step = 1e-4 * _nearest(saddle, points, box)
        starts += [saddle.point + step * vector, saddle.point - step * vector]
    ends, _ = follow(system.drift, np.array(starts).T, caught, box, wraps, max_steps)
    result = []
    for n, (saddle, (vector, value)) in enumerate(zip(saddles, ways, strict=True)):
        pair = (ends[2 * n], ends[2 * n + 1])
        order = [len(caught) if end is None else end for end in pair]
        if order[0] > order[1]:
            pair, vector = (pair[1], pair[0]), -vector
        result.append(Saddle(saddle.point, pair, vector, value, saddle))
    return tuple(result)


def traps(
    system: System,
    points: Sequence[FixedPoint],
    bounds: Sequence[tuple[float, float]],
    periodic: Sequence[bool] = (),
) -> list[Trap]:
    """A neighbourhood of every attractor among the fixed points that the flow cannot leave."""
    box = np.array(bounds, dtype=float)
    wraps = np.array([*periodic, *[False] * (system.dim - len(periodic))])
    period = np.where(wraps, box[:, 1] - box[:, 0], np.inf)
    attractors = [p for p in points if p.kind == "attractor"]
    return [trap(system, a, _nearest(a, points, box), period) for a in attractors]


def trap(system: System, attractor: FixedPoint, size: float, period: Array) -> Trap:
    """Return an ellipsoid of largest radius at most ``size / 4`` that the flow cannot leave."""
    d = system.dim
    metric = solve_continuous_lyapunov(attractor.jacobian.T, -np.eye(d))
    metric = (metric + metric.T) / 2
    values, vectors = np.linalg.eigh(metric)
    directions = _sphere(d)
    radius = size / 4
    for _ in range(60):
        # The longest half-axis is `radius`: yᵀ metric y = radius² min(eigenvalue).
        level = radius**2 * values[0]
        shells = np.linspace(0.05, 1.0, 20)[:, None, None]
        y = (vectors / np.sqrt(values)) @ directions * np.sqrt(level)
        y = (shells * y).transpose(1, 0, 2).reshape(d, -1)
        value = system.drift(attractor.point[:, None] + y)
        if (np.einsum("in,ij,jn->n", y, metric, value) < 0).all():
            return Trap(attractor.point, metric / level, period)
        radius /= 2
    raise DegenerateFixedPoints(f"no neighbourhood of the attractor {attractor.point} is invariant")


def _sphere(dim: int) -> Array:
    if dim == 1:
        return np.array([[-1.0, 1.0]])
    t = np.arange(64) + 0.5
    if dim == 2:
        return np.array([np.cos(2 * np.pi * t / 64), np.sin(2 * np.pi * t / 64)])
    z, angle = 1 - 2 * t / 64, np.pi * (1 + np.sqrt(5)) * t  # a Fibonacci lattice
    return np.array([np.sqrt(1 - z**2) * np.cos(angle), np.sqrt(1 - z**2) * np.sin(angle), z])


def _nearest(point: FixedPoint, points: Sequence[FixedPoint], box: Array) -> float:
    """Distance to the nearest other fixed point, at most a tenth of the box."""
    distances = [float(np.linalg.norm(p.point - point.point)) for p in points]
    return min([0.1 * float((box[:, 1] - box[:, 0]).min()), *(x for x in distances if x > 0)])


def _unstable(saddle: FixedPoint) -> tuple[Array, float]:
    values, vectors = np.linalg.eig(saddle.jacobian)
    n = int(np.argmax(values.real))
    vector = vectors[:, n].real
    vector = vector / np.linalg.norm(vector)
    return vector * np.sign(vector[np.argmax(np.abs(vector))]), float(values[n].real)


def follow(
    drift: Field, x: Array, traps: Sequence[Basin], box: Array, wraps: NDArray[np.bool_], max_steps: int
) -> tuple[list[int | None], Array]:
    """Integrate ẋ = b from the columns of ``x``; the trap that each one ends in, and where it was last."""
    ends: list[int | None] = [None] * x.shape[1]
    last = x.copy()
    width = box[:, 1] - box[:, 0]
    who = np.arange(x.shape[1])
    scale = 1e-8 * float(width.min())
    slope = drift(x)
    step = 1e-3 * width.min() / np.maximum(np.linalg.norm(slope, axis=0), 1e-300)
    with np.errstate(all="ignore"):  # a trial step may leave the domain of b; it is refused then
        for _ in range(max_steps):
            stages = [slope]
            for row in STAGES:
                stages.append(drift(x + step * sum(c * k for c, k in zip(row, stages, strict=True))))
            new = x + step * sum(c * k for c, k in zip(STAGES[-1], stages, strict=False))
            error = np.linalg.norm(step * sum(c * k for c, k in zip(ERROR, stages, strict=True)), axis=0)
            good = error <= scale  # false for NaN
            x, slope = np.where(good, new, x), np.where(good, stages[-1], slope)
            x = np.where(wraps[:, None], box[:, :1] + np.mod(x - box[:, :1], width[:, None]), x)
            step = step * np.nan_to_num(np.clip(0.9 * (scale / error) ** 0.2, 0.2, 5.0), nan=0.2)
            last[:, who] = x
            stay = (wraps[:, None] | ((x > box[:, :1]) & (x < box[:, 1:]))).all(axis=0) | ~good
            for i, region in enumerate(traps):
                caught = region.holds(x)
                for n in who[caught]:
                    ends[n] = i
                stay &= ~caught
            x, slope, step, who = x[:, stay], slope[:, stay], step[stay], who[stay]
            if not who.size:
                break
    return ends, last
