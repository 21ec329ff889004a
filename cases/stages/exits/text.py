"""The exits from sets as plain tables, beside those over saddles (:mod:`cases.report.screen`)."""

from __future__ import annotations

from cases.base.numbers import DASH, factor, fixed, number, point, with_interval
from cases.base.text_table import first_that_fits, text_table
from cases.contracts.exits import ExitEntry, ExitTime
from cases.contracts.summary import Summary

_DIGITS = (6, 5, 4, 3)


def exit_tables(summary: Summary) -> list[str]:
    """One table for every set that the case names, at most 100 columns wide.

    Args:
        summary: What summary.json holds.
    """
    named: dict[str, str] = {}
    for noise in summary["noises"].values():
        for one in noise.get("exits", []):
            if one["asked"]:
                named.setdefault(one["name"], one["set"])
    return [_fitted(summary, name, text) for name, text in named.items()]


def _fitted(summary: Summary, name: str, text: str) -> str:
    return first_that_fits(_DIGITS, lambda digits: _table(summary, name, text, digits))


def _table(summary: Summary, name: str, text: str, digits: int) -> str:
    rows = [row for row in summary["exit_comparison"] if row["exit"] == name]
    ratios = {(row["noise"], row["epsilon"]): row["log_rate_ratio"] for row in rows}
    base = next((row["baseline"] for row in summary["exit_comparison"]), None)
    heads = ["noise", "lowest V", "at", "ε", "log T", "T"]
    simulated = _any_simulated(summary, name)
    heads += (["simulated"] if simulated else []) + ([f"× faster than {base}"] if base else [])
    lines = []
    for noise, entry in summary["noises"].items():
        one = next((e for e in entry.get("exits", []) if e["name"] == name), None)
        if one is None:
            continue
        where = DASH if one["barrier_point"] is None else point(one["barrier_point"])
        start = [noise, _height(one, digits), where]
        times: list[ExitTime | None] = [*one["times"]]
        for time in times or [None]:
            epsilon, log_time = (None, None) if time is None else (time["epsilon"], time["log_exit_time"])
            cells = [
                *start,
                DASH if epsilon is None else f"{epsilon:g}",
                fixed(log_time, 4),
                factor(log_time),
            ]
            if simulated:
                cells.append(DASH if time is None else _simulated(time))
            if base:
                cells.append(factor(0.0 if noise == base else ratios.get((noise, epsilon))))
            lines.append(cells)
            start = ["", "", ""]
    title = f"Exit from the set '{name}': {text}, starting at attractor {_start(summary, name)}"
    return text_table(title, [heads], lines, left=(0, 2))


def _simulated(time: ExitTime) -> str:
    return with_interval(time.get("log_exit_time_simulated"), time.get("simulated_ci"), 3)


def _height(one: ExitEntry, digits: int) -> str:
    if one["barrier"] is None and one["barrier_above"] is not None:
        return f"> {number(one['barrier_above'], digits)}"
    return number(one["barrier"], digits)


def _any_simulated(summary: Summary, name: str) -> bool:
    return any(
        time.get("log_exit_time_simulated") is not None
        for noise in summary["noises"].values()
        for one in noise.get("exits", [])
        if one["name"] == name
        for time in one["times"]
    )


def _start(summary: Summary, name: str) -> str:
    found = [
        one for noise in summary["noises"].values() for one in noise.get("exits", []) if one["name"] == name
    ]
    index = found[0].get("from", 0)
    return f"{index} {point(summary['attractors'][index]['point'])}"
