"""Linear theory and the local expansion of V at an attractor."""

import numpy as np
import pytest
import sympy as sp

from solver.drift.lyapunov import covariance, hessian
from solver.errors import NotConverged
from solver.hamilton_jacobi.expansion import expand
from solver.system import System
from tests.exact import (
    HESSIAN,
    QUADRATIC,
    X,
    Y,
    Z,
    function,
    gradient_system,
    lyapunov_by_kronecker,
    manufactured,
)

TENSOR = sp.Matrix([[1 + X**2 / 4, X * Y / 5], [X * Y / 5, sp.Rational(3, 5) + Y / 10]])
# a quartic V with a minimum at 0 that is no quadratic in any coordinates
POTENTIAL = X**2 + X * Y / 2 + Y**2 / 2 + X**3 / 3 - X * Y**2 / 4 + X**4 / 4 + X**2 * Y**2 / 3 + Y**4 / 5


@pytest.mark.parametrize("name", QUADRATIC)
def test_lyapunov_covariance(name):
    A = QUADRATIC[name][0]
    S = covariance(-HESSIAN, A)
    np.testing.assert_allclose(HESSIAN @ S + S @ HESSIAN, A, atol=1e-14)
    np.testing.assert_allclose(S, lyapunov_by_kronecker(-HESSIAN, A), atol=1e-14)
    np.testing.assert_allclose(hessian(-HESSIAN, A) @ S, np.eye(2), atol=1e-13)


@pytest.mark.parametrize("name", QUADRATIC)
def test_exits_of_quadratic_losses(name):
    """The reference numbers of the exit levels belong to the same convention as the solver's Σ."""
    A, by_loss, by_ball = QUADRATIC[name]
    P = hessian(-HESSIAN, A)
    # min ½xᵀPx on ½xᵀHx = 1, and on |x| = 1
    assert np.min(np.linalg.eigvals(np.linalg.solve(HESSIAN, P)).real) == pytest.approx(by_loss, abs=1e-9)
    assert 0.5 * np.linalg.eigvalsh(P)[0] == pytest.approx(by_ball, abs=1e-9)


def test_covariance_without_detailed_balance():
    rng = np.random.default_rng(3)
    for d in (1, 2, 3):
        J = rng.normal(size=(d, d)) - 3 * np.eye(d)
        root = rng.normal(size=(d, d))
        S = covariance(J, root @ root.T)
        np.testing.assert_allclose(S, lyapunov_by_kronecker(J, root @ root.T), atol=1e-13)
        np.testing.assert_array_equal(S, S.T)
        assert np.linalg.eigvalsh(S)[0] > 0


def test_hessian_at_a_saddle_is_indefinite():
    # U = (x²−1)²/4 + y²/2 at 0: V = 2U, so ∇²V = diag(−2, 2)
    np.testing.assert_allclose(
        hessian(np.diag([1.0, -1.0 + 1e-3]), np.eye(2)), np.diag([-2, 1.998]), atol=1e-12
    )


def sphere(expansion, radius=1.0):
    """Points with |z| = radius."""
    d = len(expansion.point)
    z = np.random.default_rng(0).normal(size=(d, 200))
    z *= radius / np.linalg.norm(z, axis=0)
    return np.linalg.solve(expansion.inverse_scale, z) + expansion.point[:, None]


@pytest.mark.parametrize("spin", [0, 3])
def test_expansion_reproduces_a_polynomial(spin):
    J = sp.Matrix([[0, -spin], [spin, 0]])
    case = manufactured(POTENTIAL, TENSOR, J)
    expansion = expand(case, np.zeros(2), 0.05)
    x = sphere(expansion)
    exact = function(POTENTIAL, 2)(x)
    assert expansion.residual <= 1e-9
    assert 0.5 * expansion.level < exact.min()
    assert exact.max() < 2 * expansion.level
    np.testing.assert_allclose(expansion(x), exact, rtol=0, atol=EXPANSION_BOUND * expansion.level)
    slopes = np.array([function(sp.diff(POTENTIAL, v), 2)(x) for v in (X, Y)])
    scale = np.linalg.norm(slopes, axis=0).max()
    np.testing.assert_allclose(expansion.gradient(x), slopes, rtol=0, atol=GRADIENT_BOUND * scale)
    np.testing.assert_allclose(np.sum(expansion.coordinates(x) ** 2, axis=0), 1.0, rtol=1e-12)


EXPANSION_BOUND, GRADIENT_BOUND = 1e-14, 1e-14


def test_expansion_of_a_function_that_is_no_polynomial():
    V = sp.exp(X) - 1 - X + sp.cosh(Y) - 1
    case = manufactured(V, sp.Matrix([[1, 0], [0, 1]]), sp.Matrix([[0, 1], [-1, 0]]))
    expansion = expand(case, np.zeros(2), 0.1)
    x = sphere(expansion)
    error = np.abs(expansion(x) - function(V, 2)(x)).max()
    assert error < 2e-10 * expansion.level


@pytest.mark.parametrize("dim", [1, 3])
def test_expansion_in_other_dimensions(dim):
    loss = (X**2 - 1) ** 2 / 4 + (Y**2 + 2 * Z**2 if dim == 3 else 0)
    expansion = expand(gradient_system(loss, sp.eye(dim)), np.array([-1.0, 0, 0][:dim]), 0.05)
    x = sphere(expansion)
    np.testing.assert_allclose(expansion(x), 2 * function(loss, dim)(x), rtol=0, atol=1e-14 * expansion.level)


def test_no_expansion_where_the_drift_is_not_smooth():
    def identity(x):
        return np.ones((1, 1, x.shape[1]))

    rough = System(
        1,
        lambda x: -x - x * np.sqrt(np.abs(x)),
        lambda x: (-1 - 1.5 * np.sqrt(np.abs(x)))[None],
        identity,
        np.zeros_like,
    )
    with pytest.raises(NotConverged, match="no local expansion"):
        expand(rough, np.zeros(1), 0.1)
