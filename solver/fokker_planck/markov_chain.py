"""The Markov chain of the wells: weights and passage times from rate constants, in logarithms."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from solver.system import Array


@dataclass(frozen=True)
class Rates:
    """Rate constants between wells at one noise level.

    Attributes:
        epsilon: Noise level.
        log_rate: ``log k_ij``, ``(K, K)``, −inf where there is no current.
        log_mfpt: log mean first passage time of the chain from i to j, ``(K, K)``, −inf on the diagonal.
        log_weight: Logarithms of the stationary weights of the wells, ``(K,)``, summing to one.
    """

    epsilon: float
    log_rate: Array
    log_mfpt: Array
    log_weight: Array


def markov_chain(epsilon: float, log_rate: Array) -> Rates:
    """Stationary weights and mean first passage times of a chain with rates k_ij.

    Grassmann–Taksar–Heyman elimination (Oper. Res. 33 (1985) 1107): no subtractions, so exact to
    rounding whatever the range of the rates; carried out in logarithms.

    Args:
        epsilon: Noise level, kept in the result.
        log_rate: ``log k_ij``, ``(K, K)``; the diagonal is not read.
    """
    count = log_rate.shape[0]
    passage = np.full((count, count), -np.inf)
    for target in range(count):
        for start in range(count):
            if start != target:
                passage[start, target] = log_passage(log_rate, start, target)
    return Rates(epsilon, log_rate, passage, _log_weights(log_rate))


def dwelling(rates: Rates, start: int, target: int) -> Array:
    """The part of the passage time from start to target that is spent in each well, ``(K,)``.

    The time is linear in the mean sojourn times of the wells, so that halving the rates out of one adds the
    time spent there.
    """
    parts = np.zeros(len(rates.log_rate))
    for n in range(len(parts)):
        if n != target and np.isfinite(rates.log_mfpt[start, target]):
            slower = rates.log_rate.copy()
            slower[n] -= np.log(2.0)
            parts[n] = np.expm1(log_passage(slower, start, target) - rates.log_mfpt[start, target])
    return parts


def time_differences(one: Rates, other: Rates) -> Array:
    """Differences of log mean first passage times between two computations of the same rates, ``(K, K)``.

    Times, not rates: the rate between two wells without a common border is rounding, and has no effect.  ∞ if
    a time is finite in one and not in the other; times that are infinite in both do not count.
    """
    first, second = one.log_mfpt, other.log_mfpt
    finite = np.isfinite(first)
    with np.errstate(invalid="ignore"):
        gaps = np.where(finite, np.abs(first - second), 0.0)
    gaps[finite != np.isfinite(second)] = np.inf
    np.fill_diagonal(gaps, 0.0)
    return np.asarray(gaps)


def _log_weights(log_rate: Array) -> Array:
    """GTH: eliminate states from the last to the first, then substitute back."""
    rate = log_rate.copy()
    count = rate.shape[0]
    for n in range(count - 1, 0, -1):
        rate[:n, n] -= np.logaddexp.reduce(rate[n, :n])
        rate[:n, :n] = np.logaddexp(rate[:n, :n], rate[:n, n, None] + rate[None, n, :n])
    weight = np.zeros(count)
    for n in range(1, count):
        weight[n] = np.logaddexp.reduce(weight[:n] + rate[:n, n])
    return np.asarray(weight - np.logaddexp.reduce(weight))


def log_passage(log_rate: Array, start: int, target: int) -> float:
    """log mean first passage time: eliminate every state but the start, adding the time spent in it."""
    rate = log_rate.copy()
    count = rate.shape[0]
    holding = np.zeros(count)  # log of the time weight carried by a visit; unit while nothing is eliminated
    alive = [n for n in range(count) if n not in (start, target)]
    remaining = list(range(count))
    for n in alive:
        others = [m for m in remaining if m != n]
        total = np.logaddexp.reduce(rate[n, others])
        for i in others:
            if i == target:
                continue
            into = rate[i, n] - total
            holding[i] = np.logaddexp(holding[i], into + holding[n])
            for j in others:
                if j != i:
                    rate[i, j] = np.logaddexp(rate[i, j], into + rate[n, j])
        remaining = others
    return float(holding[start] - rate[start, target])
