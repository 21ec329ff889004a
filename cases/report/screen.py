"""The table printed at the end of a run."""

from __future__ import annotations

from cases.base.numbers import factor, fixed, number, point, with_interval
from cases.base.text_table import clipped, first_that_fits, text_table
from cases.contracts.summary import Summary
from cases.report.formula_table import formula_table, power_law_notes
from cases.results.summary_rows import Direction, Row, baseline, directions, goal, rows

#: Behind a value of which a check failed.
DOUBT = "?"
#: Digits of the barriers and longest name shown, tried in turn until a table fits.
_LAYOUTS = ((5, 14), (4, 14), (4, 10), (3, 6))


def comparison_table(summary: Summary) -> str:
    """The result of a run as plain text, at most 100 columns wide.

    Per escape: barrier with its bracket, log mean first passage time at each noise level from the PDE,
    from Kramers' formula and simulated, and how many times faster than the baseline it is.  Below, formulas
    for the barrier, where they say anything else.

    Args:
        summary: What summary.json holds.
    """
    parts = [_block(summary, direction) for direction in directions(summary)]
    if not parts:
        return _nothing(summary)
    notes = ["log T: natural logarithm of the mean first passage time; simulated: with its 95 % interval"]
    notes += [
        f"minibatch SGD on the data ({row.noise}, ε = {row.epsilon:g}, {row.sgd_note}): "
        f"log T {with_interval(row.sgd, row.sgd_interval)}"
        for direction in directions(summary)
        for row in rows(summary, direction)
        if row.sgd is not None
    ]
    if any(row.doubtful for direction in directions(summary) for row in rows(summary, direction)):
        notes.append(
            f"{DOUBT}: a check of this value failed; NOTE and PROBLEM below say which, and what to do"
        )
    notes += power_law_notes(summary)
    return "\n\n".join([*parts, "\n".join(notes), *formula_table(summary)])


def _nothing(summary: Summary) -> str:
    """Why there is no escape to show."""
    count = len(summary.get("attractors", []))
    if count > 1:
        return f"No escape was computed between the {count} attractors; the reason is below."
    return "No escape was computed: there is no second attractor in the domain."


def _block(summary: Summary, direction: Direction) -> str:
    return first_that_fits(_LAYOUTS, lambda layout: _lay_out(summary, direction, *layout))


def _lay_out(summary: Summary, direction: Direction, digits: int, longest: int) -> str:
    base = baseline(summary)
    above = ["", "", "", "", "", "log T", "log T", "log T"]
    heads = ["noise", "tr A", "barrier", "[lower, upper]", "ε", "PDE", "Kramers", "simulated"]
    if base is not None:
        above.append("× faster than")
        heads.append(clipped(base, longest))
    lines, last = [], None
    for row in rows(summary, direction):
        lines.append(_cells(row, row.noise != last, base is not None, digits, longest))
        last = row.noise
    return text_table(_title(summary, direction), [above, heads], lines, left=(0, 3))


def _cells(row: Row, first: bool, compared: bool, digits: int, longest: int) -> list[str]:
    """One line; what does not depend on the noise level stands in the first line of a noise only."""
    start = ["", "", "", ""]
    if first:
        start = [clipped(row.noise, longest), number(row.trace, 3), number(row.barrier, digits)]
        start.append(row.bounds(digits))
    cells = [*start, number(row.epsilon, 3).rstrip("0").rstrip(".")]
    mark = DOUBT if row.doubtful else ""
    cells += [fixed(row.log_mfpt) + mark, fixed(row.kramers), with_interval(row.simulated, row.interval)]
    return [*cells, factor(row.log_ratio)] if compared else cells


def _title(summary: Summary, direction: Direction) -> str:
    places = {entry["index"]: point(entry["point"]) for entry in summary.get("attractors", [])}
    start, stop = (f" {places[i]}" if i in places else "" for i in direction)
    return f"Escape from attractor {direction[0]}{start} to {goal(direction)}{stop}"
