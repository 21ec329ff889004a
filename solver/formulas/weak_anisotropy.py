"""The barrier to first order in the anisotropy of the noise.

For ``b = −∇U`` and ``A = c I + δA`` the Hamilton–Jacobi equation, expanded about ``V = 2U/c``, leaves
``∇U·∇V₁ = −(2/c²) ∇UᵀδA∇U``, a transport equation along the lines of steepest ascent, so that

    V(saddle) = (2/c) ΔU − (2/c²) ∫ ∇UᵀδA dx + O(δA²),

the integral along the steepest ascent from the attractor to the saddle.  That is the flow ``ẋ = b`` from the
saddle reversed, on which ``∇UᵀA dx = bᵀA b dt`` and ``dU = bᵀb dt``: no path of the noise is looked for.
c is the mean eigenvalue of A at the attractor.  (Perturbation theory of Freidlin and Wentzell, *Random
Perturbations of Dynamical Systems*, ch. 4, about the exact V of gradient systems.)
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import scipy.integrate

from solver.errors import NotConverged
from solver.system import Array, System

# distances from the saddle and from the attractor, relative to the way between them, where the flow begins
# and ends; what is left out is of third order at the one end and of second order at the other
FIRST, LAST = 1e-4, 1e-7
LONGEST = 1e4  # in units of the slowest rate at the two ends


@dataclass(frozen=True)
class WeakBarrier:
    """A barrier to first order in the anisotropy.

    Attributes:
        value: V at the saddle; it may be far off, even negative, where ``anisotropy`` is not small.
        scale: c, the mean eigenvalue of A at the attractor.
        anisotropy: Largest eigenvalue of ``|A − c I|/c`` along the steepest ascent.
    """

    value: float
    scale: float
    anisotropy: float


def weak_barrier(system: System, attractor: Array, saddle: Array, direction: Array) -> WeakBarrier:
    """The barrier of a saddle to first order in the anisotropy of the noise.  Not collective.

    Args:
        system: The system, with ``b = −∇U``.
        attractor: Where the way begins, ``(d,)``.
        saddle: The saddle, ``(d,)``.
        direction: Its unstable unit vector on the side of the attractor, ``(d,)``.

    Raises:
        ValueError: If the drift is no gradient (the system has no loss).
        NotConverged: If the flow from the saddle does not reach the attractor.
    """
    if system.loss is None:
        raise ValueError("the expansion about 2U holds for a drift that is a gradient")
    size = float(np.linalg.norm(saddle - attractor))
    scale = float(np.trace(system.diffusion(attractor[:, None])[..., 0])) / system.dim
    first = saddle + FIRST * size * direction
    rise = float(system.loss(saddle[:, None])[0] - system.loss(attractor[:, None])[0])

    # the unit of time: the first step of the integrator depends on it
    slowest = _slowest(system, attractor, saddle)

    def flow(_: float, state: Array) -> Array:
        x = state[:-1, None]
        b = system.drift(x)[:, 0]
        return np.append(b, b @ system.diffusion(x)[..., 0] @ b) / slowest

    def arrives(_: float, state: Array) -> float:
        return float(np.linalg.norm(state[:-1] - attractor)) - LAST * size

    arrives.terminal = True  # type: ignore[attr-defined]
    start = np.append(first, _head(system, saddle, FIRST * size * direction))
    # the last component is ∫∇UᵀA dx, of the order of the rise of U times A
    precision = np.append(np.full(len(first), size), scale * rise)
    found = scipy.integrate.solve_ivp(
        flow, (0.0, LONGEST), start, "LSODA", events=arrives,
        rtol=1e-10, atol=1e-12 * precision,
    )  # fmt: skip
    if not len(found.t_events[0]):
        raise NotConverged("the steepest descent from the saddle does not end in the attractor")
    along = float(found.y[-1, -1])
    points = np.concatenate([saddle[:, None], found.y[:-1]], axis=1)
    tensors = np.moveaxis(system.diffusion(points), -1, 0)
    anisotropy = float(np.abs(np.linalg.eigvalsh(tensors) / scale - 1.0).max())
    return WeakBarrier(4.0 * rise / scale - 2.0 * along / scale**2, scale, anisotropy)


def _head(system: System, saddle: Array, step: Array) -> float:
    """``∫ ∇UᵀA dx`` from the saddle to its side, where ∇U = −λ(x − saddle)."""
    jacobian = system.jacobian(saddle[:, None])[..., 0]
    return 0.5 * float(step @ jacobian.T @ system.diffusion(saddle[:, None])[..., 0] @ step)


def _slowest(system: System, *points: Array) -> float:
    """Smallest rate of the linearised flow at fixed points."""
    rates = [np.abs(np.linalg.eigvals(system.jacobian(x[:, None])[..., 0])) for x in points]
    return float(np.min(rates))
