"""Convex Hamiltonians: what a large-deviation law is to everything that uses one.

A family of processes with drift b obeys, at speed 1/ε, a law with the Hamiltonian H when

    P(X ≈ φ) ≍ exp(−(1/ε) ∫ L(φ, φ̇) dt),        L(x, v) = max_p (p·v − H(x, p)),

with H convex in p, H(x, 0) = 0 and ``∂H/∂p(x, 0) = b(x)``.  Its quasi-potential
``V(x) = inf ∫ L dt`` over paths from the attractor to x obeys ``H(x, ∇V) = 0``
(Freidlin and Wentzell, *Random perturbations of dynamical systems*, ch. 5).

A law is asked for its values at given points with :meth:`Law.at`, which does once what does not depend on p.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np

from solver.arrays import Array
from solver.errors import NotConverged

#: Relative size of a Newton step, in the metric of ∂²H/∂p², after which the next one is rounding.
SETTLED = 1e-7
MOST_STEPS = 200
#: Halvings of a step: 2⁻⁴⁰ of it is no progress.
HALVINGS = 40


@dataclass(frozen=True)
class Values:
    """H and its derivatives by p at N points.

    Attributes:
        hamiltonian: H, ``(N,)``.
        velocity: ∂H/∂p, ``(d, N)``: the velocity of the most probable path with momentum p.
        curvature: ∂²H/∂p², ``(d, d, N)``, positive semidefinite.
    """

    hamiltonian: Array
    velocity: Array
    curvature: Array


class Local(Protocol):
    """A Hamiltonian at N fixed points, as a function of the momenta ``(d, N)``."""

    def values(self, p: Array) -> Values:
        """H, ∂H/∂p and ∂²H/∂p²."""
        ...

    def slope(self, p: Array) -> Array:
        """∂H/∂x at fixed p, ``(d, N)``."""
        ...

    def part(self, where: Array) -> Local:
        """The Hamiltonian at some of the points, ``(N,)`` of truth values."""
        ...


class Law(Protocol):
    """A Hamiltonian H(x, p), convex in p."""

    @property
    def dim(self) -> int:
        """The number of coordinates d."""
        ...

    def at(self, x: Array) -> Local:
        """The Hamiltonian at the points x, ``(d, N)``."""
        ...


def solve(tensor: Array, vector: Array) -> Array:
    """``tensor⁻¹ vector`` for ``(d, d, N)`` and ``(d, N)``; NaN where the tensor is singular."""
    if len(tensor) == 1:
        with np.errstate(divide="ignore", invalid="ignore"):
            return np.asarray(np.where(tensor[0] > 0, vector / tensor[0], np.nan))
    matrices, columns = np.moveaxis(tensor, -1, 0), vector.T[..., None]
    try:
        return np.asarray(np.linalg.solve(matrices, columns)[..., 0].T)
    except np.linalg.LinAlgError:
        return np.array([_solve_one(a, b) for a, b in zip(matrices, columns[..., 0], strict=True)]).T


def _solve_one(matrix: Array, vector: Array) -> Array:
    try:
        return np.asarray(np.linalg.solve(matrix, vector))
    except np.linalg.LinAlgError:
        return np.full(len(vector), np.nan)


def dot(a: Array, b: Array) -> Array:
    """Products of ``(d, N)`` fields point by point, ``(N,)``."""
    return np.asarray(np.einsum("in,in->n", a, b))


def lagrangian(law: Law, x: Array, velocity: Array) -> tuple[Array, Array]:
    """``L(x, v) = max_p (p·v − H(x, p))`` and the p that attains it, by damped Newton steps.

    Args:
        law: The law.
        x: Points ``(d, N)``.
        velocity: v, ``(d, N)``.

    Returns:
        L, ``(N,)``, infinite where the law has no such velocity, and p, ``(d, N)``.

    Raises:
        NotConverged: If Newton's method does not settle where the maximum is finite.
    """
    local = law.at(x)
    p = np.zeros_like(velocity)
    found = local.values(p)
    value = -found.hamiltonian
    settled = np.zeros(value.shape, bool)
    for _ in range(MOST_STEPS):
        rest = velocity - found.velocity
        step = solve(found.curvature, rest)
        gain = dot(rest, step)
        settled |= gain <= SETTLED**2 * (np.abs(dot(p, found.velocity)) + np.abs(value) + gain)
        # a maximum at infinity: the curvature vanishes and the steps do not end
        lost = ~np.isfinite(gain) | (np.abs(p).max(axis=0) * np.abs(velocity).max(axis=0) > 1e12)
        if (settled | lost).all():
            break
        move = np.where(settled | lost, 0.0, 1.0)
        for _ in range(HALVINGS):
            trial = p + move * np.nan_to_num(step)
            there = local.values(trial)
            new = dot(trial, velocity) - there.hamiltonian
            slack = 1e-14 * (np.abs(dot(trial, velocity)) + np.abs(there.hamiltonian))
            short = ~(new >= value + 1e-4 * move * np.nan_to_num(gain) - slack)
            if not short.any():
                break
            move = np.where(short, 0.5 * move, move)
        p, found, value = trial, there, new
    else:
        raise NotConverged("the Lagrangian was not found: Newton's method does not settle")
    return np.where(settled, value, np.inf), p
