"""The double well of the Monte Carlo tests, with its exact passage times."""

from __future__ import annotations

import numpy as np
from scipy.integrate import cumulative_simpson, simpson

from solver.system import Array, System


def identity(x: Array) -> Array:
    d = x.shape[0]
    return np.repeat(np.eye(d)[:, :, None], x.shape[1], axis=2)


def double_well(dim: int, rate: float = 1.0) -> System:
    """U = (x² - 1)²/4 + rate (y² + z²)/2."""

    def drift(x: Array) -> Array:
        return np.concatenate([x[:1] - x[:1] ** 3, -rate * x[1:]])

    def jacobian(x: Array) -> Array:
        result = -rate * identity(x)
        result[0, 0] = 1 - 3 * x[0] ** 2
        return result

    return System(dim, drift, jacobian, identity, np.zeros_like)


def exact_time(epsilon: float, start: float, end: float, low: float) -> float:
    """2/ε ∫ e^{2U/ε} ∫ e^{-2U/ε}: mean first passage of the double well's x, reflecting at ``low``."""
    x = np.linspace(low, end, 40001)
    weight = np.exp((x**2 - 1) ** 2 / (2 * epsilon))
    inner = cumulative_simpson(1 / weight, x=x, initial=0)
    way = x >= start
    return float(2 / epsilon * simpson((weight * inner)[way], x=x[way]))


BOX = ((-2.5, 2.5),)
LEFT, RIGHT = np.array([-1.0]), np.array([1.0])
