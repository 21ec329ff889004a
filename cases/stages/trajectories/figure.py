"""Figures of trajectories: in the plane, and against time."""

from __future__ import annotations

import json
from collections.abc import Mapping

import numpy as np
from matplotlib.axes import Axes
from matplotlib.tri import Triangulation

from cases.contracts.further import Iterates, TrajectoriesEntry
from cases.figures.data import sampler
from cases.figures.rundata import RunData
from cases.figures.style import Figure, canvas, colour, marker, to_svg

_DASHED = (0, (4, 2))
_PATHS = {"sgd": "SGD", "gd": "descent on the mean loss", "plain": "descent without noise"}


def trajectory_figures(run: RunData) -> list[Figure]:
    """One figure; none without trajectories, or without the file of their iterates."""
    file = run.folder / "trajectories.json"
    found = run.summary.get("trajectories")
    if found is None or not file.exists():
        return []
    return [_trajectories(run, found, json.loads(file.read_text(encoding="utf-8")))]


def _trajectories(run: RunData, found: TrajectoriesEntry, curves: Mapping[str, Iterates]) -> Figure:
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


def _plane(run: RunData, found: TrajectoriesEntry, curves: Mapping[str, Iterates]) -> str:
    page, axes = canvas(5.0, 4.2)
    points = np.concatenate([np.array(curves[kind]["points"])[:, :2] for kind in curves])
    low, high = points.min(axis=0), points.max(axis=0)
    margin = 0.12 * (high - low) + 1e-9
    _loss(run, axes)
    for index, (kind, word) in enumerate(_PATHS.items()):
        if kind in curves:
            x, y = np.array(curves[kind]["points"])[:, :2].T
            width, alpha = (0.5, 0.7) if kind == "sgd" else (1.8, 1.0)
            axes.plot(x, y, color=colour(index), label=word, lw=width, alpha=alpha)
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


def _against_time(found: TrajectoriesEntry, curves: Mapping[str, Iterates], name: str) -> str:
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
