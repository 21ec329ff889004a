"""Leading exponents of the Markov chain of the wells: what its weights and passage times tend to as ε → 0.

With rates ``k_ij ≍ e^{−c_ij/ε}`` stationary weights are ``π_k ≍ e^{−w_k/ε}`` and passage times ``E T_ij ≍
e^{E_ij/ε}``.  Both are minima over graphs on the wells (Freidlin and Wentzell, Random Perturbations of
Dynamical Systems, ch. 6, lemmas 3.1 and 3.4),

    w_k = min_{g ∈ G(k)} c(g) − min_l min_{g ∈ G(l)} c(g),
    E_ij = min_{g ∈ G(j)} c(g) − min_{g ∈ G(i ↛ j)} c(g),

G(j): one arrow out of every well but j, all leading to j; G(i ↛ j): one arrow fewer, none of the ways from i
leading to j.  They are not enumerated: eliminating wells one after the other, as
:mod:`solver.fokker_planck.markov_chain` does, has no subtractions, so that its limit is the same elimination
with ``max`` for sums and is exact.
"""

from __future__ import annotations

import numpy as np

from solver.fokker_planck.markov_chain import Rates, log_passage
from solver.system import Array

#: ``log T = E/ε + a + d ε + …``: d times the barrier is of order one (0.5 to 1 in the built-in cases, where
#: it is that of one rate constant); three are allowed.
CORRECTION = 3.0
#: Half a per cent for the numerics of a slope.
NUMERICS = 0.005


def weight_exponents(costs: Array) -> Array:
    """Exponents w_k of the stationary weights, the lowest zero, ``(K,)``; NaN where no way leads on.

    Args:
        costs: c_ij, ``(K, K)``, ∞ where no direct way leads from i to j; the diagonal is not read.
    """
    cost = costs.copy()
    count = len(cost)
    with np.errstate(invalid="ignore"):
        for n in range(count - 1, 0, -1):
            cost[:n, n] -= np.min(cost[n, :n])
            cost[:n, :n] = np.minimum(cost[:n, :n], cost[:n, n, None] + cost[None, n, :n])
        weight = np.zeros(count)
        for n in range(1, count):
            weight[n] = np.min(weight[:n] + cost[:n, n])
        return np.asarray(weight - np.nanmin(weight))


def passage_exponents(costs: Array) -> Array:
    """Exponents E_ij of the mean first passage times, ``(K, K)``, −∞ on the diagonal.

    ∞ where i leads to a well with no way on to j, NaN where a cost that matters is NaN.

    Args:
        costs: As for :func:`weight_exponents`.
    """
    count = len(costs)
    found = np.full((count, count), -np.inf)
    for start in range(count):
        for target in range(count):
            if start != target:
                found[start, target] = _passage_exponent(costs, start, target)
    return found


def _passage_exponent(costs: Array, start: int, target: int) -> float:
    cost, held = costs.copy(), np.zeros(len(costs))
    remaining = list(range(len(costs)))
    for n in [k for k in remaining if k not in (start, target)]:
        remaining = [k for k in remaining if k != n]
        out = np.min(cost[n, remaining])
        for i in remaining:
            if i == target or np.isposinf(cost[i, n]):
                continue
            held[i] = np.maximum(held[i], held[n] + out - cost[i, n])
            for j in remaining:
                # where no way leads on the time is infinite; there is nothing to hand on
                if j != i and not np.isposinf(cost[n, j]):
                    cost[i, j] = np.minimum(cost[i, j], cost[i, n] + cost[n, j] - out)
    return float(held[start] + cost[start, target])


def expected_slope(costs: Array, low: Rates, high: float, pair: tuple[int, int]) -> tuple[float, float]:
    """Slope of log T against 1/ε between two noise levels, and how far it may be off.

    That of the chain with the rate constants of the lower level at that level, which from there change as
    ``e^{−c_ij/ε}``; it tends to E_ij, and between exponents that are nearly equal it knows how they mix.

    Args:
        costs: c_ij, as for :func:`weight_exponents`.
        low: Rates at the lower noise level.
        high: The higher noise level.
        pair: i and j.

    Returns:
        The slope, and the sum of what corrections ``d_ij ε`` of each rate constant (:data:`CORRECTION`) may
        change it by, with :data:`NUMERICS` of the slope.  NaN where a rate constant is missing or T infinite.
    """
    known = np.isfinite(costs) & ~np.eye(len(costs), dtype=bool)
    span = 1.0 / low.epsilon - 1.0 / high
    at_low = np.where(known, low.log_rate, -np.inf)

    def slope(change: Array) -> float:
        at_high = at_low + np.where(known, change, 0.0) * span
        # where a way is missing, ∞ − ∞
        with np.errstate(invalid="ignore"):
            return (log_passage(at_low, *pair) - log_passage(at_high, *pair)) / span

    middle = slope(costs)
    allowed = NUMERICS * abs(middle)
    for i, j in zip(*np.nonzero(known), strict=True):
        shifted = costs.copy()
        shifted[i, j] += CORRECTION * low.epsilon * high / costs[i, j]
        allowed += abs(slope(shifted) - middle)
    return middle, allowed
