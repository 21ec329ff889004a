"""The geometric action of a path, and its derivative.

    S[φ] = ∫ |φ'|_{A⁻¹} |b|_{A⁻¹} − φ'·A⁻¹b  ds  =  inf over speeds of  ½∫ (φ̇−b)ᵀA⁻¹(φ̇−b) dt

(Heymann and Vanden-Eijnden, Comm. Pure Appl. Math. 61 (2008), eq. 1.5).  The action of *any* path from the
attractor to x is an upper bound of V(x).  Paths are Legendre series of φ':

    φ(s) = x₀ + ½(s+1)(x₁−x₀) + Σ_{m=1}^{n} c_m I_m(s),   I_m = ∫_{−1}^s P_m = (P_{m+1} − P_{m−1})/(2m+1),

with ends that are met exactly, so that a smooth path is represented to rounding by a few dozen numbers.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.polynomial import legendre
from scipy.special import roots_legendre

from solver.system import Array, System


@dataclass(frozen=True)
class Path:
    """A Legendre path on s ∈ [−1, 1] from ``start`` to ``end``; ``modes`` is ``(d, n)``."""

    start: Array
    end: Array
    modes: Array

    def __call__(self, s: Array) -> Array:
        """Points φ(s), ``(d, N)``."""
        basis = integrated_legendre(s, self.modes.shape[1])
        return np.asarray(
            self.start[:, None] + 0.5 * (s + 1.0) * (self.end - self.start)[:, None] + self.modes @ basis
        )

    def velocity(self, s: Array) -> Array:
        """Derivatives φ'(s), ``(d, N)``."""
        basis = legendre.legvander(s, self.modes.shape[1])[:, 1:].T
        return np.asarray(0.5 * (self.end - self.start)[:, None] + self.modes @ basis)


@lru_cache(maxsize=64)
def gauss_legendre(count: int) -> tuple[Array, Array]:
    """Nodes and weights on [−1, 1], ``(count,)`` each; not to be written to.

    Kept, because paths ask for the same rule again and again; NumPy's own takes seconds from a thousand
    nodes on, for it finds the eigenvalues of a full matrix.
    """
    nodes, weights = roots_legendre(count)
    nodes.flags.writeable = weights.flags.writeable = False
    return nodes, weights


def integrated_legendre(s: Array, count: int) -> Array:
    """``I_m(s)`` for m = 1 … count, shape ``(count, N)``."""
    values = legendre.legvander(s, count + 1).T
    m = np.arange(1, count + 1)[:, None]
    return np.asarray((values[2:] - values[:-2]) / (2 * m + 1))


def inverse_tensor(tensor: Array) -> Array:
    """Inverses of ``(d, d, N)`` tensors."""
    return np.moveaxis(np.linalg.inv(np.moveaxis(tensor, -1, 0)), 0, -1)


def tensor_derivative(system: System, x: Array, step: float) -> Array:
    """``∂A_ij/∂x_k``, ``(d, d, d, N)`` with k last but one: known, or by central differences of order 4."""
    if system.diffusion_slope is not None:
        return np.asarray(system.diffusion_slope(x))
    slopes = []
    for k in range(system.dim):
        shift = np.zeros((system.dim, 1))
        shift[k] = step
        near = system.diffusion(x + shift) - system.diffusion(x - shift)
        far = system.diffusion(x + 2 * shift) - system.diffusion(x - 2 * shift)
        slopes.append((8.0 * near - far) / (12.0 * step))
    return np.stack(slopes, axis=2)


def hamiltonian_slope(system: System, x: Array, p: Array, step: float) -> Array:
    """``𝓗_x = (∇b)ᵀp + ½ pᵀ∂A p`` of ``𝓗 = b·p + ½ pᵀAp``, ``(d, N)``."""
    slope = tensor_derivative(system, x, step)
    return np.asarray(
        np.einsum("ikn,in->kn", system.jacobian(x), p) + 0.5 * np.einsum("in,ijkn,jn->kn", p, slope, p)
    )


def hamiltonian_curvature(system: System, x: Array, p: Array, step: float) -> Array:
    """``𝓗_xx`` by fourth-order differences of 𝓗_x, symmetrised, ``(d, d, N)``."""
    columns = []
    for k in range(system.dim):
        shift = np.zeros((system.dim, 1))
        shift[k] = step
        values = [hamiltonian_slope(system, x + m * shift, p, step) for m in (-2, -1, 1, 2)]
        columns.append((values[0] - 8 * values[1] + 8 * values[2] - values[3]) / (12 * step))
    tensor = np.stack(columns, axis=1)
    return np.asarray(0.5 * (tensor + np.swapaxes(tensor, 0, 1)))


def density(system: System, x: Array, velocity: Array) -> Array:
    """``|φ'||b| − φ'·A⁻¹b`` at points with velocities, ``(N,)``."""
    inverse = inverse_tensor(system.diffusion(x))
    drift = system.drift(x)
    return np.asarray(_norm(inverse, velocity) * _norm(inverse, drift) - _product(inverse, velocity, drift))


def _product(tensor: Array, a: Array, b: Array) -> Array:
    return np.asarray(np.einsum("in,ijn,jn->n", a, tensor, b))


def _norm(tensor: Array, a: Array) -> Array:
    return np.sqrt(np.maximum(_product(tensor, a, a), 0.0))


def density_gradients(system: System, x: Array, velocity: Array, step: float) -> tuple[Array, Array, Array]:
    """The action density, its derivative by position and by velocity: ``(N,)``, ``(d, N)``, ``(d, N)``."""
    inverse = inverse_tensor(system.diffusion(x))
    drift, jacobian = system.drift(x), system.jacobian(x)
    # ∂_k A⁻¹ = −A⁻¹ ∂_kA A⁻¹
    slope = -np.einsum("ian,abkn,bjn->ijkn", inverse, tensor_derivative(system, x, step), inverse)
    speed, size = _norm(inverse, velocity), _norm(inverse, drift)
    tiny = 1e-300
    g_drift = np.einsum("ijn,jn->in", inverse, drift)
    g_velocity = np.einsum("ijn,jn->in", inverse, velocity)
    drift_part = np.einsum("ikn,in->kn", jacobian, g_drift) + 0.5 * np.einsum(
        "in,ijkn,jn->kn", drift, slope, drift
    )
    velocity_part = 0.5 * np.einsum("in,ijkn,jn->kn", velocity, slope, velocity)
    by_position = (
        speed / (size + tiny) * drift_part
        + size / (speed + tiny) * velocity_part
        - np.einsum("in,ijkn,jn->kn", velocity, slope, drift)
        - np.einsum("ikn,in->kn", jacobian, g_velocity)
    )
    by_velocity = size / (speed + tiny) * g_velocity - g_drift
    return speed * size - np.sum(velocity * g_drift, axis=0), by_position, by_velocity


def action(system: System, path: Path, points: int = 0) -> float:
    """S of a path by Gauss–Legendre quadrature (default: 8 points per mode, at least 200)."""
    s, w = gauss_legendre(points or max(200, 8 * path.modes.shape[1]))
    return float(np.sum(w * density(system, path(s), path.velocity(s))))


def action_along(system: System, path: Path, s: Array) -> Array:
    """Action from the start of the path to each of increasing parameters s, ``(N,)``."""
    nodes, weights = gauss_legendre(8)
    edges = np.concatenate([[-1.0], s])
    half = 0.5 * np.diff(edges)
    inner = (edges[:-1] + half)[:, None] + half[:, None] * nodes
    flat = inner.reshape(-1)
    values = density(system, path(flat), path.velocity(flat)).reshape(inner.shape)
    return np.cumsum(half * (values @ weights))
