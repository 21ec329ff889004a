"""The law of jump processes: ``H(x, p) = Σ_k r_k(x) (e^{p·ν_k} − 1)``.

A Markov process of Ω individuals with densities ``x = n/Ω`` jumps ``n → n + ν_k`` at the rate ``Ω r_k(x)``.
For Ω → ∞ it obeys a law at speed Ω, so that ``ε = 1/Ω``, with drift ``b = Σ r_k ν_k`` (Kurtz, J. Appl.
Probab. 7 (1970); Shwartz and Weiss, *Large deviations for performance analysis*).  The diffusion with the
same first two terms, ``A = Σ r_k ν_k ν_kᵀ``, is its chemical Langevin equation.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from solver.arrays import Array, Field
from solver.laws.law import Values
from solver.system import System

#: Exponents are cut here: e^600 is large enough to be seen as too large, and its square is a number… of logs.
LARGEST = 300.0


@dataclass(frozen=True)
class JumpLaw:
    """The Hamiltonian of a jump process with K kinds of jumps.

    Attributes:
        changes: ν, ``(K, d)``, in units of one individual.
        rates: r, ``(d, N) -> (K, N)``, none negative where the process is.
        slopes: ∂r_k/∂x_j, ``(d, N) -> (K, d, N)``.
    """

    changes: Array
    rates: Field
    slopes: Field

    @property
    def dim(self) -> int:
        """The number of coordinates d."""
        return int(self.changes.shape[1])

    def at(self, x: Array) -> LocalJumps:
        """The Hamiltonian at the points x, ``(d, N)``."""
        return LocalJumps(self, x, self.rates(x))

    def scaled(self, strength: float) -> JumpLaw:
        """The law with ε times a factor c: jumps c times as large and 1/c as frequent."""
        return JumpLaw(
            strength * self.changes, lambda x: self.rates(x) / strength, lambda x: self.slopes(x) / strength
        )

    def largest_exponent(self, x: Array, p: Array) -> float:
        """Largest ``|p·ν_k|`` over jumps and points: the diffusion is right where it is small."""
        return float(np.abs(self.changes @ p).max())

    def diffusion(self) -> System:
        """The chemical Langevin equation: the same drift, and ``A = Σ r_k ν_k ν_kᵀ``."""
        nu = self.changes
        outer = np.einsum("ki,kj->kij", nu, nu)
        return System(
            dim=self.dim,
            drift=lambda x: np.einsum("ki,kn->in", nu, self.rates(x)),
            jacobian=lambda x: np.einsum("ki,kjn->ijn", nu, self.slopes(x)),
            diffusion=lambda x: np.einsum("kij,kn->ijn", outer, self.rates(x)),
            divergence=lambda x: np.einsum("kij,kjn->in", outer, self.slopes(x)),
            diffusion_slope=lambda x: np.einsum("kij,kln->ijln", outer, self.slopes(x)),
        )


@dataclass(frozen=True)
class LocalJumps:
    """The Hamiltonian at fixed points."""

    law: JumpLaw
    x: Array
    rates: Array

    def _exponents(self, p: Array) -> Array:
        return np.minimum(self.law.changes @ p, LARGEST)

    def values(self, p: Array) -> Values:
        """H, ``Σ r e^{p·ν} ν`` and ``Σ r e^{p·ν} ννᵀ``."""
        nu, exponents = self.law.changes, self._exponents(p)
        tilted = self.rates * np.exp(exponents)
        value = np.sum(self.rates * np.expm1(exponents), axis=0)
        return Values(value, nu.T @ tilted, np.einsum("ki,kj,kn->ijn", nu, nu, tilted))

    def part(self, where: Array) -> LocalJumps:
        """The Hamiltonian at some of the points."""
        return LocalJumps(self.law, self.x[:, where], self.rates[:, where])

    def slope(self, p: Array) -> Array:
        """``∂H/∂x = Σ ∇r_k (e^{p·ν_k} − 1)``."""
        return np.asarray(np.einsum("kjn,kn->jn", self.law.slopes(self.x), np.expm1(self._exponents(p))))
