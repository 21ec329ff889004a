"""The curve of a section, what is marked on it, and the Hessian along it: ``[section]``."""

from __future__ import annotations

import numpy as np

from cases.casefile.case import Case
from cases.casefile.section_table import SectionTable
from cases.contracts.further import Mark
from cases.expressions.parse import ExpressionError, parse, symbols
from cases.landscapes.landscape import Landscape, checked_expression
from cases.problem.curves import Curve, curve
from solver import symbolic
from solver.system import Array, Field


def check_section(case: Case, landscape: Landscape) -> None:
    """Complain about a section that could not be computed.  Not collective, the same on all ranks.

    Raises:
        CaseError: naming the key.
    """
    table = case.section
    if table is None:
        return
    places, points = points_of(case, table)
    bad = ~np.isfinite(points).all(axis=0)
    if bad.any():
        at = places[int(np.argmax(bad))]
        raise case.error("section.curve", f"it is not finite at t = {at:.4g}", "change from and to")
    if case.domain.bounds is not None:
        low, high = np.array(case.domain.bounds).T[:, :, None]
        if not ((points >= low) & (points <= high)).all(axis=0).any():
            raise case.error(
                "section.curve", "no point of it is in the domain", "change the curve or the domain"
            )
    marks_of(case, table)
    hessian = hessian_of(case, landscape, table)
    if hessian is not None and not np.isfinite(hessian(points)).all():
        key = "section.curve" if table.plain is None else "section.plain"
        raise case.error(key, "the Hessian is not finite all along the curve", "change from and to")


def points_of(case: Case, table: SectionTable) -> tuple[Array, Array]:
    """The values of t, ``(n,)``, and the points, ``(d, n)``."""
    along: Curve = curve(case, "section.curve", table.curve, case.numbers)
    places = np.linspace(table.from_, table.to, table.count)
    return places, along(places)


def marks_of(case: Case, table: SectionTable) -> list[Mark]:
    """The marks, each with its text and its t."""
    found: list[Mark] = []
    for n, text in enumerate(table.marks):
        try:
            value = complex(parse(text, [], case.numbers))
        except ExpressionError as error:
            raise case.error(f"section.marks.{n}", error.problem, error.fix) from None
        found.append({"text": str(text), "t": value.real})
    return found


def hessian_of(case: Case, landscape: Landscape, table: SectionTable) -> Field | None:
    """The Hessian whose eigenvalues are shown, ``(d, N) -> (d, d, N)``; None without any loss."""
    if table.plain is None:
        return landscape.hessian
    names = symbols(case.coordinates)
    loss = checked_expression(case, "section.plain", table.plain, case.numbers)
    return symbolic.to_numpy(symbolic.jacobian(symbolic.gradient(loss, names), names), names)
