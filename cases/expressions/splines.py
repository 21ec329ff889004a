"""Smooth interpolation of values on a grid: tensor products of B-splines of degree five.

Through values ``f(x_i, y_j, …)`` on a grid of 1 to 3 coordinates goes one spline

    s(x, y, …) = Σ c_ij… B_i(x) B_j(y) …,        B of degree 5, "not-a-knot" at the ends,

four times continuously differentiable; its derivatives are exact derivatives of s.  For smooth f and
spacing h the error is O(h⁶), that of the gradient O(h⁵).

The error is estimated from the values themselves.  With every other point left out the spline misses
those points by ``e₂``, with three of four left out by ``e₄``.  What the last halving gained is taken to be
what the next one gains too, but for one order of safety not more than 2⁵ (2⁴ for the gradient): the error of
the full spline is about ``e₂ · min(1, max(e₂/e₄, 2⁻⁵))``.  Data that are not smooth do not converge, so
``e₂ ≈ e₄``, and the estimate is then ``e₂`` itself.

Source: de Boor, A Practical Guide to Splines (2001), chapters XIII and XVII.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.interpolate import NdBSpline, make_interp_spline

from solver.system import Array

DEGREE = 5
#: So many points along an axis leave enough for a spline when every other one is left out.
FEWEST = 2 * DEGREE + 1
SLACK = 1e-9


@dataclass(frozen=True)
class Spline:
    """A spline on a box.

    Attributes:
        lower: Lower corner of the box, ``(d,)``.
        upper: Upper corner.
        spline: scipy's spline.
    """

    lower: Array
    upper: Array
    spline: NdBSpline

    def __call__(self, x: Array, *order: int) -> Array:
        """Values ``(N,)`` or ``(N, m)`` at points ``(d, N)``; NaN outside the box.

        Args:
            x: The points; rounding across the edge of the box is forgiven.
            order: Order of the derivative along each coordinate; none means the value.
        """
        low, high = self.lower[:, None], self.upper[:, None]
        slack = SLACK * (high - low)
        x = np.asarray(x, dtype=np.float64).reshape(len(low), -1)
        near = np.where((x >= low - slack) & (x <= high + slack), np.clip(x, low, high), np.nan)
        inside = ~np.isnan(near).any(axis=0)
        result = np.full((x.shape[1], *self.spline.c.shape[len(low) :]), np.nan)
        if inside.any():
            points = np.ascontiguousarray(near[:, inside].T)
            result[inside] = self.spline(points, nu=np.array(order or [0] * len(low), dtype=np.int32))
        return result


def fit(axes: Sequence[Array], values: Array) -> Spline:
    """The spline through ``values`` ``(n_0, …, n_{d-1})``, or with one more axis for several fields.

    Args:
        axes: The d increasing coordinate arrays ``(n_k,)``, of six points at least.
        values: The values on their grid, in the order of the axes.
    """
    coefficients, knots = np.asarray(values, dtype=np.float64), []
    for k, axis in enumerate(axes):
        line = make_interp_spline(axis, coefficients, k=DEGREE, axis=k)
        knots.append(line.t)
        coefficients = np.moveaxis(line.c, 0, k)  # scipy keeps the axis of the spline in front
    lower, upper = (np.array([axis[end] for axis in axes]) for end in (0, -1))
    return Spline(lower, upper, NdBSpline(tuple(knots), np.ascontiguousarray(coefficients), DEGREE))


def error_estimate(axes: Sequence[Array], values: Array, order: Sequence[int] = ()) -> Array:
    """Estimated error of the spline, or of a derivative of it, at every point of the grid.

    The shape is that of ``values``.  The field is what is left out, scaled as a whole by the gain of the
    last halving (see the module); with fewer than four times six points along an axis it is not scaled.

    Args:
        axes: As for :func:`fit`.
        values: As for :func:`fit`.
        order: Order of the derivative along each coordinate; empty for the value.
    """
    exact = on_grid(axes, axes, values, order)
    second = np.abs(_thinned(axes, values, 2, order) - exact)
    if min(len(_kept(axis, 4)) for axis in axes) <= DEGREE:
        return second
    largest = float(second.max())
    fourth = float(np.abs(_thinned(axes, values, 4, order) - exact).max())
    best = 0.5 ** (DEGREE - sum(order))
    return second * (min(1.0, max(best, largest / fourth)) if fourth > 0 else 1.0)


def _kept(axis: Array, stride: int) -> list[int]:
    """Every so manieth point, both ends included."""
    return sorted({*range(0, len(axis), stride), len(axis) - 1})


def _thinned(axes: Sequence[Array], values: Array, stride: int, order: Sequence[int]) -> Array:
    """The spline through every so manieth point, on the whole grid."""
    kept = [_kept(axis, stride) for axis in axes]
    coarse = [axis[keep] for axis, keep in zip(axes, kept, strict=True)]
    return on_grid(coarse, axes, values[np.ix_(*kept)], order)


def on_grid(
    coarse: Sequence[Array], axes: Sequence[Array], values: Array, order: Sequence[int] = ()
) -> Array:
    """The spline through values on a coarse grid, evaluated on another grid, one axis after the other."""
    result = np.asarray(values, dtype=np.float64)
    for k, (rough, fine) in enumerate(zip(coarse, axes, strict=True)):
        line = make_interp_spline(rough, result, k=DEGREE, axis=k)
        result = line(fine, nu=int(order[k]) if len(order) else 0)
    return np.asarray(result)
