"""An escape path in time, with its momenta: what Hamilton's equations give."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.interpolate import CubicHermiteSpline

from solver.paths.action import hamiltonian_curvature, hamiltonian_slope, tensor_derivative
from solver.paths.instanton import Instanton
from solver.system import Array, System

#: Points of Gauss's rule between two nodes of a trajectory, which is a cubic there.
GAUSS = 4


@dataclass(frozen=True)
class Trajectory:
    """A path in time, with its momenta.

    Attributes:
        times: t, ``(N,)``, from 0.
        points: φ, ``(d, N)``.
        momenta: p, ``(d, N)``.
    """

    times: Array
    points: Array
    momenta: Array


@dataclass(frozen=True)
class DrivenInstanton(Instanton):
    """An instanton that is known in time; its ``path`` is a smooth curve through it, for pictures.

    Attributes:
        trajectory: From the ball of the local expansion to next to the saddle.
    """

    trajectory: Trajectory


def flow(system: System, points: Array, momenta: Array, step: float) -> tuple[Array, Array]:
    """``φ̇`` and ``ṗ`` of Hamilton's equations, ``(d, N)`` each; ``step`` is that of differences of A."""
    velocity = system.drift(points) + np.einsum("ijn,jn->in", system.diffusion(points), momenta)
    return velocity, -hamiltonian_slope(system, points, momenta, step)


def flow_derivative(system: System, points: Array, momenta: Array, length: float) -> Array:
    """The derivative of :func:`flow` by the state, ``[[K, A], [−𝓗_xx, −Kᵀ]]``, ``(2d, 2d, N)``.

    Args:
        system: The system.
        points: φ, ``(d, N)``.
        momenta: p, ``(d, N)``.
        length: Of the path, for steps of differences.
    """
    slope = tensor_derivative(system, points, 1e-4 * length)
    K = system.jacobian(points) + np.einsum("ijkn,jn->ikn", slope, momenta)
    curvature = hamiltonian_curvature(system, points, momenta, 1e-3 * length)
    above = np.concatenate([K, system.diffusion(points)], axis=1)
    below = np.concatenate([-curvature, -np.swapaxes(K, 0, 1)], axis=1)
    return np.concatenate([above, below])


def sampled(system: System, path: Trajectory, times: Array) -> tuple[Array, Array]:
    """Points and momenta at times between the ends, ``(d, N)`` each."""
    step = 1e-4 * float(np.linalg.norm(path.points[:, -1] - path.points[:, 0]))
    dim = len(path.points)
    state = CubicHermiteSpline(
        path.times,
        np.concatenate([path.points, path.momenta]),
        np.concatenate(flow(system, path.points, path.momenta, step)),
        axis=1,
    )(times)
    return state[:dim], state[dim:]


def cost_along(system: System, path: Trajectory) -> Array:
    """``½∫ p·A p dt`` up to each node, by Gauss's rule between them, ``(N,)``."""
    nodes, weights = np.polynomial.legendre.leggauss(GAUSS)
    half = 0.5 * np.diff(path.times)
    inner = path.times[:-1, None] + half[:, None] * (1.0 + nodes)
    x, p = sampled(system, path, inner.ravel())
    rate = 0.5 * np.einsum("in,ijn,jn->n", p, system.diffusion(x), p).reshape(inner.shape)
    return np.concatenate([[0.0], np.cumsum(half * (rate @ weights))])
