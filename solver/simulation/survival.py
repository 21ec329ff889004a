"""From passage times of paths, some censored, to a mean passage time with its confidence interval."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from solver.errors import NotConverged
from solver.system import Array

Z95 = 1.959964


@dataclass(frozen=True)
class Simulation:
    """Mean first passage time from n simulated paths.

    Attributes:
        mean: Estimated mean first passage time.
        log_mean: Its logarithm.
        ci: 95 % confidence interval of ``log_mean``.
        n: Number of paths.
        times: Times at which the survival curve is given, ``(m,)``.
        survival: Estimated probability of not having arrived by then, ``(m,)``.
        censored: Number of paths that had not arrived by the largest time simulated.
        dt: Time step.
        epsilon: Noise level.
        learning_rate: Learning rate η, for minibatch iterations (``dt = η``).
        batch_size: Batch size B, for minibatch iterations.
    """

    mean: float
    log_mean: float
    ci: tuple[float, float]
    n: int
    times: Array = field(repr=False)
    survival: Array = field(repr=False)
    censored: int
    dt: float
    epsilon: float
    learning_rate: float | None = None
    batch_size: int | None = None


def mean_passage_time(times: Array, arrived: Array, points: int = 101) -> tuple[float, float, Array, Array]:
    """Estimate the mean passage time, its relative standard error and the survival curve.

    Without censoring the mean is the sample mean.  With paths censored at T, the tail beyond
    ``t₀ = T/5`` is taken as exponential, as it is for an escape from a metastable state: with the
    maximum-likelihood mean excess ``m = Σ (min(t, T) - t₀)₊ / #{t₀ < t ≤ T}``,

        E t = E[t; t ≤ t₀] + P(t > t₀) (t₀ + m),

    so what happens before t₀ (the first relaxation, quick arrivals) is not assumed exponential.
    The standard error is that of the linearised estimator (influence function).

    Args:
        times: Arrival or censoring time of each path, ``(n,)``.
        arrived: 1 where the path arrived, ``(n,)``.
        points: Points of the survival curve.

    Raises:
        NotConverged: too few arrivals to estimate anything.
    """
    n = times.size
    seen = arrived.astype(bool)
    if seen.all():
        mean = float(times.mean())
        influence = times - mean
    else:
        start = float(times[~seen].min()) / 5
        late = times > start
        events = int((late & seen).sum())
        if events < 5:
            raise NotConverged(
                f"{events} of {n} paths reached the target between times {start:.3g} and {5 * start:.3g}: "
                "simulate longer, or at a larger noise level"
            )
        excess = np.where(late, times - start, 0.0)
        tail = float(excess.sum()) / events
        value = np.where(late, start + tail, times)
        mean = float(value.mean())
        influence = value - mean + late.mean() * n / events * (excess - tail * (late & seen))
    if mean <= 0:
        raise NotConverged("the paths start in the target: the passage time is zero")
    error = float(np.sqrt((influence**2).sum() / max(n - 1, 1) / n)) / mean
    reached = np.sort(times[seen])
    which = np.unique(np.linspace(0, reached.size - 1, points).round().astype(int))
    return mean, error, reached[which], 1 - (which + 1) / n
