"""Arrhenius plots: the logarithm of the mean first passage time against 1/ε."""

from __future__ import annotations

from matplotlib.axes import Axes

from cases.figures.rundata import RunData
from cases.figures.style import Figure, canvas, colour, marker, to_svg
from cases.results.summary_rows import Direction, Interval, Row, directions, goal, rows

_MAX_PANELS = 6
_CAPTION = (
    "Natural logarithm of the mean first passage time against 1/ε. Filled points: solution of the "
    "Fokker–Planck equation. Solid line: the slope that the barrier from the Hamilton–Jacobi equation "
    "predicts, drawn through the point of the smallest ε. Dashed: Kramers' formula, prefactor included. "
    "Open points with bars: simulation with its 95 % interval; a star beside "
    "them: minibatch SGD on the data. To see: how far apart the lines of two noises are is how much faster "
    "one escapes; that they fan out to the right says that the advantage grows exponentially as the noise "
    "level falls."
)


def arrhenius(run: RunData) -> list[Figure]:
    """One panel per direction of escape; nothing when no rate was computed."""
    panels = []
    for direction in directions(run.summary)[:_MAX_PANELS]:
        known = [row for row in rows(run.summary, direction) if row.epsilon and row.log_mfpt is not None]
        if known:
            panels.append(_panel(run, direction, known))
    return [Figure("Mean first passage times", tuple(panels), _CAPTION)] if panels else []


def _panel(run: RunData, direction: Direction, known: list[Row]) -> str:
    figure, axes = canvas(5.4, 4.0)
    inverse = [1 / row.epsilon for row in known if row.epsilon]
    left, right = min(inverse), max(inverse)
    margin = 0.08 * (right - left) if right > left else 0.1 * left
    span = (left - margin, right + margin)
    for index, noise in enumerate(run.summary["noises"]):
        _draw(axes, [row for row in known if row.noise == noise], noise, index, span)
    axes.set_xlim(*span)
    axes.set_xlabel("1/ε")
    axes.set_ylabel("log of mean first passage time")
    axes.set_title(f"from attractor {direction[0]} to {goal(direction)}", loc="left")
    axes.grid(True)
    handles, labels = axes.get_legend_handles_labels()
    axes.legend(handles, labels, loc="best")
    return to_svg(figure, f"Arrhenius plot, attractor {direction[0]} to {goal(direction)}")


def _draw(axes: Axes, mine: list[Row], noise: str, index: int, span: tuple[float, float]) -> None:
    if not mine:
        return
    tint, shape = colour(index), marker(index)
    x = [1 / row.epsilon for row in mine if row.epsilon]
    last = max(range(len(x)), key=lambda i: x[i])
    barrier, anchor = mine[last].barrier, mine[last].log_mfpt
    if barrier is not None and anchor is not None:
        axes.plot(span, [anchor + barrier * (end - x[last]) for end in span], color=tint, lw=1.6)
    formula = [(a, row.kramers) for a, row in zip(x, mine, strict=True) if row.kramers is not None]
    if formula:
        axes.plot(*zip(*formula, strict=True), color=tint, lw=1.2, ls=(0, (4, 2)))
    y = [row.log_mfpt for row in mine if row.log_mfpt is not None]  # all of them: see _panel
    axes.plot(x, y, shape, color=tint, ms=6, label=noise, zorder=3)
    for a, row in zip(x, mine, strict=True):
        _simulated(axes, a, row.simulated, row.interval, shape, tint, 11)
        beside = a + 0.025 * (span[1] - span[0])  # else the bars of the two cover each other
        _simulated(axes, beside, row.sgd, row.sgd_interval, "*", tint, 13)


def _simulated(
    axes: Axes, x: float, y: float | None, interval: Interval | None, fmt: str, tint: str, size: float
) -> None:
    if y is None:
        return
    low, high = interval or (y, y)
    axes.errorbar(
        [x], [y], yerr=[[y - low], [high - y]], fmt=fmt, color=tint, ms=size,
        mfc="none", mew=1.3, capsize=5, elinewidth=1.3, zorder=4,
    )  # fmt: skip
