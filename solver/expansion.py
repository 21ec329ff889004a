"""Local expansion of the quasi-potential at a point attractor, beyond second order.

In coordinates ``z = R⁻¹(x − x̄)`` in which the Lyapunov quadratic is ``½ r² |z|²``, the polynomial

    V(x) = ½ (x−x̄)ᵀ Σ⁻¹ (x−x̄) + Σ_{3 ≤ |α| ≤ n} c_α z^α

is fitted to ``H(x, ∇V) = b·∇V + ½∇VᵀA∇V = 0`` on the ball |z| ≤ 1 by Gauss–Newton: every step is a linear
least-squares problem ``u·∇δ = −H`` with ``u = b + A∇V``, in residuals divided by |z|² (the size of the terms
that balance).  u points out of the ball, so no boundary data are needed and the fit converges like the
Taylor series, but its error is even over the ball.  The radius is reduced until the residual is small.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass

import numpy as np

from solver.errors import NotConverged
from solver.lyapunov import covariance
from solver.system import Array, System


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
        lead: How many of the :meth:`parameters` are no part of z.
    """

    point: Array
    inverse_scale: Array
    exponents: Array
    values: Array
    level: float
    residual: float
    rate: float
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
        return np.asarray(self.values @ monomials(self.coordinates(x), self.exponents))

    def gradient(self, x: Array) -> Array:
        """∇V at points ``(d, N)``, shape ``(d, N)``."""
        slopes = monomial_gradients(self.coordinates(x), self.exponents)
        return np.asarray(self.inverse_scale.T @ np.einsum("m,mdn->dn", self.values, slopes))


def multi_indices(dim: int, low: int, high: int) -> Array:
    """All α with ``low ≤ |α| ≤ high``, ``(m, dim)``."""
    every = itertools.product(range(high + 1), repeat=dim)
    return np.array([a for a in every if low <= sum(a) <= high], dtype=int)


def monomials(z: Array, exponents: Array) -> Array:
    """z^α at points ``(d, N)``, shape ``(m, N)``."""
    return np.asarray(np.prod(z[None] ** exponents[:, :, None], axis=1))


def monomial_gradients(z: Array, exponents: Array) -> Array:
    """``∂z^α/∂z_j``, shape ``(m, d, N)``."""
    slopes = []
    for j in range(z.shape[0]):
        lowered = exponents.copy()
        lowered[:, j] = np.maximum(lowered[:, j] - 1, 0)
        slopes.append(exponents[:, j, None] * monomials(z, lowered))
    return np.stack(slopes, axis=1)


def _sample(dim: int) -> Array:
    """Points of the unit ball, denser towards the surface: Chebyshev radii times even directions."""
    radii = np.sin(0.5 * np.pi * (np.arange(12) + 0.5) / 12)
    return np.concatenate([r * unit_directions(dim).T for r in radii], axis=1)


def unit_directions(dim: int) -> Array:
    """Evenly spread unit vectors, ``(n, d)``: two in 1D, 36 in 2D, 300 in 3D."""
    if dim == 1:
        return np.array([[-1.0], [1.0]])
    if dim == 2:
        angles = 2 * np.pi * np.arange(36) / 36
        return np.column_stack([np.cos(angles), np.sin(angles)])
    # Fibonacci sphere
    n = np.arange(300) + 0.5
    height, angle = 1 - 2 * n / 300, np.pi * (1 + 5**0.5) * n
    ring = np.sqrt(1 - height**2)
    return np.column_stack([ring * np.cos(angle), ring * np.sin(angle), height])


def expand(
    system: System, point: Array, max_level: float, degree: int = 8, tolerance: float = 1e-9
) -> Expansion:
    """Expand V at an attractor on the largest ball, up to a level of V, where the expansion is accurate.

    Args:
        system: The system.
        point: The attractor, ``(d,)``.
        max_level: Upper limit of the Lyapunov quadratic in the ball.
        degree: Degree n of the polynomial.
        tolerance: Largest accepted ``|H|`` relative to ``½∇VᵀA∇V`` of the quadratic.

    Raises:
        NotConverged: If even a tiny ball gives no accurate expansion (drift not smooth at the attractor).
    """
    x0 = point[:, None]
    sigma = covariance(system.jacobian(x0)[..., 0], system.diffusion(x0)[..., 0])
    root = np.linalg.cholesky(sigma)
    level = max_level
    for _ in range(60):
        expansion = _fit(system, point, root * np.sqrt(2 * level), level, degree)
        if expansion.residual <= tolerance:
            return expansion
        level *= 0.5
    raise NotConverged(f"no local expansion of V at the attractor {point.tolist()}")


def _fit(system: System, point: Array, scale: Array, level: float, degree: int) -> Expansion:
    dim = system.dim
    quadratic, higher = multi_indices(dim, 2, 2), multi_indices(dim, 3, degree)
    exponents = np.concatenate([quadratic, higher])
    values = np.zeros(len(exponents))
    values[: len(quadratic)] = np.where(quadratic.max(axis=1) == 2, level, 0.0)
    inverse = np.linalg.inv(scale)
    z = _sample(dim)
    x = scale @ z + point[:, None]
    drift, diffusion = system.drift(x), system.diffusion(x)
    slopes = np.einsum("ij,mjn->min", inverse.T, monomial_gradients(z, exponents))
    weight = 1.0 / np.sum(z * z, axis=0)
    quadratic_gradient = np.einsum("m,mdn->dn", values, slopes)
    size = np.einsum("in,ijn,jn,n->n", quadratic_gradient, diffusion, quadratic_gradient, 0.5 * weight)
    residual, best = np.inf, values
    for _ in range(12):
        gradient = np.einsum("m,mdn->dn", values, slopes)
        pushed = np.einsum("ijn,jn->in", diffusion, gradient)
        hamiltonian = weight * np.sum((drift + 0.5 * pushed) * gradient, axis=0)
        relative = float(np.max(np.abs(hamiltonian)) / np.max(size))
        if not relative < residual:
            break
        residual, best = relative, values.copy()
        matrix = np.einsum("in,min->nm", drift + pushed, slopes[len(quadratic) :]) * weight[:, None]
        if matrix.shape[1] == 0:
            break
        step = np.linalg.lstsq(matrix, -hamiltonian, rcond=1e-13)[0]
        values = values.copy()
        values[len(quadratic) :] += step
    rate = float(np.min(np.abs(np.linalg.eigvals(system.jacobian(point[:, None])[..., 0]).real)))
    return Expansion(point, inverse, exponents, best, level, residual, rate)
