"""The barrier to first order in the anisotropy: exact without one, and of second order against instantons."""

import numpy as np
import pytest
import sympy as sp

from solver.drift.connections import connections
from solver.drift.fixed_points import fixed_points
from solver.errors import NotConverged
from solver.formulas.weak_anisotropy import weak_barrier
from solver.hamilton_jacobi.expansion import expand
from solver.paths.instanton import instanton
from tests.exact import X, Y, Z, gradient_system, maier_stein, turned_noise

BOUNDS = [(-2.0, 2.0), (-2.4, 2.4)]
SHEARED = (X**2 - 1) ** 2 / 4 + (Y - sp.Rational(7, 10) * X) ** 2 / 2
# not of constant trace, and not constant
GRADED = sp.Matrix([[sp.sin(2 * Y), X * Y], [X * Y, sp.cos(X)]])


def left_of_saddle(case, bounds=BOUNDS):
    """The attractor on the left, the saddle, and its unstable direction towards that attractor."""
    points = fixed_points(case, bounds)
    attractor = next(p for p in points if p.kind == "attractor")
    (saddle,) = connections(case, points, bounds)
    assert saddle.between[0] == 0
    return attractor.point, saddle.point, saddle.unstable_eigenvector


def barrier(case, attractor, saddle):
    """The cost of the instanton that begins as the straight line."""
    line = attractor + np.linspace(0, 1, 40)[:, None] * (saddle - attractor)
    return instanton(case, expand(case, attractor, 0.05), [line]).action


@pytest.mark.parametrize(
    ("loss", "bounds", "exact"),
    [
        (SHEARED, BOUNDS, 0.5),
        ((X**2 - 1) ** 2 / 4, BOUNDS[:1], 0.5),
        ((X**2 - 1) ** 2 / 4 + 10 * (Y - X**2) ** 2 + (Z - Y) ** 2, [*BOUNDS, (-2.2, 2.2)], 0.5),
    ],
)
def test_exact_for_isotropic_noise(loss, bounds, exact):
    """V = 2ΔU/c for A = c I, in one, two and three dimensions, on a curved way in the last."""
    case = gradient_system(loss, sp.Rational(5, 2) * sp.eye(len(bounds)))
    found = weak_barrier(case, *left_of_saddle(case, bounds))
    assert found.value == pytest.approx(exact / 2.5, rel=1e-8)
    assert found.anisotropy == pytest.approx(0.0, abs=1e-12)
    assert found.scale == pytest.approx(2.5)


def test_first_order_in_closed_form():
    """One way along x: 2ΔU(1 − κ cos 2φ), the expansion of 2ΔU/A_xx."""
    for degrees in (0, 30, 45, 90):
        case = gradient_system((X**2 - 1) ** 2 / 4 + Y**2 / 2, turned_noise(degrees, 0.5))
        found = weak_barrier(case, *left_of_saddle(case))
        assert found.value == pytest.approx(0.5 * (1 - 0.5 * np.cos(np.radians(2 * degrees))), rel=1e-8)
        assert found.anisotropy == pytest.approx(0.5, rel=1e-9)


@pytest.mark.parametrize("shape", [turned_noise(0, 1.0), turned_noise(45, 1.0), sp.eye(2) + GRADED])
def test_error_is_of_second_order(shape):
    """A = 2(I + κM) on the sheared well, against the action of instantons, as κ is halved."""
    errors = []
    for kappa in (sp.Rational(1, 10), sp.Rational(1, 20), sp.Rational(1, 40)):
        case = gradient_system(SHEARED, 2 * (sp.eye(2) + kappa * (shape - sp.eye(2))))
        attractor, saddle, direction = left_of_saddle(case)
        value = weak_barrier(case, attractor, saddle, direction).value
        errors.append(abs(value - barrier(case, attractor, saddle)))
    orders = np.log2(np.array(errors[:-1]) / errors[1:])
    assert errors[0] < 0.01
    np.testing.assert_allclose(orders, 2.0, atol=0.2)


def test_needs_a_gradient_and_the_right_side():
    with pytest.raises(ValueError, match="gradient"):
        weak_barrier(maier_stein(1), np.array([-1.0, 0]), np.zeros(2), np.array([-1.0, 0]))
    case = gradient_system(SHEARED, sp.eye(2))
    attractor, saddle, direction = left_of_saddle(case)
    with pytest.raises(NotConverged):
        weak_barrier(case, attractor, saddle, -direction)
