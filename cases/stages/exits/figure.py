"""Exit times from sets against 1/ε, beside the slopes that V on the boundary predicts."""

from __future__ import annotations

from matplotlib.axes import Axes

from cases.contracts.exits import ExitEntry
from cases.figures.rundata import RunData
from cases.figures.style import Figure, canvas, colour, marker, to_svg


def exit_figures(run: RunData) -> list[Figure]:
    """One panel per set; empty without exits."""
    named: dict[str, str] = {}
    for noise in run.summary["noises"].values():
        for one in noise.get("exits", []):
            if one["times"]:
                named.setdefault(one["name"], one["set"])
    panels = tuple(_panel(run, name, text) for name, text in named.items())
    if not panels:
        return []
    caption = (
        "Natural logarithm of the mean exit time from each set against 1/ε. Points: Fokker–Planck; lines: "
        "the slope that the lowest V on the boundary predicts, through the point of the smallest ε; open "
        "points with bars: simulation with its 95 % interval. To see: the noises may be in another order "
        "from one set to the next; where lines cross, the prefactor decides at the larger noise levels."
    )
    return [Figure("Exit times from sets", panels, caption)]


def _panel(run: RunData, name: str, text: str) -> str:
    figure, axes = canvas(5.4, 4.0)
    entries = {
        noise: one
        for noise, entry in run.summary["noises"].items()
        for one in entry.get("exits", [])
        if one["name"] == name and one["times"]
    }
    inverse = [1 / time["epsilon"] for one in entries.values() for time in one["times"]]
    margin = 0.08 * (max(inverse) - min(inverse)) or 0.1 * min(inverse)
    span = (min(inverse) - margin, max(inverse) + margin)
    for index, noise in enumerate(run.summary["noises"]):
        if noise in entries:
            _draw(axes, entries[noise], noise, index, span)
    axes.set_xlim(*span)
    axes.set_xlabel("1/ε")
    axes.set_ylabel("log of mean exit time")
    axes.set_title(text, loc="left")
    axes.grid(True)
    axes.legend(loc="best")
    return to_svg(figure, f"Exit times from the set {name}")


def _draw(axes: Axes, one: ExitEntry, noise: str, index: int, span: tuple[float, float]) -> None:
    x = [1 / time["epsilon"] for time in one["times"]]
    y = [time["log_exit_time"] for time in one["times"]]
    last = max(range(len(x)), key=x.__getitem__)
    if one["barrier"] is not None:
        axes.plot(
            span, [y[last] + one["barrier"] * (end - x[last]) for end in span], color=colour(index), lw=1.4
        )
    axes.plot(x, y, marker(index), color=colour(index), ms=6, label=noise, zorder=3)
    for a, time in zip(x, one["times"], strict=True):
        value, interval = time.get("log_exit_time_simulated"), time.get("simulated_ci")
        if value is not None and interval:
            low, high = interval
            axes.errorbar(
                [a], [value], yerr=[[value - low], [high - value]], fmt=marker(index), color=colour(index),
                ms=11, mfc="none", mew=1.3, capsize=5, elinewidth=1.3, zorder=4,
            )  # fmt: skip
