"""The change of the quasi-potential with the learning rate, against iterations solved exactly."""

from __future__ import annotations

import numpy as np
import pytest

from solver.laws.diffusion import DiffusionLaw
from solver.laws.finite_step import step_change
from solver.laws.least_action import LeastAction, least_action
from solver.system import Array, System


def noisy(drift, slope, spread, bend) -> DiffusionLaw:
    """One coordinate, b and A with their derivatives."""
    return DiffusionLaw(
        System(
            1,
            lambda x: drift(x),
            lambda x: slope(x)[None],
            lambda x: spread(x)[None],
            lambda x: bend(x),
            diffusion_slope=lambda x: bend(x)[None, None],
        )
    )


def test_quadratic_well() -> None:
    """The variance of x ← (1 − ηh) x + noise is εA/(2h − ηh²): V₁ = −h V/2."""
    h, a, end = 1.7, 0.6, 1.3
    law = noisy(lambda x: -h * x, lambda x: 0 * x - h, lambda x: 0 * x + a, lambda x: 0 * x)
    found = least_action(law, np.zeros(1), np.array([end]))
    assert isinstance(found, LeastAction)
    assert found.action == pytest.approx(h / a * end**2, rel=1e-9)
    assert step_change(law, found) == pytest.approx(-h / 2 * found.action, rel=1e-6)


def test_escape_times_of_an_iteration() -> None:
    """x ← x + η b + √(ηε A) ξ by a dense transfer operator: log T changes by η V₁/ε."""

    def b(x: Array) -> Array:
        return np.asarray(x - x**3)

    def spread(x: Array) -> Array:
        return np.asarray(0.5 + 0.4 * np.tanh(2 * (x + 0.7)))

    law = noisy(b, lambda x: 1 - 3 * x**2, spread, lambda x: 0.8 / np.cosh(2 * (x + 0.7)) ** 2)
    found = least_action(law, np.array([-1.0]), np.zeros(1))
    assert isinstance(found, LeastAction)
    change = step_change(law, found)
    assert abs(change) > 0.05
    # d log T/dη = V₁/ε + c, with c from the prefactor: two ε tell them apart; two η take out the next order
    slopes = []
    for epsilon in (0.08, 0.05):
        small, one, two = (log_time(b, spread, epsilon, eta) for eta in (0.02, 0.04, 0.08))
        slopes.append(2 * (one - small) / 0.02 - (two - one) / 0.04)
    measured = (slopes[1] - slopes[0]) / (1 / 0.05 - 1 / 0.08)
    assert measured == pytest.approx(change, rel=0.05)


def log_time(b, spread, epsilon: float, eta: float, points: int = 900) -> float:
    """log of the mean time from −1 until x > 0.6, in units of t."""
    x = np.linspace(-2.2, 0.6, points)
    gap = x[None, :] - (x + eta * b(x))[:, None]
    variance = (eta * epsilon * spread(x))[:, None]
    step = np.exp(-(gap**2) / (2 * variance)) / np.sqrt(2 * np.pi * variance) * (x[1] - x[0])
    times = np.linalg.solve(np.eye(points) - step, np.full(points, eta))
    return float(np.log(np.interp(-1.0, x, times)))
