"""The comparison in one picture: barriers and rates over those of the baseline, by every measure."""

from __future__ import annotations

import math
import textwrap

from matplotlib.axes import Axes
from matplotlib.figure import Figure as Canvas

from cases.figure_style import Figure, colour, marker, style, to_svg
from cases.overview import Measure, baseline_of, measures
from cases.rundata import RunData

_SPREAD = 0.5
_LONGEST = 26


def overview_figure(run: RunData) -> Figure | None:
    """The figure; None where fewer than two noises were compared."""
    base, found = baseline_of(run.summary), measures(run.summary)
    if base is None or not found:
        return None
    with style():
        page = Canvas(figsize=(9.4, 1.4 + 0.75 * len(found)), layout="constrained")
        left, right = page.subplots(1, 2, sharey=True)
        noises = [noise for noise in run.summary["noises"] if noise != base]
        for index, noise in enumerate(run.summary["noises"]):
            if noise != base:
                shift = _SPREAD * ((noises.index(noise) + 0.5) / len(noises) - 0.5)
                _draw(left, right, found, noise, index, shift)
        for axes, middle in ((left, 1.0), (right, 0.0)):
            axes.axvline(middle, color="black", lw=1.0)
            axes.grid(True, axis="x")
        left.set_yticks(range(len(found)), ["\n".join(textwrap.wrap(one.text, _LONGEST)) for one in found])
        left.set_ylim(len(found) - 0.5, -0.5)
        left.set_xlabel(f"barrier over that of {base}")
        right.set_xlabel(f"log₁₀ of the rate over that of {base}")
        handles, labels = left.get_legend_handles_labels()
        if handles:
            page.legend(handles, labels, loc="outside lower center", ncols=4)
        panel = to_svg(page, "Barriers and rates over those of the baseline")
    caption = (
        f"Barriers (left) and rates (right) over those of {base} noise, by what is left. Right: one point "
        "for every noise level, full for the lowest and paler for higher ones; to the right of the black "
        "line a noise escapes faster. To see: which noise is faster may depend on what is to be left, and on "
        "the noise level."
    )
    return Figure("The comparison in one picture", (panel,), caption)


def _draw(left: Axes, right: Axes, found: list[Measure], noise: str, index: int, shift: float) -> None:
    tint, shape = colour(index), marker(index)
    label: str | None = noise
    for row, one in enumerate(found):
        ratio = one.ratios.get(noise)
        if ratio is not None:
            left.plot([ratio], [row + shift], shape, color=tint, ms=7, label=label)
            label = None
        known = [gains.get(noise) for gains in one.gains.values()]
        decades = [gain / math.log(10) for gain in known if gain is not None]
        right.plot(decades, [row + shift] * len(decades), color=tint, lw=1.0, alpha=0.5)
        for k, value in enumerate(decades, start=1):
            right.plot([value], [row + shift], shape, color=tint, ms=7, alpha=0.25 + 0.75 * k / len(decades))
