"""Order of convergence of the Hamilton–Jacobi stage on manufactured problems."""

import numpy as np
import pytest
import sympy as sp
from dolfinx import fem
from mpi4py import MPI

from meshes.box import box
from solver.elements.coefficients import coefficients
from solver.elements.region import cell_values
from solver.hamilton_jacobi.expansion import expand
from solver.hamilton_jacobi.well import well_potential
from tests.exact import X, Y, function, manufactured

# V of one well, the level up to which it is solved for, A(x), the box
PLANE = X**2 / 2 + X * Y / 4 + Y**2 / 2 + sp.sin(X) * Y**2 / 6 + sp.cos(2 * Y) * X**2 / 8
LINE = sp.cosh(X) - 1 + sp.sin(X) ** 3 / 5


def error(dim, degree, resolution):
    """Largest error of V where V < 0.9 c, relative to c, and how far V is said to be valid over c."""
    comm = MPI.COMM_WORLD
    if dim == 1:
        V, level = LINE, 0.4
        case = manufactured(V, sp.Matrix([[1 + X / 3]]), sp.zeros(1))
    else:
        V, level = PLANE, 0.4
        tensor = sp.Matrix([[1 + X**2 / 4, X * Y / 5], [X * Y / 5, sp.Rational(3, 5) + Y / 10]])
        case = manufactured(V, tensor, (1 + X / 2) * sp.Matrix([[0, -1], [1, 0]]))
    domain = box(comm, [(-1.6, 1.6)] * dim, resolution)
    known = coefficients(domain, case, degree)
    space = fem.functionspace(domain, ("Lagrange", degree))
    exact, start = fem.Function(space), fem.Function(space)
    value = function(V, dim)
    exact.interpolate(lambda x: value(x[:dim]))
    # five per cent wrong, smoothly
    start.interpolate(lambda x: value(x[:dim]) * (1 + 0.05 * np.sin(3 * x[0] + 1)))
    expansion = expand(case, np.zeros(dim), 0.02)
    well = well_potential(case, known, start, 0, expansion, level, 1e-3)
    cells = well.valid & (cell_values(exact).max(axis=1) < 0.9 * level)
    gap = np.abs(cell_values(well.potential) - cell_values(exact))[cells]
    return comm.allreduce(float(np.max(gap, initial=0.0)) / level, op=MPI.MAX), well.trusted_level / level


@pytest.mark.mpi
@pytest.mark.parametrize(
    ("dim", "degree", "resolutions"),
    [
        (1, 2, (32, 64, 128)),
        (1, 3, (32, 64, 128)),
        (2, 2, (24, 48, 96)),
        (2, 3, (16, 32, 64)),
        (2, 4, (12, 24, 48)),
    ],
)
def test_order_of_convergence(dim, degree, resolutions):
    errors, reach = zip(*(error(dim, degree, n) for n in resolutions), strict=True)
    order = np.polyfit(np.log(resolutions), np.log(errors), 1)[0]
    assert -order >= degree + 0.5
    assert errors[-1] < FINEST[dim, degree]
    assert min(reach) > 0.85


# three to five times the errors measured on the finest meshes
FINEST = {(1, 2): 2e-6, (1, 3): 1e-7, (2, 2): 4e-5, (2, 3): 8e-7, (2, 4): 7e-8}
