"""The results of a sweep as rows: one per member, noise, direction of escape and noise level."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from pathlib import Path

from cases.base.numbers import DASH, factor, fixed, number
from cases.base.text_table import text_table
from cases.contracts.sweep import SweepRow
from cases.results.summary_rows import Direction, Row, directions, goal, rows
from cases.sweep.columns import RESULTS, Columns, derive, lookup
from cases.sweep.members import Outcome
from cases.sweep.plan import printable, short_names

LONGEST = 100


def outcome_rows(outcome: Outcome, show: Sequence[str], columns: Columns | None = None) -> list[SweepRow]:
    """The rows of one member; a single one without results where there are none."""
    summary = outcome.summary
    derived = derive(columns, outcome.member.values, summary) if columns is not None else {}
    ends = {"ok": not outcome.problems, "folder": f"members/{outcome.member.folder}"}
    if summary is None:
        return [dict(outcome.member.values) | dict.fromkeys((*RESULTS, *show)) | derived | ends]
    shown = {path: lookup(summary, path) for path in show}
    found = [_result(row, direction) for direction in directions(summary) for row in rows(summary, direction)]
    if not found:
        found = [dict.fromkeys(RESULTS) | {"noise": name} for name in summary["noises"] or [None]]
    return [dict(outcome.member.values) | row | shown | derived | ends for row in found]


def _result(row: Row, direction: Direction) -> SweepRow:
    numbers = (
        row.noise, *direction, row.epsilon, row.trace, row.barrier, row.lower, row.upper, row.log_mfpt,
        row.direct, row.kramers, row.simulated, row.log_ratio,
    )  # fmt: skip
    return dict(zip(RESULTS, numbers, strict=True))


def write_csv(path: Path, table: Sequence[SweepRow]) -> None:
    """The rows as a CSV file; an empty field where there is no number."""
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, list(table[0]))
        writer.writeheader()
        writer.writerows({key: "" if value is None else value for key, value in row.items()} for row in table)


def compared(table: Sequence[SweepRow]) -> list[SweepRow]:
    """The rows of the escape that is compared (the first with a result), and those without results."""
    pairs = [(row["from"], row["to"]) for row in table if row["from"] is not None]
    return [row for row in table if row["from"] is None or (row["from"], row["to"]) == pairs[0]]


def table_text(
    table: Sequence[SweepRow],
    vary: Sequence[str],
    show: Sequence[str],
    columns: Columns | None = None,
) -> str:
    """The compared escape at the smallest noise level as plain text, one line per member and noise.

    Derived columns belong to a member as a whole: with them there is one line per member.
    """
    if columns is not None and columns.columns:
        return _derived_text(table, vary, columns)
    best: dict[tuple[str, str], SweepRow] = {}
    for row in compared(table):
        key = row["folder"], row["noise"]
        if key not in best or (row["epsilon"] or 0) < (best[key]["epsilon"] or 0):
            best[key] = row
    heads = [*short_names(vary), "noise", "tr A", "barrier", "ε", "log T", "× faster", *short_names(show)]
    lines = []
    for row in list(best.values())[:LONGEST]:
        cells = [_cell(row[key]) for key in vary]
        cells += [str(row["noise"] or DASH), number(row["trace"], 3), number(row["barrier"], 5)]
        cells += [number(row["epsilon"], 3).rstrip("0").rstrip("."), fixed(row["log_mfpt"])]
        cells += [factor(row["log_rate_ratio"]), *(_cell(row[path]) for path in show)]
        lines.append([*cells, "" if row["ok"] else "FAILED"])
    heads.append("" if all(row["ok"] for row in best.values()) else " ")
    pair = next(((row["from"], row["to"]) for row in table if row["from"] is not None), None)
    title = ""
    if pair is not None:
        title = f"Escape from attractor {pair[0]} to {goal(pair)}, at the smallest noise level"
    text = text_table(title, [heads], lines, left=())
    more = len(best) - LONGEST
    return f"{text}\n… and {more} more lines in sweep.csv" if more > 0 else text


def _derived_text(table: Sequence[SweepRow], vary: Sequence[str], columns: Columns) -> str:
    best = {row["folder"]: row for row in table}
    heads = [*short_names(vary), *columns.names, ""]
    lines = [
        [*(_cell(row[key]) for key in [*vary, *columns.names]), "" if row["ok"] else "FAILED"]
        for row in list(best.values())[:LONGEST]
    ]
    return text_table("", [heads], lines, left=())


def _cell(value: object) -> str:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return DASH if value is None else printable(str(value))
    return f"{value:.6g}"
