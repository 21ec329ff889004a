"""Coordinates (θ, z) round a closed curve: the phase of the nearest point, and scaled distances from it.

    x = γ(θ) + N(θ) R(θ) z,        |z| ≤ 1,

with N an orthonormal frame of the normal plane, smooth and periodic, and ``R Rᵀ = 2 level S``, where S solves
the periodic Lyapunov equation of the flow linearised about a stable limit cycle,

    (2π/T) S' = M S + S Mᵀ + NᵀAN,        M = Nᵀ ∇b N − NᵀṄ.

So ``½ yᵀS⁻¹y = level |z|²`` is the quasi-potential to second order (Kurrer and Schulten, Physica D 50
(1991) 311).
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
import scipy.integrate
from scipy.spatial import cKDTree

from solver.drift.fourier import derivative, differentiation_matrix, interpolate, phases, resolution
from solver.drift.periodic_orbit import NODES, RESOLVED, LimitCycle
from solver.errors import NotConverged
from solver.system import Array, System

DENSE = 1024
# steps to the nearest point of the curve, and a step of the phase that is the last
STEPS, SETTLED = 8, 1e-13
# z of points further away than this is not computed, only known to be large
FAR = 2.0


@dataclass(frozen=True)
class Tube:
    """A closed curve with a scaled normal frame; all arrays over the nodes of the cycle.

    Attributes:
        cycle: The curve γ.
        frame: N R, ``(n, d, d−1)``.
        covariance: S, ``(n, d−1, d−1)``.
        normals: N, ``(n, d, d−1)``.
    """

    cycle: LimitCycle
    frame: Array
    covariance: Array
    normals: Array

    @cached_property
    def _tree(self) -> cKDTree:
        return cKDTree(self.cycle.curve(phases(DENSE)).T)

    def place(self, theta: Array, z: Array) -> Array:
        """x of coordinates ``(N,)``, ``(d−1, N)``; shape ``(d, N)``."""
        return np.asarray(
            self.cycle.curve(theta) + np.einsum("nij,jn->in", interpolate(self.frame, theta), z)
        )

    def jacobian(self, theta: Array, z: Array) -> Array:
        """``∂x/∂(θ, z)``, ``(d, d, N)``."""
        along = interpolate(derivative(self.cycle.nodes), theta).T
        along = along + np.einsum("nij,jn->in", interpolate(derivative(self.frame), theta), z)
        across = np.moveaxis(interpolate(self.frame, theta), 0, -1)
        return np.concatenate([along[:, None], across], axis=1)

    def coordinates(self, x: Array) -> tuple[Array, Array]:
        """θ and z of points ``(d, N)``; far away z has only the right order of magnitude."""
        distance, nearest = self._tree.query(x.T)
        theta = phases(DENSE)[nearest]
        sizes = np.linalg.svd(self.frame, compute_uv=False)
        z = np.zeros((x.shape[0] - 1, x.shape[1]))
        z[0] = distance / sizes.min()
        near = distance < FAR * sizes.max()
        theta[near], z[:, near] = self._projected(x[:, near], theta[near])
        return theta, z

    def _projected(self, x: Array, theta: Array) -> tuple[Array, Array]:
        slopes = derivative(self.cycle.nodes)
        every = np.stack([self.cycle.nodes, slopes, derivative(slopes)], axis=1)
        for _ in range(STEPS):
            curve, tangent, bend = np.moveaxis(interpolate(every, theta), 1, 0).transpose(0, 2, 1)
            away = x - curve
            value = np.sum(away * tangent, axis=0)
            slope = np.sum(away * bend, axis=0) - np.sum(tangent**2, axis=0)
            # beyond the centre of curvature there is no nearest point to converge to
            slope = np.minimum(slope, -0.1 * np.sum(tangent**2, axis=0))
            theta = theta - value / slope
            if np.max(np.abs(value / slope), initial=0.0) < SETTLED:
                break
        away = x - self.cycle.curve(theta)
        frame = interpolate(self.frame, theta)
        return theta, np.einsum("nij,jn->in", np.linalg.pinv(frame), away)

    def scaled(self, factor: float) -> Tube:
        """The same tube with z scaled so that |z| = 1 is ``factor`` times as far from the curve."""
        return Tube(self.cycle, factor * self.frame, self.covariance, self.normals)


def tube(system: System, cycle: LimitCycle, level: float) -> Tube:
    """The tube ``½ yᵀS⁻¹y ≤ level`` of a stable cycle.

    Raises:
        NotConverged: If S is not positive definite (the cycle is not stable, or A is degenerate).
    """
    for count in NODES:
        if count >= len(cycle.nodes):
            cycle = replace(cycle, nodes=interpolate(cycle.nodes, phases(count)))
            normals = _normals(cycle)
            covariance = _periodic_covariance(system, cycle, normals)
            # S has more harmonics than γ
            if max(resolution(covariance), resolution(normals)) < RESOLVED:
                break
    try:
        root = np.linalg.cholesky(covariance)
    except np.linalg.LinAlgError:
        raise NotConverged("the covariance round the limit cycle is not positive definite") from None
    frame = np.einsum("nij,njk->nik", normals, np.sqrt(2 * level) * root)
    return Tube(cycle, frame, covariance, normals)


def _normals(cycle: LimitCycle) -> Array:
    """A smooth periodic orthonormal frame of the normal planes at the nodes, ``(n, d, d−1)``."""
    tangent = derivative(cycle.nodes)
    tangent = tangent / np.linalg.norm(tangent, axis=1, keepdims=True)
    if tangent.shape[1] == 2:
        return np.stack([-tangent[:, 1], tangent[:, 0]], axis=1)[:, :, None]
    turning = derivative(tangent)

    def transport(theta: float, normal: Array) -> Array:
        at = np.array([theta])
        return np.asarray(-(normal @ interpolate(turning, at)[0]) * interpolate(tangent, at)[0])

    # parallel transport once round, then a uniform twist that closes the frame
    start = np.linalg.svd(tangent[:1])[2][1]
    theta = phases(len(tangent))
    solution = scipy.integrate.solve_ivp(
        transport, (0.0, 2 * np.pi), start, t_eval=np.append(theta, 2 * np.pi), rtol=1e-12, atol=1e-13
    )
    first = solution.y.T
    second = np.cross(np.concatenate([tangent, tangent[:1]]), first)
    angle = np.arctan2(first[-1] @ second[0], first[-1] @ first[0])
    turn = -angle * theta / (2 * np.pi)
    c, s = np.cos(turn)[:, None], np.sin(turn)[:, None]
    first, second = first[:-1], second[:-1]
    return np.stack([c * first + s * second, c * second - s * first], axis=2)


def _periodic_covariance(system: System, cycle: LimitCycle, normals: Array) -> Array:
    n, m = len(cycle.nodes), system.dim - 1
    rate = 2 * np.pi / cycle.period
    x = cycle.nodes.T
    jacobian = np.moveaxis(system.jacobian(x), -1, 0)
    diffusion = np.moveaxis(system.diffusion(x), -1, 0)
    across = np.swapaxes(normals, 1, 2)
    linear = across @ jacobian @ normals - rate * across @ derivative(normals)
    noise = across @ diffusion @ normals
    one = np.eye(m)
    matrix = np.kron(rate * differentiation_matrix(n), np.eye(m * m))
    for j in range(n):
        block = slice(j * m * m, (j + 1) * m * m)
        matrix[block, block] -= np.kron(linear[j], one) + np.kron(one, linear[j])
    solution = np.linalg.solve(matrix, noise.reshape(-1)).reshape(n, m, m)
    return np.asarray(0.5 * (solution + np.swapaxes(solution, 1, 2)))


def covariance_at(system: System, cycle: LimitCycle) -> Array:
    """S at the first node as a ``(d, d)`` matrix; along the curve, where nothing returns, its mean size."""
    found = tube(system, cycle, 1.0)
    normals = found.normals[0]
    tangent = derivative(found.cycle.nodes)[0]
    tangent = tangent / np.linalg.norm(tangent)
    typical = np.trace(found.covariance[0]) / len(found.covariance[0])
    return np.asarray(normals @ found.covariance[0] @ normals.T + typical * np.outer(tangent, tangent))
