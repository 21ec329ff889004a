"""The law of the diffusion: ``H(x, p) = b·p + ½ pᵀAp``, for ``dX = b dt + √ε σ dW``, ``A = σσᵀ``."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from solver.arrays import Array
from solver.laws.law import Values, dot
from solver.paths.action import tensor_derivative
from solver.system import System

#: Step of differences of A where its derivatives are not known, in units of the size of the point set.
STEP = 1e-4


@dataclass(frozen=True)
class DiffusionLaw:
    """The Hamiltonian of a diffusion.

    Attributes:
        system: b and A.
    """

    system: System

    @property
    def dim(self) -> int:
        """The number of coordinates d."""
        return self.system.dim

    def at(self, x: Array) -> LocalDiffusion:
        """The Hamiltonian at the points x, ``(d, N)``."""
        return LocalDiffusion(self.system, x, self.system.drift(x), self.system.diffusion(x))


@dataclass(frozen=True)
class LocalDiffusion:
    """The Hamiltonian at fixed points."""

    system: System
    x: Array
    drift: Array
    tensor: Array

    def values(self, p: Array) -> Values:
        """H, ``b + Ap`` and A."""
        push = np.einsum("ijn,jn->in", self.tensor, p)
        return Values(dot(self.drift + 0.5 * push, p), self.drift + push, self.tensor)

    def part(self, where: Array) -> LocalDiffusion:
        """The Hamiltonian at some of the points."""
        return LocalDiffusion(self.system, self.x[:, where], self.drift[:, where], self.tensor[..., where])

    def slope(self, p: Array) -> Array:
        """``∂H/∂x_k = p·∂_k b + ½ p·∂_k A p``."""
        step = STEP * float(np.ptp(self.x, axis=1).max() or np.abs(self.x).max() or 1.0)
        bend = tensor_derivative(self.system, self.x, step)
        jacobian = self.system.jacobian(self.x)
        return np.asarray(
            np.einsum("ikn,in->kn", jacobian, p) + 0.5 * np.einsum("in,ijkn,jn->kn", p, bend, p)
        )
