"""The comparison in one place: how the noise lies, and how fast it escapes by every measure.

Escape over a pass, out of a sublevel set of the loss and out of a ball are different questions, with
different answers: each is a *measure*, with a barrier (V at the pass, or the lowest V on the boundary of the
set) and a rate at every noise level, both beside those of the baseline.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from cases.contracts.comparisons import RatioEntry
from cases.contracts.summary import Summary


@dataclass(frozen=True)
class Measure:
    """One way to ask how fast the starting attractor is left.

    Attributes:
        text: The way, in words.
        barriers: Barrier by noise; None where it is not known.
        ratios: Barrier over that of the baseline, by noise.
        gains: log of the rate over that of the baseline, by noise level (from large to small) and noise.
    """

    text: str
    barriers: dict[str, float | None]
    ratios: dict[str, float | None]
    gains: dict[float, dict[str, float | None]]


def measures(summary: Summary) -> list[Measure]:
    """The measures of a run, passes first; empty where there are not two noises to compare."""
    found = _passes(summary) + _sets(summary)
    return [one for one in found if any(value is not None for value in one.barriers.values()) or one.gains]


def baseline_of(summary: Summary) -> str | None:
    """The noise in the denominator; None where nothing was compared."""
    rows = [*summary.get("comparison", []), *summary.get("exit_comparison", [])]
    return rows[0]["baseline"] if rows else None


def _passes(summary: Summary) -> list[Measure]:
    rows = [row for row in summary.get("comparison", []) if row["from"] == summary.get("start", row["from"])]
    found = []
    for end in dict.fromkeys(row["to"] for row in rows):
        mine = [row for row in rows if row["to"] == end]
        heights = {
            name: min(
                (
                    one["barrier"]
                    for one in noise.get("barriers", [])
                    if (one["from"], one["to"]) == (mine[0]["from"], end) and one["barrier"] is not None
                ),
                default=None,
            )
            for name, noise in summary["noises"].items()
        }
        found.append(_measure(f"over the pass to attractor {end}", heights, mine))
    return found


def _sets(summary: Summary) -> list[Measure]:
    found = []
    for name, (text, start) in _named(summary).items():
        if start != summary.get("start", start):
            continue
        mine = [row for row in summary.get("exit_comparison", []) if row["exit"] == name]
        heights = {
            noise: one["barrier"]
            for noise, entry in summary["noises"].items()
            for one in entry.get("exits", [])
            if one["name"] == name
        }
        if mine:
            found.append(_measure(f"out of {{{text}}}", heights, mine))
    return found


def _named(summary: Summary) -> dict[str, tuple[str, int | None]]:
    return {
        one["name"]: (one["set"], one.get("from"))
        for entry in summary["noises"].values()
        for one in entry.get("exits", [])
    }


def _measure(text: str, heights: Mapping[str, float | None], rows: Sequence[RatioEntry]) -> Measure:
    base = rows[0]["baseline"]
    ratios: dict[str, float | None] = {base: 1.0 if heights.get(base) else None}
    gains: dict[float, dict[str, float | None]] = {}
    for row in rows:
        ratios[row["noise"]] = row.get("barrier_ratio")
        if row["epsilon"] is not None:
            level = gains.setdefault(row["epsilon"], {})
            level[row["noise"]] = row["log_rate_ratio"]
            if row["log_rate_ratio"] is not None:
                level[base] = 0.0
    return Measure(text, dict(heights), ratios, dict(sorted(gains.items(), reverse=True)))
