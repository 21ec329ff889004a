"""Passage times at finite learning rates, as tables."""

from __future__ import annotations

from cases.base.numbers import fixed, number
from cases.contracts.summary import NoiseEntry, Summary
from cases.figures.table import Line, PageTable

HEADS = ("noise", "escape", "V₁", "ε", "log T, diffusion", "η", "log T at η")
NOTE = (
    "V₁: the barrier at the learning rate η is V + η V₁ to first order, of an iteration with Gaussian "
    "gradients of the same mean and covariance; log T changes by η V₁/ε. It holds where η times the largest "
    "curvature is small"
)


def learning_rate_rows(summary: Summary) -> list[tuple[str, ...]]:
    """A line for every noise, escape, noise level and learning rate, with the cells of HEADS."""
    return [line for name, entry in summary["noises"].items() for line in _of_noise(name, entry)]


def _of_noise(name: str, entry: NoiseEntry) -> list[tuple[str, ...]]:
    found = entry.get("learning_rate")
    if found is None:
        return []
    without = {(row["from"], row["to"], row["epsilon"]): row["log_mfpt"] for row in entry["rates"]}
    changes = {(row["from"], row["to"]): row["change"] for row in found["barriers"]}
    return [
        (
            name[:20],
            f"{row['from']} → {row['to']}",
            number(changes.get((row["from"], row["to"])), 3),
            f"{row['epsilon']:g}",
            fixed(without.get((row["from"], row["to"], row["epsilon"]))),
            f"{row['learning_rate']:g}",
            fixed(row["log_mfpt"]),
        )
        for row in found["times"]
    ]


def learning_rate_tables(summary: Summary) -> list[str]:
    """The same as plain text; nothing where there are no lines."""
    lines = learning_rate_rows(summary)
    if not lines:
        return []
    widths = [max(len(line[i]) for line in [HEADS, *lines]) for i in range(len(HEADS))]
    text = ["Finite learning rates"]
    for line in [HEADS, ["─" * width for width in widths], *lines]:
        cells = [
            cell.ljust(width) if i < 2 else cell.rjust(width)
            for i, (cell, width) in enumerate(zip(line, widths, strict=True))
        ]
        text.append("  ".join(cells).rstrip())
    return ["\n".join(text)]


def learning_rate_page_tables(summary: Summary) -> list[PageTable]:
    """The same as a table of the report."""
    lines = tuple(Line(line) for line in learning_rate_rows(summary))
    return [PageTable("Finite learning rates", HEADS, lines, f"{NOTE}.")] if lines else []
