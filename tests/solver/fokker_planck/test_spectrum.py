"""The second eigenvalue of irreversible dynamics, against a spectral method; refusals."""

import numpy as np
import pytest
import sympy as sp
from dolfinx import fem
from mpi4py import MPI

from meshes.box import box
from solver.elements.coefficients import coefficients
from solver.errors import NotConverged
from solver.fokker_planck.spectrum import slowest_eigenvalues, well_eigenvalues
from tests.exact import X, Y, gradient_system, manufactured
from tests.solver.hermite import slow_modes
from tests.solver.sweeps import TRIANGLE, swept

# the sheared double well, ``V = 2U``
SHEARED = (X**2 - 1) ** 2 / 2 + (Y - sp.Rational(7, 10) * X) ** 2
BOX = [(-2.1, 2.1), (-2.4, 2.4)]
EPSILON = 0.2


def eigenvalue(spin, epsilon, resolution, guess):
    """λ₂ of ``b = −∇U + γJ∇U``, for ``spin = γ/2``."""
    case = manufactured(SHEARED, sp.eye(2), spin * sp.Matrix([[0, -1], [1, 0]]))
    domain = box(MPI.COMM_WORLD, BOX, resolution)
    space = fem.functionspace(domain, ("Lagrange", 3))
    return slowest_eigenvalues(coefficients(domain, case, 3), space, epsilon, 1, guess)[0]


@pytest.mark.mpi
@pytest.mark.parametrize("gamma", [0, 1, 3, 10])
def test_irreversible_gibbs(gamma):
    values, _ = slow_modes(SHEARED, gamma / 2, EPSILON, 2, [(-1, -0.7), (1, 0.7)], count=56, width=0.45)
    assert abs(values[0]) < 1e-7
    computed = eigenvalue(sp.Rational(gamma, 2), EPSILON, 24 if gamma < 10 else 36, 0.03)
    assert computed == pytest.approx(-values[1].real, rel=1e-4)
    # known: 2.480607040e-2 without rotation, and rotation never slows the relaxation
    if gamma == 0:
        assert computed == pytest.approx(2.480607040e-2, rel=1e-4)
    else:
        assert computed > 2.48e-2


def test_eigenvalues_below_rounding_are_refused():
    with pytest.raises(NotConverged, match="below rounding"):
        eigenvalue(0, 0.03, 16, 1e-7)
    # whatever was expected, the eigenvalue 0 tells: barrier/ε = 33 here
    with pytest.raises(NotConverged, match="not to be trusted"):
        eigenvalue(0, 0.015, 16, 1e-5)


def test_refusal_is_for_what_is_found():
    assert np.isfinite(eigenvalue(0, 0.1, 16, 2e-3))


@pytest.mark.mpi
def test_eigenvalues_of_three_wells_against_a_spectral_method():
    turn = sp.Matrix([[0, -1], [1, 0]])
    marks, sweep = swept(manufactured(TRIANGLE, sp.eye(2), turn), [(-1.45, 1.55), (-1.5, 1.5)], 40, [0.08])
    state = sweep[0.08].state
    space = state.gauge.function_space
    found = well_eigenvalues(state.coefficients, space, 0.08, state.rates)
    points = [pin.point for pin in marks.pins]
    exact = -slow_modes(TRIANGLE, 1.0, 0.08, 3, points, count=100, width=0.18)[0].real
    assert found.refusal is None
    np.testing.assert_allclose(found.values, exact[1:], rtol=2e-3)


def test_refusals_give_their_reason():
    line = gradient_system((X**2 - 1) ** 2 / 4, sp.eye(1))
    marks, sweep = swept(line, [(-2.0, 2.0)], 60, [0.1, 0.02])
    reasons = []
    for epsilon, level in sweep.items():
        state = level.state
        found = well_eigenvalues(state.coefficients, state.gauge.function_space, epsilon, state.rates)
        reasons.append(found.refusal)
        assert len(found.values) == (1 if found.refusal is None else 0)
    assert reasons[0] is None
    assert "below rounding" in reasons[1]
    state = sweep[0.1].state
    found = well_eigenvalues(state.coefficients, state.gauge.function_space, 0.1, None)
    assert "no two separate wells" in found.refusal
