"""Iterates of gradient descent with and without sampled gradients, and time averages along them.

    x ← x − η (1/B) Σ_batch g(x, index),      x ← x − η ∇f(x)

The samples of a batch are drawn with replacement.  Averages are taken over all iterates after a share that is
left out, path by path: their spread over independent paths gives a confidence interval.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numba import njit
from numpy.typing import NDArray

from solver.errors import NotConverged
from solver.simulation.minibatch import Minibatch
from solver.simulation.random_stream import below, seed_stream
from solver.simulation.sampling import Sampling
from solver.system import Array, Field


@dataclass(frozen=True)
class Descents:
    """Iterates of several independent paths.

    Attributes:
        times: Times ``η · step`` of the iterates that are kept, ``(m,)``.
        first: Those of the first path, ``(m, d)``.
        means: Means of x along each path after the part left out, ``(paths, d)``.
        products: Means of ``x xᵀ``, ``(paths, d, d)``.
        ends: Last iterates of all paths, ``(paths, d)``.
    """

    times: Array
    first: Array
    means: Array
    products: Array
    ends: Array


def sampled_descents(
    minibatch: Minibatch,
    start: Array,
    steps: int,
    sampling: Sampling,
    left_out: float = 0.25,
    keep: int = 400,
) -> Descents:
    """Iterate on sampled gradients.  Collective over the ranks.

    Args:
        minibatch: The gradients, with their learning rate.
        start: Starting point, ``(d,)``.
        steps: Number of steps.
        sampling: How many paths, from which seed, and which ranks share the work.
        left_out: Share of the steps before averaging begins.
        keep: About how many iterates of the first path to keep, at steps that grow like powers.

    Raises:
        ValueError: arguments out of range.
        NotConverged: a path runs away.
    """
    start, paths, eta = np.array(start, dtype=float), sampling.paths, minibatch.learning_rate
    if paths < 2 or steps < 1 or eta is None:
        raise ValueError("sampled descents need two paths, a step, and a learning rate")
    kept_steps = _kept(steps, keep)
    mine = sampling.mine()
    setting = (float(eta), minibatch.batch_size, minibatch.samples, int(steps), int(left_out * steps))
    gradient = minibatch.sample_gradient
    kept, sums, ends = _descend(gradient, start, sampling.seed, mine, setting, kept_steps)
    d = start.size
    found = sampling.gathered(np.concatenate([sums, ends], axis=1))
    if not np.isfinite(found).all():
        raise NotConverged(f"gradient descent with learning rate {eta:g} runs away")
    return Descents(
        times=eta * kept_steps,
        # path 0 is that of rank 0
        first=kept if sampling.comm is None else sampling.comm.bcast(kept, root=0),
        means=found[:, :d],
        products=found[:, d : d + d * d].reshape(paths, d, d),
        ends=found[:, d + d * d :],
    )


def descent(
    gradient: Field, start: Array, learning_rate: float, steps: int, keep: int = 400
) -> tuple[Array, Array]:
    """Plain gradient descent; times ``(m,)`` and iterates ``(m, d)``, the first and the last among them.

    Args:
        gradient: ∇f, ``(d, N) -> (d, N)``.
        start: Starting point, ``(d,)``.
        learning_rate: η.
        steps: Number of steps.
        keep: About how many iterates to keep, at steps that grow like powers.

    Raises:
        NotConverged: the path runs away.
    """
    x = np.array(start, dtype=float)
    wanted = {int(n) for n in _kept(steps, keep)}
    times, iterates = [0.0], [x.copy()]
    for n in range(1, steps + 1):
        with np.errstate(over="ignore", invalid="ignore"):
            x = x - learning_rate * gradient(x[:, None])[:, 0]
        if not np.isfinite(x).all():
            raise NotConverged(f"gradient descent with learning rate {learning_rate:g} runs away")
        if n in wanted:
            times.append(n * learning_rate)
            iterates.append(x.copy())
    return np.array(times), np.array(iterates)


def _kept(steps: int, keep: int) -> NDArray[np.int64]:
    """0, 1, … and the last step, ever further apart."""
    spread = np.rint(np.geomspace(1, steps, keep)).astype(np.int64)
    return np.unique(np.concatenate([[0], spread, [steps]]))


# Not cached on disk: the machine code holds the user's function and the data that it closes over.
@njit(error_model="numpy")
def _descend(
    sample_gradient: Callable[[Array, int, Array], None],
    start: Array,
    seed: int,
    paths: NDArray[np.int64],
    setting: tuple[float, int, int, int, int],
    kept_steps: NDArray[np.int64],
) -> tuple[Array, Array, Array]:
    """Kept iterates of the first of these paths, means of x and x xᵀ of each, and last iterates."""
    eta, batch, samples, steps, skip = setting
    d = start.size
    kept = np.empty((kept_steps.size, d))
    sums, ends = np.zeros((paths.size, d + d * d)), np.empty((paths.size, d))
    state = np.empty(4, np.uint64)
    one, change = np.empty(d), np.empty(d)
    for n in range(paths.size):
        seed_stream(state, seed, paths[n])
        theta = start.copy()
        place = 0
        for count in range(steps + 1):
            if n == 0 and count == kept_steps[place]:
                kept[place] = theta
                place += 1
            if count > skip:
                for i in range(d):
                    sums[n, i] += theta[i]
                    for j in range(d):
                        sums[n, d + i * d + j] += theta[i] * theta[j]
            if count == steps:
                break
            change[:] = 0.0
            for _ in range(batch):
                sample_gradient(theta, below(state, samples), one)
                for i in range(d):
                    change[i] += one[i] / batch
            for i in range(d):
                theta[i] -= eta * change[i]
        sums[n] /= steps - skip
        ends[n] = theta
    return kept, sums, ends
