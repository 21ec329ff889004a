"""Rates of a loss with momentum beside the laws for them, as tables."""

from __future__ import annotations

from cases.base.numbers import fixed
from cases.base.text_table import text_table
from cases.contracts.summary import Summary
from cases.figures.table import Line, PageTable

TITLE = "Escape with momentum: log of the rate constant"
HEADS = ("noise", "from", "over saddle", "ε", "PDE", "Mel'nikov, Meshkov", "Kramers", "swings")
NOTE = (
    "Kramers' law takes the well for one in equilibrium up to the pass; Mel'nikov and Meshkov's does "
    "not. swings: so many swings at the height of the pass cost one temperature of energy; where that is "
    "well below one, Kramers' law holds"
)


def _rows(summary: Summary) -> list[tuple[str, ...]]:
    return [
        (
            name[:20],
            str(one["attractor"]),
            str(one["saddle"]),
            f"{one['epsilon']:g}",
            fixed(one["log_rate"], 3),
            fixed(one["turnover"], 3),
            fixed(one["kramers"], 3),
            fixed(one["swings"], 2),
        )
        for name, entry in summary["noises"].items()
        for one in entry.get("momentum", {"laws": []})["laws"]
    ]


def momentum_tables(summary: Summary) -> list[str]:
    """As plain text; nothing without momentum."""
    rows = _rows(summary)
    return [text_table(TITLE, [HEADS], rows)] if rows else []


def momentum_page_tables(summary: Summary) -> list[PageTable]:
    """The same as a table of the report."""
    rows = _rows(summary)
    return [PageTable(TITLE, HEADS, tuple(Line(row) for row in rows), f"{NOTE}.")] if rows else []
