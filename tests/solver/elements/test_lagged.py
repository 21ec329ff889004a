"""Linear systems solved with the factors of an earlier matrix."""

import numpy as np
import pytest
import ufl
from dolfinx import fem, mesh
from mpi4py import MPI

from solver.elements.assembly import fixed_dofs, reassemble, repeated
from solver.elements.lagged import Lagged
from solver.elements.region import make_region, whole
from solver.errors import NotConverged

COMM = MPI.COMM_WORLD


@pytest.fixture
def problem():
    """−Δu + c x² u = (c x² + 2π²) sin πx sin πy on the square, u = 0 at its edge; c can be changed."""
    domain = mesh.create_unit_square(COMM, 12, 12)
    space = fem.functionspace(domain, ("Lagrange", 4))
    u, v = ufl.TrialFunction(space), ufl.TestFunction(space)
    c = fem.Constant(domain, 0.0)
    x = ufl.SpatialCoordinate(domain)
    exact = ufl.sin(ufl.pi * x[0]) * ufl.sin(ufl.pi * x[1])
    region = whole(domain)
    dx = region.dx({"quadrature_degree": 12})
    left = (ufl.inner(ufl.grad(u), ufl.grad(v)) + c * x[0] ** 2 * u * v) * dx
    right = (c * x[0] ** 2 + 2 * ufl.pi**2) * exact * v * dx
    domain.topology.create_connectivity(1, 2)
    edge = fem.locate_dofs_topological(space, 1, mesh.exterior_facet_indices(domain.topology))
    answer = fem.Function(space)
    points = space.tabulate_dof_coordinates()
    answer.x.array[:] = np.sin(np.pi * points[:, 0]) * np.sin(np.pi * points[:, 1])
    return c, repeated(left, right, region, fem.Function(space), edge), answer


def error(solution, answer):
    owned = solution.array_r.size
    return COMM.allreduce(float(np.abs(solution.array_r - answer.x.array[:owned]).max()), op=MPI.MAX)


@pytest.mark.mpi
def test_factors_are_kept_while_the_matrix_is_near_and_renewed_when_it_is_not(problem):
    c, system, answer = problem
    solver = Lagged(system.matrix, "test")
    guess = system.matrix.createVecRight()
    factors = []
    for value in (0.0, 1.0, 3.0, 1e5):
        c.value = value
        assert error(solver.solve(reassemble(system), guess, near=True), answer) < 2e-6
        factors.append(solver.ksp)
    assert factors[0] is factors[1] is factors[2]
    assert factors[3] is not factors[2]
    solver.destroy()


def test_a_choice_of_the_user_is_used_for_every_matrix(problem):
    c, system, answer = problem
    options = {"ksp_type": "cg", "pc_type": "jacobi", "ksp_rtol": 1e-10}
    solver = Lagged(system.matrix, "chosen", options)
    for value in (0.0, 1.0):
        c.value = value
        found = solver.solve(reassemble(system), system.matrix.createVecRight(), near=True)
        assert error(found, answer) < 2e-6
        assert solver.ksp.getType() == "cg"


def test_a_singular_matrix_is_refused(problem):
    c, system, _ = problem
    solver = Lagged(system.matrix, "singular")
    rhs = reassemble(system)
    system.matrix.zeroEntries()
    with pytest.raises(NotConverged):
        solver.solve(rhs, rhs.duplicate(), near=True)


@pytest.mark.mpi
@pytest.mark.parametrize("along_flow", [False, True])
def test_fixed_rows_are_left_out_of_the_system(along_flow, monkeypatch):
    """Transport x-wards through the lower left corner of a square: the rest of the mesh is fixed at 7."""
    if along_flow:
        monkeypatch.setattr("solver.elements.lagged.LARGE", 0)
    domain = mesh.create_unit_square(COMM, 16, 16)
    space = fem.functionspace(domain, ("Lagrange", 2))
    u, v = ufl.TrialFunction(space), ufl.TestFunction(space)
    cells = mesh.compute_midpoints(domain, 2, np.arange(len(space.dofmap.list), dtype=np.int32))
    region = make_region(domain, cells[:, :2].max(axis=1) < 0.5)
    x = space.tabulate_dof_coordinates()
    speed = fem.Constant(domain, 1.0)
    tau = 1.0 / 32.0
    dx = region.dx({})
    left = speed * u.dx(0) * (v + tau * v.dx(0)) * dx
    right = speed * (v + tau * v.dx(0)) * dx
    given = fem.Function(space)
    given.x.array[:] = np.where(region.dofs(space), x[:, 0], 7.0)
    answer = fem.Function(space)
    answer.x.array[:] = given.x.array
    inflow = np.flatnonzero(np.isclose(x[:, 0], 0.0)).astype(np.int32)
    fixed = fixed_dofs(region, space, inflow)
    system = repeated(left, right, region, given, fixed)
    owned = space.dofmap.index_map.size_local
    solver = Lagged(system.matrix, "part", heights=x[:owned, 0], fixed=fixed)
    guess = system.matrix.createVecRight()
    for value in (1.0, 2.0):
        speed.value = value
        assert error(solver.solve(reassemble(system), guess, near=False), answer) < 1e-7
        assert solver.matrix.getSize()[0] == COMM.allreduce(owned - int((fixed < owned).sum())) < 0.3 * 33**2
    solver.destroy()
