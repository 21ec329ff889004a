"""Exit times and the lowest V on a boundary scale with the units of length and of the loss."""

import numpy as np
import pytest

from solver.exits.exit_times import ExitRegion, region_exits
from solver.fokker_planck.landmarks import Pin
from solver.system import System
from tests.solver.analysis.test_units import in_units

EDGE = 0.05


def populations(dim):
    """``ẋ = x(1 − x)`` with A = x in every coordinate, turned in the plane so that it is no gradient."""
    eye, turn = np.eye(dim)[:, :, None], np.array([[1.0, 0.5], [-0.5, 1.0]])[:dim, :dim]

    def drift(x):
        return turn @ (1 - x) * x

    def jacobian(x):
        return eye * (turn @ (1 - x)) - turn[:, :, None] * x[:, None]

    return System(dim, drift, jacobian, lambda x: eye * x, np.ones_like)


def exits(dim, length, cost, walls):
    """log T, the error estimates and the lowest V, in units of a length and a cost."""
    bounds = np.array([[EDGE, 2.2]] * dim) * length

    def level(x):
        y = x / length
        return EDGE - y.min(axis=0) if walls else ((y - 1) ** 2).sum(axis=0) - 0.25

    pin = Pin(np.ones(dim) * length, 0.5 * np.eye(dim) * length**2 / cost)
    weights = np.array([[2.0], [1.0]])[:dim]  # lowest at two points of a circle
    region = ExitRegion(level, pin, bounds, 5, walls)
    found = region_exits(
        in_units(populations(dim), length, cost),
        region,
        [0.2 * cost, 0.05 * cost],
        potential=lambda x: cost * (weights * (x / length - 1) ** 2).sum(axis=0),
    )
    assert not found.refused
    log_time = np.log(length**2 / cost)
    return {
        "times": [t.log_mean - log_time for t in found.times],
        "differences": [t.flux_difference or 0.0 for t in found.times],
        "lowest": found.lowest.value / cost,
        "point": found.lowest.point / length,
    }


@pytest.mark.parametrize(("dim", "walls"), [(1, True), (1, False), (2, False)])
def test_exits_scale(dim, walls):
    expected = exits(dim, 1.0, 1.0, walls)
    for length, cost in ((1e5, 1e-20), (1e-4, 1e20)):
        found = exits(dim, length, cost, walls)
        for name, value in expected.items():
            # where a cost is least is known to the square root of the precision of the cost
            near = 1e-6 if name == "point" else 1e-9
            np.testing.assert_allclose(found[name], value, rtol=near, atol=near, err_msg=name)
