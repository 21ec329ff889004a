"""Direct solution: what is let go of is freed on every number of ranks."""

from pathlib import Path

import numpy as np
import pytest
import ufl
from dolfinx import fem, mesh
from mpi4py import MPI

from solver.assembly import assemble_matrix
from solver.linear import factorise, solve
from solver.region import whole

COMM = MPI.COMM_WORLD


def resident():
    """Memory of all ranks in MB.  Collective."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return COMM.allreduce(pages) / 256


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
    start = resident()
    ksp = factorise(matrix, "test")
    solve(ksp, rhs, "test")
    one = resident() - start
    assert one > 20.0
    for _ in range(7):
        ksp = factorise(matrix, "test")
        solve(ksp, rhs, "test")
    # the old factors live until the new ones are made
    assert resident() - start < 4.0 * one
