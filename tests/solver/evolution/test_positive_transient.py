"""Positive transient densities: order two where resolved, never negative where not."""

import numpy as np
import pytest

from solver.elements.integrals import mean_and_covariance, total_variation
from solver.errors import NotConverged
from solver.evolution.positive_transient import evolve_positive
from solver.evolution.transient import TimeOptions, evolution_pencil, evolve
from tests.solver.evolution.test_transient import EPSILON, LINEAR, gaussian, linear, moments_at, setting


@pytest.mark.parametrize(("dim", "cells"), [(1, 32), (2, 24)])
def test_order_two(dim, cells):
    B, A, width = LINEAR[dim]
    mean, covariance = np.array([0.5, -0.3])[:dim], 0.15 * np.eye(dim)
    exact_mean, exact_covariance = moments_at(1.0, B, A, mean, covariance)
    errors = []
    for refined in (1, 2):
        c, space = setting(linear(B, A), width, cells * refined, 1)
        found = evolve_positive(c, space, EPSILON, gaussian(mean, covariance), [0.0, 1.0], 0.05 / refined)
        np.testing.assert_allclose(found.masses, 1.0, rtol=0, atol=1e-12)
        assert found.lowest.min() >= 0
        m, S = mean_and_covariance(c, found.densities[-1])
        errors.append(max(np.abs(m - exact_mean).max(), np.abs(S - exact_covariance).max()))
    assert errors[1] < 6e-3
    assert np.log2(errors[0] / errors[1]) > 1.7


@pytest.mark.mpi
@pytest.mark.parametrize("dim", [1, 2])
def test_never_negative(dim):
    """A peak narrower than a cell at small noise, and a drift that presses it against a wall."""
    B, A, width = LINEAR[dim]
    c, space = setting(linear(-B, A), width, 20, 1)
    narrow = gaussian(np.array([0.4, 0.1])[:dim], 1e-3 * np.eye(dim))
    times = [0.01, 0.1, 1.0, 4.0]
    found = evolve_positive(c, space, 1e-3, narrow, times, 0.05)
    assert found.lowest.min() >= 0
    np.testing.assert_allclose(found.masses, 1.0, rtol=0, atol=1e-12)
    with pytest.raises(NotConverged, match="refine the mesh"):
        evolve(c, space, 1e-3, narrow, times, TimeOptions(step=0.05))


def test_agrees_with_the_accurate_solution():
    B, A, width = LINEAR[1]
    start = gaussian(np.array([0.5]), np.array([[0.09]]))
    c, space = setting(linear(B, A), width, 200, 1)
    positive = evolve_positive(c, space, EPSILON, start, [0.5], 0.01).densities[0]
    accurate = evolve(c, space, EPSILON, start, [0.5]).densities[0]
    assert total_variation(c, positive, accurate) < 1e-3


def test_refusals():
    B, A, width = LINEAR[1]
    wide = gaussian(np.zeros(1), 0.1 * np.eye(1))
    c, space = setting(linear(B, A), width, 12, 1)
    with pytest.raises(ValueError, match="increasing"):
        evolve_positive(c, space, EPSILON, wide, [1.0, 0.5], 0.1)
    with pytest.raises(ValueError, match="step"):
        evolve_positive(c, space, EPSILON, wide, [1.0], 0.0)
    with pytest.raises(ValueError, match="must not be negative"):
        evolve_positive(c, space, EPSILON, lambda x: wide(x) - 0.1, [1.0], 0.1)
    with pytest.raises(ValueError, match="degree 1"):
        evolve_positive(*setting(linear(B, A), width, 12, 2), EPSILON, wide, [1.0], 0.1)


@pytest.mark.mpi
def test_full_fluxes_give_the_second_order_solution(monkeypatch):
    """Without a limit the fluxes lead from the first-order to the Crank–Nicolson solution."""
    B, A, width = LINEAR[2]
    c, space = setting(linear(B, A), width, 8, 1)
    start = gaussian(np.array([0.3, 0.1]), 4.0 * np.eye(2))
    monkeypatch.setattr(
        "solver.evolution.positive_transient.limited", lambda edges, lumped, low, flux: np.ones_like(flux)
    )
    found = evolve_positive(c, space, 1.0, start, [0.0, 0.02], 0.02)
    first, second = (density.x.array for density in found.densities)
    system = evolution_pencil(c, space, 1.0)
    rhs, part = system.mass.createVecRight(), system.mass.createVecRight()
    owned = rhs.array_r.size
    results = []
    for sign, density in ((1, first), (-1, second)):
        vector = rhs.duplicate()
        vector.setArray(density[:owned])
        system.mass.mult(vector, rhs)
        system.operator.mult(vector, part)
        results.append(rhs.array_r + sign * 0.01 * part.array_r)
    np.testing.assert_allclose(results[0], results[1], atol=1e-13)
