"""Maps of two-dimensional fields, and slices of three-dimensional ones."""

from __future__ import annotations

from dataclasses import dataclass

import matplotlib
import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import Colormap, LinearSegmentedColormap
from matplotlib.contour import ContourSet
from matplotlib.figure import Figure as Canvas
from matplotlib.patches import Ellipse, Rectangle
from matplotlib.tri import Triangulation
from numpy.typing import NDArray

from cases.figures.rundata import Kind, RunData
from cases.figures.style import INVALID, PATH_COLOUR, canvas, to_svg

Array = NDArray[np.floating]


@dataclass(frozen=True)
class Samples:
    """Values on triangles in a coordinate plane.

    Attributes:
        axes: The two coordinates of the plane.
        points: ``(n, 2)``.
        triangles: ``(m, 3)``.
        values: ``(n,)``, NaN where there is no value.
    """

    axes: tuple[int, int]
    points: Array
    triangles: NDArray[np.int64]
    values: Array

    def with_values(self, values: Array) -> Samples:
        """The same triangles with other values."""
        return Samples(self.axes, self.points, self.triangles, values)

    def extent_below(self, top: float) -> Array | None:
        """Corners ``(2, 2)`` of the box round all points with a value up to this, if there are any."""
        inside = self.points[np.isfinite(self.values) & (np.nan_to_num(self.values, nan=np.inf) <= top)]
        return np.stack([inside.min(axis=0), inside.max(axis=0)]) if len(inside) else None


@dataclass(frozen=True)
class Scale:
    """Colour scale of a map: filled bands at ``bands``, lines at ``lines``."""

    bands: Array
    lines: Array
    colours: Colormap
    label: str


Window = Array  #: corners (2, 2) of what a map shows: lower left, upper right


def common_window(samples: list[Samples], top: float) -> Window | None:
    """A window, the same for several maps in one plane, round all that is not above ``top``."""
    boxes = [box for one in samples if (box := one.extent_below(top)) is not None]
    if not boxes:
        return None
    low, high = np.min([box[0] for box in boxes], axis=0), np.max([box[1] for box in boxes], axis=0)
    margin = 0.06 * (high - low)
    whole_low = np.min([one.points.min(axis=0) for one in samples], axis=0)
    whole_high = np.max([one.points.max(axis=0) for one in samples], axis=0)
    return np.stack([np.maximum(low - margin, whole_low), np.minimum(high + margin, whole_high)])


def height_scale(top: float, label: str) -> Scale:
    """Scale for V and −ε log p, from 0 to somewhat above the highest barrier."""
    return Scale(np.linspace(0, top, 41), np.linspace(0, top, 13)[1:], _palette("GnBu"), label)


def density_scale(top: float) -> Scale:
    """Scale for a density."""
    lines = np.array([0.5, 0.05, 0.005]) * top
    return Scale(np.linspace(0, top, 41), lines, _palette("YlOrBr"), "p")


def committor_scale() -> Scale:
    """Scale for a committor; the lines are at 5 %, one half and 95 %."""
    return Scale(np.linspace(0.0, 1.0, 41), np.array([0.05, 0.5, 0.95]), _palette("PuBuGn"), "committor")


def _palette(name: str) -> Colormap:
    """A palette without its darkest end, on which no mark would show."""
    full = matplotlib.colormaps[name]
    short = LinearSegmentedColormap.from_list(name, full(np.linspace(0.0, 0.78, 128)))
    short.set_over(full(0.85))
    return short


def map_panel(  # noqa: PLR0913  (what is drawn in it, most of it optional)
    run: RunData,
    noise: str,
    samples: Samples,
    scale: Scale,
    title: str,
    *,
    window: Window | None = None,
    marks: bool = True,
    arrows: tuple[Array, Array] | None = None,
) -> str:
    """One map as SVG: bands, lines, grey where there is no value, and the marks of the run.

    Without ``marks`` only the attractors and saddles are marked, not the paths and the noise.  ``arrows`` are
    points ``(n, 2)`` and vectors ``(n, 2)``, drawn with areas in proportion to the lengths of the vectors.
    """
    low, high = (samples.points.min(axis=0), samples.points.max(axis=0)) if window is None else window
    ratio = float(np.clip((high - low)[1] / (high - low)[0], 0.45, 1.5))
    figure, axes = canvas(4.4, 0.75 + 3.1 * ratio)
    axes.set_rasterization_zorder(0.5)  # thousands of polygons: as an image they are smaller and as crisp
    _background(axes, low, high)
    bands = _contours(axes, samples, scale)
    if bands is not None:
        _colour_bar(figure, axes, bands, scale)
    _marks(axes, run, samples.axes)
    if marks:
        _paths(axes, run, noise, samples.axes)
        _ellipses(axes, run, noise, samples.axes, float(np.min(high - low)))
    if arrows is not None:
        _arrows(axes, *arrows, float(np.max(high - low)))
    axes.set_xlim(low[0], high[0])
    axes.set_ylim(low[1], high[1])
    if 1 / 3 < (high - low)[1] / (high - low)[0] < 3:
        axes.set_aspect("equal")
    axes.set_xlabel(run.coordinates[samples.axes[0]])
    axes.set_ylabel(run.coordinates[samples.axes[1]])
    axes.set_title(title, loc="left")
    return to_svg(figure, f"{title}: {scale.label}, {run.coordinates[samples.axes[0]]}")


def _arrows(axes: Axes, points: Array, vectors: Array, width: float) -> None:
    lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
    # the root keeps the weak ones visible
    drawn = 0.06 * width * vectors / np.sqrt(np.maximum(lengths * lengths.max(), 1e-300))
    axes.quiver(
        *points.T, *drawn.T, angles="xy", scale_units="xy", scale=1.0, width=0.006, color="#16324F", zorder=6
    )


def _background(axes: Axes, low: Array, high: Array) -> None:
    width, height = high - low
    box = Rectangle((low[0], low[1]), width, height, fc=INVALID, ec="#C4C4C4", hatch="////", lw=0, zorder=0)
    axes.add_patch(box)


def _contours(axes: Axes, samples: Samples, scale: Scale) -> ContourSet | None:
    broken = ~np.isfinite(samples.values)
    keep = ~broken[samples.triangles].any(axis=1)
    if not keep.any():
        return None
    places = Triangulation(samples.points[:, 0], samples.points[:, 1], samples.triangles[keep])
    values = np.where(broken, 0.0, samples.values)
    bands = axes.tricontourf(places, values, levels=scale.bands, cmap=scale.colours, extend="max", zorder=0.2)
    lines = np.sort(scale.lines)
    axes.tricontour(places, values, levels=lines, colors="#33475B", linewidths=0.5, alpha=0.7)
    return bands


def _colour_bar(figure: Canvas, axes: Axes, bands: ContourSet, scale: Scale) -> None:
    bar = figure.colorbar(bands, cax=axes.inset_axes((1.03, 0.0, 0.045, 1.0)))
    if bar.solids is not None:
        bar.solids.set_edgecolor("face")  # else viewers show seams between the steps
    low, high = float(scale.bands[0]), float(scale.bands[-1])
    ticks = [low + quarter / 4 * (high - low) for quarter in range(5)]
    bar.set_ticks(ticks, labels=[f"{tick:.3g}" for tick in ticks])
    bar.set_label(scale.label)


def _paths(axes: Axes, run: RunData, noise: str, plane: tuple[int, int]) -> None:
    for path in run.relaxations_of(noise):
        x, y = path.points[:, plane].T
        axes.plot(x, y, color="white", lw=2.2, zorder=3)
        axes.plot(x, y, color=PATH_COLOUR, lw=1.0, ls=(0, (3, 2)), zorder=3)
    for path in run.paths_of(noise):
        x, y = path.points[:, plane].T
        axes.plot(x, y, color="white", lw=3.4, solid_capstyle="round", zorder=4)
        axes.plot(x, y, color=PATH_COLOUR, lw=1.8, solid_capstyle="round", zorder=5)


def _marks(axes: Axes, run: RunData, plane: tuple[int, int]) -> None:
    lines: tuple[tuple[Kind, str], ...] = (("attractors", "-"), ("saddles", "--"))
    for kind, dashes in lines:
        for curve in run.curves(kind):
            x, y = np.concatenate([curve, curve[:1]])[:, plane].T
            axes.plot(x, y, color="white", lw=2.6, zorder=4)
            axes.plot(x, y, color="black", lw=1.3, ls=dashes, zorder=5)
    for index, place in enumerate(run.attractors):
        x, y = place[list(plane)]
        axes.plot(x, y, "o", color="black", mec="white", ms=7, zorder=7)
        axes.annotate(
            str(index),
            (x, y),
            xytext=(7, 7),
            textcoords="offset points",
            fontsize=9,
            zorder=8,
            bbox={"boxstyle": "round,pad=0.15", "fc": "white", "ec": "none", "alpha": 0.8},
        )
    for place in run.saddles:
        axes.plot(*place[list(plane)], "X", color="black", mec="white", ms=8, zorder=7)


def _ellipses(axes: Axes, run: RunData, noise: str, plane: tuple[int, int], width: float) -> None:
    """Ellipses {x : xᵀA⁻¹x = const}, all noises on one scale, so that their sizes compare."""
    traces = [
        float(np.trace(tensor)) / len(tensor)
        for name in run.noises
        if (tensor := run.tensor_at(name, "attractors", 0)) is not None
    ]
    unit = 0.08 * width / np.sqrt(max(traces)) if traces and max(traces) > 0 else 0.0
    for kind, index, place in run.marked():
        tensor = run.tensor_at(noise, kind, index)
        if tensor is None or unit == 0.0:
            continue
        block = tensor[np.ix_(plane, plane)]
        lengths, directions = np.linalg.eigh(block)
        angle = float(np.degrees(np.arctan2(directions[1, 1], directions[0, 1])))
        across, along = 2 * unit * np.sqrt(np.maximum(lengths, 0.0))
        x, y = place[list(plane)]
        shape = Ellipse((x, y), along, across, angle=angle, fill=False, ec="black", lw=1.4, zorder=6)
        axes.add_patch(shape)
