"""Local expansion of the quasi-potential at a point attractor, beyond second order.

In coordinates ``z = R⁻¹(x − x̄)`` in which the Lyapunov quadratic is ``½ r² |z|²``, the polynomial

    V(x) = ½ (x−x̄)ᵀ Σ⁻¹ (x−x̄) + Σ_{3 ≤ |α| ≤ n} c_α z^α

is fitted to ``H(x, ∇V) = b·∇V + ½∇VᵀA∇V = 0`` on the ball |z| ≤ 1
(:mod:`solver.hamilton_jacobi.expansion_fit`), in residuals divided by |z|² (the size of the terms that
balance).  V is the only solution that is smooth at x̄ with this quadratic, so no boundary data are needed
and the fit converges like the Taylor series, but its error is even over the ball.  The ball is the largest
on which the residual is small: a ball on which the quadratic is start enough is enlarged step by step.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from solver.errors import NotConverged
from solver.hamilton_jacobi.expansion_fit import Fit, Task, basis, fit, outside, task_at
from solver.hamilton_jacobi.monomials import monomial_gradients, monomials
from solver.system import Array, System

DEGREES = (8, 12)
# to a tolerance above this a higher degree gives hardly a larger ball
LOOSE = 1e-4
# a higher degree is worth its cost where it gives a level higher by this factor
WORTH = 1.5
# levels of trials: down from the highest, up from the first that is good, and between the last two
DOWN, UP, BETWEEN = 0.25, 2.0, 2.0**0.5
LOWEST = 1e-18
# beyond its ball the polynomial is taken as far as its residual is below this, to about so many radii
ROUGH, FARTHEST, STRIDE = 1e-2, 4.0, 1.1
# values are computed for so many points at a time, to save memory
BATCH = 8192


@dataclass(frozen=True)
class Expansion:
    """A polynomial in ``z = inverse_scale (x − point)``, valid for |z| ≤ 1.

    Attributes:
        point: The attractor x̄.
        inverse_scale: R⁻¹, ``(d, d)``.
        exponents: Multi-indices α, ``(m, d)``.
        values: Coefficients c_α, ``(m,)``.
        level: Value of the Lyapunov quadratic on the surface of the ball, ``r²/2``.
        residual: Largest ``|H| / |z|²`` on the sample, relative to the terms that balance.
        rate: Slowest rate of return to the attractor.
        reach: Beyond this |z| the values are continued by a quadratic along each ray.
        lead: How many of the :meth:`parameters` are no part of z.
    """

    point: Array
    inverse_scale: Array
    exponents: Array
    values: Array
    level: float
    residual: float
    rate: float
    reach: float = 1.0
    lead: int = 0

    @property
    def points(self) -> Array:
        """Points of the attractor, ``(1, d)``."""
        return self.point[None]

    def parameters(self, x: Array) -> Array:
        """z of one point ``(d,)``."""
        return np.asarray(self.inverse_scale @ (x - self.point))

    def place(self, parameters: Array) -> Array:
        """The point with these parameters, ``(d,)``."""
        return np.asarray(self.point + self.frame(parameters) @ parameters)

    def frame(self, parameters: Array) -> Array:
        """Derivative of :meth:`place`, ``(d, d)``."""
        return np.linalg.inv(self.inverse_scale)

    def at(self, parameters: Array) -> tuple[float, Array]:
        """V and ∇V at :meth:`place` of these parameters."""
        x = self.place(parameters)[:, None]
        return float(self(x)[0]), self.gradient(x)[:, 0]

    def nearest(self, x: Array) -> Array:
        """The point of the attractor that is nearest to x, ``(d,)``."""
        return self.point

    def coordinates(self, x: Array) -> Array:
        """z of points ``(d, N)``."""
        return np.asarray(self.inverse_scale @ (x - self.point[:, None]))

    def __call__(self, x: Array) -> Array:
        """V at points ``(d, N)``, shape ``(N,)``."""
        z = self.coordinates(x)
        values = np.empty(z.shape[1])
        for at in _batches(z.shape[1]):
            values[at] = self.values @ monomials(z[:, at], self.exponents)
        away = np.linalg.norm(z, axis=0) / self.reach
        out = np.flatnonzero(away > 1.0)
        if out.size:
            past, edge = away[out] - 1.0, z[:, out] / away[out]
            for at in _batches(out.size):
                rise = np.einsum(
                    "m,mdn,dn->n", self.values, monomial_gradients(edge[:, at], self.exponents), edge[:, at]
                )
                height = self.values @ monomials(edge[:, at], self.exponents)
                values[out[at]] = height + past[at] * rise + self.level * (self.reach * past[at]) ** 2
        return values

    def gradient(self, x: Array) -> Array:
        """∇V at points ``(d, N)``, shape ``(d, N)``."""
        z = self.coordinates(x)
        slopes = np.empty(z.shape)
        for at in _batches(z.shape[1]):
            slopes[:, at] = np.einsum("m,mdn->dn", self.values, monomial_gradients(z[:, at], self.exponents))
        return np.asarray(self.inverse_scale.T @ slopes)


def _batches(count: int) -> list[slice]:
    return [slice(first, first + BATCH) for first in range(0, count, BATCH)]


def expand(
    system: System, point: Array, max_level: float, degree: int | None = None, tolerance: float = 1e-9
) -> Expansion:
    """Expand V at an attractor on the largest ball, up to a level of V, where the expansion is accurate.

    Args:
        system: The system.
        point: The attractor, ``(d,)``.
        max_level: Upper limit of the Lyapunov quadratic in the ball.
        degree: Degree n of the polynomial; by default 8, or 12 where that gives a larger ball.
        tolerance: Largest accepted ``|H|`` relative to ``½∇VᵀA∇V`` of the quadratic.

    Raises:
        NotConverged: If even a tiny ball gives no accurate expansion (drift not smooth at the attractor).
    """
    task = task_at(system, point)
    best: tuple[Fit, int] | None = None
    degrees = DEGREES[: 1 if tolerance > LOOSE else None] if degree is None else (degree,)
    for n in degrees:
        found = _largest(task, n, max_level, tolerance, None if best is None else best[0])
        if found is not None and (best is None or found.level > WORTH * best[0].level):
            best = found, n
        if best is not None and best[0].level >= max_level:
            break
    if best is None:
        raise NotConverged(f"no local expansion of V at the attractor {point.tolist()}")
    found, n = best
    rate = float(np.min(np.abs(np.linalg.eigvals(system.jacobian(point[:, None])[..., 0]).real)))
    exponents = basis(system.dim, n).exponents
    inverse = np.linalg.inv(task.scale(found.level))
    reach = _reach(task, n, found)
    return Expansion(point, inverse, exponents, found.values, found.level, found.residual, rate, reach)


def quadratic(system: System, point: Array, covariance: Array, level: float) -> Expansion:
    """The Lyapunov quadratic ``½ (x−x̄)ᵀΣ⁻¹(x−x̄)`` as an expansion, up to a level.

    What V begins with; where the drift is not smooth at the attractor, an order of magnitude.
    """
    exponents = 2 * np.eye(system.dim, dtype=int)
    inverse = np.linalg.inv(np.sqrt(2 * level) * np.linalg.cholesky(covariance))
    rate = 0.5 * float(np.trace(system.diffusion(point[:, None])[..., 0] @ np.linalg.inv(covariance)))
    return Expansion(point, inverse, exponents, np.full(system.dim, level), level, np.inf, rate / system.dim)


def _reach(task: Task, degree: int, found: Fit) -> float:
    """Largest |z| at which the polynomial is still a good one."""
    reach = 1.0
    while reach < FARTHEST and outside(task, degree, found, STRIDE * reach) <= ROUGH:
        reach *= STRIDE
    return reach


def _largest(task: Task, degree: int, max_level: float, tolerance: float, known: Fit | None) -> Fit | None:
    """The fit on the largest ball with a residual within the tolerance; None if there is none.

    Args:
        task: What is expanded.
        degree: Degree of the polynomial.
        max_level: No ball above this level is tried.
        tolerance: Largest accepted residual.
        known: An accepted fit of a lower degree.
    """
    level = max_level
    if known is None:
        best = fit(task, degree, level, enough=tolerance)
        while best.residual > tolerance:
            level *= DOWN
            if level < LOWEST * max_level:
                return None
            best = fit(task, degree, level, enough=tolerance)
    else:
        best = fit(task, degree, known.level, known, enough=tolerance)
    for factor in (UP, BETWEEN):
        while best.level < max_level:
            trial = fit(task, degree, min(max_level, factor * best.level), best, enough=tolerance)
            if trial.residual > tolerance:
                break
            best = trial
    final = fit(task, degree, best.level, best)
    return final if final.residual <= best.residual else best
