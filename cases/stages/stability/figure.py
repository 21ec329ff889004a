"""Figures of a stability map: learning rates and sharpness along the valley."""

from __future__ import annotations

from matplotlib.axes import Axes
from matplotlib.ticker import StrMethodFormatter

from cases.contracts.further import Flattest, StabilityEntry
from cases.figures.rundata import RunData
from cases.figures.style import Figure, canvas, colour, to_svg
from cases.stages.stability.text import typeset

_DASHED = (0, (4, 2))


def stability_figures(run: RunData) -> list[Figure]:
    """One figure; none without a map."""
    return [_stability(run.summary["stability"])] if "stability" in run.summary else []


def _stability(found: StabilityEntry) -> Figure:
    along = found["along"]
    t = [row["t"] for row in along]
    page, axes = canvas(5.4, 4.0)
    axes.plot(t, [row["gradient_descent"] for row in along], color="black", label="GD: 2/λ_max")
    axes.plot(t, [row["by_trace"] for row in along], color="black", ls=_DASHED, label="2/tr H")
    for index, batch in enumerate(found["batch_sizes"]):
        key = f"batch_{batch}"
        axes.plot(t, [row["sgd"][key] for row in along], color=colour(index), label=f"SGD, B = {batch}")
        _star(axes, found["flattest"][key], colour(index))
    axes.set_xlabel("t, along the valley")
    axes.set_ylabel("largest stable learning rate")
    axes.set_ylim(bottom=0)
    axes.grid(True)
    axes.legend(loc="best")
    panels = [to_svg(page, "Largest stable learning rate along the valley")]
    page, axes = canvas(5.4, 4.0)
    measures = {
        "trace": ("tr H", [row["trace"] for row in along]),
        "frobenius": ("‖H‖_F", [row["frobenius"] for row in along]),
        "largest": ("λ_max", [row["largest"] for row in along]),
    }
    for index, (key, (word, values)) in enumerate(measures.items()):
        axes.plot(t, values, color=colour(index), label=word)
        _star(axes, found["flattest"][key], colour(index))
    axes.set_xlabel("t, along the valley")
    axes.set_ylabel("sharpness")
    axes.set_yscale("log")
    axes.yaxis.set_major_formatter(StrMethodFormatter("{x:g}"))
    axes.yaxis.set_minor_formatter(StrMethodFormatter("{x:g}"))
    axes.grid(True)
    axes.legend(loc="best")
    panels.append(to_svg(page, "Sharpness along the valley"))
    return Figure(
        "Stability along the valley of minima",
        tuple(panels),
        "Left: up to which learning rate gradient descent and SGD with batches of B samples stay at the "
        "minimum with parameter t (exact, in mean square). Right: three measures of sharpness. Stars: where "
        "each allows the largest learning rate or is flattest. To see: each measure selects its own minimum; "
        "where a line of SGD lies above the dashed one, tr H ≤ 2/η does not hold for this batch size. "
        + " ".join(typeset(note) for note in found["notes"]),
    )


def _star(axes: Axes, best: Flattest, tint: str) -> None:
    axes.plot([best["t"]], [best["value"]], "*", color=tint, mec="black", mew=0.6, ms=12, zorder=5)
