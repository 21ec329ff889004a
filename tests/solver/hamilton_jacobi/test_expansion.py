"""How far the local expansion of V reaches: in space, on balls where the quadratic is no start."""

import numpy as np
import pytest
import sympy as sp

from solver.hamilton_jacobi.expansion import expand
from solver.hamilton_jacobi.expansion_fit import fit, task_at
from solver.hamilton_jacobi.monomials import (
    ball_sample,
    monomial_gradients,
    monomials,
    multi_indices,
    unit_directions,
)
from tests.exact import X, Y, Z, function, gradient_system, manufactured

AXIS = sp.Matrix([1, 2, 3]) / sp.sqrt(14)
CROSS = sp.Matrix([[0, -AXIS[2], AXIS[1]], [AXIS[2], 0, -AXIS[0]], [-AXIS[1], AXIS[0], 0]])
TENSOR = sp.Matrix(
    [[1 + X**2 / 4, X * Y / 5, 0], [X * Y / 5, sp.Rational(3, 5) + Z**2 / 10, Z / 10], [0, Z / 10, 1]]
)
# the mean loss of a rectangular factorization; V of the saddle at the origin is (1 - 0.09 √2)² = 0.76
FACTORS = ((X * Z - 1) ** 2 + (Y * Z) ** 2 + sp.Rational(9, 100) * (X**2 + Y**2 + 2 * Z**2)) / 2
MINIMUM = np.array([((1 - 0.09 * 2**0.5) * 2**0.5) ** 0.5, 0.0, ((1 - 0.09 * 2**0.5) / 2**0.5) ** 0.5])


def ball(expansion):
    z = ball_sample(3, turned=True)
    return np.linalg.solve(expansion.inverse_scale, z) + expansion.point[:, None]


@pytest.mark.parametrize("level", [0.03, 0.3])
def test_polynomial_in_space_on_any_ball(level):
    """f̄ is a quartic: V = 2 f̄ − 2 f̄(x̄) exactly, on a ball on which the quadratic alone is no start."""
    case = gradient_system(FACTORS, sp.eye(3))
    cold = fit(task_at(case, MINIMUM), 8, level)
    assert cold.residual > 0.1
    expansion = expand(case, MINIMUM, level)
    assert expansion.level == level
    x, loss = ball(expansion), function(FACTORS, 3)
    exact = 2 * (loss(x) - loss(MINIMUM[:, None]))
    assert exact.max() > 1.2 * level
    np.testing.assert_allclose(expansion(x), exact, rtol=0, atol=1e-12 * level)


def test_rotating_anisotropic_polynomial_in_space():
    V = X**2 + X * Y / 2 + Y**2 / 2 + 2 * Z**2 + X**3 / 3 - X * Z**2 / 4 + X**4 / 4 + Y**4 / 5 + Z**3 / 4
    expansion = expand(manufactured(V, TENSOR, 3 * CROSS), np.zeros(3), 0.1)
    assert expansion.level == 0.1
    x = ball(expansion)
    np.testing.assert_allclose(expansion(x), function(V, 3)(x), rtol=0, atol=1e-12)
    slopes = np.array([function(sp.diff(V, v), 3)(x) for v in (X, Y, Z)])
    np.testing.assert_allclose(expansion.gradient(x), slopes, rtol=0, atol=1e-11)


def test_higher_degree_gives_a_larger_ball_and_the_same_accuracy():
    """V from a Gaussian and an exponential, no polynomial: the error follows the tolerance."""
    V = sp.exp(X) - 1 - X + Y**2 / 5 + (1 - sp.exp(-((X + Y + Z) ** 2))) + Z**2 / 3
    case = manufactured(V, TENSOR, CROSS)
    lower = expand(case, np.zeros(3), 0.3, degree=8)
    expansion = expand(case, np.zeros(3), 0.3)
    assert 1.5 * lower.level < expansion.level
    for one in (lower, expansion):
        x = ball(one)
        assert one.residual <= 1e-9
        assert np.abs(one(x) - function(V, 3)(x)).max() < 1e-9 * one.level


def test_residual_is_that_of_points_off_the_fit():
    """The tolerance holds at random points of the ball, not only at those of the fit."""
    V = sp.exp(X) - 1 - X + sp.cosh(Y) - 1 + Z**2 / 2 + sp.sin(X * Y * Z)
    case = manufactured(V, sp.eye(3), CROSS)
    expansion = expand(case, np.zeros(3), 1.0)
    z = np.random.default_rng(1).normal(size=(3, 2000))
    z /= np.linalg.norm(z, axis=0)
    x = np.linalg.solve(expansion.inverse_scale, z)
    slope = expansion.gradient(x)
    H = np.sum((case.drift(x) + 0.5 * slope) * slope, axis=0)
    quadratic = 2 * expansion.level * expansion.inverse_scale.T @ z
    assert np.abs(H).max() < 2e-9 * (0.5 * np.sum(quadratic**2, axis=0)).max()


@pytest.mark.parametrize("dim", [1, 2, 3])
def test_monomials(dim):
    exponents = multi_indices(dim, 0, 5)
    count = {1: 6, 2: 21, 3: 56}[dim]
    assert len({tuple(a) for a in exponents}) == count == len(exponents)
    assert (np.diff(exponents.sum(axis=1)) >= 0).all()
    z = np.random.default_rng(dim).uniform(-1, 1, (dim, 7))
    direct = np.prod(z[None] ** exponents[:, :, None], axis=1)
    np.testing.assert_allclose(monomials(z, exponents), direct, rtol=1e-14, atol=1e-300)
    step = 1e-30
    for j in range(dim):
        shifted = z.astype(complex)
        shifted[j] += 1j * step
        slope = np.prod(shifted[None] ** exponents[:, :, None], axis=1).imag / step
        np.testing.assert_allclose(monomial_gradients(z, exponents)[:, j], slope, rtol=1e-12, atol=1e-14)


@pytest.mark.parametrize("dim", [2, 3])
def test_checking_points_are_not_those_of_the_fit(dim):
    fitted, checked = ball_sample(dim), ball_sample(dim, turned=True)
    assert np.linalg.norm(checked, axis=0).max() == pytest.approx(1.0, abs=1e-15)
    apart = np.linalg.norm(checked[:, :, None] - fitted[:, None, :], axis=0).min(axis=1)
    assert apart[np.linalg.norm(checked, axis=0) > 0.5].min() > 1e-3
    np.testing.assert_allclose(np.linalg.norm(unit_directions(dim), axis=1), 1.0, atol=1e-15)


def test_beyond_its_ball_the_polynomial_is_kept_where_it_is_exact():
    case = gradient_system(FACTORS, sp.eye(3))
    expansion = expand(case, MINIMUM, 0.05)
    x = expansion.point[:, None] + 2.5 * (ball(expansion) - expansion.point[:, None])
    loss = function(FACTORS, 3)
    exact = 2 * (loss(x) - loss(MINIMUM[:, None]))
    np.testing.assert_allclose(expansion(x), exact, rtol=0, atol=1e-12)


def test_beyond_its_reach_v_rises_by_a_quadratic_that_continues_value_and_slope():
    """Where powers of degree 8 would carry V far below zero."""
    V = X**2 / 2 + Y**2 / 2 + Z**2 / 2 + (1 - sp.cos(2 * X)) / 3 + (1 - sp.exp(-((X + Y) ** 2)))
    case = manufactured(V, TENSOR, CROSS)
    expansion = expand(case, np.zeros(3), 1.0, tolerance=2e-2)
    directions = unit_directions(3).T
    place = np.linalg.inv(expansion.inverse_scale)
    values = [
        expansion(r * expansion.reach * place @ directions) for r in (1 - 1e-4, 1.0, 1 + 1e-4, 2.0, 3.0)
    ]
    np.testing.assert_allclose(values[2] - values[1], values[1] - values[0], rtol=2e-3)
    assert (values[4] > values[3]).all()
    assert (values[3] > values[1]).all()
    powers = expansion.values @ monomials(3.0 * expansion.reach * directions, expansion.exponents)
    assert powers.min() < 0
