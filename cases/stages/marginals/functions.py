"""The marginal densities that a case asks for: functions, bins, closed forms, and what is wrong with them."""

from __future__ import annotations

import itertools

import numpy as np
from scipy.integrate import quad

from cases.base.errors import suggestion
from cases.casefile.case import Case
from cases.casefile.marginal_table import MarginalTable
from cases.expressions.parse import ExpressionError, parse, symbols
from cases.landscapes.landscape import at_point, checked_expression
from solver import symbolic
from solver.system import Array, Field

#: Points of the domain at which a function must have a value; in no lattice, so that corners may be singular.
SAMPLE = 2000
#: Points of a range at which a closed form is looked at.
GRID = 997


def check_marginals(case: Case) -> None:
    """Complain about marginals that could not be computed.  Not collective, the same on all ranks.

    Raises:
        CaseError: naming the key.
    """
    for n, table in enumerate(case.marginals):
        key = f"marginal.{n}"
        if table.name in case.numbers:
            raise case.error(
                f"{key}.name", f"'{table.name}' is a parameter or an option", "choose another name"
            )
        _check_values(case, f"{key}.of", function(case, n, table))
        for noise in table.exact:
            if noise not in case.noise:
                fix = suggestion(noise, case.noise, "noises")
                raise case.error(f"{key}.exact.{noise}", f"unknown noise '{noise}'", fix)
            for epsilon in case.compare.epsilon:
                exact_masses(case, n, noise, epsilon)


def function(case: Case, n: int, table: MarginalTable) -> Field:
    """The function of a marginal, ``(d, N) -> (N,)``."""
    expression = checked_expression(case, f"marginal.{n}.of", table.of, case.numbers)
    return symbolic.to_numpy(expression, symbols(case.coordinates))


def _check_values(case: Case, key: str, what: Field) -> None:
    if case.domain.bounds is None:
        return
    low, high = np.array(case.domain.bounds).T
    points = np.random.default_rng(1).uniform(low, high, (SAMPLE, case.dim)).T
    bad = ~np.isfinite(what(points))
    if bad.any():
        at = at_point(points[:, int(np.argmax(bad))])
        raise case.error(key, f"it is not finite at {at}", "change the expression or the domain")


def edges_of(table: MarginalTable) -> Array:
    """The ends of the bins, ``(bins + 1,)``."""
    return np.linspace(table.range[0], table.range[1], table.bins + 1)


def exact_masses(case: Case, n: int, noise: str, epsilon: float) -> Array:
    """The closed form integrated over the bins, scaled to a sum of one, ``(bins,)``.

    Raises:
        CaseError: where it is no density.
    """
    table = case.marginals[n]
    key = f"marginal.{n}.exact.{noise}"
    try:
        expression = parse(table.exact[noise], [table.name], {**case.numbers, "epsilon": epsilon})
    except ExpressionError as error:
        raise case.error(key, error.problem, error.fix) from None
    closed = symbolic.to_numpy(expression, symbols([table.name]))
    low, high = table.range
    places = low + (high - low) * (np.arange(GRID) + 0.5) / GRID
    values = closed(places[None])
    bad = ~np.isfinite(values) | (values < 0)
    if bad.any():
        at = f"{table.name} = {places[int(np.argmax(bad))]:.4g}"
        raise case.error(key, f"it is negative or not finite at {at}, epsilon = {epsilon:g}", "correct it")
    if not values.max() > 0:
        raise case.error(key, f"it vanishes all over the range at epsilon = {epsilon:g}", "correct it")
    scale = float(values.max())
    edges = edges_of(table)
    # full_output: where the form is infinite at an end, QUADPACK says so and extrapolates all the same
    masses = np.array(
        [
            quad(lambda s: float(closed(np.array([[s]]))[0]) / scale, a, b, full_output=1, limit=200)[0]
            for a, b in itertools.pairwise(edges)
        ]
    )
    if not np.isfinite(masses).all():
        raise case.error(key, f"its integral is not finite at epsilon = {epsilon:g}", "correct it")
    return masses / masses.sum()
