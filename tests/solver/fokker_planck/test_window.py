"""Where committors are looked at for their overshoot."""

import numpy as np
import pytest
from dolfinx import fem
from mpi4py import MPI

from meshes.box import box
from solver.elements.region import whole
from solver.fokker_planck.window import Border, overshoots

COMM = MPI.COMM_WORLD


@pytest.mark.mpi
def test_an_overshoot_counts_at_the_borders_that_are_as_high():
    """W = x and ε = 0.1, with an overshoot of 0.3 round x = 5 and borders at 1 and 6."""
    domain = box(COMM, [(0.0, 8.0)], 80)
    space = fem.functionspace(domain, ("Lagrange", 2))
    gauge, first, second, third = (fem.Function(space) for _ in range(4))
    gauge.interpolate(lambda x: x[0])
    first.interpolate(lambda x: 0.5 + 0.8 * np.exp(-20 * (x[0] - 5) ** 2))
    second.x.array[:] = 1.0 - first.x.array
    borders = {pair: Border(1.0, 0.2) for pair in ((0, 1), (1, 0))}
    borders |= {pair: Border(6.0, 5.2) for pair in ((0, 2), (2, 0), (1, 2), (2, 1))}
    found = overshoots(whole(domain), gauge, [first, second, third], borders, 0.1)
    np.testing.assert_allclose(found, [[0, 0, 0.3], [0, 0, 0.3], [0.3, 0.3, 0]], atol=1e-12)
    # the border at 1 with so much noise that it is seen up to x = 5
    found = overshoots(whole(domain), gauge, [first, second, third], borders, 0.55)
    assert found[0, 1] == found[1, 0] == pytest.approx(0.3)
