"""The look of the figures, and their way into the page."""

from __future__ import annotations

import io
import re
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass

import matplotlib
from matplotlib.axes import Axes
from matplotlib.figure import Figure as Canvas
from matplotlib.text import Text
from matplotlib.ticker import LogLocator, StrMethodFormatter

#: Okabe and Ito's colours, told apart by colour-blind readers too; the markers repeat the distinction.
COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#8C6D00", "#56B4E9", "#000000")
MARKERS = ("o", "s", "^", "D", "v", "P", "X")
PATH_COLOUR = "#C1121F"
INVALID = "#E4E4E4"
RASTER_DPI = 200
_FEW_DECADES = 300.0

STYLE: dict[str, object] = {
    "font.size": 10,
    "axes.titlesize": 10.5,
    "axes.labelsize": 10,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.linewidth": 0.8,
    "axes.axisbelow": True,
    "grid.color": "#DDDDDD",
    "grid.linewidth": 0.6,
    "legend.frameon": False,
    "legend.fontsize": 9,
    "hatch.color": "#BBBBBB",
    "hatch.linewidth": 0.6,
    "lines.linewidth": 1.8,
    "svg.fonttype": "path",
}


def style() -> AbstractContextManager[None]:
    """The context in which figures are drawn: the user's own matplotlib settings do not matter."""
    return matplotlib.rc_context({**matplotlib.rcParamsDefault, **STYLE, "backend": "svg"})


@dataclass(frozen=True)
class Figure:
    """One figure of the report.

    Attributes:
        title: Its heading.
        panels: SVG texts, shown side by side where there is room.
        caption: What to see in it.
    """

    title: str
    panels: tuple[str, ...]
    caption: str


def canvas(width: float = 4.4, height: float = 3.5) -> tuple[Canvas, Axes]:
    """A new figure of the given size in inches with one set of axes."""
    figure = Canvas(figsize=(width, height), layout="constrained")
    return figure, figure.add_subplot()


def logarithmic(axes: Axes) -> None:
    """Logarithmic scales, with plain numbers at 1, 2 and 5 where there are few decades.  Call it last."""
    axes.set_xscale("log")
    axes.set_yscale("log")
    for axis, (low, high) in ((axes.xaxis, axes.get_xlim()), (axes.yaxis, axes.get_ylim())):
        if high < _FEW_DECADES * low:
            axis.set_major_formatter(StrMethodFormatter("{x:g}"))
            axis.set_minor_locator(LogLocator(subs=(2.0, 5.0)))
            axis.set_minor_formatter(StrMethodFormatter("{x:g}"))


def to_svg(figure: Canvas, description: str) -> str:
    """The figure as an SVG element for an HTML page, with a text for those who cannot see it."""
    _take_words_as_they_are(figure)
    text = io.StringIO()
    with matplotlib.rc_context({"svg.hashsalt": description}):
        figure.savefig(text, format="svg", dpi=RASTER_DPI, metadata={"Date": None, "Creator": None})
    svg = text.getvalue()
    svg = svg[svg.index("<svg") :]
    svg = re.sub(r"<metadata>.*?</metadata>", "", svg, flags=re.DOTALL)
    label = description.replace("&", "&amp;").replace("<", "&lt;").replace('"', "&quot;")
    return svg.replace("<svg", f'<svg role="img" aria-label="{label}"', 1)


def _take_words_as_they_are(figure: Canvas) -> None:
    """Names of files and the like may hold dollars, and are no formulas; numbers at logarithmic axes are."""
    numbers = set()
    for axes in figure.axes:
        for axis in (axes.xaxis, axes.yaxis):
            numbers |= {label for tick in axis.get_major_ticks() for label in (tick.label1, tick.label2)}
            numbers |= {label for tick in axis.get_minor_ticks() for label in (tick.label1, tick.label2)}
    for words in figure.findobj(Text):
        if isinstance(words, Text) and words not in numbers:
            words.set_parse_math(False)


def tick_words(names: Sequence[str]) -> list[str]:
    """Names for the places on an axis, whose labels are taken for formulas."""
    return [name.replace("$", r"\$") for name in names]


def attempted(title: str, draw: Callable[[], list[Figure]]) -> list[Figure]:
    """The figures that a function draws; one without panels that says why, where it fails.

    What was computed is worth more than its pictures: none of them may keep a report from being written.
    """
    try:
        return draw()
    except Exception as error:
        words = " ".join(f"{type(error).__name__}: {error}".split())[:300]
        return [Figure(title, (), f"This could not be drawn ({words}); the numbers are in the tables.")]


def colour(index: int) -> str:
    """Colour of the noise with this number."""
    return COLOURS[index % len(COLOURS)]


def marker(index: int) -> str:
    """Marker of the noise with this number."""
    return MARKERS[index % len(MARKERS)]
