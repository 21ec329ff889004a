"""Where the transitions pass: committors and reactive currents of two-dimensional runs."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from cases.figures.data import sampler
from cases.figures.maps import Window, committor_scale, map_panel
from cases.figures.rundata import RunData
from cases.figures.style import Figure
from cases.results.summary_rows import directions
from solver.output.celllocator import CellLocator
from solver.output.probe import sample
from solver.output.vtkgrid import read_grid

Array = NDArray[np.floating]
_ACROSS = 26  # arrows along the longer side
_WEAKEST = 0.01  # of the strongest: weaker ones are not drawn


def transition_figures(run: RunData) -> list[Figure]:
    """Committors and currents of the compared escape of a run in two dimensions.

    They are those at the smallest noise level that has rates.
    """
    pair = next(iter(directions(run.summary)), None)
    if pair is None:
        return []
    start, end = pair
    window = _window(run)
    scale = committor_scale()
    panels, shown = [], 0.0
    for noise in run.noises:
        for epsilon in reversed(run.epsilons):
            name = f"reactive_current_eps{epsilon:g}_{start}_{end}"
            if run.has(noise, name):
                places = sampler(run, noise)
                values = places.field(f"committor_eps{epsilon:g}_{end}")
                if values is None:
                    break
                samples = places.samples.with_values(np.clip(values, 0.0, 1.0))
                arrows = _arrows(run, noise, name, window)
                title = f"{noise}, ε = {epsilon:g}"
                panels.append(map_panel(run, noise, samples, scale, title, window=window, arrows=arrows))
                shown = epsilon
                break
    if not panels:
        return []
    caption = (
        f"Transitions from {start} to {end} at ε = {shown:g}: arrows, the reactive current (its magnitude by "
        "their area), in all one through any line between the wells; colours, the chance of reaching "
        f"{end} before {start} (lines at 5, 50 and 95 %). Red: most probable escape path. No arrows where "
        "the current is too weak, or not known (deep in the wells). To see: it follows the red path to the "
        f"saddle, and behind it the way down to {end} (dashed), in a tube that gets narrower as √ε."
    )
    return [Figure("Where the transitions pass", tuple(panels), caption)]


def _window(run: RunData) -> Window:
    """Round the escape paths and the attractors, for the current is near them."""
    points = np.concatenate([*(path.points for path in run.paths), np.array(run.attractors)])
    low, high = points.min(axis=0), points.max(axis=0)
    margin = 0.22 * float(np.max(high - low))
    return np.stack([low - margin, high + margin])


def _arrows(run: RunData, noise: str, name: str, corners: Array) -> tuple[Array, Array] | None:
    low, high = corners.min(axis=0), corners.max(axis=0)
    step = float(np.max(high - low)) / _ACROSS
    lines = [np.arange(a + step / 2, b, step) for a, b in zip(low, high, strict=True)]
    points = np.stack(np.meshgrid(*lines, indexing="ij"), axis=-1).reshape(-1, 2)
    path = run.grid_file(noise)
    vectors = sample(path, name, points, locator=CellLocator(read_grid(path)))
    lengths = np.linalg.norm(vectors, axis=1)
    strongest = float(np.nanmax(lengths, initial=0.0))
    keep = lengths > _WEAKEST * strongest  # False for NaN
    return (points[keep], vectors[keep]) if keep.any() else None
