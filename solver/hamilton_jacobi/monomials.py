"""Monomials of up to three variables, and points of the unit ball at which polynomials are fitted."""

from __future__ import annotations

import itertools

import numpy as np

from solver.system import Array


def multi_indices(dim: int, low: int, high: int) -> Array:
    """All α with ``low ≤ |α| ≤ high``, by degree, ``(m, dim)``."""
    every = [a for a in itertools.product(range(high + 1), repeat=dim) if low <= sum(a) <= high]
    return np.array(sorted(every, key=sum), dtype=int).reshape(-1, dim)


def monomials(z: Array, exponents: Array) -> Array:
    """z^α at points ``(d, N)``, shape ``(m, N)``."""
    powers = _powers(z, exponents)
    values = powers[exponents[:, 0], 0]
    for j in range(1, z.shape[0]):
        values *= powers[exponents[:, j], j]
    return np.asarray(values)


def monomial_gradients(z: Array, exponents: Array) -> Array:
    """``∂z^α/∂z_j``, shape ``(m, d, N)``."""
    slopes = []
    for j in range(z.shape[0]):
        lowered = exponents.copy()
        lowered[:, j] = np.maximum(lowered[:, j] - 1, 0)
        slopes.append(exponents[:, j, None] * monomials(z, lowered))
    return np.stack(slopes, axis=1)


def _powers(z: Array, exponents: Array) -> Array:
    """``z_j^k`` for all k that occur, ``(k, d, N)``."""
    powers = np.ones((int(exponents.max(initial=0)) + 1, *z.shape))
    for k in range(1, len(powers)):
        powers[k] = powers[k - 1] * z
    return powers


def ball_sample(dim: int, turned: bool = False) -> Array:
    """Points of the unit ball, ``(d, n)``, denser towards the surface: Chebyshev radii times even directions.

    Args:
        dim: Number of coordinates.
        turned: A few other points of the same kind (in 1D: between them), with some on the surface itself.
    """
    count, shift = (4, 1.0) if turned else (8 if dim == 3 else 12, 0.5)
    radii = np.sin(0.5 * np.pi * (np.arange(count) + shift) / count)
    directions = unit_directions(dim) @ (_turn(dim) if turned else np.eye(dim))
    return np.concatenate([r * directions.T for r in radii], axis=1)


def _turn(dim: int) -> Array:
    """A rotation that maps no even direction onto another: by half of their distance in the plane."""
    if dim == 1:
        return np.eye(1)
    angle = np.pi / 36
    plane = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    if dim == 2:
        return plane
    # a quarter turn takes the axis, round which the directions wind, to their equator
    tilt = np.array([[1.0, 0.0, 0.0], [0.0, 0.0, -1.0], [0.0, 1.0, 0.0]])
    return np.asarray(tilt @ np.block([[plane, np.zeros((2, 1))], [np.zeros((1, 2)), np.eye(1)]]))


def unit_directions(dim: int, count: int | None = None) -> Array:
    """Evenly spread unit vectors, ``(n, d)``: two in 1D; so many, or 36, in 2D; so many, or 300, in 3D."""
    if dim == 1:
        return np.array([[-1.0], [1.0]])
    if dim == 2:
        many = count or 36
        angles = 2 * np.pi * np.arange(many) / many
        return np.column_stack([np.cos(angles), np.sin(angles)])
    # Fibonacci sphere
    many = count or 300
    n = np.arange(many) + 0.5
    height, angle = 1 - 2 * n / many, np.pi * (1 + 5**0.5) * n
    ring = np.sqrt(1 - height**2)
    return np.column_stack([ring * np.cos(angle), ring * np.sin(angle), height])
