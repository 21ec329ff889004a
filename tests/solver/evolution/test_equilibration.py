"""Approach to the stationary density against the Ornstein–Uhlenbeck process and a double well."""

import math

import numpy as np
import pytest
import sympy as sp
from dolfinx import fem
from mpi4py import MPI
from scipy.special import erf

from meshes.box import box
from solver.elements.coefficients import coefficients
from solver.evolution.equilibration import equilibration
from solver.evolution.transient import TimeOptions, evolve
from solver.fokker_planck.spectrum import slowest_eigenvalues
from tests.exact import X, gradient_system

EPSILON = 0.2


def run(loss, start, times, resolution=64, bounds=(-2.6, 2.6)):
    system = gradient_system(loss, sp.eye(1))
    domain = box(MPI.COMM_WORLD, [bounds], resolution)
    space = fem.functionspace(domain, ("Lagrange", 3))
    known = coefficients(domain, system, 3)
    evolution = evolve(known, space, EPSILON, start, times, TimeOptions(tolerance=1e-9))
    return known, space, equilibration(known, space, EPSILON, evolution)


@pytest.mark.mpi
def test_a_shifted_normal_density():
    """N(m e^{−t}, ε/2) for all times: ``TV = erf(m e^{−t}/√(4ε))``, λ₂ = 1."""
    times, shift = np.array([0.0, 0.5, 1.0, 2.0, 4.0, 6.0, 7.0]), 0.5
    *_, found = run(X**2 / 2, lambda x: np.exp(-((x[0] - shift) ** 2) / EPSILON), times)
    exact = erf(shift * np.exp(-times) / math.sqrt(4 * EPSILON))
    np.testing.assert_allclose(found.distances, exact, rtol=2e-4)
    assert found.eigenvalue == pytest.approx(1.0, rel=1e-6)
    assert found.decay == pytest.approx(1.0, rel=1e-3)
    assert found.refusal is None


def test_the_slowest_mode_decides():
    """A double well from one side: within the well at first, then at λ₂, far more slowly."""
    loss = (X**2 - 1) ** 2 / 4
    known, space, found = run(loss, lambda x: np.exp(-((x[0] + 1) ** 2) / 0.1), [1.0, 20.0, 40.0])
    exact = slowest_eigenvalues(known, space, EPSILON, 1, 0.03)[0]
    assert found.eigenvalue == pytest.approx(exact, rel=1e-9)
    assert found.decay == pytest.approx(exact, rel=1e-4)
    assert found.distances[0] == pytest.approx(0.5 * math.exp(-exact), abs=0.05)


def test_a_symmetric_start_does_not_feel_it():
    loss = (X**2 - 1) ** 2 / 4
    *_, found = run(loss, lambda x: np.exp(-(x[0] ** 2) / 0.2), [1.0, 3.0, 4.0])
    assert found.decay > 20 * found.eigenvalue


def test_no_end_in_sight():
    """Noise too low to cross the barrier in any time: λ₂ is below rounding, and nothing is made up."""
    system = gradient_system((X**2 - 1) ** 2 / 4, sp.eye(1))
    domain = box(MPI.COMM_SELF, [(-1.8, 1.8)], 120)
    space = fem.functionspace(domain, ("Lagrange", 3))
    known = coefficients(domain, system, 3)
    evolution = evolve(known, space, 0.008, lambda x: np.exp(-((x[0] + 1) ** 2) / 0.01), [1.0, 2.0])
    found = equilibration(known, space, 0.008, evolution)
    assert found.eigenvalue is found.decay is None
    assert found.distances.size == 0
    assert found.refusal is not None
