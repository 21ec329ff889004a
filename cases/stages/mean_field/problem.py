"""The expressions of ``[mean_field]`` as a problem for the solver."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import sympy as sp

from cases.casefile.case import Case
from cases.casefile.mean_field_table import MeanFieldTable
from cases.expressions.parse import symbols
from cases.landscapes.landscape import Landscape, at_point, checked_expression, domain_sample, from_loss
from cases.stages.transient.evolution import start_density
from solver import symbolic
from solver.mean_field.problem import MeanField, coupled, least_squares
from solver.system import Array, Field

WIDER = 1.6
"""The averages are integrated over the box of the domain, this much wider in every direction."""


def confinement(case: Case) -> Landscape:
    """U as a landscape, its gradient finite over the domain.

    Raises:
        CaseError: for an expression that is not acceptable.
    """
    table = case.mean_field
    assert table is not None
    key = "mean_field.confinement"
    expression = checked_expression(case, key, table.confinement, case.system.parameters)
    landscape = from_loss(expression, case.coordinates, case.system.parameters)
    _finite(case, key, landscape.drift)
    return landscape


def problem(case: Case, temperature: float) -> MeanField:
    """The problem at one temperature.

    Raises:
        CaseError: for an expression that is not acceptable, or not finite somewhere in the domain.
    """
    table = case.mean_field
    assert table is not None
    known = confinement(case)
    assert known.loss is not None
    xs = symbols(case.coordinates)
    exprs = _features(case, table)
    features = symbolic.to_numpy(exprs, xs)
    slopes = symbolic.to_numpy([list(symbolic.gradient(expr, xs)) for expr in exprs], xs)
    key = "mean_field.features" if table.features is not None else "mean_field.unit"
    _finite(case, key, features)
    _finite(case, key, lambda x: slopes(x).reshape(-1, x.shape[1]))
    drift = known.drift
    arguments = (case.dim, known.loss, lambda x: -drift(x), features, slopes)
    if table.targets is not None:
        return least_squares(*arguments, table.targets, temperature)
    return coupled(*arguments, table.coupling or 0.0, temperature)


def _features(case: Case, table: MeanFieldTable) -> list[sp.Expr]:
    if table.features is not None:
        return [
            checked_expression(case, f"mean_field.features.{k}", text, case.system.parameters)
            for k, text in enumerate(table.features)
        ]
    return [unit(case, z) for z in table.inputs or []]


def unit(case: Case, z: float) -> sp.Expr:
    """The unit at an input.

    Raises:
        CaseError: for an expression that is not acceptable.
    """
    table = case.mean_field
    assert table is not None
    known: Mapping[str, float] = {**case.system.parameters, "z": float(z)}
    return checked_expression(case, "mean_field.unit", table.unit or "", known)


def unit_field(case: Case, z: float) -> Field:
    """The unit at an input as a function of points, ``(d, N) -> (N,)``."""
    return symbolic.to_numpy(unit(case, z), symbols(case.coordinates))


def observables(case: Case) -> dict[str, Field]:
    """The functions whose expectations are wanted.

    Raises:
        CaseError: for an expression that is not acceptable.
    """
    table = case.mean_field
    assert table is not None
    return {
        name: symbolic.to_numpy(
            checked_expression(case, f"mean_field.observe.{name}", text, case.system.parameters),
            symbols(case.coordinates),
        )
        for name, text in table.observe.items()
    }


def start(case: Case) -> Field | None:
    """The density at time 0; None without a flow.

    Raises:
        CaseError: for an expression that is no density.
    """
    table = case.mean_field
    assert table is not None
    return None if table.start is None else start_density(case, "mean_field.start", table.start)


def quadrature_box(case: Case) -> list[tuple[float, float]]:
    """The box over which averages are integrated."""
    box = []
    for low, high in case.domain.bounds or []:
        middle, half = 0.5 * (low + high), 0.5 * WIDER * (high - low)
        box.append((middle - half, middle + half))
    return box


def checked_landscape(case: Case) -> Landscape:
    """Everything that can be checked before it is solved; returns the confinement.

    Raises:
        CaseError: with the first thing that is wrong.
    """
    table = case.mean_field
    assert table is not None
    for temperature in table.temperature:
        problem(case, temperature)
    observables(case)
    start(case)
    return confinement(case)


def _finite(case: Case, key: str, field: Field) -> None:
    points = domain_sample(case)
    values: Array = np.asarray(field(points)).reshape(-1, points.shape[1])
    bad = ~np.isfinite(values).all(axis=0)
    if bad.any():
        at = at_point(points[:, int(np.argmax(bad))])
        raise case.error(key, f"it or its slope is not finite at {at}", "change the expression or the domain")
