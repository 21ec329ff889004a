"""The comparison in one table (:mod:`cases.results.overview`), for the page and for the screen."""

from __future__ import annotations

from typing import TypedDict

from cases.base.numbers import DASH, factor, number
from cases.base.text_table import clipped, first_that_fits, text_table
from cases.contracts.summary import Summary
from cases.figures.rundata import RunData
from cases.report.anisotropy import Shape, at_start
from cases.report.tables import orientation
from cases.results.overview import Measure, baseline_of, measures

#: Longest way out and name of a noise on the screen, and how many noise levels, the lowest ones.
_LAYOUTS = ((46, 14, 5), (40, 12, 4), (34, 10, 3))
_SHAPE = ("tr A", "eigenvalues of A", "largest towards", "strength along the way out")

Group = tuple[str, list[tuple[str, list[str]]]]


class Overview(TypedDict):
    """A column for every noise; groups of rows, each a label and one cell a noise."""

    noises: list[str]
    baseline: str
    groups: list[Group]


def overview(run: RunData) -> Overview | None:
    """A column for every noise; None where fewer than two noises were compared."""
    base, found = baseline_of(run.summary), measures(run.summary)
    if base is None or not found:
        return None
    noises = list(run.summary["noises"])
    groups = [*_noise_groups(at_start(run), noises), *(_escape_group(one, noises, base) for one in found)]
    return {"noises": noises, "baseline": base, "groups": groups}


def _noise_groups(found: dict[str, list[tuple[str, Shape]]], noises: list[str]) -> list[Group]:
    groups = []
    for place in dict.fromkeys(name for places in found.values() for name, _ in places):
        known = {noise: shape for noise in found for name, shape in found[noise] if name == place}
        cells = [_cells(known.get(noise)) for noise in noises]
        rows = [(label, [column[i] for column in cells]) for i, label in enumerate(_SHAPE)]
        groups.append((f"The noise {place}", rows))
    return groups


def _cells(shape: Shape | None) -> list[str]:
    if shape is None:
        return [DASH] * len(_SHAPE)
    values = ", ".join(number(value, 3) for value in shape.eigenvalues) or DASH
    return [number(shape.trace, 4), values, orientation(shape), number(shape.strength, 3)]


def _escape_group(measure: Measure, noises: list[str], base: str) -> Group:
    rows = [
        ("barrier", [number(measure.barriers.get(noise), 5) for noise in noises]),
        (f"barrier over that of {base}", [number(measure.ratios.get(noise), 4) for noise in noises]),
    ]
    rows += [
        (f"× faster at ε = {epsilon:g}", [factor(gains.get(noise)) for noise in noises])
        for epsilon, gains in measure.gains.items()
    ]
    return f"Escape {measure.text}", rows


def overview_text(summary: Summary) -> list[str]:
    """Rates over those of the baseline by every measure, for the screen; nothing unless there are several."""
    base, found = baseline_of(summary), measures(summary)
    if base is None or len(found) < 2:
        return []
    noises = list(summary["noises"])
    return [first_that_fits(_LAYOUTS, lambda layout: _lay_out(found, base, noises, *layout))]


def _lay_out(found: list[Measure], base: str, noises: list[str], longest: int, name: int, count: int) -> str:
    levels = sorted({epsilon for one in found for epsilon in one.gains}, reverse=True)[-count:]
    above = ["", "", "barrier", *["rate" for _ in levels]]
    heads = ["way out", "noise", "ratio", *[f"ε = {epsilon:g}" for epsilon in levels]]
    lines = []
    for one in found:
        text = clipped(one.text, longest)
        for noise in noises:
            if noise != base:
                rates = [factor(one.gains.get(epsilon, {}).get(noise)) for epsilon in levels]
                lines.append([text, clipped(noise, name), number(one.ratios.get(noise), 4), *rates])
                text = ""
    title = f"Barriers and rates over those of {base}, by what is left"
    return text_table(title, [above, heads], lines, left=(0, 1))
