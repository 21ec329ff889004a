"""Expectations against time, and the distances between the densities under two noises, as a plain table."""

from __future__ import annotations

import textwrap
from collections.abc import Mapping
from typing import Any

from cases.base.numbers import number

_WIDTH = 100
_MOST_TIMES = 8


def transient_table(summary: Mapping[str, Any]) -> str:
    """One line per noise and expectation, one column per time; empty without an evolution.

    At most 100 columns wide: of many times an even selection is shown.

    Args:
        summary: What summary.json holds.
    """
    evolved = {name: e["transient"] for name, e in summary["noises"].items() if e.get("transient")}
    if not evolved:
        return ""
    first = next(iter(evolved.values()))
    shown = _selection(len(first["times"]))
    heads = ["noise", "expectation", *(f"t = {first['times'][n]:g}" for n in shown)]
    lines = [
        [noise, name, *(number(values[n], 6) for n in shown)]
        for noise, one in evolved.items()
        for name, values in one["expectations"].items()
    ]
    title = f"Evolution of the density at epsilon = {first['epsilon']:g}"
    blocks = [_laid_out(title, heads, lines)] if lines else [title]
    apart = summary.get("transient", {}).get("distances", [])
    if apart:
        heads = ["noises", *heads[2:]]
        rows = [
            [" and ".join(row["noises"]), *(number(row["total_variation"][n], 2) for n in shown)]
            for row in apart
        ]
        blocks.append(_laid_out("Total variation distance between the densities", heads, rows))
    blocks += _relaxation(evolved)
    return "\n\n".join(blocks)


def _relaxation(evolved: Mapping[str, Any]) -> list[str]:
    """Relaxation times, or why there is none."""
    lines = []
    for noise, one in evolved.items():
        found = one.get("relaxation")
        if not found:
            continue
        if found["time"] is None:
            lines.append(f"{noise}: no relaxation time: {found['refused']}")
            continue
        text = f"{noise}: relaxation time {number(found['time'], 5)} = 1/{number(found['eigenvalue'], 5)}"
        if found["decay"] is not None:
            text += f"; the distance falls at the rate {number(found['decay'], 5)} at the end"
        lines.append(text)
    wrapped = [textwrap.fill(line, _WIDTH, subsequent_indent="    ") for line in lines]
    return ["\n".join(["Approach to the stationary density", *wrapped])] if lines else []


def _selection(count: int) -> list[int]:
    step = max(1, -(-count // _MOST_TIMES))
    return list(range(count - 1, -1, -step))[::-1]


def _laid_out(title: str, heads: list[str], lines: list[list[str]]) -> str:
    widths = [max(len(line[i]) for line in [heads, *lines]) for i in range(len(heads))]
    while sum(widths) + 2 * (len(widths) - 1) > _WIDTH and len(widths) > 3:
        # the last time matters most
        heads, lines = [*heads[:-2], heads[-1]], [[*line[:-2], line[-1]] for line in lines]
        widths = [*widths[:-2], widths[-1]]
    text = [title]
    for line in [heads, ["─" * width for width in widths], *lines]:
        padded = zip(line, widths, strict=True)
        cells = [cell.ljust(w) if i < 1 else cell.rjust(w) for i, (cell, w) in enumerate(padded)]
        text.append("  ".join(cells).rstrip())
    return "\n".join(text)
