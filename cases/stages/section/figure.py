"""The density along a curve beside the curvature of the loss there."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.typing import ColorType

from cases.contracts.further import NoiseSectionEntry, SectionEntry, SectionLevel
from cases.figures.rundata import RunData
from cases.figures.style import Figure, canvas, colour, to_svg

_DASHED = (0, (4, 2))


def section_figures(run: RunData) -> list[Figure]:
    """Left the density, right trace and condition number of the Hessian; empty without a section."""
    found = run.summary.get("section")
    if found is None:
        return []
    entries = {name: one["section"] for name, one in run.summary["noises"].items() if one.get("section")}
    panels = [_densities(run, found, entries)] if any(one["levels"] for one in entries.values()) else []
    if found["trace"] is not None and found["condition"] is not None:
        panels.append(_curvature(found, found["trace"], found["condition"]))
    words = [_where(run.coordinates, found)]
    if entries:
        words.append("Left: the stationary density along it, relative to its maximum there.")
    if found["trace"] is not None:
        words.append(
            f"Right: trace of the Hessian of {_of(found)}, and its condition number, the largest eigenvalue "
            "over the smallest that is above rounding."
        )
    if found["marks"]:
        marks = ", ".join(f"t = {one['text'].replace('**', '^')} = {one['t']:.4g}" for one in found["marks"])
        words.append(f"Dashed: {marks}.")
    words.append(_seen(entries, found))
    return [Figure("The density along a curve", tuple(panels), " ".join(words))]


def _where(coordinates: Sequence[str], found: SectionEntry) -> str:
    names, texts = ", ".join(coordinates[: len(found["curve"])]), ", ".join(found["curve"])
    ends = f"t from {found['t'][0]:g} to {found['t'][-1]:g}"
    return f"The curve is ({names}) = ({texts.replace('**', '^')}), {ends}."


def _of(found: SectionEntry) -> str:
    return "the loss" if found["hessian_of"] == "loss" else str(found["hessian_of"]).replace("**", "^")


def _seen(entries: Mapping[str, NoiseSectionEntry], found: SectionEntry) -> str:
    peaks = [
        f"{level['peak']:.4g} ({noise}, ε = {level['epsilon']:g})"
        for noise, one in entries.items()
        for level in one["levels"]
        if level["peak"] is not None
    ]
    return f"To see: the density is largest at t = {', '.join(peaks)}." if peaks else ""


def _densities(run: RunData, found: SectionEntry, entries: Mapping[str, NoiseSectionEntry]) -> str:
    page, axes = canvas(5.2, 3.8)
    for index, (noise, one) in enumerate(entries.items()):
        for n, level in enumerate(one["levels"]):
            alpha = 1.0 - 0.6 * n / max(len(one["levels"]) - 1, 1)
            axes.plot(
                found["t"], relative(level), color=colour(index), alpha=alpha,
                label=f"{noise}, ε = {level['epsilon']:g}",
            )  # fmt: skip
    mark(axes, found, "black")
    axes.set_ylim(bottom=0)
    _finish(axes, found, "density / its maximum")
    return to_svg(page, "Density along the curve")


def relative(level: SectionLevel) -> list[float]:
    """The density over its maximum along the curve, NaN where it is not known."""
    return [np.nan if value is None else float(np.exp(value)) for value in level["log_density"]]


def _curvature(found: SectionEntry, trace: Sequence[float], ratios: Sequence[float | None]) -> str:
    page, axes = canvas(5.2, 3.8)
    condition = [np.nan if value is None else value for value in ratios]
    axes.plot(found["t"], trace, color=colour(0), label="trace")
    axes.plot(found["t"], condition, color=colour(1), label="condition number")
    axes.set_yscale("log")
    mark(axes, found, "black")
    _finish(axes, found, f"Hessian of {_of(found)}")
    return to_svg(page, "Trace and condition number of the Hessian along the curve")


def mark(axes: Axes, found: SectionEntry, tint: ColorType) -> None:
    """Lines at the marks that lie on the curve."""
    for one in found["marks"]:
        if found["t"][0] <= one["t"] <= found["t"][-1]:
            axes.axvline(one["t"], color=tint, ls=_DASHED, lw=1.0)


def _finish(axes: Axes, found: SectionEntry, label: str) -> None:
    axes.set_xlabel("t, along the curve")
    axes.set_ylabel(label)
    axes.set_xlim(found["t"][0], found["t"][-1])
    axes.grid(True)
    axes.legend(loc="best")
