"""The cost of reaching a saddle from near it, as a polynomial: the last part of every way out of a well.

Let C(x) be the least action of paths from x to a saddle s with one unstable direction.  ``W = −C`` is a
smooth solution of ``H(x, ∇W) = b·∇W + ½∇WᵀA∇W = 0`` near s: its graph ∇W is the stable manifold of the fixed
point (s, 0) of Hamilton's equations.  On the stable manifold of s itself, where the way is downhill, C is
zero.  With J = ∇b(s), of unstable part Λ_u = ℓ J ℓᵀ on the left eigenvector ℓ and of stable part Λ_s on L_s,

    ∇²W(s) = P₋ = −ℓᵀ S_u⁻¹ ℓ,    Λ_u S_u + S_u Λ_uᵀ = ℓ A ℓᵀ,
             P₊ = L_sᵀ S_s⁻¹ L_s,  Λ_s S_s + S_s Λ_sᵀ = −L_s A L_sᵀ,

½(x−s)ᵀP₊(x−s) being the least action of paths from s to x, to leading order.  Every
``P = P₋ + κ (P₊ − P₋)`` with 0 ≤ κ ≤ 1 has ``PJ + JᵀP + PAP ≤ 0`` (it is convex in κ, and zero at both ends).

The terms of higher order are fitted by Gauss's and Newton's method on the ball ``ψ ≤ level`` of the form
``ψ(x) = ½(x−s)ᵀ(P₊ − P₋)(x−s)``; ``u = b + A∇W`` points inwards there, so that the polynomial is unique.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import scipy.linalg

from solver.hamilton_jacobi.monomials import ball_sample, monomial_gradients, monomials, multi_indices
from solver.system import Array, System

DEGREE = {1: 10, 2: 8, 3: 6}
STEPS, SETTLED = 30, 1e-12
HALVINGS = 12
RANK = 1e-13


@dataclass(frozen=True)
class SaddleCost:
    """``W = −C`` on the ball ``ψ ≤ level`` round a saddle.

    Attributes:
        system: The system.
        point: The saddle, ``(d,)``.
        scale: R with ``ψ(s + R z) = level |z|²``, ``(d, d)``.
        exponents: α, ``(m, d)``.
        values: Coefficients of z^α, ``(m,)``.
        level: ψ on the surface.
        normal: Of the stable manifold at the saddle, towards the well, ``(d,)``.
        residual: Largest ``|H(x, ∇W)|/ψ`` on a sample of the ball.
    """

    system: System
    point: Array
    scale: Array
    exponents: Array
    values: Array
    level: float
    normal: Array
    residual: float

    def inner(self, part: float) -> SaddleCost:
        """The same polynomial on the ball of a part of the level."""
        values = self.values * part ** (0.5 * self.exponents.sum(axis=1))
        return replace(self, scale=np.sqrt(part) * self.scale, values=values, level=part * self.level)

    def coordinates(self, x: Array) -> Array:
        """z of points ``(d, N)``."""
        return np.asarray(np.linalg.solve(self.scale, x - self.point[:, None]))

    def __call__(self, x: Array) -> Array:
        """W at points ``(d, N)``, shape ``(N,)``."""
        return np.asarray(self.values @ monomials(self.coordinates(x), self.exponents))

    def gradient(self, x: Array) -> Array:
        """∇W at points ``(d, N)``, shape ``(d, N)``."""
        slopes = monomial_gradients(self.coordinates(x), self.exponents)
        return np.linalg.solve(self.scale.T, np.einsum("m,mdn->dn", self.values, slopes))

    def form(self, x: Array) -> Array:
        """ψ at points ``(d, N)``, shape ``(N,)``."""
        return np.asarray(self.level * np.sum(self.coordinates(x) ** 2, axis=0))

    def form_gradient(self, x: Array) -> Array:
        """∇ψ at points ``(d, N)``, shape ``(d, N)``."""
        return np.linalg.solve(self.scale.T, 2 * self.level * self.coordinates(x))


def saddle_cost(
    system: System, saddle: Array, inside: Array, max_level: float, tolerance: float = 1e-4
) -> SaddleCost | None:
    """Expand the cost of reaching a saddle on the largest ball on which that is accurate.  Not collective.

    Args:
        system: The system.
        saddle: The saddle, ``(d,)``.
        inside: A point near it on the side of the well, ``(d,)``.
        max_level: Upper limit of ψ in the ball.
        tolerance: Largest accepted ``|H|/ψ``.

    Returns:
        None where there is not one unstable direction only, or no ball with an accurate expansion.
    """
    jacobian = system.jacobian(saddle[:, None])[..., 0]
    diffusion = system.diffusion(saddle[:, None])[..., 0]
    unstable, stable = (_invariant(jacobian, side) for side in ("rhp", "lhp"))
    if len(unstable) != 1 or len(unstable) + len(stable) != system.dim:
        return None
    try:
        lower = -_form(unstable, jacobian, diffusion, 1.0)
        upper = _form(stable, jacobian, diffusion, -1.0)
        root = np.linalg.inv(np.linalg.cholesky(upper - lower).T)
    except np.linalg.LinAlgError:  # the noise does not reach all directions
        return None
    normal = unstable[0] * np.sign(unstable[0] @ (inside - saddle))
    level = max_level
    for _ in range(HALVINGS):
        found = _fit(system, saddle, root * np.sqrt(2 * level), lower, level, normal)
        if found.residual <= tolerance:
            return found
        level *= 0.5
    return None


def _invariant(jacobian: Array, side: str) -> Array:
    """Orthonormal rows that span the left invariant subspace of one half-plane."""
    _, vectors, count = scipy.linalg.schur(jacobian.T, sort=side)
    return np.asarray(vectors[:, :count].T)


def _form(rows: Array, jacobian: Array, diffusion: Array, sign: float) -> Array:
    """``Lᵀ S⁻¹ L`` with ``Λ S + S Λᵀ = ± L A Lᵀ``, ``Λ = L J Lᵀ``."""
    if not len(rows):
        return np.zeros_like(jacobian)
    spread = scipy.linalg.solve_continuous_lyapunov(
        rows @ jacobian @ rows.T, sign * rows @ diffusion @ rows.T
    )
    return np.asarray(rows.T @ np.linalg.inv(spread) @ rows)


def _fit(
    system: System, saddle: Array, scale: Array, hessian: Array, level: float, normal: Array
) -> SaddleCost:
    dim = system.dim
    z = ball_sample(dim)
    x = saddle[:, None] + scale @ z
    drift, diffusion = system.drift(x), system.diffusion(x)
    head, tail = multi_indices(dim, 2, 2), multi_indices(dim, 3, DEGREE[dim])
    exponents = np.concatenate([head, tail])
    form = scale.T @ hessian @ scale
    values = np.zeros(len(exponents))
    for n, alpha in enumerate(head):
        i, j = np.flatnonzero(alpha).repeat(alpha[alpha > 0])
        values[n] = 0.5 * form[i, i] if i == j else form[i, j]
    slopes = np.linalg.solve(scale.T, monomial_gradients(z, exponents))
    weight = 1.0 / np.sum(z**2, axis=0)
    residual = np.inf
    for _ in range(STEPS):
        gradient = np.einsum("m,mdn->dn", values, slopes)
        pushed = np.einsum("ijn,jn->in", diffusion, gradient)
        hamiltonian = weight * np.sum((drift + 0.5 * pushed) * gradient, axis=0)
        residual = float(np.max(np.abs(hamiltonian)) / level)
        if not np.isfinite(residual):
            return SaddleCost(system, saddle, scale, exponents, values, level, normal, np.inf)
        matrix = weight * np.einsum("dn,mdn->mn", drift + pushed, slopes[len(head) :])
        step = np.linalg.lstsq(matrix.T, -hamiltonian, rcond=RANK)[0]
        values[len(head) :] += step
        if np.max(np.abs(step)) <= SETTLED * level:
            break
    return SaddleCost(system, saddle, scale, exponents, values, level, normal, residual)
