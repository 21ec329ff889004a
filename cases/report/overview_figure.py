"""The comparison in one picture: barriers and rates over those of the baseline, by every measure."""

from __future__ import annotations

import math
import textwrap
from collections.abc import Callable

from matplotlib.axes import Axes

from cases.figures.rundata import RunData
from cases.figures.style import Figure, canvas, colour, marker, style, to_svg
from cases.results.overview import Measure, baseline_of, measures

OVERVIEW = "The comparison in one picture"
_SPREAD = 0.5
_LONGEST = 24

#: Draws one noise (its number among all of them) in a row: axes, measure, noise, number, height.
Draw = Callable[[Axes, Measure, str, int, float], None]


def overview_figure(run: RunData) -> Figure | None:
    """The figure; None where fewer than two noises were compared."""
    base, found = baseline_of(run.summary), measures(run.summary)
    if base is None or not found:
        return None
    with style():
        panels = (
            _panel(run, found, _ratio, 1.0, f"barrier over that of {base}"),
            _panel(run, found, _rates, 0.0, f"log₁₀ of the rate over that of {base}"),
        )
    caption = (
        f"Barriers and rates over those of {base} noise, by what is left. Rates: one point for every noise "
        "level, full for the lowest and paler for higher ones; to the right of the black line a noise is "
        "faster. To see: which noise is faster may depend on what is to be left, and on the noise level."
    )
    return Figure(OVERVIEW, panels, caption)


def _panel(run: RunData, found: list[Measure], draw: Draw, middle: float, label: str) -> str:
    noises = list(run.summary["noises"])
    base = baseline_of(run.summary)
    others = [noise for noise in noises if noise != base]
    page, axes = canvas(5.4, 1.5 + 0.8 * len(found))
    axes.axvline(middle, color="black", lw=1.0)
    for place, noise in enumerate(others):
        shift = _SPREAD * ((place + 0.5) / len(others) - 0.5)
        for row, one in enumerate(found):
            draw(axes, one, noise, noises.index(noise), row + shift)
        axes.plot([], [], marker(noises.index(noise)), color=colour(noises.index(noise)), label=noise)
    axes.set_yticks(range(len(found)), ["\n".join(textwrap.wrap(one.text, _LONGEST)) for one in found])
    axes.set_ylim(len(found) - 0.5, -0.5)
    axes.set_xlabel(label)
    axes.grid(True, axis="x")
    page.legend(loc="outside lower center", ncols=4)
    return to_svg(page, label)


def _ratio(axes: Axes, one: Measure, noise: str, index: int, height: float) -> None:
    if (ratio := one.ratios.get(noise)) is not None:
        axes.plot([ratio], [height], marker(index), color=colour(index), ms=7)


def _rates(axes: Axes, one: Measure, noise: str, index: int, height: float) -> None:
    known = [gains.get(noise) for gains in one.gains.values()]
    decades = [gain / math.log(10) for gain in known if gain is not None]
    axes.plot(decades, [height] * len(decades), color=colour(index), lw=1.0, alpha=0.5)
    for k, value in enumerate(decades, start=1):
        faint = 0.25 + 0.75 * k / len(decades)
        axes.plot([value], [height], marker(index), color=colour(index), ms=7, alpha=faint)
