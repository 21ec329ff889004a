"""Numbers and arrays as JSON has them."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]


def number(value: float | None) -> float | None:
    """A JSON number, or null for what is missing or not finite."""
    return None if value is None or not math.isfinite(value) else float(value)


def vector(array: Array) -> list[float]:
    """An array ``(n,)`` as a list."""
    return [float(value) for value in array]


def matrix(array: Array) -> list[list[float]]:
    """An array ``(m, n)`` as lists."""
    return [vector(row) for row in array]
