"""Action, instantons and the asymptotic escape time."""

import numpy as np
import pytest
import sympy as sp
from numpy.polynomial import legendre

from solver.hamilton_jacobi.expansion import expand
from solver.paths.action import Path, action, action_along, density, density_gradients, gauss_legendre
from solver.paths.instanton import instanton
from solver.paths.prefactor import kramers
from solver.system import System
from tests.exact import (
    MAIER_STEIN_BARRIERS,
    Line,
    X,
    Y,
    gradient_system,
    maier_stein,
    manufactured,
    rotational_well,
    turned_well,
)

TENSOR = sp.Matrix([[1 + X**2 / 4, X * Y / 5], [X * Y / 5, sp.Rational(3, 5) + Y / 10]])
WELL = (X**2 - 1) ** 2 + Y**2


def straight_escape(case, bulge=0.0, level=0.05, points=40):
    """Instanton from (−1, 0) to 0, from a polyline that bulges upwards."""
    start = np.zeros(case.dim)
    start[0] = -1.0
    t = np.linspace(0, 1, points)
    line = start[None] * (1 - t)[:, None]
    if case.dim > 1:
        line[:, 1] += bulge * np.sin(np.pi * t)
    return instanton(case, expand(case, start, level), [line])


def test_action_gradient_against_differences():
    case = manufactured(WELL, TENSOR, sp.Matrix([[0, -1], [1, 0]]))
    rng = np.random.default_rng(0)
    x, v = rng.normal(size=(2, 20)) * 0.5 + [[0.8], [0.1]], rng.normal(size=(2, 20))
    value, by_position, by_velocity = density_gradients(case, x, v, 1e-4)
    h = 1e-5
    for k in range(2):
        shift = np.zeros((2, 1))
        shift[k] = h
        slope = (density(case, x + shift, v) - density(case, x - shift, v)) / (2 * h)
        np.testing.assert_allclose(by_position[k], slope, atol=1e-7 * np.abs(by_position).max())
        slope = (density(case, x, v + shift) - density(case, x, v - shift)) / (2 * h)
        np.testing.assert_allclose(by_velocity[k], slope, atol=1e-7 * np.abs(by_velocity).max())
    # of degree one in the velocity (Euler), and never negative
    np.testing.assert_allclose(np.sum(by_velocity * v, axis=0), value, atol=1e-12)
    assert (value >= -1e-12).all()


def test_action_of_uphill_and_downhill_paths():
    case = gradient_system((X**2 - 1) ** 2 / 4 + Y**2 / 2, sp.eye(2))
    up = Path(np.array([-1.0, 0]), np.zeros(2), np.zeros((2, 1)))
    # uphill along the gradient costs 2ΔU; downhill is free
    assert action(case, up) == pytest.approx(0.5, rel=1e-12)
    assert action(case, Path(up.end, up.start, up.modes)) == pytest.approx(0.0, abs=1e-12)
    s = np.linspace(-0.9, 1, 7)
    part = action_along(case, up, s)
    x = up(s)[0]
    np.testing.assert_allclose(part, (x**2 - 1) ** 2 / 2, atol=1e-12)


def test_action_does_not_depend_on_the_speed():
    case = manufactured(WELL, TENSOR, sp.Matrix([[0, -1], [1, 0]]))
    modes = np.array([[0.2, 0.1], [0.3, -0.2]])
    path = Path(np.array([-1.0, 0.1]), np.array([-0.2, 0.3]), modes)
    s, w = legendre.leggauss(400)
    # the same curve with s(t) = t + (t²−1)/4
    t, rate = s + (s**2 - 1) / 4, 1 + s / 2
    slower = np.sum(w * density(case, path(t), path.velocity(t) * rate))
    assert slower == pytest.approx(action(case, path), rel=1e-12)


BARRIER_BOUND, ALONG_BOUND = 2e-9, 2e-9


@pytest.mark.parametrize("rho", [0, 1, 10])
def test_rotational_wells(rho):
    path = straight_escape(rotational_well(rho), bulge=0.3)
    assert path.action == pytest.approx(1.0, rel=BARRIER_BOUND)
    # along the whole path the cost is V
    exact = (path.points[:, 0] ** 2 - 1) ** 2 + path.points[:, 1] ** 2
    np.testing.assert_allclose(path.actions, exact, rtol=0, atol=ALONG_BOUND)
    np.testing.assert_array_equal(path.points[0], [-1, 0])
    np.testing.assert_allclose(path.points[-1], [0, 0], atol=1e-15)


def test_full_tensor_with_rotation():
    case = manufactured(WELL, TENSOR, (2 + X) * sp.Matrix([[0, -1], [1, 0]]))
    path = straight_escape(case, bulge=0.3)
    assert path.action == pytest.approx(1.0, rel=BARRIER_BOUND)
    assert path.uncertainty < 1e-6


@pytest.mark.parametrize("beta", MAIER_STEIN_BARRIERS)
def test_maier_stein_from_the_side(beta):
    path = straight_escape(maier_stein(beta), bulge=0.4)
    assert path.action == pytest.approx(MAIER_STEIN_BARRIERS[beta], rel=1e-7)


@pytest.mark.parametrize("degrees", [0, 30, 90])
def test_turned_noise(degrees):
    case = turned_well(degrees)
    path = straight_escape(case, bulge=0.2)
    tensor = case.diffusion(np.zeros((2, 1)))[..., 0]
    assert path.action == pytest.approx(0.5 / tensor[0, 0], rel=1e-9)


@pytest.mark.parametrize("amplitude", [sp.Integer(1), sp.exp(X / 2), 1 + X / 3])
def test_kramers_in_one_dimension(amplitude):
    loss = (X**2 - 1) ** 2 / 4
    case = gradient_system(loss, sp.Matrix([[amplitude]]))
    saddle = np.zeros(1)
    law = kramers(case, np.array([-1.0]), saddle, straight_escape(case, level=0.02))
    # ∫∫ 2/(εA) e^{V/ε} e^{−V/ε} by Laplace's method: (2π/√(b'(s) |b'(a)|)) √(A(s)/A(a))
    A = sp.lambdify(X, amplitude)
    exact = np.log(2 * np.pi / np.sqrt(2)) + 0.5 * np.log(A(0.0) / A(-1.0))
    assert law.log_prefactor == pytest.approx(exact, abs=2e-3)
    drift, tensor = sp.lambdify(X, -sp.diff(loss, X)), sp.lambdify(X, amplitude)
    line = Line(drift, lambda x: tensor(x) + 0 * x, -2.2, 2.2)
    times = [line.log_time(-1.0, 1.0, e) - law.log_mfpt(e) for e in (0.01, 0.005)]
    # the exact time tends to the law, linearly in ε
    assert 2 * times[1] - times[0] == pytest.approx(0.0, abs=5e-3)


def test_eyring_kramers_in_two_dimensions():
    # U = (x²−1)²/4 + (1 + x²) y²: curvature across 2(1+x²), 4 in the well and 2 at the saddle
    case = gradient_system((X**2 - 1) ** 2 / 4 + (1 + X**2) * Y**2, sp.eye(2))
    law = kramers(case, np.array([-1.0, 0]), np.zeros(2), straight_escape(case, level=0.02))
    exact = np.log(2 * np.pi) + 0.5 * np.log((1 * 2) / (2 * 4))
    assert law.path_integral == pytest.approx(0.0, abs=1e-5)
    assert law.log_prefactor == pytest.approx(exact, abs=1e-3)


def test_path_integral_of_a_skew_flow():
    # dx = (x − x³) dt + √ε dW₁, dy = −λ(x) y dt + √ε dW₂: x is autonomous, so the escape time of x counts
    rate = 2 + X
    case = System(
        2,
        *_skew(rate),
        lambda x: np.repeat(np.eye(2)[:, :, None], x.shape[1], axis=2),
        np.zeros_like,
    )
    law = kramers(case, np.array([-1.0, 0]), np.zeros(2), straight_escape(case, level=0.02))
    # P_yy changes along the path, F = −λ + ½P_yy does not vanish, but the product is that of x alone
    assert abs(law.path_integral) > 0.05
    assert law.log_prefactor == pytest.approx(np.log(2 * np.pi / np.sqrt(2)), abs=5e-3)


def _skew(rate):
    numeric, slope = sp.lambdify(X, rate), sp.lambdify(X, sp.diff(rate, X))

    def drift(x):
        return np.array([x[0] - x[0] ** 3, -numeric(x[0]) * x[1]])

    def jacobian(x):
        zero = np.zeros(x.shape[1])
        return np.array([[1 - 3 * x[0] ** 2, zero], [-slope(x[0]) * x[1], -numeric(x[0]) + zero]])

    return drift, jacobian


def test_quadrature_of_high_order():
    """Exact for polynomials of degree 2n − 1, and kept between calls."""
    nodes, weights = gauss_legendre(1500)
    for power in (0, 2, 998):
        assert np.sum(weights * nodes**power) == pytest.approx(2 / (power + 1), rel=1e-12)
    assert gauss_legendre(1500)[0] is nodes
