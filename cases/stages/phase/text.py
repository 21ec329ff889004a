"""Barriers and turns of a phase, as tables."""

from __future__ import annotations

from cases.base.numbers import fixed, number
from cases.base.text_table import text_table
from cases.contracts.summary import Summary
from cases.figures.table import Line, PageTable

BARRIERS = ("noise", "attractor", "V up", "V down")
TURNS = ("noise", "ε", "log rate up", "log rate down", "mean velocity")
NOTE = (
    "V up, V down: barrier to the next zero of the drift above and below. log rate: natural logarithm of the "
    "number of whole turns a unit of time, up and down; mean velocity: the period times their difference"
)


def _barriers(summary: Summary) -> list[tuple[str, ...]]:
    return [
        (name[:20], f"{one['phase']:.6g}", number(one["up"], 8), number(one["down"], 8))
        for name, entry in summary.get("phase", {}).items()
        for one in entry["attractors"]
    ]


def _turns(summary: Summary) -> list[tuple[str, ...]]:
    return [
        (
            name[:20],
            f"{one['epsilon']:g}",
            fixed(one["log_rate_up"], 5),
            fixed(one["log_rate_down"], 5),
            number(one["velocity"], 8),
        )
        for name, entry in summary.get("phase", {}).items()
        for one in entry["levels"]
    ]


def phase_tables(summary: Summary) -> list[str]:
    """As plain text; nothing where there is no phase."""
    if "phase" not in summary:
        return []
    both = (("Barriers on the circle", BARRIERS, _barriers(summary)), ("Turns", TURNS, _turns(summary)))
    texts = [text_table(title, [heads], rows) for title, heads, rows in both if rows]
    return texts or ["The phase runs through: there is no attractor on the circle."]


def phase_page_tables(summary: Summary) -> list[PageTable]:
    """The same as tables of the report."""
    both = (("Barriers on the circle", BARRIERS, _barriers(summary)), ("Turns", TURNS, _turns(summary)))
    return [
        PageTable(title, heads, tuple(Line(row) for row in rows), f"{NOTE}.")
        for title, heads, rows in both
        if rows
    ]
