"""Spacing of points along a line, closer towards one end or both."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

THINNEST = 0.1
"""Length of the last cell at an end where cells are thin, over that of even ones."""


def graded_to_one(part: Array, layer: float) -> Array:
    """Map [0, 1] to itself so that the slope at 1 is ``layer`` (≤ 1), by an exponential."""
    if layer >= 1.0:
        return part
    low, high = 1e-9, 60.0
    for _ in range(100):
        rate = 0.5 * (low + high)
        low, high = (rate, high) if rate / np.expm1(rate) > layer else (low, rate)
    return np.asarray(1.0 - np.expm1(low * (1.0 - part)) / np.expm1(low))


def graded_ends(part: Array, first: bool, last: bool, layer: float) -> Array:
    """Map [0, 1] to itself so that the slope is ``layer`` at the ends that are named, by exponentials."""
    if first and last:
        half = graded_to_one(np.abs(2.0 * part - 1.0), layer)
        return np.asarray(0.5 + 0.5 * np.sign(part - 0.5) * half)
    if first:
        return 1.0 - graded_to_one(1.0 - part, layer)
    return graded_to_one(part, layer) if last else part


def between_ends(ends: Array, cells: int, thin: NDArray[np.bool_]) -> Array:
    """Points of an interval divided into cells, which are thin at the ends that are named.

    Args:
        ends: ``(2,)``.
        cells: Number of cells.
        thin: ``(2,)``.
    """
    part = graded_ends(np.arange(cells + 1) / cells, bool(thin[0]), bool(thin[1]), THINNEST)
    points = ends[0] + part * (ends[1] - ends[0])
    points[0], points[-1] = ends
    return np.asarray(points)
