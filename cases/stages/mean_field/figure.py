"""Figures of a mean-field problem: density of neurons, energy along the flow, fit, particles."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from cases.contracts.mean_field import MeanFieldEntry, StateEntry, TemperatureEntry
from cases.figures.rundata import RunData
from cases.figures.style import Figure, canvas, colour, marker, to_svg
from solver.output.probe import fields, probe

Array = NDArray[np.float64]
_PIXELS = 121
_FILE = "mean-field.vtkhdf"
SLOPE_FELT = 0.3
"""A rate is drawn where the last decay measured is within this of it: not where its mode is not felt."""


def mean_field_figures(run: RunData) -> list[Figure]:
    """Every figure that the summary allows; empty for a case without ``[mean_field]``."""
    found = run.summary.get("mean_field")
    if not found or not found["levels"]:
        return []
    first = found["levels"][0]
    return [
        *_densities(run, found),
        *(_flow(first) if first.get("flow") else []),
        *(_network(found) if any(level.get("network") for level in found["levels"]) else []),
        *(_particles(first) if first.get("particles") else []),
    ]


def _densities(run: RunData, found: MeanFieldEntry) -> list[Figure]:
    path = run.folder / _FILE
    if not path.exists():
        return []
    names = [name for name in fields(path) if name.startswith("density_")]
    names = sorted(names, key=lambda name: [float(part) for part in name[9:].split("_")])
    if len(run.coordinates) == 1:
        panels = [_lines(run, path, names, found)]
    else:
        panels = [_plane(run, path, name, found) for name in names]
    caption = (
        "Stationary densities m of energy plus entropy"
        + (
            ", in the plane of the first two coordinates through the mean"
            if len(run.coordinates) == 3
            else ""
        )
        + ". Dashed: unstable states. To see: where the neurons sit, and how the density narrows as the "
        "temperature λ falls."
    )
    return [Figure("Density of neurons", tuple(panels), caption)]


def _state(found: MeanFieldEntry, name: str) -> tuple[float, StateEntry]:
    """Temperature and entry of the state with this density."""
    temperature, number = name[9:].split("_")
    level = next(one for one in found["levels"] if f"{one['temperature']:g}" == temperature)
    return float(temperature), level["states"][int(number)]


def _bounds(run: RunData) -> Array:
    return np.array(run.case["domain"]["bounds"], dtype=np.float64)


def _lines(run: RunData, path: Path, names: list[str], found: MeanFieldEntry) -> str:
    figure, axes = canvas(6.4, 3.9)
    (low, high), *_ = _bounds(run)
    x = np.linspace(low, high, 481)[:, None]
    temperatures = sorted({_state(found, name)[0] for name in names})
    for name in names:
        temperature, state = _state(found, name)
        index = temperatures.index(temperature)
        drawn = f"λ = {temperature:g}" if name.endswith("_0") else None
        line = "-" if state["stable"] else (0, (4, 2))
        axes.plot(x[:, 0], np.array(probe(path, name, x)), color=colour(index), ls=line, lw=1.6, label=drawn)
    axes.set_xlabel(run.coordinates[0])
    axes.set_ylabel("m")
    axes.set_ylim(bottom=0)
    axes.grid(True)
    axes.legend(loc="best")
    return to_svg(figure, "Stationary densities")


def _plane(run: RunData, path: Path, name: str, found: MeanFieldEntry) -> str:
    temperature, state = _state(found, name)
    figure, axes = canvas(4.6, 3.9)
    box = _bounds(run)
    across, up = (np.linspace(low, high, _PIXELS) for low, high in box[:2])
    points = np.tile(np.array(state["mean"], dtype=np.float64), (_PIXELS * _PIXELS, 1))
    points[:, :2] = np.stack(np.meshgrid(across, up), axis=-1).reshape(-1, 2)
    values = np.array(probe(path, name, points), dtype=np.float64).reshape(_PIXELS, _PIXELS)
    shown = axes.pcolormesh(
        across, up, np.maximum(values, 0.0), cmap="Blues", shading="gouraud", rasterized=True
    )
    axes.contour(
        across,
        up,
        values,
        levels=[np.nanmax(values) * f for f in (0.005, 0.05, 0.5)],
        colors="k",
        linewidths=0.6,
    )
    axes.plot(*state["mean"][:2], "o", color="black", mec="white", ms=7)
    figure.colorbar(shown, ax=axes, label="m")
    axes.set_aspect("equal")
    axes.set_xlabel(run.coordinates[0])
    axes.set_ylabel(run.coordinates[1])
    axes.set_title(f"λ = {temperature:g}", loc="left")
    return to_svg(figure, f"Stationary density at temperature {temperature:g}")


def _flow(level: TemperatureEntry) -> list[Figure]:
    flow = level["flow"]
    times, averages = np.array(flow["times"]), np.array(flow["averages"])
    reached = min(level["mesh"], key=lambda row: float(np.abs(averages[-1] - row["averages"]).max()))
    energy = np.array(flow["energies"]) - reached["value"]
    away = np.abs(averages - np.array(reached["averages"])).max(axis=1)
    figure, axes = canvas(6.4, 3.9)
    for index, (values, factor, label) in enumerate(
        ((energy, 2.0, "energy above the minimum"), (away, 1.0, "distance of the averages"))
    ):
        good = values > 1e-9 * values.max()
        axes.plot(times[good], values[good], marker(index), color=colour(index), ms=5, ls="none", label=label)
        if good.sum() < 2:
            continue
        anchor, before = np.flatnonzero(good)[[-1, -2]]
        rate = factor * reached["gap"]
        measured = np.log(values[before] / values[anchor]) / (times[anchor] - times[before])
        if abs(measured / rate - 1.0) > SLOPE_FELT:
            continue
        line = values[anchor] * np.exp(rate * (times[anchor] - times))
        slope = f"slope {'2 × ' if factor == 2.0 else ''}spectral gap, {rate:.4g}"
        axes.plot(times, line, color=colour(index), lw=1.2, ls=(0, (4, 2)), label=slope)
    axes.set_yscale("log")
    shown = np.concatenate([v[v > 1e-9 * v.max()] for v in (energy, away)])
    axes.set_ylim(0.3 * float(shown.min()), 5.0 * float(shown.max()))
    axes.set_xlabel("t")
    axes.grid(True)
    axes.legend(loc="best")
    caption = (
        f"Energy plus entropy along the flow at λ = {level['temperature']:g}, above its value in the state "
        "that is reached, and the distance of the averages ⟨h⟩ from theirs; dashed: the rates that the "
        "linearised equation predicts. To see: both fall exponentially, the energy at twice the gap; "
        "averages that do not feel the slowest mode fall faster than at the gap."
    )
    return [Figure("Exponential convergence", (to_svg(figure, "Energy along the flow"),), caption)]


def _network(found: MeanFieldEntry) -> list[Figure]:
    figure, axes = canvas(6.4, 3.6)
    for index, level in enumerate(found["levels"]):
        if fit := level.get("network"):
            axes.plot(fit["z"], fit["f"], color=colour(index), label=f"λ = {level['temperature']:g}")
    axes.plot(
        found.get("inputs", []), found.get("targets", []), "o", color="black", ms=7, ls="none", label="data"
    )
    axes.set_xlabel("z")
    axes.set_ylabel("⟨h(·; z)⟩")
    axes.grid(True)
    axes.legend(loc="best")
    caption = (
        "The function that the density of neurons represents, against the data. To see: entropy holds it "
        "back from the data, the less the lower the temperature λ."
    )
    return [Figure("The learned function", (to_svg(figure, "Learned function and data"),), caption)]


def _particles(level: TemperatureEntry) -> list[Figure]:
    figure, axes = canvas()
    rows = level["particles"]
    counts, values = [row["particles"] for row in rows], [row["scaled_gap"] for row in rows]
    half = [(row["scaled_gap_ci"][1] - row["scaled_gap_ci"][0]) / 2 for row in rows]
    axes.errorbar(
        counts, values, half, fmt=marker(0), color=colour(0), capsize=3, ls="none", label="simulation"
    )
    if (constant := level.get("particle_constant")) is not None:
        axes.axhline(constant, color="black", lw=1.2, ls=(0, (4, 2)), label="c")
    axes.set_xscale("log", base=2)
    axes.set_ylim(bottom=0)
    axes.set_xlabel("N")
    axes.set_ylabel("N (E F(m^N) − F(m*))")
    axes.grid(True)
    axes.legend(loc="lower left")
    caption = (
        "Energy of N particles above the minimum, times N, with 95 % intervals; dashed: the limit c of the "
        "expansion in 1/N. To see: a plateau at c, which is an error of order 1/N."
    )
    return [Figure("Finitely many particles", (to_svg(figure, "Scaled energy gap of N particles"),), caption)]
