"""The cost of reaching a saddle: against closed forms, and against paths that are followed to it."""

import numpy as np
import pytest
import sympy as sp
from scipy.integrate import solve_ivp

from solver.hamilton_jacobi.bounds.saddle_cost import saddle_cost
from solver.hamilton_jacobi.monomials import ball_sample
from tests.exact import X, Y, Z, maier_stein, system

WELL = (X**2 - 1) ** 2 / 4


@pytest.mark.parametrize(
    ("potential", "dim"), [(WELL, 1), (WELL + Y**2, 2), (WELL + Y**2 + sp.exp(Y) + 2 * Z**2, 3)]
)
def test_separable_gradient_systems(potential, dim):
    """On b = −∇U, A = 1 with U = U₁(x) + U₂: only x costs, C = 2 (U₁(0) − U₁(x)), a quartic."""
    case = system([-sp.diff(potential, v) for v in (X, Y, Z)[:dim]], sp.eye(dim))
    saddle = np.zeros(dim)
    if dim == 3:  # 2y + e^y = 0
        saddle[1] = float(sp.nsolve(2 * Y + sp.exp(Y), Y, -0.3))
    inside = saddle - 0.1 * np.eye(dim)[0]
    cost = saddle_cost(case, saddle, inside, 0.2)
    assert cost.residual < 1e-6
    assert cost.normal @ (inside - saddle) > 0
    x = saddle[:, None] + cost.scale @ ball_sample(dim)
    exact = 0.5 * ((x[0] ** 2 - 1) ** 2 - 1)
    np.testing.assert_allclose(cost(x), exact, atol=1e-7)
    np.testing.assert_allclose(cost.gradient(x)[0], 2 * x[0] * (x[0] ** 2 - 1), atol=1e-5)
    smaller = cost.inner(0.25)
    np.testing.assert_allclose(smaller(x), cost(x), rtol=1e-12, atol=1e-15)
    np.testing.assert_allclose(smaller.form(x), cost.form(x), rtol=1e-12)
    np.testing.assert_allclose(smaller.gradient(x), cost.gradient(x), atol=1e-12)


def test_paths_that_reach_the_saddle_cost_as_much():
    """Maier–Stein, β = 10: ẋ = b + A∇W leads to the saddle at the cost ∫ ½ ∇WᵀA∇W dt = C."""
    case = maier_stein(10)
    cost = saddle_cost(case, np.zeros(2), np.array([-0.1, 0.05]), 0.02)

    def rates(_, state):
        x = state[:2, None]
        slope = cost.gradient(x)[:, 0]
        return [*(case.drift(x)[:, 0] + slope), 0.5 * slope @ slope]

    for start in ([-0.1, 0.05], [-0.08, -0.1], [-0.13, 0.0]):
        paid = solve_ivp(rates, (0, 40), [*start, 0.0], rtol=1e-10, atol=1e-14).y[:, -1]
        assert np.linalg.norm(paid[:2]) < 1e-8
        assert paid[2] == pytest.approx(-cost(np.array(start)[:, None])[0], rel=1e-5)


def test_no_cost_where_there_are_two_ways_down():
    case = system([X, Y], sp.eye(2))
    assert saddle_cost(case, np.zeros(2), np.array([0.1, 0.0]), 0.1) is None
