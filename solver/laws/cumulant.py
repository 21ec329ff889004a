"""The law of iterations with increments drawn from a finite sample: an empirical cumulant function.

The iteration ``x ← x + (η/B) Σ_{k=1}^{B} f_{i_k}(x)`` with indices drawn uniformly, with replacement, from
n vector fields f_i obeys, as η → 0 with B fixed, in the time ``t = η·steps``, a law at speed
``1/ε``, ``ε = η/B``, with

    H(x, p) = log (1/n) Σ_i exp(p·f_i(x)),

for a step has ``E exp((p/ε)·Δx) = ((1/n) Σ_i e^{p·f_i})^B``: H does not depend on B.  Its expansion in p is
``b·p + ½ pᵀΣp + …``, with the mean b and the covariance Σ of the fields: the first two terms are the
diffusion.  (Freidlin and Wentzell, ch. 5; Dembo and Zeitouni, *Large deviations techniques*, sec. 5.6.)

With the weights ``w_i ∝ e^{p·f_i}``: ``∂H/∂p = Σ w_i f_i``, ``∂²H/∂p² = Cov_w(f)``,
``∂H/∂x = Σ w_i (∇f_i)ᵀ p``.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from solver.arrays import Array, Field
from solver.laws.law import Values, dot

#: Largest |p·(f_i − b)| for which the digits of a small H need care.
SMALL = 1.0
#: Largest argument at which the series of e^q − 1 − q to q⁹ is exact to rounding.
SERIES = 0.1
FACTORIALS = (2, 6, 24, 120, 720, 5040, 40320, 362880)


@dataclass(frozen=True)
class CumulantLaw:
    """The empirical cumulant function of n vector fields.

    Attributes:
        dim: The number of coordinates d.
        fields: The vector fields f_i, ``(d, N) -> (n, d, N)``.
        jacobian: Weighted sums of their Jacobians, ``(x (d, N), w (n, N)) -> (d, d, N)``, entry ``[i, k]``
            is ``Σ_m w_m ∂f_m,i/∂x_k``.
        strength: c in ``H(x, c p)/c``: the law at the noise level ``c ε`` in terms of ε.
    """

    dim: int
    fields: Field
    jacobian: Callable[[Array, Array], Array]
    strength: float = 1.0

    def at(self, x: Array) -> LocalCumulant:
        """The Hamiltonian at the points x, ``(d, N)``."""
        fields = self.fields(x)
        drift = fields.mean(axis=0)
        return LocalCumulant(self, x, drift, fields - drift)

    def scaled(self, strength: float) -> CumulantLaw:
        """The law with ε times a factor: ``H(x, c p)/c``."""
        return replace(self, strength=strength * self.strength)

    def largest_exponent(self, x: Array, p: Array) -> float:
        """Largest ``|p·(f_i − b)|`` over samples and points: the diffusion is right where it is small."""
        tilt = np.einsum("mdn,dn->mn", self.at(x).off, self.strength * p)
        return float(np.abs(tilt).max())


@dataclass(frozen=True)
class LocalCumulant:
    """The Hamiltonian at fixed points."""

    law: CumulantLaw
    x: Array
    drift: Array
    off: Array

    def _tilted(self, p: Array) -> tuple[Array, Array, Array]:
        """``c H − c p·b``, ``(N,)``; unnormalised weights, ``(n, N)``, of mean 1; and what of them is not 1.

        The exponents are taken about the mean field b: a small H is a sum of small terms then.
        """
        q = np.einsum("mdn,dn->mn", self.off, self.law.strength * p)
        small = np.abs(q).max(axis=0) < SMALL
        top = np.where(small, 0.0, q.max(axis=0))
        weights = np.exp(q - top)
        total = weights.mean(axis=0)
        value = top + np.log(total)
        weights /= total
        rest = weights.copy()
        if small.any():
            excess = _excess(q[:, small]).mean(axis=0)
            value[small] = np.log1p(excess)
            rest[:, small] = np.expm1(q[:, small]) / (1.0 + excess)
        return value, weights, rest

    def values(self, p: Array) -> Values:
        """H, the tilted mean and the tilted covariance of the fields."""
        c, count = self.law.strength, len(self.off)
        value, weights, rest = self._tilted(p)
        moved = np.einsum("mn,mdn->dn", rest, self.off) / count
        spread = np.einsum("min,mjn->ijn", weights[:, None] * self.off, self.off) / count
        spread -= moved[:, None] * moved[None]
        return Values(dot(p, self.drift) + value / c, self.drift + moved, c * spread)

    def part(self, where: Array) -> LocalCumulant:
        """The Hamiltonian at some of the points."""
        return LocalCumulant(self.law, self.x[:, where], self.drift[:, where], self.off[..., where])

    def slope(self, p: Array) -> Array:
        """``∂H/∂x = Σ_i w_i (∇f_i)ᵀ p``."""
        _, weights, _ = self._tilted(p)
        jacobian = self.law.jacobian(self.x, weights / len(weights))
        return np.asarray(np.einsum("ikn,in->kn", jacobian, p))


def _excess(q: Array) -> Array:
    """``e^q − 1 − q`` without loss of digits."""
    series = np.zeros_like(q)
    for factorial in reversed(FACTORIALS):
        series = series * q + 1.0 / factorial
    return np.where(np.abs(q) < SERIES, q * q * series, np.expm1(q) - q)
