"""Fit of a polynomial to the Hamilton–Jacobi equation on a ball round a point attractor.

    V = level |z|² + Σ_{3 ≤ |α| ≤ n} c_α z^α,      x = x̄ + R z,   |z| ≤ 1,   R Rᵀ = 2 level Σ,

minimises the sum of squares of ``H(x, ∇V)/|z|²`` over a sample by Gauss and Newton: each step is a linear
least-squares problem ``u·∇δ = −H`` with ``u = b + A∇V``.  From the quadratic alone it converges on small
balls only: on a large one the terms of higher order are no small correction, and u need not even point out
of it.  But the coefficients of a smaller ball, each scaled with ``(level/smaller level)^{|α|/2}``, are the
same polynomial in x, and from there on larger balls are within reach.
"""

from __future__ import annotations

import functools
from dataclasses import dataclass

import numpy as np
import scipy.linalg

from solver.drift.lyapunov import covariance
from solver.hamilton_jacobi.monomials import ball_sample, monomial_gradients, multi_indices, unit_directions
from solver.system import Array, System

STEPS = 12
# singular values below this part of the largest one are rounding
RANK = 1e-13
# a step that lowers the residual by less than this factor is the last
STALLED = 0.7
# steps are shortened down to this
SHORTEST = 2.0**-6


@dataclass(frozen=True)
class Basis:
    """The polynomials of degree 2 to n without a constant, on the sample.

    Attributes:
        exponents: α, ``(m, d)``, those of the quadratic first.
        quadratic: How many these are.
        z: Sample of the fit, then of its check, ``(d, N)``.
        slopes: ``∂z^α/∂z_j``, ``(m, d, N)``.
        fitted: How many points of the sample are those of the fit.
    """

    exponents: Array
    quadratic: int
    z: Array
    slopes: Array
    fitted: int


@dataclass(frozen=True)
class Fit:
    """Coefficients ``(m,)`` of the polynomial on the ball of a level, and the largest relative residual."""

    values: Array
    level: float
    residual: float


@functools.lru_cache(maxsize=4)
def basis(dim: int, degree: int) -> Basis:
    """The basis of one degree with its sample."""
    exponents = np.concatenate([multi_indices(dim, 2, 2), multi_indices(dim, 3, degree)])
    sample = ball_sample(dim)
    z = np.concatenate([sample, ball_sample(dim, turned=True)], axis=1)
    return Basis(exponents, dim * (dim + 1) // 2, z, monomial_gradients(z, exponents), sample.shape[1])


@dataclass(frozen=True)
class Task:
    """The expansion of V at one attractor.

    Attributes:
        system: The system.
        point: The attractor, ``(d,)``.
        root: Cholesky factor of Σ.
    """

    system: System
    point: Array
    root: Array

    def scale(self, level: float) -> Array:
        """R, ``(d, d)``."""
        return np.asarray(self.root * np.sqrt(2 * level))


def task_at(system: System, point: Array) -> Task:
    """The task at an attractor ``(d,)``."""
    at = point[:, None]
    sigma = covariance(system.jacobian(at)[..., 0], system.diffusion(at)[..., 0])
    return Task(system, point, np.linalg.cholesky(sigma))


def start(chosen: Basis, level: float, smaller: Fit | None = None) -> Array:
    """The quadratic alone, or on this ball the polynomial of a smaller one, of no higher degree."""
    values = np.zeros(len(chosen.exponents))
    if smaller is not None:
        known = smaller.values.size
        order = chosen.exponents[:known].sum(axis=1)
        values[:known] = smaller.values * (level / smaller.level) ** (0.5 * order)
    head = chosen.exponents[: chosen.quadratic]
    values[: chosen.quadratic] = np.where(head.max(axis=1) == 2, level, 0.0)
    return values


def fit(task: Task, degree: int, level: float, smaller: Fit | None = None, enough: float = 0.0) -> Fit:
    """Gauss–Newton on the ball of a level, from the quadratic or from the fit on a smaller ball.

    Steps that do not lower the residual are shortened, if there is a fit to start from; else they are no
    steps of a method that converges.

    Args:
        task: What is expanded.
        degree: Degree n.
        level: The level.
        smaller: A fit on a ball that is not larger, of a degree that is not higher.
        enough: Largest residual at which no better one is looked for.
    """
    chosen = basis(task.system.dim, degree)
    scale = task.scale(level)
    inverse = np.linalg.inv(scale)
    x = scale @ chosen.z + task.point[:, None]
    drift, diffusion = task.system.drift(x), task.system.diffusion(x)
    weight = 1.0 / np.sum(chosen.z * chosen.z, axis=0)

    def residuals(values: Array) -> tuple[Array, Array]:
        """``H/|z|²``, and u in the coordinates z."""
        gradient = inverse.T @ np.einsum("m,mdn->dn", values, chosen.slopes)
        pushed = np.einsum("ijn,jn->in", diffusion, gradient)
        return weight * np.sum((drift + 0.5 * pushed) * gradient, axis=0), inverse @ (drift + pushed)

    quadratic = inverse.T @ (2 * level * chosen.z)
    size = float(np.max(np.einsum("in,ijn,jn,n->n", quadratic, diffusion, quadratic, 0.5 * weight)))
    values = start(chosen, level, smaller)
    hamiltonian, velocity = residuals(values)
    used, free = slice(chosen.fitted), slice(chosen.quadratic, None)
    for _ in range(STEPS if len(values) > chosen.quadratic else 0):
        if np.max(np.abs(hamiltonian)) <= enough * size:
            break
        matrix = np.einsum("in,min->nm", velocity[:, used], chosen.slopes[free, :, used]) * weight[used, None]
        step = scipy.linalg.lstsq(matrix, -hamiltonian[used], cond=RANK, lapack_driver="gelsy")[0]
        now, length = np.linalg.norm(hamiltonian[used]), 1.0
        while length >= (SHORTEST if smaller is not None else 1.0):
            trial = values.copy()
            trial[free] += length * step
            changed, moved = residuals(trial)
            if np.linalg.norm(changed[used]) < now:
                break
            length *= 0.5
        else:
            break
        values, hamiltonian, velocity = trial, changed, moved
        if np.linalg.norm(hamiltonian[used]) > STALLED * now:
            break
    return Fit(values, level, float(np.max(np.abs(hamiltonian)) / size))


def outside(task: Task, degree: int, found: Fit, radius: float) -> float:
    """Largest relative residual of a fit at |z| = radius, beyond its ball."""
    z = radius * unit_directions(task.system.dim).T
    scale = task.scale(found.level)
    inverse = np.linalg.inv(scale)
    x = scale @ z + task.point[:, None]
    diffusion = task.system.diffusion(x)
    slopes = monomial_gradients(z, basis(task.system.dim, degree).exponents)
    gradient = inverse.T @ np.einsum("m,mdn->dn", found.values, slopes)
    pushed = np.einsum("ijn,jn->in", diffusion, gradient)
    hamiltonian = np.sum((task.system.drift(x) + 0.5 * pushed) * gradient, axis=0)
    size = 0.5 * np.einsum("in,ijn,jn->n", gradient, diffusion, gradient)
    return float(np.max(np.abs(hamiltonian)) / np.max(size))
