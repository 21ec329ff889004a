"""Figures of what a case asks for beside potentials and rates: stability maps and trajectories."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.ticker import StrMethodFormatter
from matplotlib.tri import Triangulation

from cases.figures.data import sampler
from cases.figures.rundata import RunData
from cases.figures.style import Figure, canvas, colour, marker, to_svg

_DASHED = (0, (4, 2))
_PATHS = {"sgd": "SGD", "gd": "descent on the mean loss", "plain": "descent without noise"}


def extra_figures(run: RunData) -> list[Figure]:
    """The figures for the keys ``stability`` and ``trajectories`` of the summary."""
    found = []
    if (stability := run.summary.get("stability")) is not None:
        found.append(_stability(stability))
    file = run.folder / "trajectories.json"
    if (trajectories := run.summary.get("trajectories")) is not None and file.exists():
        found.append(_trajectories(run, trajectories, json.loads(file.read_text(encoding="utf-8"))))
    return found


def _stability(found: Mapping[str, Any]) -> Figure:
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
    words = {"trace": "tr H", "frobenius": "‖H‖_F", "largest": "λ_max"}
    for index, (key, word) in enumerate(words.items()):
        axes.plot(t, [row[key] for row in along], color=colour(index), label=word)
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
        + " ".join(_sentence(note) for note in found["notes"]),
    )


def _sentence(note: str) -> str:
    return note[0].upper() + note[1:].replace("<=", "≤").replace("eta", "η") + "."


def _star(axes: Axes, best: Mapping[str, float], tint: str) -> None:
    axes.plot([best["t"]], [best["value"]], "*", color=tint, mec="black", mew=0.6, ms=12, zorder=5)


def _trajectories(run: RunData, found: Mapping[str, Any], curves: Mapping[str, Any]) -> Figure:
    panels = []
    plain = found.get("plain_loss")
    if len(found["start"]) > 1:
        panels.append(_plane(run, found, curves))
    for name in found["sgd"]["observed"]:
        panels.append(_against_time(found, curves, name))
    caption = (
        f"Iterates from one point with learning rate {found['learning_rate']:g} (batches of "
        f"{found['batch_size']}): SGD, gradient descent on the mean loss"
        + (f", and gradient descent on {plain}, which has no noise" if plain else "")
        + ". The band is the average of SGD over "
        f"{found['paths']} paths with its 95 % interval, the dashed line where descent on the mean loss "
        "ends. "
        "To see: along the valley only the noise moves the iterates, and it takes them to one of the minima; "
        "without it they stay where they first met the valley."
    )
    return Figure("Trajectories", tuple(panels), caption)


def _plane(run: RunData, found: Mapping[str, Any], curves: Mapping[str, Any]) -> str:
    page, axes = canvas(5.0, 4.2)
    points = np.concatenate([np.array(curves[kind]["points"])[:, :2] for kind in curves])
    low, high = points.min(axis=0), points.max(axis=0)
    margin = 0.12 * (high - low) + 1e-9
    _loss(run, axes)
    for index, (kind, word) in enumerate(_PATHS.items()):
        if kind in curves:
            x, y = np.array(curves[kind]["points"])[:, :2].T
            thin: dict[str, Any] = {"lw": 0.5, "alpha": 0.7} if kind == "sgd" else {"lw": 1.8}
            axes.plot(x, y, color=colour(index), label=word, **thin)
            axes.plot(x[-1:], y[-1:], marker(index), color=colour(index), mec="white", ms=8, zorder=5)
    axes.plot(*found["start"][:2], "o", color="black", ms=6)
    axes.set_xlim(low[0] - margin[0], high[0] + margin[0])
    axes.set_ylim(low[1] - margin[1], high[1] + margin[1])
    axes.set_xlabel(run.coordinates[0])
    axes.set_ylabel(run.coordinates[1])
    axes.legend(loc="best")
    return to_svg(page, "Trajectories in the plane")


def _loss(run: RunData, axes: Axes) -> None:
    """Lines of equal loss, where a field of it was written."""
    if run.dim != 2 or not run.noises or not run.has(run.noises[0], "loss"):
        return
    places = sampler(run, run.noises[0])
    values = places.field("loss")
    if values is None:
        return
    gap = values - np.nanmin(values)
    levels = np.geomspace(1e-3, 1.0, 10) * float(np.nanquantile(gap, 0.6))
    samples = places.samples
    mesh = Triangulation(samples.points[:, 0], samples.points[:, 1], samples.triangles)
    axes.tricontour(mesh, gap, levels=levels, colors="#B8C2CC", linewidths=0.6, zorder=0)


def _against_time(found: Mapping[str, Any], curves: Mapping[str, Any], name: str) -> str:
    page, axes = canvas(4.6, 3.6)
    for index, (kind, word) in enumerate(_PATHS.items()):
        if kind in curves:
            times, values = np.array(curves[kind]["times"]), curves[kind]["observed"][name]
            width = 0.6 if kind == "sgd" else 1.8
            axes.plot(times[1:], values[1:], color=colour(index), lw=width, label=word)
    mean = found["sgd"]["observed"][name]
    axes.axhspan(mean["value"] - mean["error"], mean["value"] + mean["error"], color=colour(0), alpha=0.35)
    axes.axhline(found["gd"]["observed"][name]["value"], color=colour(1), ls=_DASHED, lw=1.0)
    axes.set_xscale("log")
    axes.set_xlabel("time (learning rate × steps)")
    axes.set_ylabel(name)
    axes.grid(True)
    return to_svg(page, f"{name} against time")
