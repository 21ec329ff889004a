"""Losses whose V is known, also where they are not smooth: times against quadrature, barriers exact."""

import numpy as np
import pytest
import sympy as sp
from mpi4py import MPI

from meshes.box import box
from meshes.jumps import fitted_to_jumps
from solver.analysis.stages import analyse
from solver.elements.discretisation import discretise
from solver.errors import NotConverged
from solver.places.search import find_places
from solver.real_functions import Larger, Magnitude, Smaller
from solver.system import System
from tests.exact import TURNED_EIGENVALUES, Line, X, Y, solved, solved_on


def on_line(case, bounds):
    return Line(lambda x: case.drift(np.ravel(x)[None])[0].reshape(np.shape(x)), np.ones_like, *bounds)


@pytest.mark.mpi
def test_kinks_on_the_line():
    case = System.from_loss(Magnitude(Magnitude(X) - 1), [X])
    analysis = solved(case, [(-2.0, 2.0)], 64, (0.25, 0.125))
    for one in analysis.barriers:
        np.testing.assert_allclose([one.barrier, one.lower, one.upper], 2.0, rtol=1e-11)
        assert one.lower <= one.barrier <= one.upper
        assert one.mismatch < 1e-9
    for epsilon, level in analysis.levels.items():
        exact = on_line(case, (-2.0, 2.0)).log_time(-1.0, 1.0, epsilon)
        np.testing.assert_allclose(level.state.rates.log_mfpt[[0, 1], [1, 0]], exact, atol=2e-4)
    assert all("Kramers' law" in name for name in analysis.refused)
    assert all("kink" in reason.reason for reason in analysis.refused.values())


def test_kinks_between_the_vertices_of_a_mesh():
    case, bounds = System.from_loss(Magnitude(Magnitude(X) - 1), [X]), (-2.0, 2.1)
    domain = fitted_to_jumps(box(MPI.COMM_SELF, [bounds], 64), case.drift)
    level = solved_on(domain, case, [bounds], (0.25,)).levels[0.25]
    for i, j, start in ((0, 1, -1.0), (1, 0, 1.0)):
        exact = on_line(case, bounds).log_time(start, -start, 0.25)
        assert level.state.rates.log_mfpt[i, j] == pytest.approx(exact, abs=3e-4)


def test_huber_loss():
    case = System.from_loss(Smaller(Magnitude(X), 1) ** 2 / 2 + Larger(Magnitude(X) - 1, 0), [X])
    analysis = solved(case, [(-3.0, 3.0)], 60, (0.5,), comm=MPI.COMM_SELF)
    # V = 2U, and the density e^{−V/ε} up to the walls
    line, x = on_line(case, (-3.0, 3.0)), np.linspace(-3.0, 3.0, 60001)
    weight = np.exp(-2 * case.loss(x[None]) / 0.5)
    assert line.potential(0.0, 1.0) == pytest.approx(1.0, rel=1e-12)
    expected = np.sum(x**2 * weight) / np.sum(weight)
    np.testing.assert_allclose(analysis.levels[0.5].covariance, [[expected]], rtol=1e-5)
    assert analysis.refused == {}


def test_singular_hessians():
    case = System.from_loss((X**2 - 1) ** 2 / 4 + Y**4, [X, Y])
    analysis = solved(case, [(-1.8, 1.8), (-1.2, 1.2)], 16, (0.1,), comm=MPI.COMM_SELF)
    for one in analysis.barriers:
        np.testing.assert_allclose([one.barrier, one.lower, one.upper], 0.5, rtol=1e-12)
    # x moves as in the double well with y²/2
    level = analysis.levels[0.1]
    assert level.spectrum.values[0] == pytest.approx(TURNED_EIGENVALUES[45], rel=5e-4)
    # λ₂ is twice the rate up to e^{−barrier/ε}
    exact = np.log(2.0) - np.log(TURNED_EIGENVALUES[45])
    np.testing.assert_allclose(level.state.rates.log_mfpt[[0, 1], [1, 0]], exact, atol=2e-2)
    assert all("singular Hessian" in reason.reason for reason in analysis.refused.values())


def test_only_the_wanted_levels_are_solved_for():
    said = []
    case = System.from_loss((X**2 - 1) ** 2 / 4 + X / 20, [X])
    bounds = [(-2.0, 2.0)]
    places = find_places(case, bounds, comm=MPI.COMM_SELF)
    known = discretise(case, box(MPI.COMM_SELF, bounds, 64), 3)
    analyse(known, places, [0.05, 0.1, 0.02], said.append)
    assert [text for text in said if "density" in text] == [
        f"stationary density at epsilon = {epsilon}" for epsilon in (0.1, 0.05, 0.02)
    ]


def test_kinks_under_other_noise_are_refused_by_name():
    case = System.from_loss(Magnitude(Magnitude(X) - 1) + Y**2 / 2, [X, Y], [[1, 0], [0, 2]])
    with pytest.raises(NotConverged, match="jumps at the attractor"):
        solved(case, [(-2.0, 2.0), (-1.0, 1.0)], 8, [], comm=MPI.COMM_SELF)


def test_a_box_that_ends_lower_than_the_well():
    """A washboard: beyond the pass the loss runs down to the edge of the box, below the well that is left."""
    case = System.from_loss(-sp.cos(X) - sp.Rational(3, 10) * X, [X])
    analysis = solved(case, [(-2.6, 8.2)], 512, (), comm=MPI.COMM_SELF)
    first = analysis.wells[0]
    barrier = 2.296432398  # twice the rise of the loss from 0.304693 to 2.8369
    assert analysis.barriers[0].barrier == pytest.approx(barrier, rel=1e-9)
    assert first.trusted_level == pytest.approx(0.999 * barrier, rel=1e-9)
    assert first.iteration.residual < 1e-3
    # no cell beyond the pass, in either set
    x = case_points(first.potential.function_space)
    for cells in (first.cells, first.valid):
        assert x[cells].max() < 2.8369 + 10.8 / 512
    # the second well reaches the right end of the box at 27 % of the way back
    edge = 2 * (case.loss(np.array([[8.2]])) - case.loss(np.array([[6.58788]])))[0]
    assert analysis.wells[1].trusted_level == pytest.approx(0.999 * edge, rel=1e-6)


def case_points(space):
    """Where the dofs of every cell are, ``(cells, dofs per cell)``, on a line."""
    return space.tabulate_dof_coordinates()[space.dofmap.list, 0]
