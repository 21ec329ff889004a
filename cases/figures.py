"""The figures of a report, for runs in one, two and three dimensions."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from cases.figure_data import Sampler, sampler, slices
from cases.figure_lines import line_figures
from cases.figure_maps import density_scale, height_scale, map_panel
from cases.figure_rates import arrhenius
from cases.figure_style import Figure, style
from cases.rundata import RunData

Array = NDArray[np.float64]
_HEADROOM = 1.6  # the colours end this much above the highest barrier: beyond it is of no interest
_GREY = "Hatched grey: outside the region where V was computed or is valid. "
_MARKS = (
    "Numbered dots: attractors; crosses: saddles; red: most probable escape paths; black ellipses: the noise "
    "covariance A at these points, all on one scale. "
)


def all_figures(run: RunData) -> list[Figure]:
    """Every figure that the files of the run allow, in the order of the report."""
    with style():
        if not run.noises:
            return arrhenius(run)
        maps = line_figures(run) if run.dim == 1 else _map_figures(run)
        return [*maps, *arrhenius(run)]


def _map_figures(run: RunData) -> list[Figure]:
    views = {noise: _views(run, noise) for noise in run.noises}
    figures = [_potential(run, views)]
    if run.epsilons:
        figures += [_heights(run, views), _densities(run, views)]
    return [figure for figure in figures if figure.panels]


def _views(run: RunData, noise: str) -> list[tuple[str, Sampler]]:
    """The places to draw for one noise, each with what to add to the title."""
    if run.dim == 2:
        return [("", sampler(run, noise))]
    return [(f", {title}", places) for title, places in slices(run, noise)]


Views = dict[str, list[tuple[str, Sampler]]]


def _potential(run: RunData, views: Views) -> Figure:
    found = {
        (noise, extra): (places, values)
        for noise, items in views.items()
        for extra, places in items
        if (values := places.field("V")) is not None
    }
    scale = height_scale(_top(run, [values for _, values in found.values()]), "V")
    panels = [
        map_panel(run, noise, places.samples.with_values(values), scale, noise + extra)
        for (noise, extra), (places, values) in found.items()
    ]
    caption = (
        "Quasi-potential V for each noise, on one colour scale; the lines are at the same heights in all. "
        + _MARKS
        + _GREY
        + _slice_note(run)
        + "To see: between an attractor and the saddle there are as many lines as the barrier is high. Noise "
        "that is strong along the way out lowers the barrier."
    )
    return Figure("Quasi-potential", tuple(panels), caption)


def _heights(run: RunData, views: Views) -> Figure:
    epsilon = run.epsilons[-1]
    found = {}
    for noise, items in views.items():
        logs = [(extra, places, places.log_density(epsilon)) for extra, places in items]
        best = max((float(np.nanmax(log)) for *_, log in logs if log is not None), default=0.0)
        for extra, places, log in logs:
            if log is not None:
                found[noise, extra] = (places, -epsilon * (log - best))
    scale = height_scale(_top(run, [values for _, values in found.values()]), "−ε log p")
    panels = [
        map_panel(run, noise, places.samples.with_values(values), scale, f"{noise}{extra}, ε = {epsilon:g}")
        for (noise, extra), (places, values) in found.items()
    ]
    caption = (
        f"−ε log p at the smallest noise level, ε = {epsilon:g}, counted from its minimum, on the colours "
        "and lines of the figure above. It comes from the Fokker–Planck equation, V from the Hamilton–Jacobi "
        "equation. To see: the two agree up to a difference of order ε. " + _slice_note(run)
    )
    return Figure("−ε log p against V", tuple(panels), caption)


def _densities(run: RunData, views: Views) -> Figure:
    panels = []
    for epsilon in run.epsilons:
        for noise, items in views.items():
            extra, places = items[0]
            density = places.density(epsilon)
            if density is None or not np.isfinite(density).any():
                continue
            scale = density_scale(float(np.nanmax(density)))
            samples = places.samples.with_values(np.maximum(density, 0.0))
            title = f"{noise}{extra}, ε = {epsilon:g}"
            panels.append(map_panel(run, noise, samples, scale, title, marks=False))
    caption = (
        "Stationary density p for each noise (side by side) and each noise level, each panel with its own "
        "colours; the lines are at 50, 5 and 0.5 % of the maximum. To see: which minimum each noise prefers, "
        "and in which direction it spreads the particle." + (" " + _slice_note(run)).rstrip()
    )
    return Figure("Stationary densities", tuple(panels), caption)


def _top(run: RunData, values: list[Array]) -> float:
    """Upper end of the common colour scale."""
    largest = max((float(np.nanmax(one, initial=0.0)) for one in values), default=1.0)
    if run.barrier_scale:
        return min(_HEADROOM * run.barrier_scale, largest) or 1.0
    return largest or 1.0


def _slice_note(run: RunData) -> str:
    if run.dim < 3:
        return ""
    return "Each panel is a slice through the saddle; points and paths are projected onto it. "
