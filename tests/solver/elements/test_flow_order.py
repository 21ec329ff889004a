"""Transport equations solved by iterations in the order of the flow."""

import numpy as np
import pytest
import sympy as sp
from dolfinx import fem
from mpi4py import MPI

from meshes.box import box
from solver.elements import lagged
from solver.elements.flow_order import solve_along_flow
from solver.elements.region import cell_values
from solver.hamilton_jacobi.expansion import expand
from solver.hamilton_jacobi.growth import from_expansion, grow
from tests.exact import X, Y, Z, function, manufactured

COMM = MPI.COMM_WORLD
AXIS = sp.Matrix([1, 2, 3]) / sp.sqrt(14)
CROSS = sp.Matrix([[0, -AXIS[2], AXIS[1]], [AXIS[2], 0, -AXIS[0]], [-AXIS[1], AXIS[0], 0]])
BOWL = X**2 + 2 * Y**2 + 3 * Z**2


@pytest.mark.mpi
def test_v_in_space_without_exact_factors(monkeypatch):
    """V of a linear drift that rotates five times as fast as it contracts, exact at degree 2."""
    swept, factorised = [], []

    def along_flow(*arguments):
        swept.append(solve_along_flow(*arguments))
        return swept[-1]

    monkeypatch.setattr(lagged, "LARGE", 0)
    monkeypatch.setattr(lagged, "solve_along_flow", along_flow)
    monkeypatch.setattr(lagged, "factorise", lambda *arguments: factorised.append(arguments))
    case = manufactured(BOWL, sp.eye(3), 5 * CROSS)
    space = fem.functionspace(box(COMM, [(-1.05, 1.05), (-0.75, 0.75), (-0.62, 0.62)], 10), ("Lagrange", 2))
    expansion = expand(case, np.zeros(3), 0.1)
    rough = expand(case, np.zeros(3), 1.0, tolerance=2e-2)
    solution = grow(case, *from_expansion(space, rough), expansion, 0.8 * rough.level, 1.0)
    assert solution.level == 1.0
    assert swept
    assert all(found is not None for found in swept)
    assert not factorised
    exact, value = fem.Function(space), function(BOWL, 3)
    exact.interpolate(value)
    there = solution.cells & (cell_values(exact).max(axis=1) < 0.9)
    assert np.abs(cell_values(solution.potential) - cell_values(exact))[there].max(initial=0.0) < 1e-10
