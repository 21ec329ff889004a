"""The densities along the curves of a sweep's members, laid over each other."""

from __future__ import annotations

from collections.abc import Mapping

import matplotlib
import numpy as np
from matplotlib.typing import ColorType

from cases.contracts.summary import Summary
from cases.figures.style import COLOURS, Figure, canvas, colour, to_svg
from cases.stages.section.figure import mark, relative


def sweep_section(summaries: Mapping[str, Summary]) -> list[Figure]:
    """The densities along the members' curves at the smallest noise level, a panel per noise, if any.

    Args:
        summaries: The members' summary.json by label.  To be called inside
            :func:`cases.figures.style.style`.
    """
    members = {label: one for label, one in summaries.items() if "section" in one}
    noises = dict.fromkeys(noise for one in members.values() for noise in _known(one))
    if not noises:
        return []
    tints = dict(zip(members, _tints(len(members)), strict=True))
    panels = tuple(_overlay(noise, members, tints, len(noises) > 1) for noise in noises)
    first = next(iter(members.values()))["section"]
    marks = " and ".join(one["text"].replace("**", "^") for one in first["marks"])
    drawn = Figure(
        "The members' densities along a curve",
        panels,
        "Stationary density along the curve of each member, relative to its maximum there, at the smallest "
        "noise level. " + (f"Dashed, in the same colour: t = {marks}. " if marks else "")
        + ("To see: how near each member's density is largest to its dashed line." if marks else
           "To see: where along the curve each member's density is largest."),
    )  # fmt: skip
    return [drawn]


def _known(summary: Summary) -> list[str]:
    return [name for name, one in summary["noises"].items() if "section" in one and one["section"]["levels"]]


def _tints(count: int) -> list[ColorType]:
    if count <= len(COLOURS):
        return [colour(index) for index in range(count)]
    return list(matplotlib.colormaps["viridis"](np.linspace(0.0, 0.9, count)))


def _overlay(noise: str, members: Mapping[str, Summary], tints: Mapping[str, ColorType], named: bool) -> str:
    page, axes = canvas(6.4, 4.0)
    known = {label: summary for label, summary in members.items() if noise in _known(summary)}
    levels = {label: one["noises"][noise]["section"]["levels"][-1] for label, one in known.items()}
    ends = [summary["section"]["t"] for summary in known.values()]
    one_level = len({level["epsilon"] for level in levels.values()}) == 1
    for label, summary in known.items():
        found, epsilon = summary["section"], f"ε = {levels[label]['epsilon']:g}"
        name = label if one_level else f"{label}, {epsilon}"
        axes.plot(found["t"], relative(levels[label]), color=tints[label], label=name)
        mark(axes, found, tints[label])
    axes.set_xlim(min(t[0] for t in ends), max(t[-1] for t in ends))
    axes.set_ylim(bottom=0)
    axes.set_xlabel("t, along the curve")
    axes.set_ylabel("density / its maximum")
    axes.set_title(", ".join([noise] * named + [epsilon] * one_level), loc="left")
    axes.grid(True)
    axes.legend(loc="best")
    return to_svg(page, f"Densities along the curve under {noise}")
