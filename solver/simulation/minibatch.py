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
from dataclasses import replace

import numpy as np
from mpi4py import MPI
from numba import njit
from numpy.typing import NDArray

from solver.simulation.first_passage import check, gather, in_chunks, my_paths, summary
from solver.simulation.random_stream import below, seed_stream
from solver.simulation.survival import Simulation
from solver.simulation.tabulate import Table, Tabulated, interpolate
from solver.simulation.targets import PackedTarget, Target, packed, signed_level
from solver.simulation.weak_scheme import CHANGE, DRIFT, ROWS, WIDTH, X, fold
from solver.system import Array

SampleGradient = Callable[[Array, int, Array], None]


def minibatch_first_passage(
    tabulated: Tabulated,
    sample_gradient: SampleGradient,
    samples: int,
    start: Array,
    target: Target,
    epsilon: float,
    batch_size: int,
    learning_rate: float | None = None,
    paths: int = 2000,
    seed: int = 1,
    max_time: float | None = None,
    max_steps: float = 2e8,
    comm: MPI.Comm | None = None,
) -> Simulation:
    """Simulate the mean first passage time of minibatch iterates.  Collective over ``comm``.

    The faces of the box reflect, as they do for the diffusion.

    Args:
        tabulated: Drift ``b = -ḡ`` on the box; used where the noise is amplified.
        sample_gradient: Compiled by numba: ``f(theta (d,), index, out (d,))`` writes the gradient of
            sample ``index``; the mean over all samples must be -b.
        samples: Number of samples n.
        start: Starting point, ``(d,)``.
        target: The target set.
        epsilon: Noise level ε.
        batch_size: Batch size B.
        learning_rate: Learning rate η; None for the plain iteration, ``η = ε B``.
        paths: Number of paths, over all ranks.
        seed: Seed; with ``paths`` it fixes the result.
        max_time: Paths still going then are censored.
        max_steps: Largest number of steps of all paths together.
        comm: The ranks that share the work; None: this one alone.

    Returns:
        The result, with ``dt = learning_rate`` and ``batch_size`` filled in.

    Raises:
        ValueError: arguments out of range.
        NotConverged: too few paths arrive.
    """
    start = np.array(start, dtype=float)
    check(tabulated, start, epsilon, paths)
    if batch_size < 1 or samples < 1:
        raise ValueError(f"the batch and the sample must not be empty: {batch_size} of {samples}")
    eta = epsilon * batch_size if learning_rate is None else float(learning_rate)
    if not eta > 0:
        raise ValueError(f"the learning rate must be positive, not {eta}")
    factor = 1.0 if learning_rate is None else math.sqrt(epsilon * batch_size / eta)
    limit = int(max_steps / paths)
    if max_time is not None:
        limit = min(limit, math.ceil(max_time / eta))
    goal = packed(target, tabulated.dim)
    mine = my_paths(paths, comm)
    setting = (eta, factor, batch_size, samples, limit)
    times, arrived = in_chunks(
        lambda some: _iterate(tabulated.table, goal, sample_gradient, start, seed, some, setting), mine
    )
    times, arrived = gather(times, arrived, paths, comm)
    result = summary(times, arrived, eta, epsilon)
    return replace(result, learning_rate=eta, batch_size=batch_size)


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
