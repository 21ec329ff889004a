"""Sharp lower bounds of barriers, on the line and for gradient drifts with isotropic noise."""

import numpy as np
import pytest
import sympy as sp
from mpi4py import MPI

from meshes.box import box
from solver.elements.discretisation import discretise
from solver.hamilton_jacobi.bounds.exact import exact_bound, line_cost
from tests.exact import X, Y, gradient_system, solved, system, turned_well

# Cessi's model of the Atlantic overturning (J. Phys. Oceanogr. 24 (1994) 1911)
CESSI = sp.Rational(11, 10) - X * (1 + sp.Rational(62, 10) * (1 - X) ** 2)


def test_cessi_model_has_closed_brackets_both_ways():
    analysis = solved(system([CESSI], sp.eye(1)), [(0.0, 1.5)], 64, [], comm=MPI.COMM_SELF)
    potential = sp.lambdify(X, -2 * sp.integrate(CESSI, X))
    assert len(analysis.barriers) == 2
    for one in analysis.barriers:
        start, end = analysis.places.attractors[one.start].point[0], analysis.places.passes[0].point[0]
        exact = potential(end) - potential(start)
        assert one.barrier == pytest.approx(exact, rel=1e-9)
        assert exact * (1 - 1e-9) <= one.lower <= one.barrier <= one.upper


def test_line_with_varying_noise_and_units():
    for length, cost in ((1.0, 1.0), (1e5, 1e-20), (1e-4, 1e20)):
        y = X / sp.Float(length, 30)
        case = system([-sp.diff((y**2 - 1) ** 2 / 4 * sp.Float(cost), X)], sp.Matrix([[sp.exp(y)]]))
        exact = cost * float(sp.integrate(2 * (X**3 - X) * sp.exp(-X), (X, -1, 0)))
        found = line_cost(case, np.array([-length]), np.array([0.0]))
        assert exact * (1 - 1e-9) < found <= exact * (1 + 1e-13)
    # downhill all the way
    assert line_cost(case, np.array([0.0]), np.array([length])) == 0.0
    vanishing = system([-X], sp.Matrix([[X]]))
    assert line_cost(vanishing, np.array([-1.0]), np.array([0.0])) == 0.0


def test_bound_is_the_difference_of_the_loss_where_noise_is_isotropic():
    loss = sp.Rational(25, 2) * (Y - X**2) ** 2 + (X**2 - 1) ** 2 / 4
    domain = box(MPI.COMM_WORLD, [(-1.5, 1.5), (-0.5, 2.0)], 6)
    bound = exact_bound(discretise(gradient_system(loss, 4 * sp.eye(2)), domain, 2))
    assert bound(np.array([-1.0, 1.0]), np.zeros(2)) == pytest.approx(0.125, rel=1e-13)
    assert bound(np.zeros(2), np.array([-1.0, 1.0])) == 0.0
    for other in (
        turned_well(30),
        gradient_system(loss, (1 + X**2) * sp.eye(2)),
        system([-X, -Y], sp.eye(2)),
    ):
        assert exact_bound(discretise(other, domain, 2)) is None
