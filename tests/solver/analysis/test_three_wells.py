"""Three unequal wells in two dimensions: masses and all six passage times."""

import itertools

import numpy as np
import pytest
import sympy as sp

from tests.exact import Line, X, Y, function, manufactured, system
from tests.solver.hermite import chain
from tests.solver.sweeps import TRIANGLE, passage_times, swept

PAIRS = list(itertools.permutations(range(3), 2))

# p = e^{−V/ε} exactly, with currents along the levels of V
SPIN = 1.0
TRIANGLE_BOX = ((-1.45, 1.55), (-1.5, 1.5))


def well_weights(potential, points, epsilon):
    """``log ∫ e^{−V/ε}`` over squares round the wells that hold all but e^{−6} of the barrier, normalised."""
    V = function(potential, 2)
    result = []
    for point in points:
        side = np.linspace(-0.45, 0.45, 601)
        x = np.array(np.meshgrid(point[0] + side, point[1] + side)).reshape(2, -1)
        low = V(point[:, None])[0]
        result.append(np.log(np.exp(-(V(x) - low) / epsilon).sum()) - low / epsilon)
    return np.array(result) - np.logaddexp.reduce(result)


def test_triangle_of_wells_against_a_spectral_solution():
    case = manufactured(TRIANGLE, sp.eye(2), SPIN * sp.Matrix([[0, -1], [1, 0]]))
    marks, sweep = swept(case, TRIANGLE_BOX, 40, (0.08, 0.06, 0.03))
    points = [pin.point for pin in marks.pins]
    for epsilon, bound in ((0.08, 1e-3), (0.06, 5e-4)):
        rates, slow = chain(TRIANGLE, SPIN, epsilon, points, count=84, width=0.205)
        # the reference knows the exact eigenvalue 0
        assert abs(slow[0]) < 1e-5 * abs(slow[1])
        times = sweep[epsilon].state.rates.log_mfpt
        for pair in PAIRS:
            assert times[pair] == pytest.approx(np.log(passage_times(rates)[pair]), abs=bound)
    for epsilon, bound in ((0.06, 1e-3), (0.03, 1e-3)):
        weights = sweep[epsilon].state.rates.log_weight
        np.testing.assert_allclose(weights, well_weights(TRIANGLE, points, epsilon), atol=bound)
        assert sweep[epsilon].gauge_refresh < 3e-3
        assert sweep[epsilon].state.window_change < bound


# x moves by itself in three wells and drives y
ROW = 4 * X**2 * (X**2 - 1) ** 2 + X / 10 - X**2 / 10
ROW_BOX = ((-1.4, 1.4), (-1.8, 1.8))


@pytest.mark.mpi
def test_row_of_wells_against_quadrature():
    """Barrier/ε up to 45, depths that differ by 13 ε; no common border between the outer wells."""
    a, b = sp.Rational(3, 5), sp.Rational(4, 5)
    slope = sp.diff(ROW, X)
    noise = sp.Matrix([[1, a], [a, a**2 + b**2]])
    case = system([-slope / 2, -2 * Y + X + X**2 - sp.Rational(1, 2)], noise)
    marks, sweep = swept(case, ROW_BOX, 64, (0.03, 0.015))
    line = Line(sp.lambdify(X, -slope / 2), np.ones_like, *ROW_BOX[0])
    wells = [float(pin.point[0]) for pin in marks.pins]
    edges = [ROW_BOX[0][0], *sorted(marks.passes[:, 0]), ROW_BOX[0][1]]
    for epsilon, level in sweep.items():
        rates = level.state.rates
        for i, j in PAIRS:
            exact = line.log_time(wells[i], wells[j], epsilon)
            assert rates.log_mfpt[i, j] == pytest.approx(exact, abs=1e-3)
        n = np.argsort(np.argsort(wells))
        masses = [line.mass(edges[k], edges[k + 1], epsilon) for k in n]
        np.testing.assert_allclose(rates.log_weight, np.log(masses), atol=1e-3)
        assert level.state.window_change < 2e-3
