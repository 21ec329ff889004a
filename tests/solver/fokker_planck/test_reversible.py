"""Where p is known in closed form only rates are solved for: weights, times, and densities at kinks."""

import numpy as np
import pytest
import sympy as sp

from solver.fokker_planck.spectrum import slowest_eigenvalues
from solver.real_functions import Larger
from solver.system import System
from tests.exact import X, Y, gradient_system, solved
from tests.solver.sweeps import TRIANGLE, passage_times

BOX = [(-1.6, 1.6), (-1.6, 1.6)]


def averages(loss, bounds, epsilon, functions, count=400):
    """Under ``exp(−2 loss/ε)`` on a box, by Gauss's rule."""
    nodes, weights = np.polynomial.legendre.leggauss(count)
    sides = [low + (high - low) * (nodes + 1) / 2 for low, high in bounds]
    x = np.stack([one.ravel() for one in np.meshgrid(*sides, indexing="ij")])
    p = np.outer(weights, weights).ravel() * np.exp(-2 * (loss(x) - loss(x).min()) / epsilon)
    return [float(np.sum(f(x) * p) / np.sum(p)) for f in functions]


@pytest.mark.mpi
def test_three_wells_on_a_coarse_mesh():
    case, epsilon = gradient_system(TRIANGLE, sp.eye(2)), 0.15
    analysis = solved(case, BOX, 24, (epsilon,))
    level = analysis.levels[epsilon]
    rates, part = level.state.rates, level.state.coefficients
    # weights are masses: nothing that an error of a rate could shift
    exact = averages(case.loss, BOX, epsilon, (lambda x: x[0], lambda x: x[1], lambda x: x[0] ** 2))
    found = [*level.mean, level.covariance[0, 0] + level.mean[0] ** 2]
    np.testing.assert_allclose(found, exact, rtol=2e-5)
    # rates: against the eigenvalues of the generator, on the same mesh by another equation
    chain = np.exp(rates.log_rate)
    np.fill_diagonal(chain, 0.0)
    own = np.sort(np.linalg.eigvals(np.diag(chain.sum(axis=1)) - chain).real)[1:]
    expected = slowest_eigenvalues(part, level.state.gauge.function_space, epsilon, 2, own[0])
    np.testing.assert_allclose(own, expected, rtol=2e-2)
    times = passage_times(chain - np.diag(chain.sum(axis=1)))
    assert np.exp(rates.log_mfpt) == pytest.approx(times, rel=1e-9)
    # detailed balance
    flux = np.exp(rates.log_weight[:, None] + rates.log_rate)
    np.testing.assert_allclose(flux, flux.T, rtol=1e-9)
    # two functionals of the committors, one right to second order
    assert 0.0 < level.gauge_refresh < 5e-3
    assert analysis.gauge_gap is None


def test_a_density_is_exact_at_kinks():
    """The hinge loss of two layers: the drift jumps on a curve that no mesh has."""
    case = System.from_loss(Larger(0, 1 - X * Y) + (X**2 + Y**2) * 0.15, [X, Y])
    bounds = [(-2.2, 2.2), (-2.2, 2.2)]
    level = solved(case, bounds, 24, (0.2,)).levels[0.2]
    x = level.state.gauge.function_space.tabulate_dof_coordinates()[:, :2].T
    inside = level.state.coefficients.region.dofs(level.state.gauge.function_space)
    log_p = level.state.p.log_values() + 2 * case.loss(x) / 0.2
    np.testing.assert_allclose(log_p[inside], 0.0, atol=1e-11)
    assert level.density_refresh == 0.0
    (exact,) = averages(case.loss, bounds, 0.2, [lambda x: x[0] * x[1]], 1200)
    assert level.covariance[0, 1] + level.mean[0] * level.mean[1] == pytest.approx(exact, rel=2e-3)
