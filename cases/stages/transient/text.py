"""Expectations against time, and the distances between the densities under two noises, as a plain table."""

from __future__ import annotations

import textwrap
from collections.abc import Mapping

from cases.base.numbers import number
from cases.base.text_table import WIDTH, text_table, width
from cases.contracts.further import EvolutionEntry
from cases.contracts.summary import Summary

_MOST_TIMES = 8


def transient_table(summary: Summary) -> str:
    """One line per noise and expectation, one column per time; empty without an evolution.

    At most 100 columns wide: of many times an even selection is shown.

    Args:
        summary: What summary.json holds.
    """
    evolved = {name: e["transient"] for name, e in summary["noises"].items() if "transient" in e}
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
    apart = summary["transient"]["distances"] if "transient" in summary else []
    if apart:
        heads = ["noises", *heads[2:]]
        rows = [
            [" and ".join(row["noises"]), *(number(row["total_variation"][n], 2) for n in shown)]
            for row in apart
        ]
        blocks.append(_laid_out("Total variation distance between the densities", heads, rows))
    blocks += _relaxation(evolved)
    return "\n\n".join(blocks)


def _relaxation(evolved: Mapping[str, EvolutionEntry]) -> list[str]:
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
    wrapped = [textwrap.fill(line, WIDTH, subsequent_indent="    ") for line in lines]
    return ["\n".join(["Approach to the stationary density", *wrapped])] if lines else []


def _selection(count: int) -> list[int]:
    step = max(1, -(-count // _MOST_TIMES))
    return list(range(count - 1, -1, -step))[::-1]


def _laid_out(title: str, heads: list[str], lines: list[list[str]]) -> str:
    text = text_table(title, [heads], lines)
    while width(text) > WIDTH and len(heads) > 3:
        # the last time matters most
        heads, lines = [*heads[:-2], heads[-1]], [[*line[:-2], line[-1]] for line in lines]
        text = text_table(title, [heads], lines)
    return text
