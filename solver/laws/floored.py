"""A law with a little Gaussian noise in all directions: ``H(x, p) + ½ ρ pᵀp``.

With it every direction has a finite cost, also those that a law cannot move in.  Its V is a lower bound of
that of the law, and tends to it as ρ → 0: paths of least action are followed down to the law itself.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from solver.arrays import Array
from solver.laws.law import Law, Local, Values, dot


@dataclass(frozen=True)
class FlooredLaw:
    """A law with noise added.

    Attributes:
        law: The law.
        floor: ρ.
    """

    law: Law
    floor: float

    @property
    def dim(self) -> int:
        """The number of coordinates d."""
        return self.law.dim

    def at(self, x: Array) -> LocalFloored:
        """The Hamiltonian at the points x, ``(d, N)``."""
        return LocalFloored(self.law.at(x), self.floor)


@dataclass(frozen=True)
class LocalFloored:
    """The Hamiltonian at fixed points."""

    local: Local
    floor: float

    def values(self, p: Array) -> Values:
        """H and its derivatives, with those of ``½ ρ pᵀp``."""
        own = self.local.values(p)
        floor = self.floor * np.eye(len(p))[:, :, None]
        return Values(
            own.hamiltonian + 0.5 * self.floor * dot(p, p),
            own.velocity + self.floor * p,
            own.curvature + floor,
        )

    def part(self, where: Array) -> LocalFloored:
        """The Hamiltonian at some of the points."""
        return LocalFloored(self.local.part(where), self.floor)

    def slope(self, p: Array) -> Array:
        """∂H/∂x of the law: the floor is the same everywhere."""
        return self.local.slope(p)
