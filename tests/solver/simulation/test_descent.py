"""Gradient descent on a quadratic loss, with and without sampled gradients: everything in closed form."""

from __future__ import annotations

import numba
import numpy as np
import pytest
from mpi4py import MPI

from solver.errors import NotConverged
from solver.simulation.descent import descent, sampled_descents
from solver.simulation.minibatch import Minibatch
from solver.simulation.sampling import Sampling

H = np.array([[2.0, 0.5], [0.5, 1.0]])
SHIFTS = np.array([[1.0, 0.0], [-1.0, 0.4], [0.0, -0.4]])  # of mean 0: the gradients are H x + shift


@numba.njit
def sample_gradient(theta, index, out):
    for i in range(2):
        out[i] = H[i, 0] * theta[0] + H[i, 1] * theta[1] + SHIFTS[index, i]


def stationary(eta, batch):
    """Cov x of x ← x − η(Hx + s): C = (I − ηH) C (I − ηH) + η² Σ/B."""
    m = np.eye(2) - eta * H
    sigma = SHIFTS.T @ SHIFTS / len(SHIFTS) / batch
    return np.linalg.solve(np.eye(4) - np.kron(m, m), (eta**2 * sigma).ravel()).reshape(2, 2)


@pytest.mark.mpi
@pytest.mark.parametrize(("eta", "batch"), [(0.2, 1), (0.5, 2)])
def test_covariance_of_the_iterates(eta, batch):
    minibatch = Minibatch(sample_gradient, 3, batch, eta)
    found = sampled_descents(minibatch, [0.3, 0.0], 20_000, Sampling(40, seed=3, comm=MPI.COMM_WORLD))
    exact = stationary(eta, batch)
    error = found.products.std(axis=0, ddof=1) / np.sqrt(40)
    assert (error < 0.01 * exact.max()).all()
    assert np.abs((found.products.mean(axis=0) - exact) / error).max() < 4.0
    assert np.abs(found.means.mean(axis=0) / (found.means.std(axis=0, ddof=1) / np.sqrt(40))).max() < 4.0
    assert found.first.shape == (found.times.size, 2)
    assert found.times[:2] == pytest.approx([0.0, eta])
    assert (np.diff(found.times) > 0).all()
    assert np.array_equal(found.first[0], [0.3, 0.0])
    assert np.array_equal(found.first[-1], found.ends[0])
    assert found.times[-1] == pytest.approx(20_000 * eta)
    again = sampled_descents(minibatch, [0.3, 0.0], 20_000, Sampling(40, seed=3))
    assert np.array_equal(again.products, found.products)  # whatever the number of ranks
    assert np.array_equal(again.first, found.first)


def test_descent_is_a_power_of_the_matrix():
    times, points = descent(lambda x: H @ x, np.array([1.0, -2.0]), 0.3, 25)
    m = np.eye(2) - 0.3 * H
    assert np.allclose(points, [np.linalg.matrix_power(m, n) @ [1.0, -2.0] for n in range(26)], atol=1e-14)
    assert np.allclose(times, 0.3 * np.arange(26))


def test_beyond_the_stable_learning_rate():
    largest = np.linalg.eigvalsh(H)[-1]
    descent(lambda x: H @ x, np.array([1.0, 1.0]), 1.99 / largest, 50_000)
    with pytest.raises(NotConverged, match="runs away"):
        descent(lambda x: H @ x, np.array([1.0, 1.0]), 2.05 / largest, 50_000)
    with pytest.raises(NotConverged, match="runs away"):
        sampled_descents(Minibatch(sample_gradient, 3, 1, 2.05 / largest), [1.0, 1.0], 50_000, Sampling(2))
    with pytest.raises(ValueError, match="two paths"):
        sampled_descents(Minibatch(sample_gradient, 3, 1, 0.1), [1.0, 1.0], 10, Sampling(1))
