"""An independent spectral solution of irreversible Gibbs dynamics in two dimensions.

For ``b = −½∇V + G∇V`` with constant antisymmetric G and A = I the density is ``e^{−V/ε}``, and the generator
``𝓛h = b·∇h + (ε/2)Δh`` becomes, for ``u = h e^{−V/(2ε)}``,

    𝓜u = (ε/2)Δu − ( |∇V|²/(8ε) − ΔV/4 ) u + G∇V·∇u.

In Hermite functions of width s, multiplication by x and differentiation are bidiagonal, so that for a
polynomial V the Galerkin matrix is sparse and exact (products of a larger basis, then cut).
"""

from __future__ import annotations

import numpy as np
import scipy.sparse as sps
import scipy.sparse.linalg
import sympy as sp

from tests.exact import X, Y


def _ladder(count, width):
    """Multiplication by x and d/dx in Hermite functions of ``x/width``."""
    root = np.sqrt(np.arange(1, count) / 2.0)
    up, down = sps.diags(root, -1), sps.diags(root, 1)
    return (up + down) * width, (down - up) / width


def generator(potential, spin, epsilon, count, width):
    """Galerkin matrix of 𝓜 for ``G = spin·[[0, −1], [1, 0]]`` in ``count²`` functions."""
    pad = sp.Poly(sp.diff(potential, X) ** 2 + sp.diff(potential, Y) ** 2, X, Y).total_degree()
    x, d = _ladder(count + pad, width)
    power = [sps.identity(count + pad)]
    for _ in range(pad):
        power.append(power[-1] @ x)
    one = power[0]

    def cut(matrix):
        return sps.csr_matrix(matrix)[:count, :count]

    def multiplied(expression, first=one, second=one):
        """``expression · first(x) second(y)``."""
        total = sps.csr_matrix((count**2, count**2))
        for (m, n), factor in sp.Poly(sp.expand(expression), X, Y).terms():
            total = total + float(factor) * sps.kron(cut(power[m] @ first), cut(power[n] @ second))
        return total

    slopes = sp.diff(potential, X), sp.diff(potential, Y)
    square = (
        sum(s**2 for s in slopes) / (8 * sp.Float(epsilon))
        - sum(sp.diff(s, v) for s, v in zip(slopes, (X, Y), strict=True)) / 4
    )
    laplacian = multiplied(sp.Integer(1), d @ d) + multiplied(sp.Integer(1), one, d @ d)
    rotation = multiplied(-spin * slopes[1], d) + multiplied(spin * slopes[0], one, d)
    return sps.csc_matrix(epsilon / 2 * laplacian - multiplied(square) + rotation)


def _functions(count, width, x):
    """Hermite functions at points, ``(count, N)``."""
    z = x / width
    rows = [np.exp(-(z**2) / 2) / np.pi**0.25]
    rows.append(np.sqrt(2.0) * z * rows[0])
    for n in range(1, count - 1):
        rows.append(np.sqrt(2.0 / (n + 1)) * z * rows[n] - np.sqrt(n / (n + 1)) * rows[n - 1])
    return np.array(rows[:count])


def slow_modes(potential, spin, epsilon, modes, points, count=60, width=None):
    """The slowest eigenvalues ``−λ``, λ ascending from 0, and the h_n at the points, ``(points, modes)``."""
    width = width or 1.3 * np.sqrt(epsilon)
    matrix = generator(potential, spin, epsilon, count, width)
    start = np.random.default_rng(0).normal(size=count**2)
    values, vectors = scipy.sparse.linalg.eigs(matrix, k=modes, sigma=1e-3, v0=start)
    order = np.argsort(-values.real)
    at = np.asarray(points, dtype=float)
    first, second = _functions(count, width, at[:, 0]), _functions(count, width, at[:, 1])
    basis = np.einsum("ip,jp->ijp", first, second).reshape(count**2, -1)
    V = sp.lambdify((X, Y), potential)(*at.T)
    h = basis.T @ vectors[:, order] * np.exp((V - V.min()) / (2 * epsilon))[:, None]
    return values[order], h


def chain(potential, spin, epsilon, points, **size):
    """Rates between wells: the generator on its slow eigenfunctions, by their values at the wells."""
    values, h = slow_modes(potential, spin, epsilon, len(points), points, **size)
    return np.real(h @ np.diag(values) @ np.linalg.inv(h)), values
