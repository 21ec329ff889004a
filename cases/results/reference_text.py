"""The reference values of a run as a plain table, beside what was computed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

_WIDTH = 100


def reference_table(rows: Sequence[Mapping[str, Any]]) -> str:
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
    widths = [max(len(line[i]) for line in [heads, *lines]) for i in range(len(heads))]
    # what is left for the label when the numbers have their columns
    widths[0] = min(widths[0], _WIDTH - sum(widths[1:]) - 2 * (len(heads) - 1))
    return "\n".join(_line(line, widths) for line in [heads, ["─" * width for width in widths], *lines])


def _line(cells: Sequence[str], widths: Sequence[int]) -> str:
    label = cells[0] if len(cells[0]) <= widths[0] else cells[0][: widths[0] - 1] + "…"
    numbers = [cell.rjust(width) for cell, width in zip(cells[1:-1], widths[1:-1], strict=True)]
    return "  ".join([label.ljust(widths[0]), *numbers, cells[-1]]).rstrip()


def _digits(value: float | None) -> str:
    return "–" if value is None else f"{value:.8g}"
