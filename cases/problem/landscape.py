"""The landscape of a case, whatever it is made of: formulas, a named model, a function, a table."""

from __future__ import annotations

from pathlib import Path

import sympy as sp

from cases.casefile.case import Case
from cases.landscapes import grid_file, python_model
from cases.landscapes.landscape import Landscape, checked_expression, from_drift, from_loss, from_table
from cases.landscapes.models.catalogue import MODELS
from cases.landscapes.models.registry import options_of
from cases.landscapes.phase_space import phase_space, position
from cases.landscapes.reactions import check_rates, with_reactions


def build(case: Case) -> Landscape:
    """The landscape of a case.

    Raises:
        CaseError: when an expression of it is not acceptable.
    """
    system = case.system
    if system.damping is not None:
        return phase_space(build(position(case)), system.damping, case.coordinates)
    if system.data is not None:
        return _from_file(case)
    if system.model is not None and ":" in system.model:
        return python_model.build(case)
    if system.model is not None:
        chosen = MODELS[system.model]
        return chosen.build(options_of(case, chosen), dict(system.parameters))
    if system.loss is not None:
        return from_loss(_expression(case, "system.loss", system.loss), case.coordinates, system.parameters)
    if case.reactions:
        check_rates(case)
    exprs = [_expression(case, f"system.drift.{i}", text) for i, text in enumerate(system.drift or [])]
    landscape = from_drift(exprs, case.coordinates, system.parameters)
    return with_reactions(case, landscape) if case.reactions else landscape


def _from_file(case: Case) -> Landscape:
    try:
        table = grid_file.read(Path(case.system.data or ""))
    except grid_file.BadTable as error:
        raise case.error("system.data", *error.args) from None
    return from_table(table, case.coordinates, case.system.parameters, case.domain.bounds)


def _expression(case: Case, key: str, text: str | float) -> sp.Expr:
    return checked_expression(case, key, text, case.system.parameters)
