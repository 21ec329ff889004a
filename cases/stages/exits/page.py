"""The exits from sets as tables of the report."""

from __future__ import annotations

from cases.base.numbers import DASH, factor, number, point, with_error
from cases.contracts.exits import ExitEntry, ExitTime
from cases.contracts.summary import Summary
from cases.figures.table import Line, PageTable

_NOTE = (
    "T: mean time from the starting attractor to its boundary; ±: difference of two evaluations of the flux "
    "through it, or of the flux and the direct solution, where there are both. As ε goes to 0, log T grows "
    "like the lowest V on the boundary over ε, and the exit concentrates where V is lowest."
)


def exit_page_tables(summary: Summary) -> list[PageTable]:
    """One table for every set, those included that the case did not name."""
    base = next((row["baseline"] for row in summary.get("exit_comparison", [])), None)
    heads = ["noise", "lowest V on the boundary", "at", "ε", "log T", "T"]
    heads += [f"× faster than {base}"] if base else []
    named: dict[str, tuple[str, list[Line]]] = {}
    for noise, entry in summary["noises"].items():
        for one in entry.get("exits", []):
            _, lines = named.setdefault(one["name"], (one["set"], []))
            lines += _lines(summary, noise, one, compared=base is not None)
    return [
        PageTable(f"Exit from {name}", tuple(heads), tuple(lines), f"The set is {{{text}}}. {_NOTE}")
        for name, (text, lines) in named.items()
    ]


def _lines(summary: Summary, noise: str, one: ExitEntry, *, compared: bool) -> list[Line]:
    """The lines of one noise, by noise level."""
    ratios = {
        row["epsilon"]: row["log_rate_ratio"]
        for row in summary.get("exit_comparison", [])
        if (row["exit"], row["noise"]) == (one["name"], noise)
    }
    where = DASH if one["barrier_point"] is None else point(one["barrier_point"])
    times: list[ExitTime | None] = [*one["times"]]
    lines = []
    for n, time in enumerate(times or [None]):
        level, log_time = (None, None) if time is None else (time["epsilon"], time["log_exit_time"])
        cells = [noise, number(one["barrier"], 6), where, DASH if level is None else f"{level:g}"]
        cells += [
            with_error(log_time, None if time is None else time.get("log_exit_time_error")),
            factor(log_time),
        ]
        cells += [factor(ratios.get(level))] if compared else []
        lines.append(Line(tuple(cells), 3 if n else 0))
    return lines
