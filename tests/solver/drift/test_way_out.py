"""Where the way down from a pass leaves a set."""

import numpy as np
import pytest
import sympy as sp

from solver.drift.connections import connections
from solver.drift.fixed_points import fixed_points
from solver.drift.way_out import way_out
from tests.exact import X, Y, system

BOUNDS = [(-2.0, 2.0), (-1.7, 1.7)]


def test_way_out_over_a_pass():
    """ẋ = x − x³, ẇ = −w with w = y − x³/10: the unstable curve of the saddle at 0 is w = 0."""
    bent = system([X - X**3, -(Y - X**3 / 10) + 3 * X**2 / 10 * (X - X**3)], sp.eye(2))
    (saddle,) = connections(bent, fixed_points(bent, BOUNDS), BOUNDS)
    box = np.array(BOUNDS)
    found = way_out(bent.drift, lambda x: x[0] - 0.5, saddle, box)
    assert found[0] == pytest.approx(0.5, rel=1e-12)
    assert found[1] == pytest.approx(0.0125, abs=1e-3)  # on a chord of the curve
    # the pass is not in the set; neither way down leaves it
    assert way_out(bent.drift, lambda x: x[0] + 0.5, saddle, box) is None
    assert way_out(bent.drift, lambda x: x[0] ** 2 - 3, saddle, box) is None
