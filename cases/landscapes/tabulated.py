"""Tabulated landscapes as smooth functions, and how well these stand for what was tabulated.

Loss U and covariance A on a grid become splines of degree five (:mod:`cases.expressions.splines`); ``b =
-∇U``, its Jacobian and ``∇·A`` are exact derivatives of what is solved with.  The distance to the functions
that were tabulated is estimated by leaving points out, and enters a run as a check (:func:`barrier_share`).
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from cases.expressions import splines
from cases.landscapes.grid_file import Table
from solver.system import Array, Field


@dataclass(frozen=True)
class Accuracy:
    """How well the splines stand for what was tabulated; see :mod:`cases.expressions.splines`.

    Attributes:
        points: The grid, ``(d, n)``.
        loss: The loss there, ``(n,)``.
        loss_error: Its estimated interpolation error, ``(n,)``.
        gradient: Length of its gradient, ``(n,)``.
        gradient_error: The same for the gradient, ``(n,)``.
        covariance_error: The largest error of an entry of A over the largest eigenvalue of A there,
            ``(n,)``; None without covariance.
        shape: Points along each axis.
    """

    points: Array
    loss: Array
    loss_error: Array
    gradient: Array
    gradient_error: Array
    covariance_error: Array | None
    shape: tuple[int, ...]


@dataclass(frozen=True)
class Interpolated:
    """Splines through a table; functions take points ``(d, N)`` and give NaN outside the grid.

    Attributes:
        loss: ``(N,)``.
        gradient: ``(d, N)``.
        hessian: ``(d, d, N)``.
        covariance: ``(d, d, N)``, or None.
        divergence: ∇·A, ``(d, N)``, or None.
    """

    loss: Field
    gradient: Field
    hessian: Field
    covariance: Field | None
    divergence: Field | None


def interpolate(table: Table) -> Interpolated:
    """The splines through a table."""
    d = table.dim
    surface = splines.fit(table.axes, table.loss)
    units = np.eye(d, dtype=int)
    upper = [(i, j) for i in range(d) for j in range(i, d)]

    def gradient(x: Array) -> Array:
        return np.stack([surface(x, *unit) for unit in units])

    def hessian(x: Array) -> Array:
        return _symmetric({(i, j): surface(x, *(units[i] + units[j])) for i, j in upper}, d)

    if table.covariance is None:
        return Interpolated(surface, gradient, hessian, None, None)
    entries = splines.fit(table.axes, np.stack([table.covariance[..., i, j] for i, j in upper], axis=-1))

    def tensor(x: Array, *order: int) -> Array:
        return _symmetric(dict(zip(upper, entries(x, *order).T, strict=True)), d)

    def divergence(x: Array) -> Array:
        return np.sum([tensor(x, *unit)[:, j] for j, unit in enumerate(units)], axis=0)

    return Interpolated(surface, gradient, hessian, tensor, divergence)


def _symmetric(entries: dict[tuple[int, int], Array], d: int) -> Array:
    return np.stack([np.stack([entries[min(i, j), max(i, j)] for j in range(d)]) for i in range(d)])


def accuracy(table: Table) -> Accuracy:
    """The estimated interpolation errors on the grid of a table."""
    d, axes = table.dim, table.axes
    units = np.eye(d, dtype=int)
    points = np.stack([axis.ravel() for axis in np.meshgrid(*axes, indexing="ij")])
    slopes = [splines.error_estimate(axes, table.loss, unit).ravel() for unit in units]
    relative = None
    if table.covariance is not None:
        matrices = table.covariance.reshape(-1, d, d)
        size = np.linalg.eigvalsh(matrices)[:, -1]
        errors = splines.error_estimate(axes, table.covariance).reshape(-1, d * d).max(axis=1)
        relative = errors / np.maximum(size, 1e-300)
    return Accuracy(
        points=points,
        loss=table.loss.ravel(),
        loss_error=splines.error_estimate(axes, table.loss).ravel(),
        gradient=np.linalg.norm([splines.on_grid(axes, axes, table.loss, u).ravel() for u in units], axis=0),
        gradient_error=np.linalg.norm(slopes, axis=0),
        covariance_error=relative,
        shape=table.loss.shape,
    )


def within(found: Accuracy, bounds: list[list[float]] | None) -> Accuracy:
    """The part of it in a box; all of it without a box."""
    if bounds is None:
        return found
    low, high = np.array(bounds).T[:, :, None]
    return _part(found, ((found.points >= low) & (found.points <= high)).all(axis=0))


def _part(found: Accuracy, here: Array) -> Accuracy:
    names = ("points", "loss", "loss_error", "gradient", "gradient_error", "covariance_error")
    parts = {n: getattr(found, n)[..., here] for n in names if getattr(found, n) is not None}
    return replace(found, **parts)


def figures(found: Accuracy) -> dict[str, float | None]:
    """The largest errors, relative: to the standard deviation of U, the root mean square of ∇U, |A|."""
    spread = float(np.std(found.loss))
    typical = float(np.sqrt(np.mean(found.gradient**2)))
    relative = found.covariance_error
    return {
        "loss": float(found.loss_error.max()) / max(spread, 1e-300),
        "gradient": float(found.gradient_error.max()) / max(typical, 1e-300),
        "covariance": None if relative is None else float(relative.max()),
    }


def barrier_share(found: Accuracy, loss: Field, wells: Array, passes: Array) -> float:
    """Estimated error of a barrier by interpolation, relative to the barrier.

    A barrier is a difference of U, times two over A: to first order its relative error is at most
    ``2 max|δU| / ΔU + max|δA|/|A|``.  The maxima are over the grid points below the highest pass, where
    escape paths run; ΔU is the smallest height of a pass over a well.  Without passes, ΔU is the spread of
    U and the maxima are over everything.

    Args:
        found: The errors on the grid.
        loss: U, ``(d, N) -> (N,)``.
        wells: The attractors, ``(d, n)``.
        passes: The saddles, ``(d, m)``.
    """
    heights, depths = loss(passes), loss(wells)
    rises = heights[:, None] - depths[None, :]
    below = found.loss <= heights.max(initial=-np.inf)
    height = float(np.ptp(found.loss))
    if (rises > 0).any() and below.any():
        found, height = _part(found, below), float(rises[rises > 0].min())
    share = 2.0 * float(found.loss_error.max()) / max(height, 1e-300)
    return share + (0.0 if found.covariance_error is None else float(found.covariance_error.max()))
