"""Direct solution: what is let go of is freed on every number of ranks."""

import ctypes

import numpy as np
import pytest
import ufl
from dolfinx import fem, mesh
from mpi4py import MPI

from solver.elements.assembly import assemble_matrix
from solver.elements.linear import AUTOMATIC, DENSE_ROWS, MINIMUM_FILL, factorise, ordering, solve
from solver.elements.region import whole
from solver.fokker_planck.well_density import bordered, bordered_order, pin_value

COMM = MPI.COMM_WORLD


class _Heap(ctypes.Structure):
    """``struct mallinfo2`` of the C library, in bytes."""

    _fields_ = (
        ("arena", ctypes.c_size_t),
        ("ordblks", ctypes.c_size_t),
        ("smblks", ctypes.c_size_t),
        ("hblks", ctypes.c_size_t),
        ("hblkhd", ctypes.c_size_t),
        ("usmblks", ctypes.c_size_t),
        ("fsmblks", ctypes.c_size_t),
        ("uordblks", ctypes.c_size_t),
        ("fordblks", ctypes.c_size_t),
        ("keepcost", ctypes.c_size_t),
    )


def in_use():
    """Memory of all ranks that is allocated and not freed, in MB.  Collective.

    Not the resident size: what earlier tests have freed is used again without a change of it.
    """
    measure = ctypes.CDLL(None).mallinfo2
    measure.restype = _Heap
    heap = measure()
    return COMM.allreduce(heap.uordblks + heap.hblkhd) / 2**20


@pytest.mark.mpi
def test_factors_do_not_pile_up():
    domain = mesh.create_unit_square(COMM, 72, 72)
    space = fem.functionspace(domain, ("Lagrange", 3))
    u, v = ufl.TrialFunction(space), ufl.TestFunction(space)
    region = whole(domain)
    form = (ufl.inner(ufl.grad(u), ufl.grad(v)) + u * v) * region.dx({})
    matrix = assemble_matrix(form, region, space, np.zeros(0, dtype=np.int32))
    rhs = matrix.createVecLeft()
    rhs.set(1.0)
    start = in_use()
    ksp = factorise(matrix, "test")
    solve(ksp, rhs, "test")
    one = in_use() - start
    assert one > 20.0
    for _ in range(7):
        ksp = factorise(matrix, "test")
        solve(ksp, rhs, "test")
    # the old factors live until the new ones are made
    assert in_use() - start < 4.0 * one


def poisson(domain, degree):
    """The matrix of −Δu + u."""
    space = fem.functionspace(domain, ("Lagrange", degree))
    u, v = ufl.TrialFunction(space), ufl.TestFunction(space)
    region = whole(domain)
    form = (ufl.inner(ufl.grad(u), ufl.grad(v)) + u * v) * region.dx({})
    return assemble_matrix(form, region, space, np.zeros(0, dtype=np.int32))


@pytest.mark.mpi
@pytest.mark.parametrize("degree", [2, 3, 4])
def test_the_order_of_elimination_in_the_plane_costs_no_memory(degree):
    matrix = poisson(mesh.create_unit_square(COMM, 96 // degree, 96 // degree), degree)
    assert ordering(matrix) == MINIMUM_FILL
    entries = {}
    for how in (MINIMUM_FILL, AUTOMATIC):
        ksp = factorise(matrix, "test", {"mat_mumps_icntl_7": how})
        entries[how] = ksp.getPC().getFactorMatrix().getMumpsInfog(9)
    assert entries[MINIMUM_FILL] < 1.2 * entries[AUTOMATIC]
    factors = factorise(matrix, "default").getPC().getFactorMatrix()
    assert factors.getMumpsInfog(7) == MINIMUM_FILL
    assert factors.getMumpsInfog(9) == entries[MINIMUM_FILL]


def test_in_space_the_order_is_that_of_nested_dissection():
    """Also after a matrix of the plane under the same name: PETSc keeps options by name."""
    factorise(poisson(mesh.create_unit_square(COMM, 8, 8), 3), "test")
    matrix = poisson(mesh.create_unit_cube(COMM, 12, 12, 12), 2)
    assert ordering(matrix) == AUTOMATIC
    assert factorise(matrix, "test").getPC().getFactorMatrix().getMumpsInfog(7) != MINIMUM_FILL


def test_dense_rows_are_set_apart_in_the_plane():
    domain = mesh.create_unit_square(COMM, 32, 32)
    matrix = poisson(domain, 3)
    column = matrix.createVecLeft()
    column.set(1.0 / column.getSize())
    complete = bordered(matrix, [column])
    ksp = factorise(complete, "test", None, bordered_order(domain))
    assert ksp.getPC().getFactorMatrix().getMumpsInfog(7) == DENSE_ROWS
    solution = solve(ksp, pin_value(complete, 1, 0), "test")
    values = solution.array_r[: column.getLocalSize()]
    assert COMM.allreduce(float(values @ column.array_r)) == pytest.approx(1.0, rel=1e-12)
    assert bordered_order(mesh.create_unit_cube(COMM, 1, 1, 1)) is None
