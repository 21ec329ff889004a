"""The reference values of a run as a plain table, beside what was computed."""

from __future__ import annotations

from collections.abc import Sequence

from cases.base.text_table import WIDTH, clipped, text_table
from cases.contracts.comparisons import ReferenceEntry


def reference_table(rows: Sequence[ReferenceEntry]) -> str:
    """Rows of ``references`` in summary.json as text, at most 100 columns wide; empty without any.

    Args:
        rows: See :class:`cases.results.references.Row`.
    """
    if not rows:
        return ""
    heads = ["reference", "computed", "expected", "error", "allowed", ""]
    lines = [
        [
            row["label"],
            _digits(row["computed"]),
            _digits(row["reference"]),
            "–" if row["error"] is None else f"{row['error']:.1e}",
            f"{row['tolerance']:g}",
            {True: "ok", False: "MISSED", None: "not computed"}[row["ok"]],
        ]
        for row in rows
    ]
    # what is left for the label when the numbers have their columns
    others = sum(max(len(line[i]) for line in [heads, *lines]) for i in range(1, len(heads)))
    room = WIDTH - others - 2 * (len(heads) - 1)
    lines = [[clipped(label, room), *cells] for label, *cells in lines]
    return text_table("", [heads], lines, left=(0, len(heads) - 1))


def _digits(value: float | None) -> str:
    return "–" if value is None else f"{value:.8g}"
