"""Paths from a saddle down to the next attractor."""

import numpy as np
import pytest
import sympy as sp

from solver.drift.connections import connections
from solver.drift.downhill import relaxation_path
from solver.drift.fixed_points import fixed_points
from tests.exact import X, Y, system

BOUNDS = [(-1.5, 1.5)] * 2
BOX = np.array(BOUNDS).T


@pytest.fixture(scope="module")
def case():
    """ẋ = x − x³, ẏ = −y + x²: the unstable curves of 0 obey dy/dx = (x² − y)/(x − x³)."""
    return system([X - X**3, -Y + X**2], sp.eye(2))


@pytest.mark.parametrize("start", [0, 1])
def test_the_path_follows_the_unstable_curve_to_the_other_attractor(case, start):
    points = fixed_points(case, BOUNDS)
    attractors = [p.point for p in points if p.kind == "attractor"]
    (saddle,) = connections(case, points, BOUNDS)
    goal = attractors[1 - start]
    path = relaxation_path(case, saddle, start, goal[None], BOX)
    assert path[0] == pytest.approx(saddle.point)
    assert path[-1] == pytest.approx(goal)
    x, y = path[1:-1].T
    assert np.all(np.sign(x) == np.sign(goal[0]))
    # with s = arcsin|x|: d(y tan s)/ds = tan²s, hence y = (tan s − s)/tan s
    s = np.arcsin(np.abs(x))
    inner = (np.abs(x) > 0.1) & (np.abs(x) < 0.99)
    assert inner.sum() > 5
    assert y[inner] == pytest.approx((1 - s / np.tan(s))[inner], abs=2e-4)


def test_a_path_that_leads_nowhere_ends_at_the_edge():
    case = system([X + X**2, -Y], sp.eye(2))
    bounds = [(-1.5, 0.5), (-1.0, 1.0)]
    (saddle,) = connections(case, fixed_points(case, bounds), bounds)
    assert saddle.between == (0, None)
    path = relaxation_path(case, saddle, 0, None, np.array(bounds).T)
    assert path[-1][0] == pytest.approx(0.5, abs=1e-3)
