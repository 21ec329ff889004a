"""The exits from sets as plain tables, beside those over saddles (:mod:`cases.report.screen`)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from cases.base.numbers import factor, fixed, number, point, with_interval

_WIDTH = 100
_DIGITS = (6, 5, 4, 3)


def exit_tables(summary: Mapping[str, Any]) -> list[str]:
    """One table for every set that the case names, at most 100 columns wide.

    Args:
        summary: What summary.json holds.
    """
    named: dict[str, str] = {}
    for noise in summary["noises"].values():
        for one in noise.get("exits", []):
            if one.get("asked", True):
                named.setdefault(one["name"], one["set"])
    return [_fitted(summary, name, text) for name, text in named.items()]


def _fitted(summary: Mapping[str, Any], name: str, text: str) -> str:
    for digits in _DIGITS:
        table = _table(summary, name, text, digits)
        if max(map(len, table.splitlines())) <= _WIDTH:
            break
    return table


def _table(summary: Mapping[str, Any], name: str, text: str, digits: int) -> str:
    ratios = {
        (row["noise"], row["epsilon"]): row["log_rate_ratio"]
        for row in summary.get("exit_comparison", [])
        if row["exit"] == name
    }
    base = next((row["baseline"] for row in summary.get("exit_comparison", [])), None)
    heads = ["noise", "lowest V", "at", "ε", "log T", "T"]
    simulated = _any_simulated(summary, name)
    heads += (["simulated"] if simulated else []) + ([f"× faster than {base}"] if base else [])
    lines = []
    for noise, entry in summary["noises"].items():
        one = next((e for e in entry.get("exits", []) if e["name"] == name), None)
        if one is None:
            continue
        where = "–" if one["barrier_point"] is None else point(one["barrier_point"])
        start = [noise, _height(one, digits), where]
        for time in one["times"] or [{}]:
            epsilon, log_time = time.get("epsilon"), time.get("log_exit_time")
            level = "–" if epsilon is None else f"{epsilon:g}"
            cells = [*start, level, fixed(log_time, 4), factor(log_time)]
            if simulated:
                cells.append(with_interval(time.get("log_exit_time_simulated"), time.get("simulated_ci"), 3))
            if base:
                cells.append(factor(0.0 if noise == base else ratios.get((noise, epsilon))))
            lines.append(cells)
            start = ["", "", ""]
    widths = [max(len(line[i]) for line in [heads, *lines]) for i in range(len(heads))]
    title = f"Exit from the set '{name}': {text}, starting at attractor {_start(summary, name)}"
    shown = [heads, ["─" * width for width in widths], *lines]
    return "\n".join([title, *(_line(cells, widths) for cells in shown)])


def _height(one: Mapping[str, Any], digits: int) -> str:
    if one["barrier"] is None and one.get("barrier_above") is not None:
        return f"> {number(one['barrier_above'], digits)}"
    return number(one["barrier"], digits)


def _any_simulated(summary: Mapping[str, Any], name: str) -> bool:
    return any(
        time.get("log_exit_time_simulated") is not None
        for noise in summary["noises"].values()
        for one in noise.get("exits", [])
        if one["name"] == name
        for time in one["times"]
    )


def _start(summary: Mapping[str, Any], name: str) -> str:
    found = [
        one for noise in summary["noises"].values() for one in noise.get("exits", []) if one["name"] == name
    ]
    index = found[0].get("from", 0)
    return f"{index} {point(summary['attractors'][index]['point'])}"


def _line(cells: list[str], widths: list[int]) -> str:
    return "  ".join(
        cell.ljust(width) if i in (0, 2) else cell.rjust(width)
        for i, (cell, width) in enumerate(zip(cells, widths, strict=True))
    ).rstrip()
