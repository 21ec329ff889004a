"""Minibatch iterations against the diffusion that they tend to."""

from __future__ import annotations

import math

import numpy as np
import pytest
from mpi4py import MPI
from numba import njit

from solver.simulation.minibatch import Minibatch, minibatch_first_passage
from solver.simulation.sampling import Sampling
from solver.simulation.tabulate import tabulate
from solver.simulation.targets import HalfSpace
from solver.system import Array
from tests.solver.double_wells import BOX, LEFT, double_well, exact_time


@njit
def coin_gradient(theta: Array, index: int, out: Array) -> None:
    """Gradient of the double well plus a sample of ±1, mean 0 and covariance 1."""
    out[0] = theta[0] ** 3 - theta[0] + (1.0 if index % 2 == 0 else -1.0)


def test_minibatch_tends_to_the_diffusion() -> None:
    """Noise amplification: ε fixed, η → 0; the bias is O(η)."""
    system = double_well(1)
    table = tabulate(system, BOX)
    target = HalfSpace(np.array([1.0]), 0.9)
    exact = math.log(exact_time(0.25, -1.0, 0.9, -2.5))
    found = [
        minibatch_first_passage(
            table, Minibatch(coin_gradient, 10, 4, eta), LEFT, target, 0.25, Sampling(2000)
        )
        for eta in (0.1, 0.02)
    ]
    assert abs(found[1].log_mean - exact) < abs(found[0].log_mean - exact) + 0.02
    assert abs(found[1].log_mean - exact) < 0.12
    assert found[1].learning_rate == 0.02
    assert found[1].batch_size == 4


def test_plain_minibatch_sgd() -> None:
    """Without a learning rate it is plain SGD, η = εB; the gradient table is then not needed."""
    table = tabulate(double_well(1), BOX)
    target = HalfSpace(np.array([1.0]), 0.9)
    plain = minibatch_first_passage(table, Minibatch(coin_gradient, 10), LEFT, target, 0.15, Sampling(100))
    assert plain.learning_rate == pytest.approx(0.15)
    with pytest.raises(ValueError, match="batch"):
        Minibatch(coin_gradient, 10, 0)


@pytest.mark.mpi
def test_minibatch_does_not_depend_on_ranks() -> None:
    table = tabulate(double_well(1), BOX)
    target = HalfSpace(np.array([1.0]), 0.0)
    minibatch = Minibatch(coin_gradient, 10, 2, 0.05)
    alone, shared = (
        minibatch_first_passage(table, minibatch, LEFT, target, 0.3, Sampling(51, comm=comm))
        for comm in (None, MPI.COMM_WORLD)
    )
    assert shared.mean == alone.mean
