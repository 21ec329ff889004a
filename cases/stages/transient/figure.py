"""Figures of an evolving density: expectations against time, and how far the noises are apart in law."""

from __future__ import annotations

import numpy as np

from cases.contracts.further import EvolutionEntry
from cases.figures.rundata import RunData
from cases.figures.style import Figure, canvas, colour, marker, to_svg

_ROUNDING = 1e-9


def transient_figures(run: RunData) -> list[Figure]:
    """One panel per expectation, and the distances between the noises; empty without an evolution."""
    evolved = {name: e["transient"] for name, e in run.summary["noises"].items() if "transient" in e}
    if not evolved:
        return []
    names = list(next(iter(evolved.values()))["expectations"])
    panels = [_expectation(run, evolved, name) for name in names]
    epsilon = next(iter(evolved.values()))["epsilon"]
    figures = []
    if panels:
        caption = (
            f"Expectations of the density that evolves at ε = {epsilon:g}, for each noise; rings: reference "
            "values. To see: noises whose curves coincide act alike in this expectation at all times."
        )
        figures.append(Figure("Evolution from the initial density", tuple(panels), caption))
    if panel := _approach(evolved):
        caption = (
            "Total variation distance of the density from the stationary one. Dashed: the decay e^(−λ₂t) of "
            "the slowest mode, through the last point. To see: after the fast modes have died out it falls "
            "at the rate λ₂, and 1/λ₂ is the relaxation time; faster, where the start lacks the slowest mode."
        )
        figures.append(Figure("Approach to the stationary density", (panel,), caption))
    if panel := _distances(run):
        caption = (
            "Total variation distance between the densities under two noises, ½∫|p − q| dx (0: the same law, "
            "1: nothing in common). To see: a pair that stays at the bottom is equal in law up to the "
            "accuracy of the computation; the others move apart."
        )
        figures.append(Figure("How far the laws are apart", (panel,), caption))
    return figures


def _expectation(run: RunData, evolved: dict[str, EvolutionEntry], name: str) -> str:
    figure, axes = canvas()
    for index, (noise, one) in enumerate(evolved.items()):
        # growing line widths underneath: curves that coincide are all seen
        width = 1.6 + 1.4 * (len(evolved) - 1 - index)
        axes.plot(one["times"], one["expectations"][name], color=colour(index), lw=width, label=noise)
    references = run.case.get("reference", {}).values()
    mine = [r for r in references if r.get("quantity") == "expectation" and r.get("observe") == name]
    axes.plot(
        [r["time"] for r in mine], [r["value"] for r in mine], "o", mfc="none", mec="black", ms=7, ls="none"
    )
    axes.set_xlabel("t")
    axes.set_ylabel(f"E {name}")
    axes.set_title(str(run.case.get("transient", {}).get("observe", {}).get(name, name)), loc="left")
    axes.grid(True)
    axes.legend(loc="best")
    return to_svg(figure, f"Expectation of {name} against time")


def _approach(evolved: dict[str, EvolutionEntry]) -> str | None:
    figure, axes = canvas(6.4, 3.6)
    drawn = False
    for index, (noise, one) in enumerate(evolved.items()):
        found = one["relaxation"]
        if found is None:
            continue
        shown = [(t, d) for t, d in zip(one["times"], found["distances"], strict=False) if d > _ROUNDING]
        if not shown:
            continue
        drawn = True
        axes.plot(*zip(*shown, strict=True), color=colour(index), marker=marker(index), ms=5, label=noise)
        if found["eigenvalue"] is not None:
            times = np.linspace(shown[0][0], shown[-1][0], 50)
            line = shown[-1][1] * np.exp(found["eigenvalue"] * (shown[-1][0] - times))
            axes.plot(times, line, color=colour(index), lw=1.0, ls=(0, (4, 2)))
    if not drawn:
        return None
    axes.set_yscale("log")
    axes.set_ylim(top=2.0)
    axes.set_xlabel("t")
    axes.set_ylabel("distance from the stationary density")
    axes.grid(True)
    axes.legend(loc="best")
    return to_svg(figure, "Distance from the stationary density against time")


def _distances(run: RunData) -> str | None:
    apart = run.summary["transient"]["distances"] if "transient" in run.summary else []
    if not apart:
        return None
    times = next(e["transient"]["times"] for e in run.summary["noises"].values() if "transient" in e)
    figure, axes = canvas(6.4, 3.6)
    for index, row in enumerate(apart):
        shown = [(t, d) for t, d in zip(times, row["total_variation"], strict=True) if d > 0]
        if shown:
            label = " – ".join(row["noises"])
            axes.plot(*zip(*shown, strict=True), color=colour(index), marker=marker(index), ms=5, label=label)
    axes.set_yscale("log")
    axes.set_xlabel("t")
    axes.set_ylabel("total variation distance")
    axes.grid(True)
    axes.legend(loc="best")
    return to_svg(figure, "Total variation distance between the densities against time")
