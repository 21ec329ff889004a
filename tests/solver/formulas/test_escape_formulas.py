"""The formulas of theories of SGD beside computed barriers and times: where they are exact, and where not."""

import numpy as np
import pytest
import sympy as sp

from solver.formulas.loss_escape import power_law_escape
from solver.formulas.two_point import two_point_barrier
from solver.hamilton_jacobi.expansion import expand
from solver.paths.instanton import instanton
from solver.paths.prefactor import kramers
from tests.exact import Line, X, Y, gradient_system, maier_stein, turned_noise, turned_well

LOSS = (X**2 - 1) ** 2 / 4
FLOOR = sp.Rational(1, 20)  # U at the minima
LEFT, ORIGIN, ACROSS = np.array([-1.0, 0.0]), np.zeros(2), np.array([-1.0, 0.0])
ONE = np.array([-1.0]), np.zeros(1), np.array([-1.0])


@pytest.mark.parametrize("degrees", [0, 30, 60, 90])
def test_two_points_are_exact_for_constant_noise_on_a_straight_way(degrees):
    assert two_point_barrier(turned_well(degrees), LEFT, ORIGIN, ACROSS) == pytest.approx(
        0.5 / (1 + 0.6 * np.cos(np.radians(2 * degrees))), rel=1e-12
    )


@pytest.mark.parametrize("share", [0.2, 0.5])
def test_two_points_with_noise_along_the_way(share):
    """s = ½ is exact where 1/A is affine in U; otherwise V = ∫ 2U'/A dx is missed."""
    affine = gradient_system(LOSS, sp.Matrix([[1 / (1 + 6 * LOSS)]]))
    exact = 2 * (0.25 + 3 * 0.25**2)
    found = two_point_barrier(affine, *ONE, share)
    assert found == pytest.approx(0.5 * (share + (1 - share) * 2.5), rel=1e-12)
    assert (abs(found - exact) < 1e-12) == (share == 0.5)
    # noise in proportion to U: V = log(U*/U) differs from the trapezoidal rule
    grown = gradient_system(LOSS + FLOOR, sp.Matrix([[2 * (LOSS + FLOOR)]]))
    assert two_point_barrier(grown, *ONE) == pytest.approx((6 - 1 / 6) / 2, rel=1e-12)
    line = Line(lambda x: x - x**3, lambda x: (x**2 - 1) ** 2 / 2 + 0.1, -2.0, 2.0)
    assert line.potential(-1.0, 0.0) == pytest.approx(np.log(6), rel=1e-9)


def test_two_points_do_not_see_a_curved_way():
    """On the sheared well the barrier is 0.351976788 at 45° (minimum action, independent code)."""
    case = gradient_system(LOSS + (Y - 0.7 * X) ** 2 / 2, turned_noise(45, 0.5))
    values, vectors = np.linalg.eigh(case.jacobian(np.zeros((2, 1)))[..., 0])
    assert values[1] > 0
    found = two_point_barrier(case, np.array([-1.0, -0.7]), ORIGIN, vectors[:, 1])
    assert abs(found / 0.351976788 - 1) > 0.01


def test_two_points_without_noise_or_without_a_loss():
    still = gradient_system(LOSS + Y**2 / 2, sp.diag(X**2, 1))
    assert two_point_barrier(still, LEFT, ORIGIN, ACROSS) == np.inf
    with pytest.raises(ValueError, match="gradient"):
        two_point_barrier(maier_stein(1), LEFT, ORIGIN, ACROSS)


def power_law(curvature=2.0):
    """U = (x² − 1)²/4 + 1/20 with A = 2 U h; h is U'' = 2 at the minima, or another number."""
    case = gradient_system(LOSS + FLOOR, sp.Matrix([[2 * (LOSS + FLOOR) * curvature]]))
    path = np.linspace(-1, 0, 9)[:, None]
    return case, power_law_escape(case, *ONE, path)


def test_power_law_as_written_by_mori():
    """(1/2π) √(h|h_s|) (L_s/L_*)^{−(1/2 + B/(ηh))}."""
    _, law = power_law()
    for epsilon in (0.2, 0.05):
        rate = np.sqrt(2.0) / (2 * np.pi) * 6.0 ** -(0.5 + 1 / (2 * epsilon))
        assert law.log_mfpt(epsilon) == pytest.approx(-np.log(rate), rel=1e-12)


@pytest.mark.parametrize("curvature", [2.0, 3.0])
def test_power_law_is_the_limit_of_exact_passage_times(curvature):
    """log T, by quadrature, tends to the law linearly in ε."""
    _, law = power_law(curvature)
    line = Line(lambda x: x - x**3, lambda x: 2 * curvature * ((x**2 - 1) ** 2 / 4 + 0.05), -2.5, 2.5)
    gaps = np.array([line.log_time(-1.0, 1.0, e) - law.log_mfpt(e) for e in (0.02, 0.01, 0.005)])
    assert abs(gaps[0]) < 0.05
    np.testing.assert_allclose(gaps[1:] / gaps[:-1], 0.5, atol=0.03)
    assert 2 * gaps[2] - gaps[1] == pytest.approx(0.0, abs=1e-4)


def test_power_law_is_that_of_eyring_and_kramers():
    """In one dimension, and in two for noise that is as strong across the way as along it; else it is not."""
    case, law = power_law()
    path = instanton(case, expand(case, ONE[0], 0.02), [np.linspace(-1, 0, 40)[:, None]])
    exact = kramers(case, ONE[0], ONE[1], path)
    assert law.log_prefactor == pytest.approx(exact.log_prefactor, abs=2e-3)
    assert np.log(law.ratio) / law.strength == pytest.approx(exact.barrier, rel=1e-8)
    loss = LOSS + (1 + X**2) * Y**2 + FLOOR
    for across, same in ((2, True), (1, False)):
        plane = gradient_system(loss, 2 * loss * sp.diag(2, across))
        line = np.linspace(0, 1, 40)[:, None] * (ORIGIN - LEFT) + LEFT
        path = instanton(plane, expand(plane, LEFT, 0.02), [line])
        law = power_law_escape(plane, LEFT, ORIGIN, ACROSS, path.points)
        exact = kramers(plane, LEFT, ORIGIN, path)
        assert np.log(law.ratio) / law.strength == pytest.approx(exact.barrier, rel=1e-7)
        assert np.isfinite(exact.log_prefactor)
        assert (abs(law.log_prefactor - exact.log_prefactor) < 5e-3) == same


def test_power_law_for_such_noise_only():
    path = np.linspace(-1, 0, 9)[:, None]
    for loss, noise in ((LOSS + 1, 1), (LOSS + FLOOR, 1 + LOSS), (LOSS, 2 * LOSS + X**2)):
        case = gradient_system(loss, sp.Matrix([[noise]]))
        assert power_law_escape(case, *ONE, path) is None
    assert power_law_escape(maier_stein(1), LEFT, ORIGIN, ACROSS, LEFT[None]) is None
