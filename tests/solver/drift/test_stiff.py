"""Trajectories beside a rate that is much faster than what is left of the way."""

from dataclasses import replace

import numpy as np
import scipy.integrate
import sympy as sp

from solver.drift.connections import connections, traps
from solver.drift.fixed_points import fixed_points
from solver.drift.flow import EXPLICIT, Pair, follow, march
from solver.drift.limit_cycles import search_cycles
from solver.drift.stiff import implicit_step
from tests.exact import X, Y, system

# Tyson and Novak 2001, equations (2) at one mass: rates 0.039 and 190 at the second node
CELL_CYCLE = system(
    [
        0.04 - (0.04 + Y) * X,
        (1 - Y) / (sp.Float(1.04) - Y) - 10.5 * X * Y / (0.04 + Y),
    ],
    sp.eye(2),
)
BOUNDS = [(0.0, 1.2), (0.0, 1.02)]


def counted(case):
    """The same system, and how often its drift was asked for."""
    calls = [0]

    def drift(x):
        calls[0] += 1
        return case.drift(x)

    return replace(case, drift=drift), calls


def test_a_step_is_of_fifth_order():
    case = system([Y, -sp.sin(X) - Y / 5], sp.eye(2))
    start = np.array([[0.7], [0.3]])
    step = implicit_step(case.jacobian)
    errors, estimates = [], []
    for h in (0.2, 0.1):
        exact = scipy.integrate.solve_ivp(
            lambda _, x: case.drift(x[:, None])[:, 0], (0, h), start[:, 0], rtol=1e-13, atol=1e-14
        ).y[:, -1]
        move, error, after = step(case.drift, start, case.drift(start), np.array([h]))
        errors.append(np.abs((start + move)[:, 0] - exact).max())
        estimates.append(np.abs(error).max())
        np.testing.assert_allclose(after, case.drift(start + move))
    assert 25 < errors[0] / errors[1] < 40
    assert 12 < estimates[0] / estimates[1] < 20
    assert estimates[1] > errors[1]


def test_what_grows_is_followed():
    """Steps that are long for the fast rate must not damp the slow growth from a saddle."""
    case = system([X - X**3, -1e4 * (Y - X**2)], sp.eye(2))
    start = np.array([[1e-5, -1e-5], [0.0, 0.0]])
    box = np.array([[-2.0, 2.0], [-2.0, 2.0]])
    time = np.zeros(2)

    def stop(who, old, new, passed):
        time[who] += passed
        return (np.abs(new[0]) > 0.5).astype(np.int64)

    implicit = Pair(implicit_step(case.jacobian), 4.0, 1e-6)
    said, last = march(case.drift, start, box, 400, stop, pair=implicit)
    assert said.tolist() == [1, 1]
    np.testing.assert_array_equal(np.sign(last[0]), [1, -1])
    # x(t)² = 1/(1 + (x₀⁻² − 1) e^{−2t})
    expected = 0.5 * np.log((1e10 - 1) / (last[0] ** -2 - 1))
    np.testing.assert_allclose(time, expected, rtol=1e-3)


def test_a_node_with_a_fast_rate_is_reached():
    points = fixed_points(CELL_CYCLE, BOUNDS)
    case, calls = counted(CELL_CYCLE)
    search = search_cycles(case, points, BOUNDS)
    assert search.found == search.unresolved == ()
    # 1 850 000 and 150 CPU seconds by explicit steps alone, and no end found then
    assert calls[0] < 40_000
    (saddle,) = connections(CELL_CYCLE, points, BOUNDS)
    assert saddle.between == (0, 1)
    assert saddle.doubts == ()


def test_trajectories_end_where_short_steps_lead():
    points = fixed_points(CELL_CYCLE, BOUNDS)
    basins = traps(CELL_CYCLE, points, BOUNDS)
    starts = np.random.default_rng(5).uniform([[0.05], [0.05]], [[1.1], [0.9]], (2, 12))
    box = np.array(BOUNDS)
    courses = follow(CELL_CYCLE, starts, basins, box, 300)

    def stop(who, old, new, passed):
        return sum((k + 1) * basin.holds(new) for k, basin in enumerate(basins))

    said, _ = march(CELL_CYCLE.drift, starts, box, 60_000, stop, pair=EXPLICIT)
    assert set(said.tolist()) == {1, 2}
    assert [course.end for course in courses] == (said - 1).tolist()
