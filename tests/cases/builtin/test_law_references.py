"""The references of the cases about laws beyond the diffusion, derived without the solver."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest
from scipy.integrate import quad
from scipy.optimize import brentq

from cases.loading.load import load
from tests.solver.laws.test_finite_step import log_time


def value(case: str, name: str) -> float:
    return load(case)[0].references[name].value


@pytest.mark.parametrize("size", [10, 20, 40])
def test_birth_death_times(size: int) -> None:
    """``Σ_{m≤Ω} Σ_{j≥m} (u_m … u_{j−1})/(d_m … d_j)`` in whole numbers: nothing is rounded."""
    last, total = 3 * size, Fraction(0)
    for m in range(1, size + 1):
        term = Fraction(size, m * m)
        for j in range(m, last + 1):
            total += term
            term *= Fraction(j * size, (j + 1) ** 2)
    digits = max(0, total.denominator.bit_length() - 200)
    found = np.log(float(Fraction(total.numerator >> digits, total.denominator >> digits)))
    assert value("birth-death", f"time-{size}") == pytest.approx(found, abs=1e-9)


def test_birth_death_exponents() -> None:
    assert value("birth-death", "population") == pytest.approx(quad(lambda x: -np.log(x), 0, 1)[0], rel=1e-9)
    found = quad(lambda x: 2 * (1 - x) / (1 + x), 0, 1)[0]
    assert value("birth-death", "its-diffusion") == pytest.approx(found, rel=1e-12)
    slope = (value("birth-death", "time-40") - value("birth-death", "time-20")) / 20
    assert abs(slope - 1) < 0.04 < abs(slope - found)


def promoted(x: float) -> float:
    return 0.3 + 4 * x**4 / (2.0**4 + x**4)


def burst_momentum(x: float) -> float:
    """The root of f (e^{5p} − 1)/5 + x (e^{−p} − 1) besides 0."""
    f = promoted(x)
    guess = -2 * (f - x) / (5 * f + x)
    if abs(guess) < 1e-9:
        return guess
    low, high = sorted((0.2 * guess, 5 * guess))
    return brentq(lambda p: f / 5 * np.expm1(5 * p) + x * np.expm1(-p), low, high, xtol=1e-15)


@pytest.mark.parametrize(("name", "near"), [("on", 0.3), ("off", 4.0)])
def test_gene_bursts(name: str, near: float) -> None:
    start, top = (
        brentq(lambda x: promoted(x) - x, low, high) for low, high in ((near - 0.2, near + 0.3), (1.2, 2.4))
    )
    assert value("gene-bursts", name) == pytest.approx(
        quad(burst_momentum, start, top, epsrel=1e-11)[0], rel=1e-9
    )
    langevin = quad(lambda x: -2 * (promoted(x) - x) / (5 * promoted(x) + x), start, top)[0]
    assert value("gene-bursts", f"{name}-langevin") == pytest.approx(langevin, rel=1e-9)
    assert abs(value("gene-bursts", name) / langevin - 1) > 0.08


def graded(x: float) -> tuple[float, float]:
    """A and A′."""
    return 0.5 + 0.4 * np.tanh(2 * (x + 0.7)), 0.8 / np.cosh(2 * (x + 0.7)) ** 2


def test_learning_rate() -> None:
    barrier = quad(lambda x: 2 * (x**3 - x) / graded(x)[0], -1, 0)[0]
    assert value("learning-rate", "barrier") == pytest.approx(barrier, rel=1e-9)

    def change(x: float) -> float:  # −½ p′ẋ, with p = −2b/A and ẋ = −b
        b, slope, (a, bend) = x - x**3, 1 - 3 * x**2, graded(x)
        return 0.5 * (-2 * slope / a + 2 * b * bend / a**2) * b

    assert value("learning-rate", "change") == pytest.approx(quad(change, -1, 0)[0], rel=1e-9)
    assert value("learning-rate", "no-change") == pytest.approx(
        quad(lambda x: -(1 - 3 * x**2) * (x - x**3), -1, 0)[0], abs=1e-12
    )


@pytest.mark.parametrize(("name", "eta"), [("time-005", 0.05), ("time-01", 0.1)])
def test_times_of_the_iteration(name: str, eta: float) -> None:
    found = log_time(lambda x: x - x**3, lambda x: graded(x)[0], 0.05, eta, 1400)
    assert value("learning-rate", name) == pytest.approx(found, abs=1e-5)
