"""The loss on a line, plane or box of weight space round trained weights, with SGD's noise projected onto it.

Weights θ ∈ R^P are restricted to ``θ(c) = θ₀ + Dᵀc`` with c in 1 to 3 dimensions and orthonormal rows of D.
Gradient descent that is projected onto the plane is gradient descent in c:

    ∇_c loss = D ∇loss,      A(c) = D Σ(θ(c)) Dᵀ,

Σ the covariance of the per-sample gradients.  Only because D is orthonormal is there no metric in these.
What leaves the plane is lost: the result is SGD confined to the plane, not SGD seen on it.

Nothing here needs PyTorch: any function will do that gives the loss and the per-sample gradients
(:mod:`cases.landscapes.torch_landscape` makes one from a PyTorch model).  The table is what ``[system]
data`` reads.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from cases.expressions.splines import FEWEST
from cases.landscapes.grid_file import Table, write
from solver.system import Array

#: θ ``(P,)`` to the loss and the per-sample gradients ``(n, P)``.
LossAndGradients = Callable[[Array], tuple[float, Array]]
#: θ ``(P,)`` to the loss and the per-sample gradients along the directions, ``(n, d)``.
LossAndSlopes = Callable[[Array], tuple[float, Array]]


@dataclass(frozen=True)
class Plane:
    """A line, plane or three-dimensional flat of weight space.

    Attributes:
        origin: θ₀, ``(P,)``.
        directions: D with orthonormal rows, ``(d, P)``.
    """

    origin: Array
    directions: Array

    def point(self, c: Array) -> Array:
        """The weights θ(c) ``(P,)`` at coordinates ``(d,)``."""
        return np.asarray(self.origin + np.asarray(c) @ self.directions)

    def coordinates(self, theta: Array) -> Array:
        """The coordinates ``(d,)`` of the point of the plane nearest to weights ``(P,)``."""
        return np.asarray(self.directions @ (np.asarray(theta) - self.origin))


def plane(origin: Array, directions: Sequence[Array]) -> Plane:
    """The flat through a point along 1 to 3 directions, which are made orthonormal in turn.

    Args:
        origin: θ₀, ``(P,)``.
        directions: Each ``(P,)``; the first keeps its direction.

    Raises:
        ValueError: shapes that do not fit, numbers that are not finite, or dependent directions.
    """
    centre, rows = np.asarray(origin, dtype=np.float64), np.asarray(list(directions), dtype=np.float64)
    if centre.ndim != 1 or rows.ndim != 2 or not 1 <= len(rows) <= 3 or rows.shape[1] != len(centre):
        raise ValueError(f"origin {centre.shape} and directions {rows.shape} must be (P,) and 1 to 3 of (P,)")
    if not (np.isfinite(centre).all() and np.isfinite(rows).all()):
        raise ValueError("origin and directions must be finite")
    q, r = np.linalg.qr(rows.T)
    lengths = np.abs(np.diag(r))
    if len(rows) > len(centre) or (lengths <= 1e-9 * np.linalg.norm(rows, axis=1)).any():
        raise ValueError("the directions are not linearly independent")
    return Plane(centre, np.ascontiguousarray((q * np.sign(np.diag(r))).T))


def through(*weights: Array) -> Plane:
    """The flat through two to four weight vectors, with the first as origin.

    With two minima on the first axis: ``through(minimum, other_minimum, third_point)``.

    Raises:
        ValueError: as for :func:`plane`.
    """
    first, *others = (np.asarray(w, dtype=np.float64) for w in weights)
    return plane(first, [w - first for w in others])


def random_plane(origin: Array, dim: int = 2, seed: int = 1) -> Plane:
    """A flat through a point along random directions, uniformly distributed."""
    origin = np.asarray(origin, dtype=np.float64)
    return plane(origin, list(np.random.default_rng(seed).normal(size=(dim, origin.size))))


def projected(function: LossAndGradients, flat: Plane) -> LossAndSlopes:
    """The loss with the per-sample gradients along the directions of the flat only."""

    def evaluate(theta: Array) -> tuple[float, Array]:
        loss, gradients = function(theta)
        gradients = np.asarray(gradients, dtype=np.float64)
        if gradients.ndim != 2 or gradients.shape[1] != flat.origin.size:
            raise ValueError(
                f"per-sample gradients have shape {gradients.shape}, not (n, {flat.origin.size})"
            )
        return loss, gradients @ flat.directions.T

    return evaluate


def tabulate(
    function: LossAndSlopes,
    flat: Plane,
    bounds: Sequence[tuple[float, float]],
    points: int = 65,
    names: Sequence[str] = (),
    say: Callable[[int, int], None] = lambda done, total: None,
) -> Table:
    """Loss and projected gradient covariance on a grid in the flat.

    Args:
        function: θ to the loss and the per-sample slopes ``(n, d)``; see :func:`projected`.
        flat: Where.
        bounds: ``(lower, upper)`` of each coordinate c, in units of length in weight space.
        points: Grid points along the longest side.
        names: Names of the coordinates; c1, c2, c3 if left out.
        say: Told how many grid points of how many are done.

    Raises:
        ValueError: bounds or results that do not fit, or are not finite.
    """
    d = len(flat.directions)
    box = np.asarray(bounds, dtype=np.float64)
    if box.shape != (d, 2) or not (box[:, 0] < box[:, 1]).all() or not np.isfinite(box).all():
        raise ValueError(f"bounds must be {d} pairs lower < upper, not {bounds}")
    if points < 2 * FEWEST:
        raise ValueError(f"{points} points are too few, give {2 * FEWEST} or more")
    longest = float(np.ptp(box, axis=1).max())
    axes = tuple(
        np.linspace(low, high, max(2 * FEWEST, round(points * (high - low) / longest))) for low, high in box
    )
    shape = tuple(len(axis) for axis in axes)
    loss, covariance = np.empty(shape), np.empty((*shape, d, d))
    for count, index in enumerate(np.ndindex(shape)):
        c = np.array([axis[i] for axis, i in zip(axes, index, strict=True)])
        value, slopes = function(flat.point(c))
        slopes = np.asarray(slopes, dtype=np.float64)
        if slopes.ndim != 2 or slopes.shape[1] != d or len(slopes) < 2:
            raise ValueError(f"slopes have shape {slopes.shape}, not (n, {d})")
        if not (np.isfinite(value) and np.isfinite(slopes).all()):
            raise ValueError(f"loss or gradients are not finite at c = {c}")
        loss[index] = value
        slopes = slopes - slopes.mean(axis=0)
        covariance[index] = slopes.T @ slopes / len(slopes)
        say(count + 1, loss.size)
    return Table(axes, loss, covariance, tuple(names or [f"c{k + 1}" for k in range(d)]))


def save(path: Path | str, table: Table, flat: Plane) -> None:
    """Write the table for ``[system] data``, with the flat beside it, to come back to weights."""
    write(Path(path), table, origin=flat.origin, directions=flat.directions)
