"""V grown from the local expansion at the attractor alone, without any other start."""

import numpy as np
import pytest
import sympy as sp
from dolfinx import fem
from mpi4py import MPI

from meshes.box import box
from meshes.fitted import fitted
from meshes.refine import graded
from solver.elements.coefficients import coefficients
from solver.elements.region import cell_values, cells_near, component, make_region
from solver.hamilton_jacobi.bounds.lower_bound import lower_bound
from solver.hamilton_jacobi.expansion import expand
from solver.hamilton_jacobi.growth import from_expansion, grow
from tests.exact import X, Y, Z, function, manufactured, system

COMM = MPI.COMM_WORLD
AXIS = sp.Matrix([1, 2, 3]) / sp.sqrt(14)
CROSS = sp.Matrix([[0, -AXIS[2], AXIS[1]], [AXIS[2], 0, -AXIS[0]], [-AXIS[1], AXIS[0], 0]])
WELL = (X**2 - 1) ** 2 + Y**2
TURN = sp.Matrix([[0, -1], [1, 0]])


def grown(potential, rotation, domain, attractor, degree, goal):
    """The solution, its largest error where V < 0.9 goal, the system and the expansion."""
    dim = len(attractor)
    case = manufactured(potential, sp.eye(dim), rotation)
    space = fem.functionspace(domain, ("Lagrange", degree))
    point = np.array(attractor)
    expansion = expand(case, point, 0.1 * goal)
    rough = expand(case, point, goal, tolerance=2e-2)
    solution = grow(case, *from_expansion(space, rough), expansion, 0.8 * rough.level, goal)
    exact, value = fem.Function(space), function(potential, dim)
    exact.interpolate(lambda x: value(x[:dim]))
    there = solution.cells & (cell_values(exact).max(axis=1) < 0.9 * goal)
    gap = np.abs(cell_values(solution.potential) - cell_values(exact))[there]
    return solution, COMM.allreduce(float(np.max(gap, initial=0.0)), op=MPI.MAX), case, expansion


@pytest.mark.mpi
@pytest.mark.parametrize("rho", [0, 10])
def test_quartic_in_the_plane_is_exact_at_degree_four(rho):
    plane = box(COMM, [(-1.5, 0.1), (-1.05, 1.05)], 24)
    domain = graded(plane, [np.zeros(2)], [0.02])
    goal = 0.999
    solution, error, case, expansion = grown(WELL, sp.Rational(rho, 2) * TURN, domain, [-1.0, 0.0], 4, goal)
    assert solution.level == goal
    assert error < 1e-11
    known = coefficients(domain, case, 4)
    bound = lower_bound(known, solution.potential, solution.cells, expansion, 1.0)
    assert 0.998 < bound <= 1.0


@pytest.mark.mpi
def test_quadratic_in_space_with_strong_rotation_is_exact():
    domain = box(COMM, [(-1.05, 1.05), (-0.75, 0.75), (-0.62, 0.62)], 10)
    solution, error, _, _ = grown(X**2 + 2 * Y**2 + 3 * Z**2, 5 * CROSS, domain, [0.0] * 3, 2, 1.0)
    assert solution.level == 1.0
    assert error < 1e-11


@pytest.mark.mpi
@pytest.mark.parametrize("resolution", [8, 16])
def test_mesh_fitted_to_an_ellipsoid(resolution):
    domain = box(COMM, [(-1.05, 1.05)] * 3, resolution)
    stretch = np.array([1.0, 2.0, 3.0])

    def height(cells, reference):
        corners = domain.geometry.x[domain.geometry.dofmap][cells]
        x = corners[:, 0] + np.einsum("nij,ni->nj", corners[:, 1:] - corners[:, :1], reference)
        return (stretch * x * x).sum(axis=1) - 0.8, 2 * stretch * x

    shape, active = fitted(domain, height)
    region = make_region(shape, component(shape, active, cells_near(shape, np.zeros(3))))
    one = fem.Constant(shape, 1.0)
    volume = COMM.allreduce(fem.assemble_scalar(fem.form(one * region.dx({}))), op=MPI.SUM)
    exact = 4 * np.pi / 3 * 0.8**1.5 / np.sqrt(6)
    # chords lie inside: second order in the size of a cell
    assert -22 / resolution**2 < volume / exact - 1 < 0


@pytest.mark.mpi
def test_growth_on_a_line_of_many_cells():
    """``dx = x(x/0.3 − 1)(1 − x) dt + √(εx) dW``: 222 of 512 cells from the attractor to the pass."""
    case = system([X * (X / 0.3 - 1) * (1 - X)], sp.Matrix([[X]]))
    space = fem.functionspace(box(COMM, [(0.02, 1.6)], 512), ("Lagrange", 3))
    # V = 2 ∫_x^1 (y/0.3 − 1)(1 − y) dy
    barrier = 2 * (13 / 3 * (1 - 0.3**2) / 2 - (1 - 0.3**3) / 0.9 - 0.7)
    goal = 0.999 * barrier
    expansion = expand(case, np.array([1.0]), 0.1 * barrier)
    rough = expand(case, np.array([1.0]), barrier, tolerance=2e-2)
    solution = grow(case, *from_expansion(space, rough), expansion, 0.8 * rough.level, goal)
    assert barrier == pytest.approx(0.3811111111, rel=1e-9)
    assert solution.level == goal
    assert solution.iteration.converged_level == pytest.approx(goal, rel=1e-6)
