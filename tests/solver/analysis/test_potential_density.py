"""Densities with the quasi-potential for a gauge: Ornstein–Uhlenbeck processes, down to p = 10⁻¹⁰⁰."""

import numpy as np
import pytest
import sympy as sp
from mpi4py import MPI

from meshes.box import box
from meshes.refine import graded
from solver.analysis.grown_well import grown_well
from solver.analysis.potential_density import density_from_potential
from solver.elements.discretisation import discretise
from solver.fokker_planck.landmarks import Pin
from solver.fokker_planck.moments import mean_and_covariance
from solver.places.attractors import attractor_at
from tests.exact import X, Y, Z, lyapunov_by_kronecker, system

COMM = MPI.COMM_WORLD
HALF = sp.Rational(1, 2)

# non-normal drift J x, full A, cells along a side, cell at the attractor in standard deviations, ε
PROCESSES = {
    "plane": (
        sp.Matrix([[-1, 4], [-HALF, -2]]),
        sp.Matrix([[10, 3], [3, 5]]) / 10,
        (24, 1.0, 0.003),
    ),
}


@pytest.mark.mpi
@pytest.mark.parametrize("name", PROCESSES)
def test_ornstein_uhlenbeck(name):
    drift, noise, (resolution, finest, epsilon) = PROCESSES[name]
    d = drift.shape[0]
    J, A = (np.array(m, dtype=float) for m in (drift, noise))
    S = lyapunov_by_kronecker(J, A)
    P = np.linalg.inv(S)
    case = system(list(drift * sp.Matrix((X, Y, Z)[:d])), noise)
    sides = [(-h, h) for h in np.sqrt(3.0 * np.diag(S))]
    size = finest * np.sqrt(epsilon * np.linalg.eigvalsh(S)[0])
    domain = graded(box(COMM, sides, resolution), [np.zeros(d)], [size])
    well, _ = grown_well(discretise(case, domain, 3), 0, attractor_at(case, np.zeros(d)), [])
    state = density_from_potential(well, epsilon, Pin(np.zeros(d), S))
    _, spread = mean_and_covariance(state)
    np.testing.assert_allclose(spread / epsilon, S, atol=1e-6 * np.abs(S).max())
    space = state.gauge.function_space
    x = space.tabulate_dof_coordinates()[:, :d]
    exact = -0.5 * np.einsum("ni,ij,nj->n", x, P, x) / epsilon
    exact -= 0.5 * np.linalg.slogdet(2 * np.pi * epsilon * S)[1]
    inside = state.coefficients.region.dofs(space)
    log_p = np.log(state.q.x.array[inside]) - state.gauge.x.array[inside] / epsilon - state.log_normaliser
    np.testing.assert_allclose(log_p, exact[inside], atol=1e-6)
    lowest = COMM.allreduce(float(exact[inside].min()), op=MPI.MIN)
    assert lowest < -100 * np.log(10)
