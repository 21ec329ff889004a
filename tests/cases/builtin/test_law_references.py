"""The references of the cases about laws beyond the diffusion, derived without the solver."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest
from scipy.integrate import quad
from scipy.interpolate import CubicSpline
from scipy.optimize import brentq

from cases.loading.load import load
from tests.cases.builtin.test_radial_iris import L2, data, places
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


#: Inner points of a way out of the right well of the iris data: any way costs at least V of the pass.
WAY = [
    (2.33876, 0.11383),
    (2.33681, 0.11384),
    (2.32888, 0.11402),
    (2.30911, 0.11527),
    (2.27159, 0.11941),
    (2.21193, 0.12848),
    (2.12902, 0.14664),
    (2.02666, 0.18057),
    (1.90827, 0.22271),
    (1.77512, 0.23480),
    (1.66494, 0.15966),
    (1.59644, 0.05474),
    (1.56058, -0.04680),
    (1.54610, -0.13040),
    (1.54141, -0.19055),
    (1.53977, -0.22827),
    (1.53873, -0.24807),
    (1.53805, -0.25596),
    (1.53782, -0.25781),
]


def sample_fields(x: np.ndarray) -> np.ndarray:
    """−gradients of all samples, ``(2, n, N)``."""
    z, y = (one[:, None] for one in data())
    bell = 2 * np.exp(-2 * (z - x[0]) ** 2)
    residual = bell - 1 + x[1] * z - y
    return -np.stack([4 * residual * (z - x[0]) * bell + 2 * L2 * x[0], residual * z + 2 * L2 * x[1]])


def cost_of_directions(x: np.ndarray, v: np.ndarray) -> np.ndarray:
    """``max p·v`` over ``log mean e^(p·f) ≤ 0``: p in polar coordinates, by bisection and golden sections."""
    fields = sample_fields(x)
    against = np.arctan2(*-fields.mean(axis=1)[::-1])

    def support(angle: np.ndarray) -> np.ndarray:
        way = np.stack([np.cos(angle), np.sin(angle)])
        along = np.einsum("in,imn->mn", way, fields)
        low, high = np.zeros(angle.shape), np.full(angle.shape, 400.0)
        for _ in range(45):
            middle = 0.5 * (low + high)
            top = (middle * along).max(axis=0)
            outside = top + np.log(np.exp(middle * along - top).mean(axis=0)) > 0
            low, high = np.where(outside, low, middle), np.where(outside, middle, high)
        return low * np.sum(way * v, axis=0)

    turns = np.linspace(-np.pi / 2, np.pi / 2, 62)[1:-1]
    best = np.clip(np.stack([support(against + turn) for turn in turns]).argmax(axis=0), 1, 58)
    low, high = against + turns[best - 1], against + turns[best + 1]
    golden = (np.sqrt(5) - 1) / 2
    for _ in range(22):
        left, right = high - golden * (high - low), low + golden * (high - low)
        first = support(left) > support(right)
        high, low = np.where(first, right, high), np.where(first, low, left)
    return support(0.5 * (low + high))


def test_iris_minibatch() -> None:
    """The action of an explicit way; that none costs less by a per cent is in the case, by a subsolution."""
    found = places()
    points = np.vstack([found["right"], WAY, found["over right"]])
    way = CubicSpline(np.arange(len(points)), points)
    nodes, weights = np.polynomial.legendre.leggauss(3)
    at = (np.arange(len(points) - 1)[:, None] + 0.5 + 0.5 * nodes).ravel()
    action = np.tile(0.5 * weights, len(points) - 1) @ cost_of_directions(way(at).T, way(at, 1).T)
    assert value("iris-minibatch", "sgd-itself") == pytest.approx(action, rel=1e-4)
    diffusion = load("radial-iris")[0].references["measured-right-out"].value
    assert value("iris-minibatch", "its-diffusion") == diffusion
