"""The tables of the page about a sweep, as text ready for the page."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import TypedDict

from cases.base.numbers import DASH, bracket, duration, factor, fixed, is_number, number
from cases.contracts.summary import Summary
from cases.contracts.sweep import ColumnsEntry, SweepRecord
from cases.results.check_text import title, verdict
from cases.sweep.columns import ABSCISSA
from cases.sweep.plan import describe, short, short_names
from cases.sweep.rows import compared
from cases.sweep.text import all_rows

#: Heads and lines.
Table = tuple[list[str], list[list[str]]]


class MemberLine(TypedDict):
    """A member as the page shows it."""

    label: str
    ok: bool
    problems: str
    time: str
    folder: str


def table(record: SweepRecord) -> Table:
    """Head and lines of the table: of derived columns one line per member, else one per noise and level."""
    vary, derived = list(record["vary"]), record["derived"]
    rows = all_rows(record)
    if derived.get("columns"):
        return _derived_table(record, vary, derived)
    show = list(record["show"])
    compares = any(is_number(row["log_rate_ratio"]) for row in rows)
    heads = [*short_names(vary), "noise", "tr A", "barrier", "[lower, upper]", "ε", "log T", "log T, Kramers"]
    heads += [*(["× faster than the baseline"] if compares else []), *short_names(show)]
    lines = [
        [
            *(short(row[key]) for key in vary),
            str(row["noise"] or DASH),
            number(row["trace"], 4),
            number(row["barrier"], 6),
            bracket(row["lower"], row["upper"], 6),
            DASH if row["epsilon"] is None else f"{row['epsilon']:g}",
            fixed(row["log_mfpt"], 3),
            fixed(row["log_mfpt_kramers"], 3),
            *([factor(row["log_rate_ratio"])] if compares else []),
            *(_cell(row[path]) for path in show),
        ]
        for row in compared(rows)
    ]
    return heads, lines


def _derived_table(record: SweepRecord, vary: list[str], derived: ColumnsEntry) -> Table:
    names = [*derived["values"], *derived["columns"]]
    heads = [*short_names(vary), *names]
    heads += [head for name in derived["exact"] for head in (f"{name}, closed form", "difference")]
    if derived["abscissa"] is not None:
        heads.insert(len(vary), derived["abscissa"].replace("**", "^"))
    lines = []
    for member in record["members"]:
        row = member["rows"][0]
        line = [*(short(row[key]) for key in vary), *(_cell(row[name]) for name in names)]
        for name in derived["exact"]:
            computed, exact = row[name], row[f"{name} exact"]
            known = computed is not None and exact is not None
            line += [_cell(exact), number(abs(computed - exact) / (abs(exact) or 1.0), 2) if known else DASH]
        if derived["abscissa"] is not None:
            line.insert(len(vary), _cell(row[ABSCISSA]))
        lines.append(line)
    return heads, lines


def checks(summaries: Mapping[str, Summary]) -> list[dict[str, str]]:
    """For every check its worst value over members and noises, and where that was.

    Args:
        summaries: The members' summary.json by label.
    """
    worst: dict[str, tuple[float, str]] = {}
    limits: dict[str, float] = {}
    for label, summary in summaries.items():
        limits |= summary.get("check_thresholds", {})
        for noise, entry in summary["noises"].items():
            for name, value in entry.get("checks", {}).items():
                if is_number(value) and value > worst.get(name, (-math.inf, ""))[0]:
                    worst[name] = value, f"{label}, {noise}"
    found = []
    for name, (value, where) in worst.items():
        limit = limits.get(name)
        found.append(
            {"name": name, "text": title(name), "threshold": number(limit, 2)}
            | {"value": number(value, 2), "where": where}
            | {"verdict": verdict(value, limit)}
        )
    return found


def members(record: SweepRecord) -> list[MemberLine]:
    """One entry per member: its values, whether it is good, how long it took, where its own page is."""
    return [
        {
            "label": describe(member["values"]),
            "ok": member["ok"],
            "problems": "; ".join(member["problems"]),
            "time": "kept from before" if member["seconds"] is None else duration(member["seconds"]),
            "folder": member["folder"],
        }
        for member in record["members"]
    ]


def _cell(value: object) -> str:
    return number(float(value), 6) if is_number(value) else DASH if value is None else str(value)
