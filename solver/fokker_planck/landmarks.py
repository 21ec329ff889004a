"""What densities are organised round: attractors with their covariances under one noise, and passes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from solver.system import Array


@dataclass(frozen=True)
class Pin:
    """Where one well is pinned: an attractor and the Lyapunov covariance Σ there (``(d,)``, ``(d, d)``)."""

    point: Array
    covariance: Array

    def level_at(self, low: Array, high: Array) -> float:
        """``½yᵀΣ⁻¹y``, V near the attractor, where it first reaches a face of a box: ``min ½ y_i²/Σ_ii``."""
        gaps = np.minimum(self.point - low, high - self.point)
        return float(np.min(0.5 * gaps**2 / np.diag(self.covariance)))


@dataclass(frozen=True)
class Landmarks:
    """Points of the drift that the densities are organised round.

    Attributes:
        pins: Attractors with their Lyapunov covariances.
        passes: ``(n, d)`` saddles.
        between: For each saddle the two attractors it lies between (None: outside).
    """

    pins: tuple[Pin, ...]
    passes: Array
    between: tuple[tuple[int | None, int | None], ...]

    @property
    def points(self) -> Array:
        """Attractors and passes, ``(n, d)``."""
        return np.array([*(pin.point for pin in self.pins), *self.passes])


def overlapping(pins: Sequence[Pin], epsilon: float) -> bool:
    """Whether two wells are not separated at this noise: within two standard deviations of each other."""
    for i, first in enumerate(pins):
        for second in pins[:i]:
            gap = first.point - second.point
            if gap @ np.linalg.solve(first.covariance + second.covariance, gap) < 4.0 * epsilon:
                return True
    return False


def first_epsilon(bounds_points: Array, pins: Sequence[Pin]) -> float:
    """A noise level at which the density spans about e¹² over the box, by the Lyapunov quadratics."""
    largest = 0.0
    for pin in pins:
        y = bounds_points - pin.point
        quadratic = 0.5 * np.einsum("ni,ni->n", y, np.linalg.solve(pin.covariance, y.T).T)
        largest = max(largest, float(np.max(quadratic)))
    return largest / 12.0
