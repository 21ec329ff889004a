"""Marginal densities as steps, with their closed forms."""

from __future__ import annotations

import numpy as np

from cases.contracts.further import MarginalEntry
from cases.figures.rundata import RunData
from cases.figures.style import Figure, canvas, colour, to_svg


def marginal_figures(run: RunData) -> list[Figure]:
    """One figure per marginal, with a panel for every noise level; empty without marginals."""
    named: dict[str, dict[str, MarginalEntry]] = {}
    for noise, entry in run.summary["noises"].items():
        for one in entry.get("marginals", []):
            named.setdefault(one["name"], {})[noise] = one
    return [_figure(run, name, found) for name, found in named.items()]


def _figure(run: RunData, name: str, found: dict[str, MarginalEntry]) -> Figure:
    text = next(iter(found.values()))["of"].replace("**", "^")
    levels = list(dict.fromkeys(level["epsilon"] for one in found.values() for level in one["levels"]))
    panels = tuple(_panel(run, name, found, epsilon) for epsilon in levels)
    gaps = [level["distance"] for one in found.values() for level in one["levels"]]
    known = [gap for gap in gaps if gap is not None]
    what = "" if text == name else f" = {text}"
    caption = (
        f"Stationary density of {name}{what} for each noise. Steps: computed, mass of each bin over its width"
        + ("; dashed: the closed form, averaged over the bins. " if known else ". ")
        + (
            "To see: where each noise puts the mass, and that steps and dashed lines agree up to a total "
            f"variation distance of {max(known):.1g}."
            if known
            else "To see: where each noise puts the mass."
        )
    )
    return Figure(f"Density of {name}", panels, caption)


def _panel(run: RunData, name: str, found: dict[str, MarginalEntry], epsilon: float) -> str:
    figure, axes = canvas(4.8, 3.6)
    closed = []
    for index, noise in enumerate(run.summary["noises"]):
        for level in found[noise]["levels"] if noise in found else []:
            if level["epsilon"] != epsilon:
                continue
            edges = np.array(found[noise]["edges"])
            axes.stairs(level["density"], edges, color=colour(index), lw=1.4, label=noise)
            axes.stairs(level["density"], edges, color=colour(index), alpha=0.15, fill=True)
            if level["exact"] is not None:
                centres = 0.5 * (edges[:-1] + edges[1:])
                closed += axes.plot(centres, level["exact"], color="black", ls=(0, (4, 2)), lw=1.0)
    if closed:
        closed[-1].set_label("closed form")
    axes.set_ylim(bottom=0)
    axes.set_xlabel(name)
    axes.set_ylabel("density")
    axes.set_title(f"ε = {epsilon:g}", loc="left")
    axes.grid(True)
    axes.legend(loc="best")
    return to_svg(figure, f"Density of {name} at ε = {epsilon:g}")
