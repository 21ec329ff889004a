"""Plots of one-dimensional fields over their coordinate."""

from __future__ import annotations

import numpy as np
from matplotlib.axes import Axes
from numpy.typing import NDArray

from cases.figures.data import Sampler, sampler
from cases.figures.rundata import RunData
from cases.figures.style import Figure, canvas, colour, to_svg

Array = NDArray[np.float64]


def line_figures(run: RunData) -> list[Figure]:
    """V with −ε log p, and the densities, of a one-dimensional run."""
    samplers = {noise: sampler(run, noise) for noise in run.noises}
    figures = [_heights(run, samplers)]
    panels = [panel for epsilon in run.epsilons if (panel := _density(run, samplers, epsilon))]
    if panels:
        caption = (
            "Stationary density p for each noise, one panel per noise level; the dots mark the attractors. "
            "To see: where each noise keeps the particle, and how the weight of the wells shifts as ε falls."
        )
        figures.append(Figure("Stationary densities", tuple(panels), caption))
    return figures


def _heights(run: RunData, samplers: dict[str, Sampler]) -> Figure:
    figure, axes = canvas(6.4, 3.9)
    top = 0.0
    epsilon = run.epsilons[-1] if run.epsilons else None
    for index, (noise, places) in enumerate(samplers.items()):
        if (potential := places.field("V")) is not None:
            _curve(axes, places, potential, index, noise)
            top = max(top, float(np.nanmax(potential, initial=0.0)))
        if epsilon is not None and (logarithm := places.log_density(epsilon)) is not None:
            height = -epsilon * (logarithm - np.nanmax(logarithm))
            _curve(axes, places, height, index, None)
    limit = 1.5 * run.barrier_scale if run.barrier_scale else top
    axes.set_ylim(-0.04 * limit, limit or 1.0)
    axes.set_ylabel("V")
    axes.set_xlabel(run.coordinates[0])
    _marks(axes, run)
    axes.grid(True)
    axes.legend(loc="upper center", ncols=3)
    caption = (
        "Quasi-potential V (solid) for each noise, zero at its deepest attractor; dots: attractors, crosses: "
        "saddles. "
    )
    if epsilon is not None:
        caption += f"Dashed: −ε log p at ε = {epsilon:g}, up to a constant; it tends to V as ε → 0. "
    caption += "To see: the lower the barrier between the dots under a noise, the faster it escapes."
    return Figure("Quasi-potential", (to_svg(figure, "Quasi-potential against position"),), caption)


def _density(run: RunData, samplers: dict[str, Sampler], epsilon: float) -> str | None:
    figure, axes = canvas()
    drawn = False
    for index, (noise, places) in enumerate(samplers.items()):
        if (density := places.density(epsilon)) is not None:
            _curve(axes, places, density, index, noise)
            drawn = True
    if not drawn:
        return None
    axes.set_ylim(bottom=0)
    axes.set_xlabel(run.coordinates[0])
    axes.set_ylabel("p")
    axes.set_title(f"ε = {epsilon:g}", loc="left")
    _marks(axes, run)
    axes.grid(True)
    axes.legend(loc="best")
    return to_svg(figure, f"Stationary density at ε = {epsilon:g}")


def _curve(axes: Axes, places: Sampler, values: Array, index: int, label: str | None) -> None:
    """A field in the colour of its noise; dashed and thin where it is not named."""
    order = np.argsort(places.samples.points[:, 0], kind="stable")
    (line,) = axes.plot(places.samples.points[order, 0], values[order], color=colour(index), label=label)
    if label is None:
        line.set(linestyle=(0, (4, 2)), linewidth=1.2)


def _marks(axes: Axes, run: RunData) -> None:
    bottom = axes.get_xaxis_transform()
    for points, shape in ((run.attractors, "o"), (run.saddles, "X")):
        for place in points:
            axes.plot(
                [place[0]], [0.0], shape, color="black", mec="white", ms=7, ls="none", transform=bottom,
                clip_on=False, zorder=6,
            )  # fmt: skip
