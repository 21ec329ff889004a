"""A result in words and tables."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from cases.base.numbers import bracket, fixed, number, with_error
from cases.notebook.parts import Barrier, Check, Level
from cases.notebook.tables import Table
from cases.results.checks import failures
from solver.analysis.tolerance import Accuracy


def head_sentence(wells: int, passes: int, unknowns: int, accuracy: Accuracy) -> str:
    """What was solved for, and how accurately."""
    things = f"{_count(wells, 'attractor')}, {_count(passes, 'pass', 'passes')}; {unknowns} unknowns"
    if not accuracy.errors:
        return f"{things}; nothing to estimate errors from"
    if accuracy.tolerance is None:
        return f"{things}; largest estimated error {number(accuracy.largest, 2)}"
    asked = f"{things}; tolerance {accuracy.tolerance:g}"
    if not accuracy.reason:
        return f"{asked} met: largest estimated error {number(accuracy.largest, 2)}"
    worst = [f"{what} {number(e, 2)}" for what, e in accuracy.errors.items() if not e <= accuracy.tolerance]
    return f"{asked} NOT met ({accuracy.reason}): {', '.join(worst)}"


def barrier_table(barriers: Sequence[Barrier]) -> Table | str:
    """Barriers with their brackets."""
    heads = ("barrier", "over", "value", "[lower, upper]")
    return Table(heads, [*map(_barrier, barriers)]) if barriers else ""


def time_table(levels: Sequence[Level]) -> Table | str:
    """Mean first passage times with their errors."""
    rows = [row for level in levels for row in _times(level)]
    return Table(("log T", "ε", "mean first passage", "direct", "Kramers"), rows) if rows else ""


def refusals(levels: Sequence[Level], refused: Mapping[str, str]) -> list[str]:
    """What there is not, and why."""
    found = [f"ε = {level.epsilon:g}: no rates, {level.why}" for level in levels if level.why]
    return [*found, *(f"not given: {what}: {why}" for what, why in refused.items())]


def _count(n: int, one: str, many: str = "") -> str:
    return f"{n} {one if n == 1 else many or one + 's'}"


def _way(start: int, end: int | None) -> str:
    return f"{start} → {'outside' if end is None else end}"


def _barrier(one: Barrier) -> list[str]:
    way = f"pass {one.saddle}"
    return [_way(one.start, one.end), way, number(one.value, 6), bracket(one.lower, one.upper, 6)]


def _times(level: Level) -> list[list[str]]:
    count = len(level.log_mfpt)
    return [
        [
            _way(i, j),
            f"{level.epsilon:g}",
            with_error(level.log_mfpt[i, j], level.log_mfpt_error[i, j]),
            fixed(level.log_mfpt_direct[i, j], 3),
            fixed(level.log_mfpt_kramers[i, j], 3),
        ]
        for i in range(count)
        for j in range(count)
        if i != j and np.isfinite(level.log_mfpt[i, j])
    ]


def problem_sentences(checks: Sequence[Check], problems: Sequence[str], notes: Sequence[str]) -> str:
    """What failed, and what is less than it looks, as the command line says it; else how many checks."""
    made = sum(check.value is not None for check in checks)
    good = [f"checks: {made} made, all good"] if made and not problems else []
    return "\n".join(
        [*good, *(f"NOTE: {text}" for text in notes), *(f"PROBLEM: {text}" for text in problems)]
    )


def check_sentence(checks: Sequence[Check]) -> str:
    """Whether all checks hold; the sentences of the command line on those that do not, one a line."""
    return problem_sentences(checks, failures({check.name: check.value for check in checks}), [])
