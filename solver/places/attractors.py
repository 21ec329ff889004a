"""Attractors: stable points and stable limit cycles, seen alike by all that does not ask for more."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np

from solver.drift.fixed_points import FixedPoint
from solver.drift.fourier import phases
from solver.drift.limit_cycles import LimitCycle
from solver.drift.lyapunov import covariance
from solver.drift.tube import covariance_at, tube
from solver.errors import NotConverged
from solver.hamilton_jacobi.cycle_expansion import Local, expand_cycle
from solver.hamilton_jacobi.expansion import expand
from solver.system import Array, System

# points along a cycle
OUTLINE = 256


class Attractor(Protocol):
    """Where the drift leads to, with what the noise of a system makes of it."""

    @property
    def point(self) -> Array:
        """One point of it, ``(d,)``."""

    @property
    def points(self) -> Array:
        """Points all along it, ``(n, d)``."""

    @property
    def on_boundary(self) -> bool:
        """Whether it touches the boundary of the box in which it was found."""

    @property
    def fixed_point(self) -> FixedPoint | None:
        """The fixed point that it is; None where it is none: laws for escape from a point do not apply."""

    @property
    def cycle(self) -> LimitCycle | None:
        """The limit cycle that it is; None where it is none."""

    def covariance(self, system: System) -> Array:
        """Σ, ``(d, d)``: εΣ is the covariance of the density round its point, to leading order."""

    def quadratic(self, system: System, x: Array) -> Array:
        """V to second order at points ``(d, N)``, ``(N,)``."""

    def expand(self, system: System, max_level: float, tolerance: float = 1e-9) -> Local:
        """V near it, in the largest neighbourhood up to a level of V where the expansion is accurate.

        Raises:
            NotConverged: If there is none.
        """


@dataclass(frozen=True)
class PointAttractor:
    """A stable fixed point."""

    fixed_point: FixedPoint
    cycle: None = None

    @property
    def point(self) -> Array:
        """x̄, ``(d,)``."""
        return self.fixed_point.point

    @property
    def points(self) -> Array:
        """x̄, ``(1, d)``."""
        return self.fixed_point.point[None]

    @property
    def on_boundary(self) -> bool:
        """Whether it lies on the boundary of the box in which it was found."""
        return self.fixed_point.on_boundary

    def covariance(self, system: System) -> Array:
        """The solution Σ of the Lyapunov equation ``JΣ + ΣJᵀ + A = 0``."""
        return covariance(self.fixed_point.jacobian, system.diffusion(self.point[:, None])[..., 0])

    def quadratic(self, system: System, x: Array) -> Array:
        """``½ (x−x̄)ᵀ Σ⁻¹ (x−x̄)``."""
        away = x - self.point[:, None]
        return np.asarray(0.5 * np.einsum("in,in->n", away, np.linalg.solve(self.covariance(system), away)))

    def expand(self, system: System, max_level: float, tolerance: float = 1e-9) -> Local:
        """V as a polynomial (:mod:`solver.hamilton_jacobi.expansion`).

        Raises:
            NotConverged: Where the drift is not smooth, or its Jacobian is singular.
        """
        if not self.fixed_point.regular:
            at = ", ".join(f"{value:.6g}" for value in self.point)
            raise NotConverged(
                f"the drift jumps at the attractor ({at}), or its Jacobian is singular there: V is known at "
                "such a point for a loss under isotropic constant noise only"
            )
        return expand(system, self.point, max_level, tolerance=tolerance)


@dataclass(frozen=True)
class CycleAttractor:
    """A stable limit cycle."""

    cycle: LimitCycle
    fixed_point: None = None

    @property
    def point(self) -> Array:
        """A point of the curve, ``(d,)``."""
        return self.cycle.point

    @property
    def points(self) -> Array:
        """Points along the curve, ``(n, d)``."""
        return self.cycle.curve(phases(OUTLINE)).T

    @property
    def on_boundary(self) -> bool:
        """Whether the curve touches the boundary of the box in which it was found."""
        return self.cycle.on_boundary

    def covariance(self, system: System) -> Array:
        """The periodic covariance across the curve at its point, its mean size along it."""
        return covariance_at(system, self.cycle)

    def quadratic(self, system: System, x: Array) -> Array:
        """``½ yᵀS⁻¹y`` of the distance y from the curve (:mod:`solver.drift.tube`)."""
        return np.asarray(np.sum(tube(system, self.cycle, 1.0).coordinates(x)[1] ** 2, axis=0))

    def expand(self, system: System, max_level: float, tolerance: float = 1e-9) -> Local:
        """V as a Fourier series of polynomials (:mod:`solver.hamilton_jacobi.cycle_expansion`)."""
        return expand_cycle(system, self.cycle, max_level, tolerance)


def attractor_at(system: System, point: Array) -> PointAttractor:
    """The attractor at a stable zero of the drift that is known, ``(d,)``."""
    point = np.asarray(point, dtype=float)
    jacobian = system.jacobian(point[:, None])[..., 0]
    values = np.linalg.eigvals(jacobian).astype(complex)
    return PointAttractor(FixedPoint(point, jacobian, values, "attractor", 0))
