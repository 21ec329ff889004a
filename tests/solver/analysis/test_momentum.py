"""The whole of the solver on the phase space of a loss, where no noise acts on the position."""

import numpy as np
import pytest
import sympy as sp

from solver.errors import NotConverged
from solver.system import System
from tests.exact import solved

X, Y = sp.symbols("x y")
BOX = [(-2.2, 2.2), (-2.0, 2.0)]
WELL = (X**2 - 1) ** 2 / 4


def energy(x):
    return x[1] ** 2 / 2 + (x[0] ** 2 - 1) ** 2 / 4


def log_normaliser(epsilon):
    """``log ∫ e^{−energy/ε}`` over the box."""
    nodes, weights = np.polynomial.legendre.leggauss(400)
    x = np.array([[2.2], [2.0]]) * nodes
    parts = np.exp(-((x[0] ** 2 - 1) ** 2) / 4 / epsilon), np.exp(-(x[1] ** 2) / 2 / epsilon)
    return np.log(2.2 * np.sum(weights * parts[0])) + np.log(2.0 * np.sum(weights * parts[1]))


@pytest.mark.mpi
@pytest.mark.parametrize("friction", [0.1, 1.0])
def test_equal_temperature(friction):
    system = System.from_loss(WELL, [X]).with_momentum(friction)
    epsilons = (0.05, 0.01)
    analysis = solved(system, BOX, 48, epsilons)
    for barrier in analysis.barriers:
        assert barrier.barrier == pytest.approx(0.25, abs=1e-12)
        assert barrier.lower == pytest.approx(0.25, abs=1e-12)
        assert barrier.mismatch < 1e-5
    growth = np.sqrt(friction**2 / 4 + 1) - friction / 2
    law = np.log(2 * np.pi / growth) - 0.5 * np.log(2.0)
    for epsilon in epsilons:
        level = analysis.levels[epsilon]
        x = level.state.gauge.function_space.tabulate_dof_coordinates()[:, :2].T
        inside = level.state.coefficients.region.dofs(level.state.gauge.function_space)
        log_p = level.state.p.log_values() - level.state.log_normaliser
        exact = -energy(x) / epsilon - log_normaliser(epsilon)
        np.testing.assert_allclose(log_p[inside], exact[inside], atol=1e-3)
        assert level.gauge_refresh < 1e-4
    # the density was also solved for in each well, without knowing that q is constant deep in it; the
    # energy rises by several ε over a cell
    part = level.state.wells[0].q.x.array[inside & (x[0] < -0.8) & (energy(x) < 0.1)]
    np.testing.assert_allclose(np.log(part / np.median(part)), 0.0, atol=1e-2)
    # Kramers' law for every friction, up to what is of order ε, more of it where friction is small
    times = [analysis.levels[e].state.rates.log_mfpt[0, 1] - 0.25 / e for e in epsilons]
    assert times[1] == pytest.approx(law, abs=0.03)
    assert abs(times[1] - law) < 0.3 * abs(times[0] - law)
    # the backward equation, which knows nothing of V
    direct = np.log(analysis.levels[0.05].passages[0, 1].mean)
    assert direct - 5.0 == pytest.approx(times[0], abs=0.01)


def test_strength_that_depends_on_place():
    """No closed form: V by its equation, path by Hamilton's, times from densities and from the prefactor."""
    system = System.from_loss(WELL, [X], diffusion=1 + 3 * sp.sin(2 * X) / 10).with_momentum(1.0)
    analysis = solved(system, BOX, 48, (0.1, 0.05))
    for barrier, well in zip(analysis.barriers, analysis.wells, strict=True):
        # the field and the path know nothing of each other
        assert barrier.mismatch < 1e-5
        assert well.trusted_level > 0.97 * barrier.barrier
        # not more noise anywhere than 1.3 times that of the energy
        assert 0.25 / 1.3 < barrier.lower <= barrier.barrier
    assert analysis.barriers[0].barrier > 0.3 > 0.25 > analysis.barriers[1].barrier
    gaps = []
    for epsilon in (0.1, 0.05):
        times = analysis.levels[epsilon].state.rates.log_mfpt
        laws = [law.log_mfpt(epsilon) for law in analysis.asymptotics]
        gaps.append([times[0, 1] - laws[0], times[1, 0] - laws[1]])
    # of order ε
    assert np.abs(gaps[1]).max() < 0.1
    assert (np.abs(gaps[1]) < 0.6 * np.abs(gaps[0])).all()


def test_a_linear_chain():
    """dy = x dt, dx = (−x − y) dt + dW: V = x² + y²."""
    system = System.from_drift([-X - Y, X], [X, Y], diffusion=[[1, 0], [0, 0]])
    analysis = solved(system, [(-2.0, 2.0), (-2.0, 2.0)], 16, (0.05,))
    np.testing.assert_allclose(analysis.landmarks.pins[0].covariance, np.diag([0.5, 0.5]), atol=1e-12)
    well = analysis.wells[0]
    x = well.potential.function_space.tabulate_dof_coordinates()[:, :2].T
    inside = well.coefficients.region.dofs(well.potential.function_space)
    np.testing.assert_allclose(well.potential.x.array[inside], np.sum(x**2, axis=0)[inside], atol=1e-10)
    assert well.trusted_level > 3.5
    level = analysis.levels[0.05]
    log_p = level.state.p.log_values() - level.state.log_normaliser
    near = np.sum(x**2, axis=0) < 1.0
    exact = -np.sum(x**2, axis=0) / 0.05 - np.log(0.05 * np.pi)
    np.testing.assert_allclose(log_p[near], exact[near], atol=1e-5)


def test_a_direction_that_no_noise_reaches():
    system = System.from_drift([-X, -Y], [X, Y], diffusion=[[1, 0], [0, 0]])
    with pytest.raises(NotConverged, match="no noise reaches the combination 1 y at the attractor"):
        solved(system, [(-1.0, 1.0), (-1.0, 1.0)], 8, ())
