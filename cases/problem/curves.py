"""Curves that a case gives by expressions of a parameter t."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import sympy as sp

from cases.casefile.case import Case
from cases.expressions.parse import ExpressionError, parse, symbols
from solver import symbolic
from solver.system import Array

Curve = Callable[[Array], Array]


def curve(case: Case, key: str, texts: Sequence[str | float], numbers: Mapping[str, float]) -> Curve:
    """A curve as a function of the parameter, ``(n,) -> (d, n)``.

    Args:
        case: The case, for its dimension and for messages.
        key: Where the expressions stand in it.
        texts: One expression for each coordinate.
        numbers: What they may use beside t.

    Raises:
        CaseError: when an expression is not acceptable.
    """
    if len(texts) != case.dim:
        raise case.error(key, f"{len(texts)} expressions for {case.dim} coordinates", "give one for each")
    known = {name: value for name, value in numbers.items() if name != "t"}
    exprs: list[sp.Expr] = []
    for i, text in enumerate(texts):
        try:
            exprs.append(parse(text, ["t"], known))
        except ExpressionError as error:
            raise case.error(f"{key}.{i}", error.problem, error.fix) from None
    function = symbolic.to_numpy(exprs, symbols(["t"]))
    return lambda t: function(t[None])
