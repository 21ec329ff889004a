"""Pictures for notebooks: fields on the line or in a plane, and passage times over 1/ε."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.axes import Axes
from matplotlib.patches import Rectangle

from cases.figures.maps import Scale, committor_scale, density_scale, height_scale
from cases.figures.style import COLOURS, INVALID, MARKERS, PATH_COLOUR, STYLE
from cases.notebook.parts import Barrier, Level
from solver.system import Array

# points along a side of a map, and of a curve
ACROSS, ALONG = 161, 801


@dataclass(frozen=True)
class Picture:
    """A field, and what is marked in it.

    Attributes:
        field: ``(n, d) -> (n,)``, NaN where there is no value; may be collective.
        label: What it is.
        bounds: The box ``(d, 2)``.
        names: Names of the coordinates.
        plane: The coordinates that are shown (one of them on the line).
        through: A point of the plane, ``(d,)``.
        wells, passes: Points ``(n, d)`` to be marked.
        paths: Curves ``(n, d)``.
    """

    field: Callable[[Array], Array]
    label: str
    bounds: Array
    names: Sequence[str]
    plane: tuple[int, ...]
    through: Array
    wells: Array
    passes: Array
    paths: Sequence[Array] = ()

    def points(self, *shown: Array) -> Array:
        """Points of the plane with these coordinates, ``(n, d)``."""
        found = np.repeat(self.through[None], shown[0].size, axis=0)
        for axis, values in zip(self.plane, shown, strict=True):
            found[:, axis] = values.ravel()
        return found


def axes_for(ax: Axes | None, width: float = 5.2, height: float = 3.9) -> Axes:
    """The given axes, or new ones in the style of the house."""
    if ax is not None:
        return ax
    with plt.rc_context(STYLE):
        return plt.subplots(figsize=(width, height), layout="constrained")[1]


def draw(picture: Picture, ax: Axes | None = None) -> Axes:
    """Draw a field as a curve or as a map.  Collective if the field is."""
    return _curve(picture, ax) if len(picture.plane) == 1 else _map(picture, ax)


def _curve(picture: Picture, ax: Axes | None) -> Axes:
    (axis,) = picture.plane
    s = np.linspace(picture.bounds[axis, 0], picture.bounds[axis, 1], ALONG)
    values, marked = picture.field(picture.points(s)), picture.field(picture.wells)
    ax = axes_for(ax)
    ax.plot(s, values, color=COLOURS[0])
    for n, (well, height) in enumerate(zip(picture.wells, marked, strict=True)):
        ax.plot(well[axis], height, "o", color="black", ms=6)
        ax.annotate(str(n), (well[axis], height), xytext=(5, 5), textcoords="offset points", fontsize=9)
    for point in picture.passes:
        ax.axvline(point[axis], color="black", ls=(0, (2, 3)), lw=0.9)
    ax.set_xlabel(picture.names[axis])
    ax.set_ylabel(picture.label)
    return ax


def _map(picture: Picture, ax: Axes | None) -> Axes:
    (low, high), plane = picture.bounds[list(picture.plane)].T, picture.plane
    x, y = np.meshgrid(*(np.linspace(a, b, ACROSS) for a, b in zip(low, high, strict=True)))
    values = picture.field(picture.points(x, y)).reshape(x.shape)
    ratio = float(np.clip((high - low)[1] / (high - low)[0], 0.45, 1.5))
    ax = axes_for(ax, 5.2, 0.7 + 4.0 * ratio)
    ax.add_patch(Rectangle(low, *(high - low), fc=INVALID, ec="#C4C4C4", hatch="////", lw=0, zorder=0))
    scale = _scale(picture.label, values)
    if scale is not None:
        _bands(ax, x, y, values, replace(scale, label=picture.label))
    for path in picture.paths:
        ax.plot(*path[:, plane].T, color="white", lw=3.2, solid_capstyle="round", zorder=4)
        ax.plot(*path[:, plane].T, color=PATH_COLOUR, lw=1.7, solid_capstyle="round", zorder=5)
    for n, point in enumerate(picture.wells):
        at = point[list(plane)]
        ax.plot(*at, "o", color="black", mec="white", ms=7, zorder=7)
        box = {"boxstyle": "round,pad=0.15", "fc": "white", "ec": "none", "alpha": 0.8}
        ax.annotate(str(n), at, xytext=(7, 7), textcoords="offset points", fontsize=9, zorder=8, bbox=box)
    for point in picture.passes:
        ax.plot(*point[list(plane)], "X", color="black", mec="white", ms=8, zorder=7)
    ax.set(xlim=(low[0], high[0]), ylim=(low[1], high[1]))
    ax.set(xlabel=picture.names[plane[0]], ylabel=picture.names[plane[1]])
    if 1 / 3 < (high - low)[1] / (high - low)[0] < 3:
        ax.set_aspect("equal")
    return ax


def _scale(label: str, values: Array) -> Scale | None:
    """The colours of a map; None where there is no value at all."""
    known = values[np.isfinite(values)]
    if not known.size or known.max() == known.min():
        return None
    if label.startswith("committor"):
        return committor_scale()
    if label.startswith("p "):
        return density_scale(float(known.max()))
    low, top = float(known.min()), float(known.max())
    if low >= -1e-3 * top:
        return height_scale(top, label)
    scale = height_scale(1.0, label)
    return Scale(low + (top - low) * scale.bands, low + (top - low) * scale.lines, scale.colours, label)


def _bands(ax: Axes, x: Array, y: Array, values: Array, scale: Scale) -> None:
    shown = np.ma.masked_invalid(values)
    bands = ax.contourf(x, y, shown, levels=scale.bands, cmap=scale.colours, extend="max", zorder=0.2)
    ax.contour(x, y, shown, levels=np.sort(scale.lines), colors="#33475B", linewidths=0.5, alpha=0.7)
    figure = ax.figure
    bar = figure.colorbar(bands, ax=ax, shrink=0.9)
    low, high = float(scale.bands[0]), float(scale.bands[-1])
    ticks = [low + quarter / 4 * (high - low) for quarter in range(5)]
    bar.set_ticks(ticks, labels=[f"{tick:.3g}" for tick in ticks])
    bar.set_label(scale.label)


def draw_times(levels: Sequence[Level], barriers: Sequence[Barrier], ax: Axes | None = None) -> Axes:
    """log T over 1/ε, with Kramers' law, and lines with the slope of the barrier."""
    ax = axes_for(ax)
    inverse = np.array([1.0 / level.epsilon for level in levels])
    count = len(levels[0].log_mfpt) if levels else 0
    pairs = [(i, j) for i in range(count) for j in range(count) if i != j]
    n = 0
    for i, j in pairs:
        times = np.array([level.log_mfpt[i, j] for level in levels])
        if not np.isfinite(times).any():
            continue
        colour, marker = COLOURS[n % len(COLOURS)], MARKERS[n % len(MARKERS)]
        n += 1
        ax.plot(inverse, times, marker, color=colour, label=f"{i} → {j}")
        law = np.array([level.log_mfpt_kramers[i, j] for level in levels])
        ax.plot(inverse, law, ls="--", lw=1.2, color=colour)
        heights = [one.value for one in barriers if (one.start, one.end) == (i, j)]
        last = int(np.flatnonzero(np.isfinite(times))[-1])
        if heights:
            ax.plot(inverse, times[last] + min(heights) * (inverse - inverse[last]), lw=1.0, color=colour)
    ax.set(xlabel="1/ε", ylabel="log mean first passage time")
    if n:
        ax.legend(title="full: slope ΔV\ndashed: Kramers")
    return ax
