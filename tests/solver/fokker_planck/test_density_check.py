"""How much of the probability moves, against the distance of two Gaussians."""

import math

import numpy as np
import pytest
import sympy as sp
from dolfinx import fem
from mpi4py import MPI

from meshes.box import box
from solver.elements.coefficients import coefficients
from solver.elements.evaluate import Locator
from solver.fokker_planck.continuation import StationaryDensity
from solver.fokker_planck.density_check import density_change
from solver.fokker_planck.gauge_density import GaugeDensity
from solver.fokker_planck.landmarks import Landmarks
from tests.exact import X, system

COMM = MPI.COMM_WORLD


@pytest.mark.mpi
@pytest.mark.parametrize("epsilon", [0.5, 2e-3])
def test_the_distance_of_two_gaussians(epsilon):
    """``exp(−(x − m)²/ε)``, m = 0 and 0.6 σ: erf(0.6/2√2), and log p differs by that of the parabolas."""
    domain = box(COMM, [(-4.0, 4.0)], 4000)
    space = fem.functionspace(domain, ("Lagrange", 2))
    known = coefficients(domain, system([-X], sp.eye(1)), 2)
    shift = 0.6 * math.sqrt(epsilon / 2)

    def state(mean, factor):
        gauge, q = fem.Function(space), fem.Function(space)
        gauge.interpolate(lambda x: (x[0] - mean) ** 2 + 0.3)
        q.x.array[:] = factor
        p = GaugeDensity(known, gauge, epsilon, q)
        return StationaryDensity(p, (), (), None, p.log_mass(0.3) - 0.3 / epsilon)

    nothing = Landmarks((), np.empty((0, 1)), ())
    change = density_change(state(0.0, 1.0), state(shift, 7.0), nothing, Locator(domain))
    assert change.mass == pytest.approx(math.erf(0.6 / math.sqrt(8)), rel=2e-4)
    x = space.tabulate_dof_coordinates()[:, 0]
    exact = np.abs((x - shift) ** 2 - x**2) / epsilon
    np.testing.assert_allclose(change.log_density_gap, exact, atol=1e-6 / epsilon)
