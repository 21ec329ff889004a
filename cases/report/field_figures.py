"""The figures of a report, for runs in one, two and three dimensions."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial

import numpy as np
from numpy.typing import NDArray

from cases.figures.data import Sampler, sampler, slices
from cases.figures.lines import line_figures
from cases.figures.maps import Samples, Window, common_window, density_scale, height_scale, map_panel
from cases.figures.rundata import RunData
from cases.figures.style import Figure, attempted, style
from cases.report.rates_figure import arrhenius
from cases.report.transitions_figure import transition_figures
from cases.stages.catalogue import STAGES

Array = NDArray[np.floating]
_HEADROOM = 1.25  # the colours end this much above the highest barrier: beyond it is of no interest
_GREY = "Hatched grey: outside the region where V was computed or is valid. "
_MARKS = (
    "Numbered dots: attractors; crosses: saddles; black curves: limit cycles (dashed: unstable); red: most "
    "probable escape paths (dashed: how it goes on behind the saddle); "
    "black ellipses: the noise covariance A at these points, all on one scale. "
)


def all_figures(run: RunData) -> list[Figure]:
    """Every figure that the files of the run allow, in the order of the report."""
    with style():
        drawn = [] if not run.noises else attempted("Maps of the fields", partial(_fields, run))
        drawn += attempted("Rates against 1/ε", partial(arrhenius, run))
        for stage in STAGES:
            drawn += attempted(stage.name.capitalize(), partial(stage.figures, run))
        return drawn


def _fields(run: RunData) -> list[Figure]:
    return line_figures(run) if run.dim == 1 else _map_figures(run)


@dataclass(frozen=True)
class _Map:
    """One field of one noise to be drawn, and what to add to its title (the plane of a slice)."""

    noise: str
    extra: str
    samples: Samples


Views = dict[str, list[tuple[str, Sampler]]]
Windows = dict[tuple[int, int], Window | None]


def _map_figures(run: RunData) -> list[Figure]:
    views = {noise: _views(run, noise) for noise in run.noises}
    potentials = list(_maps(views, lambda places: places.field("V")))
    heights = list(_heights(views, run.epsilons[-1])) if run.epsilons else []
    top = _top(run, [one.samples.values for one in [*potentials, *heights]])
    windows: Windows = {}
    for one in [*potentials, *heights]:
        plane = one.samples.axes
        mine = [other.samples for other in [*potentials, *heights] if other.samples.axes == plane]
        windows.setdefault(plane, common_window(mine, top))
    figures = [_potential_figure(run, potentials, top, windows)]
    if run.epsilons:
        figures.append(_height_figure(run, heights, top, windows))
        figures.append(_density_figure(run, views, windows))
    if run.dim == 2:
        figures += transition_figures(run)
    return [figure for figure in figures if figure.panels]


def _views(run: RunData, noise: str) -> list[tuple[str, Sampler]]:
    """The places to draw for one noise, each with what to add to the title."""
    if run.dim == 2:
        return [("", sampler(run, noise))]
    return [(f", {title}", places) for title, places in slices(run, noise)]


def _maps(views: Views, field: Callable[[Sampler], Array | None]) -> Iterator[_Map]:
    for noise, items in views.items():
        for extra, places in items:
            if (values := field(places)) is not None and np.isfinite(values).any():
                yield _Map(noise, extra, places.samples.with_values(values))


def _heights(views: Views, epsilon: float) -> Iterator[_Map]:
    """−ε log p, zero at its lowest value for each noise."""
    for noise, items in views.items():
        logs = list(_maps({noise: items}, lambda places: places.log_density(epsilon)))
        best = max((float(np.nanmax(one.samples.values)) for one in logs), default=0.0)
        for one in logs:
            values = -epsilon * (one.samples.values - best)
            yield _Map(noise, one.extra, one.samples.with_values(values))


def _potential_figure(run: RunData, maps: list[_Map], top: float, windows: Windows) -> Figure:
    scale = height_scale(top, "V")
    panels = [
        map_panel(run, one.noise, one.samples, scale, one.noise + one.extra, window=windows[one.samples.axes])
        for one in maps
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


def _height_figure(run: RunData, maps: list[_Map], top: float, windows: Windows) -> Figure:
    epsilon = run.epsilons[-1]
    scale = height_scale(top, "−ε log p")
    panels = [
        map_panel(
            run,
            one.noise,
            one.samples,
            scale,
            f"{one.noise}{one.extra}, ε = {epsilon:g}",
            window=windows[one.samples.axes],
        )
        for one in maps
    ]
    caption = (
        f"−ε log p at the smallest noise level, ε = {epsilon:g}, counted from its minimum, on the colours "
        "and lines of the figure above. It comes from the Fokker–Planck equation, V from the Hamilton–Jacobi "
        "equation. To see: the two agree up to a difference of order ε. " + _slice_note(run)
    )
    return Figure("−ε log p against V", tuple(panels), caption.rstrip())


def _density_figure(run: RunData, views: Views, windows: Windows) -> Figure:
    panels = []
    for epsilon in run.epsilons:
        first = {noise: items[:1] for noise, items in views.items()}
        for one in _maps(first, lambda places, epsilon=epsilon: places.density(epsilon)):  # type: ignore[misc]
            scale = density_scale(float(np.nanmax(one.samples.values)))
            samples = one.samples.with_values(np.maximum(one.samples.values, 0.0))
            title = f"{one.noise}{one.extra}, ε = {epsilon:g}"
            window = windows.get(samples.axes)
            panels.append(map_panel(run, one.noise, samples, scale, title, window=window, marks=False))
    caption = (
        "Stationary density p for each noise (side by side) and each noise level, each panel with its own "
        "colours; the lines are at 50, 5 and 0.5 % of the maximum. To see: which minimum each noise prefers, "
        "and in which direction it spreads the particle. " + _slice_note(run)
    )
    return Figure("Stationary densities", tuple(panels), caption.rstrip())


def _top(run: RunData, values: list[Array]) -> float:
    """Upper end of the common colour scale."""
    if run.barrier_scale:
        return _HEADROOM * run.barrier_scale
    return max((float(np.nanmax(one)) for one in values), default=1.0) or 1.0


def _slice_note(run: RunData) -> str:
    if run.dim < 3:
        return ""
    return "Each panel is a slice through the saddle; points and paths are projected onto it. "
