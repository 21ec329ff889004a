"""The sentences of the page about a sweep: what was varied, what came of it, what the figure shows."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence

from cases.base.numbers import factor, fixed, is_number, number
from cases.contracts.summary import Summary
from cases.contracts.sweep import SweepRecord, SweepRow
from cases.sweep.plan import describe, short, short_names
from cases.sweep.rows import compared


def all_rows(record: SweepRecord) -> list[SweepRow]:
    """The rows of all members, in their order."""
    return [row for member in record["members"] for row in member["rows"]]


def headline(record: SweepRecord) -> list[str]:
    """What was varied, and what came of it, in a few plain sentences."""
    count = len(record["members"])
    names = short_names(list(record["vary"]))
    lists = [_values(name, values) for name, values in zip(names, record["vary"].values(), strict=True)]
    sentences = [f"{count} member{'s' if count != 1 else ''}: {'; '.join(lists)}."]
    derived = record["derived"]
    for name in derived["exact"]:
        gaps = _gaps(record, name)
        if gaps:
            sentences.append(
                f"{name} agrees with its closed form {derived['exact'][name].replace('**', '^')} to "
                f"{number(max(gaps), 2)} (relative) in {len(gaps)} members; "
                f"{number(derived['tolerance'], 2)} is allowed."
            )
    return sentences if derived.get("columns") else [*sentences, *_extremes(record)]


def _values(name: str, values: Sequence[object]) -> str:
    numbers = [value for value in values if is_number(value)]
    if len(values) == len(numbers) > 4:
        return f"{name} from {min(numbers):g} to {max(numbers):g} ({len(values)} values)"
    return f"{name} = " + ", ".join(short(value) for value in values)


def _gaps(record: SweepRecord, name: str) -> list[float]:
    """Relative differences of a column and its closed form, for the members that have both."""
    firsts = [member["rows"][0] for member in record["members"]]
    pairs = [(row.get(name), row.get(f"{name} exact")) for row in firsts]
    return [abs(a - b) / (abs(b) or 1.0) for a, b in pairs if a is not None and b is not None]


def _extremes(record: SweepRecord) -> list[str]:
    """Between what the barrier and the passage time lie, for each noise, at the smallest noise level."""
    vary, sentences = list(record["vary"]), []
    table = compared(all_rows(record))
    for noise in dict.fromkeys(row["noise"] for row in table if row["noise"] is not None):
        of_noise = [row for row in table if row["noise"] == noise]
        heights = [row for row in of_noise if is_number(row["barrier"])]
        if len({row["barrier"] for row in heights}) > 1:
            low, high = min(heights, key=_by("barrier")), max(heights, key=_by("barrier"))
            sentences.append(
                f"{noise}: the barrier lies between {number(low['barrier'], 5)} ({_where(low, vary)}) and "
                f"{number(high['barrier'], 5)} ({_where(high, vary)})."
            )
        levels = [row["epsilon"] for row in of_noise if is_number(row["log_mfpt"])]
        if not levels:
            continue
        timed = [row for row in of_noise if row["epsilon"] == min(levels) and is_number(row["log_mfpt"])]
        quick, slow = min(timed, key=_by("log_mfpt")), max(timed, key=_by("log_mfpt"))
        decades = (slow["log_mfpt"] - quick["log_mfpt"]) / math.log(10.0)
        if len(timed) > 1:
            sentences.append(
                f"{noise}: at ε = {min(levels):g} the mean first passage times of its members differ by a "
                f"factor of {factor(slow['log_mfpt'] - quick['log_mfpt'])} ({fixed(decades, 1)} decades), "
                f"from log T = {fixed(quick['log_mfpt'])} ({_where(quick, vary)}) "
                f"to {fixed(slow['log_mfpt'])} ({_where(slow, vary)})."
            )
    return sentences


def _by(key: str) -> Callable[[SweepRow], float]:
    return lambda row: float(row[key])


def _where(row: SweepRow, vary: Sequence[str]) -> str:
    return describe({key: row[key] for key in vary})


def caption(record: SweepRecord) -> str:
    """What to see in the overview figure."""
    derived = record["derived"]
    first = short_names(list(record["vary"]))[0]
    if derived.get("columns"):
        against = (derived.get("abscissa") or first).replace("**", "^")
        scales = ", both on logarithmic scales" if record["figure"] in ("loglog", "together") else ""
        closed = " Dashed: the closed form." if derived.get("exact") else ""
        closed = " Lines: the other columns." if record["figure"] == "together" else closed
        return (
            f"{', '.join(derived['columns'])} against {against}{scales}. Points: computed, one per "
            f"member.{closed}"
        )
    shape = "Angle: " + first if record["figure"] == "polar" else "Against " + first
    what = "what sweep.show names" if record["show"] else "barrier and log of the mean first passage time"
    others = " The other varied keys tell curves apart." if len(record["vary"]) > 1 else ""
    return f"{shape}: {what}.{others}"


def table_note(record: SweepRecord) -> str:
    """How to read the table."""
    derived = record["derived"]
    if derived.get("columns"):
        closed = " Difference: relative, of the column and its closed form." if derived.get("exact") else ""
        recipe = "; ".join(f"{name} = {text.replace('**', '^')}" for name, text in derived["columns"].items())
        return f"One line per member. Columns: {recipe}.{closed}"
    return (
        "One line per member, noise and noise level, for the escape that is compared. log T: natural "
        "logarithm of the mean first passage time. tr A: trace of the noise covariance at the attractor that "
        "is left. Barrier: height of the quasi-potential on the way, with a lower and an upper bound. –: not "
        "computed."
    )


def references(summaries: Mapping[str, Summary]) -> str:
    """How many reference values of the members were met, in one sentence; empty where there are none."""
    rows = [row for summary in summaries.values() for row in summary.get("references", [])]
    known = [row["ok"] for row in rows if row["ok"] is not None]
    if not known:
        return ""
    errors = [row["error"] for row in rows if row["ok"] is not None and row["error"] is not None]
    worst = f", the largest error being {number(max(errors), 2)}" if errors else ""
    return f"{sum(known)} of {len(known)} reference values of the members are met{worst}."
