"""The exponent of a power law, from a density that has one."""

from types import SimpleNamespace

import numpy as np
import pytest
from dolfinx import fem
from mpi4py import MPI

from meshes.box import box
from solver.analysis.power_tail import END, POINTS, power_tail, tail_ray
from solver.elements.evaluate import Locator

WALL = 50.0


def height(floor):
    return lambda x: floor + 0.5 * (x**2).sum(axis=0)


def test_exponent_of_a_given_power_law():
    """p = (1 + x²/2)^{−3}, half of it in the gauge: exact, but for the interpolation of q and W."""
    domain = box(MPI.COMM_SELF, [(-WALL, WALL)], 4000)
    space = fem.functionspace(domain, ("Lagrange", 3))
    q, gauge = fem.Function(space), fem.Function(space)
    epsilon = 0.25
    q.interpolate(lambda x: (1 + 0.5 * x[0] ** 2) ** -2.0)
    gauge.interpolate(lambda x: epsilon * np.log(1 + 0.5 * x[0] ** 2))
    level = SimpleNamespace(state=SimpleNamespace(q=q, gauge=gauge, epsilon=epsilon))
    ray = tail_ray(height(1.0), np.zeros(1), WALL)
    assert len(ray) == POINTS
    assert height(1.0)(ray.T).min() > 2.0
    assert ray.max() <= END * WALL
    fit = power_tail(level, ray, height(1.0)(ray.T), Locator(domain))
    assert fit.exponent == pytest.approx(3.0, rel=1e-6)
    assert fit.residual < 1e-6
    q.x.array[:] = -1.0
    assert power_tail(level, ray, height(1.0)(ray.T), Locator(domain)).exponent is None


def test_no_tail_where_the_loss_hardly_grows():
    assert tail_ray(height(100.0), np.array([1.0, 0.0]), WALL).shape == (0, 2)
