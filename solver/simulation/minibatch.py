"""Passage times of minibatch iterations on sampled gradients, in the time ``t = η · steps``.

The plain iteration, with a batch of B samples drawn with replacement and
``g_B = (1/B) Σ g(x, index)``, is

    x ← x - η g_B(x),        ε = η/B,

so at a given ε the learning rate is fixed, ``η = ε B``.  To reach the limit η → 0 at fixed ε the noise
is amplified instead:

    x ← x - η (ḡ + √(εB/η) (g_B - ḡ)),

with the mean gradient ḡ = -b from the table.  A step then has mean -ηḡ and covariance ``η ε Σ(x)`` for
every η, and ``η = ε B`` gives the plain iteration back.

Against the diffusion ``dX = -ḡ dt + √ε σ dW``, ``σσᵀ = Σ``, the weak error is O(η) at fixed ε: the iteration
is Euler's method with increments that are not Gaussian (Li, Tai, E 2017, *Stochastic modified equations
and adaptive stochastic gradient algorithms*).  A log mean escape time multiplies it by barrier/ε, so
plain SGD, where η = εB falls with ε, keeps a difference that does not vanish as ε → 0.
Arrival is tested at the iterates only, as it is for real iterates: no correction for what happens
between them.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
from numba import njit
from numpy.typing import NDArray

from solver.simulation.first_passage import check_simulation, in_chunks, summary
from solver.simulation.random_stream import below, seed_stream
from solver.simulation.sampling import Sampling
from solver.simulation.survival import Simulation
from solver.simulation.tabulate import Table, Tabulated, interpolate
from solver.simulation.targets import PackedTarget, Target, packed, signed_level
from solver.simulation.weak_scheme import CHANGE, DRIFT, ROWS, WIDTH, X, fold
from solver.system import Array

SampleGradient = Callable[[Array, int, Array], None]


@dataclass(frozen=True)
class Minibatch:
    """Gradients of samples, and how many of them make a step.

    Attributes:
        sample_gradient: Compiled by numba: ``f(theta (d,), index, out (d,))`` writes the gradient of sample
            ``index``; the mean over all samples is −b.
        samples: Number of samples n.
        batch_size: Batch size B.
        learning_rate: Learning rate η; None where it follows from ε, ``η = ε B``.
    """

    sample_gradient: SampleGradient
    samples: int
    batch_size: int = 1
    learning_rate: float | None = None

    def __post_init__(self) -> None:
        if self.batch_size < 1 or self.samples < 1:
            raise ValueError(
                f"the batch and the sample must not be empty: {self.batch_size} of {self.samples}"
            )
        if self.learning_rate is not None and not self.learning_rate > 0:
            raise ValueError(f"the learning rate must be positive, not {self.learning_rate}")


def minibatch_first_passage(
    tabulated: Tabulated,
    minibatch: Minibatch,
    start: Array,
    target: Target,
    epsilon: float,
    sampling: Sampling | None = None,
) -> Simulation:
    """Simulate the mean first passage time of minibatch iterates.  Collective over the ranks.

    The faces of the box reflect, as they do for the diffusion.

    Args:
        tabulated: Drift ``b = -ḡ`` on the box; used where the noise is amplified.
        minibatch: The gradients.
        start: Starting point, ``(d,)``.
        target: The target set.
        epsilon: Noise level ε.
        sampling: How many paths, from which seed, and which ranks share the work; its ``dt`` is not used.

    Returns:
        The result, with ``dt = learning_rate`` and ``batch_size`` filled in.

    Raises:
        ValueError: arguments out of range.
        NotConverged: too few paths arrive.
    """
    sampling = sampling or Sampling()
    start = np.array(start, dtype=float)
    check_simulation(tabulated, start, epsilon, sampling.paths)
    batch, rate = minibatch.batch_size, minibatch.learning_rate
    eta = epsilon * batch if rate is None else float(rate)
    factor = 1.0 if rate is None else math.sqrt(epsilon * batch / eta)
    goal, seed, gradient = packed(target, tabulated.dim), sampling.seed, minibatch.sample_gradient
    setting = (eta, factor, batch, minibatch.samples, sampling.limit(eta))
    found = in_chunks(
        lambda some: _iterate(tabulated.table, goal, gradient, start, seed, some, setting), sampling.mine()
    )
    times, arrived = sampling.gathered(found).T
    result = summary(times, arrived, eta, epsilon)
    return replace(result, learning_rate=eta, batch_size=batch)


# Not cached on disk: the machine code holds the user's function and the data that it closes over.
@njit(error_model="numpy")
def _iterate(
    table: Table,
    target: PackedTarget,
    sample_gradient: SampleGradient,
    start: Array,
    seed: int,
    paths: NDArray[np.int64],
    setting: tuple[float, float, int, int, int],
) -> tuple[Array, Array]:
    eta, factor, batch, samples, limit = setting
    d = start.size
    times, arrived = np.empty(paths.size), np.zeros(paths.size)
    state = np.empty(4, np.uint64)
    work = np.zeros((ROWS, WIDTH))
    theta, one = np.empty(d), np.empty(d)
    for n in range(paths.size):
        seed_stream(state, seed, paths[n])
        work[X, :d] = start
        times[n] = limit * eta
        for count in range(limit + 1):
            if signed_level(target, work, d) >= 0:
                times[n], arrived[n] = count * eta, 1.0
                break
            if count == limit:
                break
            if factor != 1.0:
                interpolate(table, work, X, DRIFT, 0, d)
            for i in range(d):
                theta[i] = work[X, i]
                work[CHANGE, i] = 0.0
            for _ in range(batch):
                sample_gradient(theta, below(state, samples), one)
                for i in range(d):
                    work[CHANGE, i] -= one[i] / batch
            for i in range(d):
                mean = work[DRIFT, i] if factor != 1.0 else 0.0
                work[X, i] += eta * (mean + factor * (work[CHANGE, i] - mean))
            fold(table, work)
    return times, arrived
