"""One-step processes: mean passage times of the chain by its exact sum, and their limit for Ω → ∞.

A population of n individuals gains one at the rate ``Ω w₊(n/Ω)`` and loses one at ``Ω w₋(n/Ω)``.  The mean
times τ_m from m to m − 1 obey ``w₋(m) Ω τ_m = 1 + Ω w₊(m) τ_{m+1}`` (van Kampen, *Stochastic processes in
physics and chemistry*, sec. XII.2): sums of positive terms, in logarithms here, so that nothing is lost at
any size.  With ``p* = log(w₋/w₊)``, ``ΔV = ∫ p* dx`` from the attractor a:

    interior pass s:   T ~ 2π √(w(s)/(w(a) |b′(a)| b′(s))) e^{ΩΔV},
    extinction at 0:   T ~ √(2π/(Ω w(a) |b′(a)|)) e^{p*(0)/2}/(1 − e^{p*(0)}) e^{ΩΔV},

with relative errors of O(1/Ω); w is ``w₊ = w₋`` at a zero of b, and the second holds where both rates are
linear in x at 0 (Doering, Sargsyan, Sander, Multiscale Model. Simul. 3 (2005); Assaf and Meerson, Phys. Rev.
E 81 (2010) 021116).
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence

import numpy as np

from solver.arrays import Array
from solver.laws.jumps import JumpLaw
from solver.laws.law import Law
from solver.laws.line import potential_difference

#: Individuals up to which the chain is summed: some seconds.
LARGEST_CHAIN = 2_000_000


def log_passage_time(law: JumpLaw, size: float, start: float, end: float, wall: float) -> float:
    """log of the mean time that the chain of a one-step process takes from ``start`` to ``end``.

    Args:
        law: A law in one coordinate with jumps ±1; several of a kind are added up.
        size: Ω.
        start: Density at the start; the chain starts from the nearest whole number of individuals.
        end: Density that ends it, as well rounded.
        wall: Density beyond ``start``, away from ``end``, where the chain is reflected.

    Returns:
        log T; infinite where a state on the way cannot be left towards ``end``.

    Raises:
        ValueError: For other jumps, an order that is not end, start, wall, or more than two million states.
    """
    first, last, far = (round(size * value) for value in (start, end, wall))
    towards = 1 if last > first else -1
    if not ((last - first) * towards > 0 and (first - far) * towards >= 0):
        raise ValueError(f"the chain must go from the wall {far} over {first} to {last}, in this order")
    if abs(last - far) > LARGEST_CHAIN:
        raise ValueError(f"the chain has {abs(last - far)} states, more than {LARGEST_CHAIN}")
    states = np.arange(last - towards, far - towards, -towards)
    with np.errstate(divide="ignore"):
        on, back = (np.log(size * _rate(law, states / size, way)) for way in (towards, -towards))
    back[-1] = -np.inf
    found = np.empty(len(states))
    before = -np.inf
    for k in range(len(states) - 1, -1, -1):
        before = np.logaddexp(0.0, back[k] + before if back[k] > -np.inf else -np.inf) - on[k]
        found[k] = before
    needed = found[: (last - first) * towards]
    return float(np.logaddexp.reduce(needed))


def pass_time(law: JumpLaw, size: float, attractor: float, saddle: float) -> float:
    """log of the mean time to leave an attractor over an interior pass, for large Ω.

    The time to arrive well beyond the pass; at the pass itself it is half of it.

    Raises:
        ValueError: For other jumps than ±1.
    """
    slopes = [_drift_slope(law, x) for x in (attractor, saddle)]
    at = [_rate(law, np.array([x]), 1)[0] for x in (attractor, saddle)]
    factor = np.log(2 * np.pi) + 0.5 * np.log(at[1] / (at[0] * abs(slopes[0]) * abs(slopes[1])))
    return float(factor + size * potential_difference(law, attractor, saddle))


def extinction_time(law: JumpLaw, size: float, attractor: float) -> float:
    """log of the mean time to the state 0 from an attractor next to it, for large Ω; rates linear at 0.

    Raises:
        ValueError: For other jumps than ±1, or rates that do not vanish linearly at 0.
    """
    near = np.array([1e-6 * attractor, 2e-6 * attractor])
    up, down = _rate(law, near, 1), _rate(law, near, -1)
    if not all(abs(rate[1] / rate[0] - 2.0) < 1e-4 for rate in (up, down)):
        raise ValueError("the rates are not linear at 0")
    p = float(np.log(2 * down[0] / up[0] - down[1] / up[1]))
    at = _rate(law, np.array([attractor]), 1)[0] * abs(_drift_slope(law, attractor))
    factor = 0.5 * np.log(2 * np.pi / (size * at)) + 0.5 * p - np.log(-np.expm1(p))
    return float(factor + size * potential_difference(law, attractor, 0.0))


def dies_out(law: JumpLaw) -> bool:
    """Whether the chain ends at the state 0: nothing happens there."""
    return law.dim == 1 and not law.rates(np.zeros((1, 1))).any()


def extinction_cost(law: Law, attractor: float, between: Sequence[float]) -> float:
    """V at 0 of an attractor: what the way down costs where b is against it.

    Args:
        law: A law in one coordinate.
        attractor: Where it starts, above 0.
        between: All zeros of b between 0 and the attractor.
    """
    ends = [attractor, *sorted(between, reverse=True), 0.0]
    total = 0.0
    for high, low in itertools.pairwise(ends):
        middle = np.array([[0.5 * (high + low)]])
        if law.at(middle).values(np.zeros((1, 1))).velocity[0, 0] > 0:
            total += potential_difference(law, high, low)
    return total


def is_one_step(law: JumpLaw) -> bool:
    """Whether a law is of one coordinate, with jumps ±1."""
    return law.dim == 1 and bool((np.abs(law.changes) == 1.0).all())


def _rate(law: JumpLaw, x: Array, way: int) -> Array:
    """The rate of the steps +1 or −1 at densities ``(N,)``."""
    if not is_one_step(law):
        raise ValueError("the sum is of processes with one coordinate and jumps of one individual")
    return np.asarray(law.rates(x[None])[law.changes[:, 0] == way].sum(axis=0))


def _drift_slope(law: JumpLaw, x: float) -> float:
    return float(np.einsum("k,kn->n", law.changes[:, 0], law.slopes(np.array([[x]]))[:, 0])[0])
