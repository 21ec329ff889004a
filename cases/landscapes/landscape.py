"""Landscapes: the drift of a case, with its loss where it has one, as vectorised functions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
import sympy as sp

from cases.casefile.case import Case
from cases.expressions.parse import ExpressionError, parse, symbols
from cases.landscapes.grid_file import Table
from cases.landscapes.sample_loss import Samples
from cases.landscapes.tabulated import Accuracy, accuracy, barrier_share, interpolate, within
from solver import symbolic
from solver.laws.cumulant import CumulantLaw
from solver.laws.jumps import JumpLaw
from solver.soundness import at_point as at_point
from solver.soundness import box_sample, drift_fault
from solver.system import Array, Field


@dataclass(frozen=True)
class Landscape:
    """The drift b of a case and what it derives from; functions take points ``(d, N)``.

    Attributes:
        coordinates: Names of the d coordinates.
        drift: b, ``(d, N) -> (d, N)``.
        jacobian: ∇b, ``(d, N) -> (d, d, N)``; entry ``[i, j]`` is ∂b_i/∂x_j.
        loss: U with ``b = -∇U`` where there is one, ``(d, N) -> (N,)``.
        hessian: ∇∇U where there is a loss, ``(d, N) -> (d, d, N)``.
        samples: The data behind a model's loss, with per-sample gradients; None without data.
        covariance: Covariance A of the per-sample gradients, ``(d, N) -> (d, d, N)``; None if unknown.
        covariance_slope: Its derivatives ``(d, N) -> (d, d, d, N)``, the direction last but one, where known.
        divergence: ∇·A of it, ``(d, N) -> (d, N)``.
        law: The large-deviation law of minibatch SGD, or of jumps; None where neither samples nor jumps are
            known.
        parameters: Numbers that noise expressions may use by name.
        interpolation: Estimated errors on the grid where the loss is a table; None otherwise.
        line: In a phase space (:mod:`cases.landscapes.phase_space`), the landscape in its one coordinate.
        friction: γ in a phase space.
    """

    coordinates: tuple[str, ...]
    drift: Field
    jacobian: Field
    loss: Field | None = None
    hessian: Field | None = None
    samples: Samples | None = None
    covariance: Field | None = None
    covariance_slope: Field | None = None
    divergence: Field | None = None
    law: CumulantLaw | JumpLaw | None = None
    parameters: Mapping[str, float] = field(default_factory=dict)
    interpolation: Accuracy | None = None
    line: Landscape | None = None
    friction: float | None = None

    @property
    def dim(self) -> int:
        """The number of coordinates."""
        return len(self.coordinates)


def from_loss(loss: sp.Expr, coordinates: Sequence[str], parameters: Mapping[str, float]) -> Landscape:
    """The gradient system b = -∇loss of an expression."""
    xs = symbols(coordinates)
    slope = symbolic.gradient(loss, xs)
    curvature = symbolic.jacobian(slope, xs)
    return Landscape(
        coordinates=tuple(coordinates),
        drift=symbolic.to_numpy([-g for g in slope], xs),
        jacobian=symbolic.to_numpy([[-h for h in row] for row in curvature], xs),
        loss=symbolic.to_numpy(loss, xs),
        hessian=symbolic.to_numpy(curvature, xs),
        parameters=dict(parameters),
    )


def from_drift(
    drift: Sequence[sp.Expr], coordinates: Sequence[str], parameters: Mapping[str, float]
) -> Landscape:
    """A drift given by expressions, gradient or not."""
    xs = symbols(coordinates)
    return Landscape(
        coordinates=tuple(coordinates),
        drift=symbolic.to_numpy(list(drift), xs),
        jacobian=symbolic.to_numpy(symbolic.jacobian(drift, xs), xs),
        parameters=dict(parameters),
    )


def from_samples(samples: Samples, coordinates: Sequence[str], parameters: Mapping[str, float]) -> Landscape:
    """Gradient descent on the mean of a per-sample loss over a data set."""
    return Landscape(
        coordinates=tuple(coordinates),
        drift=lambda x: -samples.gradient(x),
        jacobian=lambda x: -samples.hessian(x),
        loss=samples.loss,
        hessian=samples.hessian,
        samples=samples,
        covariance=samples.covariance,
        covariance_slope=samples.covariance_slope,
        divergence=samples.divergence,
        law=samples.law,
        parameters=dict(parameters),
    )


def from_table(
    table: Table,
    coordinates: Sequence[str],
    parameters: Mapping[str, float],
    bounds: list[list[float]] | None,
) -> Landscape:
    """Gradient descent on a tabulated loss, with the tabulated covariance where there is one.

    Args:
        table: Loss and covariance on a grid.
        coordinates: Names of the coordinates.
        parameters: Numbers that noise expressions may use.
        bounds: The part of the grid that is used, for the error estimate; None is all of it.
    """
    smooth = interpolate(table)
    return Landscape(
        coordinates=tuple(coordinates),
        drift=lambda x: -smooth.gradient(x),
        jacobian=lambda x: -smooth.hessian(x),
        loss=smooth.loss,
        hessian=smooth.hessian,
        covariance=smooth.covariance,
        divergence=smooth.divergence,
        parameters=dict(parameters),
        interpolation=within(accuracy(table), bounds),
    )


def interpolation_error(
    landscape: Landscape, kind: str, wells: Sequence[Array], passes: Sequence[Array]
) -> float | None:
    """Estimated relative error of the barriers by interpolation; None where nothing is interpolated.

    Args:
        landscape: The landscape.
        kind: Kind of the noise; the error of the covariance counts for "gradient_covariance" only.
        wells: The attractors, each ``(d,)``.
        passes: The saddles.
    """
    found = landscape.interpolation
    if found is None or landscape.loss is None:
        return None
    if kind != "gradient_covariance":
        found = replace(found, covariance_error=None)
    d = landscape.dim
    return barrier_share(
        found, landscape.loss, np.array(wells).reshape(-1, d).T, np.array(passes).reshape(-1, d).T
    )


def domain_sample(case: Case) -> Array:
    """A grid over the box of the case, its boundary included, ``(d, N)``; N = 0 for a mesh file."""
    if case.domain.bounds is None:
        return np.empty((case.dim, 0))
    return box_sample(case.domain.bounds)


def check_drift(case: Case, landscape: Landscape, points: Array) -> None:
    """Drift and its derivatives must be finite at these points of the domain.

    Raises:
        CaseError: naming the first point where they are not.
    """
    if points.shape[1] == 0:
        return
    sources = ("loss", "drift", "model", "data")
    key = "system." + next(key for key in sources if getattr(case.system, key) is not None)
    for what, values in (
        ("drift", landscape.drift(points)),
        ("derivative of the drift", landscape.jacobian(points)),
    ):
        if (found := drift_fault(what, values, points)) is not None:
            raise case.error(key, *found)


def checked_expression(case: Case, key: str, text: str | float, parameters: Mapping[str, float]) -> sp.Expr:
    """Parse an expression of the case; what is wrong with it becomes an error that names its key."""
    try:
        return parse(text, case.coordinates, parameters)
    except ExpressionError as error:
        raise case.error(key, error.problem, error.fix) from None
