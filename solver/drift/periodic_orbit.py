"""A closed orbit by Fourier collocation, from an orbit that nearly closes.

    (2π/T) γ'(θ) = b(γ(θ)),        γ(θ + 2π) = γ(θ),

is solved by Newton's method on equispaced nodes, with as many nodes as the curve needs.  Stability is read
from the Floquet multipliers: in the plane the one besides 1 is ``exp ∮ ∇·b dt`` (Liouville), in space they
are the eigenvalues of the variational flow over one period.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
import scipy.integrate
from numpy.typing import NDArray

from solver.arrays import Array
from solver.drift.fourier import derivative, differentiation_matrix, interpolate, phases, resolution
from solver.system import System

NODES = (65, 129, 257, 513, 1025)
# truncation error at which nodes are enough, and the largest that is accepted with the most of them
RESOLVED, ACCEPTED = 1e-11, 1e-7
# truncation error of a first guess with which Newton's method has a chance
ROUGH = 0.03
ITERATIONS = 20
SETTLED = 1e-12
# nodes moved by more than this part of the size of the curve: another orbit than the one begun with
MOVED = 0.5
TINY = float(np.finfo(float).tiny)


@dataclass(frozen=True)
class LimitCycle:
    """A closed orbit.

    Attributes:
        nodes: γ at equispaced times, ``(n, d)``, n odd.
        period: T.
        multipliers: Floquet multipliers but the trivial one, ``(d−1,)``.
        kind: ``attractor`` (all inside the unit circle), ``repeller`` (none), or ``saddle``.
        jacobian: ∇b at the first node.
        on_boundary: The curve touches the boundary of the box.
    """

    nodes: Array
    period: float
    multipliers: NDArray[np.complex128]
    kind: Literal["attractor", "repeller", "saddle"]
    jacobian: Array
    on_boundary: bool = False

    @property
    def point(self) -> Array:
        """A point of the cycle, ``(d,)``."""
        return np.asarray(self.nodes[0])

    def curve(self, theta: Array) -> Array:
        """γ at N phases, ``(d, N)``."""
        return interpolate(self.nodes, theta).T


def distance(curve: Array, x: Array) -> float:
    """Distance of a point ``(d,)`` from a closed polygon ``(n, d)``."""
    way = np.roll(curve, -1, axis=0) - curve
    part = np.sum((x - curve) * way, axis=1) / np.maximum(np.sum(way * way, axis=1), TINY)
    return float(np.linalg.norm(curve + np.clip(part, 0.0, 1.0)[:, None] * way - x, axis=1).min())


def periodic_orbit(system: System, start: Array, period: float) -> LimitCycle | None:
    """The closed orbit near one that comes back to near its start.

    Args:
        system: The system, in units in which the box is the unit cube.
        start: Point ``(d,)``.
        period: Time after which the orbit through it is near it again.

    Returns:
        None where Newton's method does not converge, goes elsewhere, or wants more nodes than there may be.
    """
    first = orbit_at(system, start, period)
    begun = None
    if first is not None:
        begun = next((n for n in NODES if resolution(interpolate(first, phases(n))) < ROUGH), None)
    if first is None or begun is None:
        return None
    nodes = interpolate(first, phases(begun))
    size = float(np.ptp(first, axis=0).max())
    for count in NODES[NODES.index(len(nodes)) :]:
        found = _newton(system, interpolate(nodes, phases(count)), period)
        if found is None:
            return None
        nodes, period = found
        if not np.abs(nodes - interpolate(first, phases(count))).max() < MOVED * size:
            return None
        if resolution(nodes) < RESOLVED:
            break
    return described(system, _from_rightmost(nodes), period) if resolution(nodes) < ACCEPTED else None


def orbit_at(system: System, start: Array, period: float) -> Array | None:
    """An orbit at equal times, its ends joined by a slow drift along it, ``(n, d)``."""
    times = period * np.arange(NODES[-1] + 1) / NODES[-1]
    budget = iter(range(20_000))

    def velocity(_: float, y: Array) -> Array:
        if next(budget, None) is None:
            raise RuntimeError("the orbit takes too many steps")
        return system.drift(y[:, None])[:, 0]

    try:
        orbit = scipy.integrate.solve_ivp(
            velocity, (0.0, period), start, "LSODA", t_eval=times, rtol=1e-8, atol=1e-10
        )
    except RuntimeError:
        return None
    if not orbit.success or orbit.y.shape[1] != len(times) or not np.isfinite(orbit.y).all():
        return None
    gap = orbit.y[:, -1] - orbit.y[:, 0]
    return np.asarray((orbit.y[:, :-1] - gap[:, None] * times[:-1] / period).T)


def _newton(system: System, nodes: Array, period: float) -> tuple[Array, float] | None:
    n, d = nodes.shape
    slope = np.kron(differentiation_matrix(n), np.eye(d))
    where = np.arange(n * d).reshape(n, d)
    for _ in range(ITERATIONS):
        rate = 2 * np.pi / period
        tangent = derivative(nodes)
        residual = rate * tangent - system.drift(nodes.T).T
        matrix = np.zeros((n * d + 1, n * d + 1))
        matrix[:-1, :-1] = rate * slope
        matrix[where[:, :, None], where[:, None, :]] -= np.moveaxis(system.jacobian(nodes.T), -1, 0)
        matrix[:-1, -1] = -(rate / period) * tangent.reshape(-1)
        # the phase: no motion along the tangent at the first node
        matrix[-1, :d] = tangent[0]
        if not np.isfinite(matrix).all():
            return None
        try:
            step = np.linalg.solve(matrix, -np.append(residual.reshape(-1), 0.0))
        except np.linalg.LinAlgError:
            return None
        nodes, period = nodes + step[:-1].reshape(n, d), period + float(step[-1])
        size = float(np.ptp(nodes, axis=0).max())
        if not (np.isfinite(step).all() and period > 0 and size > 0):
            return None
        if np.abs(step[:-1]).max() <= SETTLED * size:
            return nodes, period
    # at rounding level steps no longer fall
    return (nodes, period) if np.abs(step[:-1]).max() <= 1e3 * SETTLED * size else None


def _from_rightmost(nodes: Array) -> Array:
    """The same curve, the first node where the first coordinate is largest."""
    dense = phases(2001)
    slope, bend = derivative(nodes), derivative(derivative(nodes))
    theta = dense[[int(np.argmax(interpolate(nodes, dense)[:, 0]))]]
    for _ in range(6):
        step = interpolate(slope, theta)[:, 0] / interpolate(bend, theta)[:, 0]
        theta = theta - np.clip(step, -np.pi / 2001, np.pi / 2001)
    return interpolate(nodes, theta + phases(len(nodes)))


def described(system: System, nodes: Array, period: float) -> LimitCycle:
    """A closed orbit with its stability, in units in which the box is the unit cube."""
    d = system.dim
    if d == 2:
        growth = np.einsum("iin->n", system.jacobian(nodes.T)).mean() * period
        values = np.exp(np.clip([growth], -700, 700)).astype(complex)
    else:
        values = _floquet(system, nodes[0], period)
    outside = int((np.abs(values) > 1.0).sum())
    kind: Literal["attractor", "repeller", "saddle"] = "saddle"
    if outside == 0:
        kind = "attractor"
    elif outside == d - 1:
        kind = "repeller"
    dense = interpolate(nodes, phases(1001))
    touching = bool((dense <= 0.0).any() or (dense >= 1.0).any())
    return LimitCycle(
        np.array(nodes), period, values, kind, system.jacobian(nodes[0][:, None])[..., 0], touching
    )


def _floquet(system: System, start: Array, period: float) -> NDArray[np.complex128]:
    d = system.dim

    def variation(_: float, state: Array) -> Array:
        x, frame = state[:d, None], state[d:].reshape(d, d)
        return np.concatenate([system.drift(x)[:, 0], (system.jacobian(x)[..., 0] @ frame).reshape(-1)])

    begin = np.concatenate([start, np.eye(d).reshape(-1)])
    solution = scipy.integrate.solve_ivp(variation, (0.0, period), begin, "LSODA", rtol=1e-10, atol=1e-12)
    values = np.linalg.eigvals(solution.y[d:, -1].reshape(d, d)).astype(complex)
    return np.delete(values, int(np.argmin(np.abs(values - 1.0))))
