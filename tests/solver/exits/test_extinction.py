"""Times of extinction: noise that vanishes at the edge of the state space, against double integrals."""

import numpy as np
import pytest
from scipy.integrate import quad

from solver.exits.exit_times import region_exits
from solver.exits.region import ExitRegion
from solver.fokker_planck.landmarks import Pin
from solver.system import System

SMALLEST = 0.01
"""A population of this size is taken for extinct."""


def populations(dim):
    """``dx = x(1 − x) dt + √(εx) dW`` in every coordinate: the noise vanishes with the population."""
    eye = np.eye(dim)[:, :, None]
    system = System(
        dim,
        lambda x: x * (1 - x),
        lambda x: eye * (1 - 2 * x),
        lambda x: eye * x,
        np.ones_like,
    )
    return system, Pin(np.ones(dim), 0.5 * np.eye(dim)), np.array([[SMALLEST, 2.0]] * dim)


def log_extinction_time(epsilon):
    """``T = (2/ε) ∫_a^1 dy ∫_y^2 dz e^{φ(z)−φ(y)}/z``, φ = (2y − y²)/ε, reflected at 2."""

    def inner(y):
        # over e^{1/ε}
        return quad(
            lambda z: np.exp((2 * z - z * z - 2 * y + y * y - 1) / epsilon) / z,
            y, 2.0, points=[1.0], epsabs=0, epsrel=1e-11, limit=400,
        )[0]  # fmt: skip

    whole = quad(inner, SMALLEST, 1.0, epsabs=0, epsrel=1e-10, limit=400)[0]
    return float(np.log(2 / epsilon * whole) + 1 / epsilon)


def test_extinction_at_the_edge_of_the_state_space():
    """The edge of the box is the boundary of the set: A = x vanishes beyond it."""
    system, pin, bounds = populations(1)
    region = ExitRegion(lambda x: SMALLEST - x[0], pin, bounds, walls=True)
    found = region_exits(system, region, [0.2, 0.05, 0.02], potential=lambda x: (1 - x[0]) ** 2)
    for one in found.times:
        assert one.log_mean == pytest.approx(log_extinction_time(one.epsilon), abs=1e-6)
    assert found.times[0].log_direct is not None
    assert found.times[2].log_direct is None
    assert found.lowest.point == pytest.approx([SMALLEST])
    assert found.lowest.value == pytest.approx(0.99**2)


@pytest.mark.mpi
def test_extinction_of_either_of_two():
    """Two populations that do not know of each other: one dies out at some rate, either at twice that."""
    system, pin, bounds = populations(2)
    exact = log_extinction_time(0.05)
    first = region_exits(system, ExitRegion(lambda x: SMALLEST - x[0], pin, bounds, walls=True), [0.05])
    assert first.times[0].log_mean == pytest.approx(exact, abs=2e-5)
    region = ExitRegion(lambda x: SMALLEST - x.min(axis=0), pin, bounds, walls=True)
    either = region_exits(system, region, [0.05])
    # up to a part e^{−1/ε}
    assert either.times[0].log_mean == pytest.approx(exact - np.log(2), abs=2e-5)
