"""Formulas beside computed barriers and passage times, as plain text; see :mod:`cases.results.estimates`."""

from __future__ import annotations

from cases.base.numbers import fixed, number
from cases.base.text_table import text_table
from cases.contracts.summary import Summary
from cases.results.summary_rows import Row, directions, rows

_HEADS = (
    ("", "", "", "first order", "largest", "from"),
    ("noise", "escape", "barrier", "in A − cI", "|A/c − I|", "two points"),
)
_LONGEST = 30


def formula_lines(summary: Summary) -> list[tuple[str, ...]]:
    """One line per noise and escape; nothing where all formulas give the barrier that was computed.

    Returns:
        Noise, escape, barrier, to first order in A − cI, largest deviation of A/c from I, from two points.
    """
    lines: list[tuple[str, ...]] = []
    for start, end in directions(summary):
        for row in _one_per_noise(rows(summary, (start, end))):
            if row.formulas_differ:
                numbers = (number(row.barrier, 5), number(row.weak, 5), number(row.variation, 2))
                escape = f"{start} → {'–' if end is None else end}"
                lines.append((row.noise, escape, *numbers, number(row.xie, 5)))
    return lines


def formula_table(summary: Summary) -> list[str]:
    """The same as one plain text, with what the columns mean; nothing where there are no lines."""
    lines = [(name[:_LONGEST], *others) for name, *others in formula_lines(summary)]
    if not lines:
        return []
    notes = (
        "first order: about isotropic noise of strength c = tr A/d at the attractor;",
        "two points: from A at the minimum and the saddle, Xie, Sato, Sugiyama 2021 with s = 1/2",
    )
    return ["\n".join([text_table("Formulas for the barrier", _HEADS, lines, left=(0, 1)), *notes])]


def power_law_notes(summary: Summary) -> list[str]:
    """A line per noise and escape where the noise is in proportion to the loss."""
    notes = []
    for start, end in directions(summary):
        found: dict[str, list[str]] = {}
        for row in rows(summary, (start, end)):
            if row.mori is not None:
                found.setdefault(row.noise, []).append(f"{fixed(row.mori)} (ε = {row.epsilon:g})")
        notes += [
            f"power law of Mori et al. 2022 ({noise}, {start} → {end}): log T {', '.join(times)}"
            for noise, times in found.items()
        ]
    return notes


def _one_per_noise(found: list[Row]) -> list[Row]:
    return list({row.noise: row for row in reversed(found)}.values())[::-1]
