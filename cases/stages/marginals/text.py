"""How far marginal densities are from their closed forms, as rows for the screen and for the report."""

from __future__ import annotations

from cases.base.numbers import DASH, number
from cases.base.text_table import text_table
from cases.contracts.summary import Summary
from cases.figures.table import Line, PageTable

HEADS = ("marginal", "noise", "ε", "distance", "allowed", "outside the bins")


def marginal_rows(summary: Summary) -> list[list[str]]:
    """One row per marginal, noise and noise level; empty where there is no marginal."""
    found = []
    for noise, entry in summary["noises"].items():
        for one in entry.get("marginals", []):
            for level in one["levels"]:
                found.append(
                    [
                        one["name"],
                        noise,
                        f"{level['epsilon']:g}",
                        number(level["distance"], 2),
                        f"{one['tolerance']:g}" if level["distance"] is not None else DASH,
                        number(max(level["outside"], 0.0), 2),
                    ]
                )
    names = list(dict.fromkeys(row[0] for row in found))
    return sorted(found, key=lambda row: names.index(row[0]))


def marginal_table(summary: Summary) -> str:
    """The rows as plain text; empty where there are none."""
    rows = marginal_rows(summary)
    if not rows:
        return ""
    title = "Marginal densities: total variation distance from the closed form"
    return text_table(title, [HEADS], rows, left=(0, 1))


def marginal_page_tables(summary: Summary) -> list[PageTable]:
    """The rows as a table of the report; none where there are none."""
    lines = tuple(Line(tuple(row)) for row in marginal_rows(summary))
    note = (
        "Distance: total variation, ½ of the sum over the bins of the differences in mass of computed "
        "density and closed form, given a value within the bins; 0: the same, 1: nothing in common. –: no "
        "closed form was given."
    )
    return [PageTable("Marginal densities", HEADS, lines, note)] if lines else []
