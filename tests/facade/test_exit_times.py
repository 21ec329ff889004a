"""Mean exit times through the Python interface, against quadrature on the line."""

import numpy as np
import pytest
import sympy as sp

import quasipot as qp
from tests.facade.problems import line, x, y

pytestmark = pytest.mark.mpi
LOW, HIGH = -1.3, -0.4


def two_sided(points, epsilon):
    """T(x) from (LOW, HIGH) under b = s − s³ − 0.05, A = e^{s/2}, by its scale function and speed measure.

    With S the scale function, zero at LOW, r = S(x)/S(HIGH) and the speed measure m:
    ``T = (1−r) ∫_LOW^x S dm + r ∫_x^HIGH (S(HIGH) − S) dm``.
    """
    s = np.linspace(LOW, HIGH, 400_001)
    A = epsilon * np.exp(s / 2)

    def integral(f):
        return np.concatenate([[0.0], np.cumsum(0.5 * (f[1:] + f[:-1]) * np.diff(s))])

    slope = np.exp(-integral(2 * (s - s**3 - 0.05) / A))
    scale = integral(slope)
    speed = 2 / (A * slope)
    near, far = integral(scale * speed), integral((scale[-1] - scale) * speed)
    r = scale / scale[-1]
    return np.interp(points, s, (1 - r) * near + r * (far[-1] - far))


def test_exit_from_an_interval():
    result, exact = line()
    well = float(result.places.attractors[0].point[0])
    system, places = result.system, result.places
    found = qp.exit_times(system, places, 0, (x - LOW) * (x - HIGH), epsilon=[0.02, 0.08], result=result)
    assert found.epsilon == (0.02, 0.08)
    expected = [float(np.log(two_sided(well, epsilon))) for epsilon in found.epsilon]
    np.testing.assert_allclose(found.log_mean, expected, rtol=0, atol=1e-4)
    np.testing.assert_allclose(found.mean, np.exp(expected), rtol=1e-4)
    assert found.error[1] == pytest.approx(abs(found.log_flux[1] - found.log_direct[1]), rel=1e-9)
    # by the flux: two evaluations, the better of which is given
    assert abs(found.log_mean[0] - expected[0]) <= found.error[0] + 1e-5
    inside = np.array([-1.2, -1.0, -0.6])
    np.testing.assert_allclose(found.mean_from(inside[:, None], 0.08), two_sided(inside, 0.08), rtol=1e-4)
    assert np.isnan(found.mean_from([[0.5]], 0.08)).all()
    lowest = min((exact.potential(well, end), end) for end in (LOW, HIGH))
    assert found.barrier == pytest.approx(lowest[0], abs=1e-4)
    assert found.barrier_point == pytest.approx([lowest[1]], abs=1e-6)
    assert {check.name for check in found.checks} == {"exit_flux", "exit_methods", "exit_slope"}
    assert all(check.good for check in found.checks)
    assert "0.08" in repr(found)
    assert "lowest V on the boundary: " in found._repr_html_()


def test_exit_over_one_end_with_a_reflecting_wall():
    result, exact = line()
    well = float(result.places.attractors[0].point[0])
    found = qp.exit_times(
        result.system, result.places, 0, lambda points: points[:, 0] + 0.2, epsilon=0.08, reflect=True
    )
    assert found.log_mean[0] == pytest.approx(exact.log_time(well, -0.2, 0.08), abs=1e-5)
    assert np.isnan(found.barrier)


@pytest.mark.parametrize(
    ("inside", "options", "sentence"),
    [
        (x**2 - 4, {}, r"^inside: the set \{inside < 0\} reaches the boundary of the domain; shrink it"),
        (x**2 + y**2 - 1.2, {}, r"holds the attractor \(1, 0\) too; shrink it until"),
        (x**2 + y**2 - 0.2, {}, r"^inside: the attractor \(-1, 0\) is not in the set"),
        (x + sp.Symbol("k"), {}, r"^inside: the symbol k is no coordinate; the coordinates are x, y$"),
        ("x < 0", {}, r"^inside: this is of type str; give a function of points \(n, 2\), or a sympy"),
        (lambda points: points, {}, r"^the inside returned the shape \(1, 2\)"),
        (x, {"relfect": True}, r"^options: there is no 'relfect'; did you mean 'reflect'\?$"),
        (x, {"shells": 1}, r"^shells: 1 is no whole number from 3 to 60; give one$"),
        (x, {"result": 3}, r"^result: this is of type int; give that of solve$"),
    ],
)
def test_wrong_arguments(inside, options, sentence):
    system = qp.System.from_loss((x**2 - 1) ** 2 / 4 + y**2 / 2, [x, y])
    places = qp.find_places(system, [(-1.8, 1.8), (-1.2, 1.2)])
    with pytest.raises(ValueError, match=sentence):
        qp.exit_times(system, places, 0, inside, 0.1, **options)


def test_what_is_not_there_is_said():
    """A mesh that does not resolve the layer at the lowest noise loses that time and no other."""
    result, _ = line()
    found = qp.exit_times(
        result.system, result.places, 0, (x - LOW) * (x - HIGH), epsilon=[1e-4, 0.08], shells=3
    )
    assert np.isnan(found.log_mean[0])
    assert np.isfinite(found.log_mean[1])
    assert list(found.refused) == [1e-4]
    assert "not given: log T at ε = 0.0001: the density" in repr(found)
    assert np.isnan(found.mean_from([[-1.0]], 1e-4)).all()


def test_exit_over_a_pass():
    """The set ends beyond the pass: the lowest V on its boundary is that of the pass."""
    result, _ = line()
    found = qp.exit_times(result.system, result.places, 0, x - 0.4, 0.08, result=result, reflect=True)
    assert found.barrier == pytest.approx(result.barrier(0, 1).value, rel=1e-9)
    assert found.barrier_point == pytest.approx([0.4], abs=1e-6)
