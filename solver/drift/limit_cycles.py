"""Limit cycles of the drift: found by following the flow, made exact by Fourier collocation.

A stable cycle is where trajectories go that end in no fixed point; an unstable cycle of a planar system is
where they go under −b.  Starts are a grid of points and the neighbourhoods of the unstable fixed points.
What is left after a long time is followed from section to section until it closes up, and the closed curve
solves

    (2π/T) γ'(θ) = b(γ(θ)),        γ(θ + 2π) = γ(θ),

by Newton's method on equispaced nodes (spectral collocation), with as many nodes as the curve needs.
Stability is read from the Floquet multipliers (eigenvalues of the variational flow over one period).
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
import scipy.integrate
from numpy.typing import NDArray

from solver.drift.connections import follow, traps
from solver.drift.fixed_points import FixedPoint
from solver.drift.fourier import derivative, differentiation_matrix, interpolate, phases, resolution
from solver.system import Array, System

NODES = (65, 129, 257, 513)
RESOLVED = 1e-11
# starts along each axis, by dimension
STARTS = {2: 8, 3: 4}
STEPS = 3000
# returns to a section this near to each other, relative to the box, are a cycle for Newton's method
CLOSED = 1e-4
RETURNS = 60


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


def limit_cycles(
    system: System, points: Sequence[FixedPoint], bounds: Sequence[tuple[float, float]]
) -> tuple[LimitCycle, ...]:
    """Stable cycles (2D, 3D) and unstable ones (2D) in a box; none where the drift is a gradient.

    Not collective: every rank does the same work and has the same answer.  A cycle is found if a start leads
    to it; a cycle whose basin is much smaller than a cell of the grid of starts may be missed.
    """
    if system.dim == 1 or system.loss is not None:
        return ()
    found = _attracting(system, points, bounds)
    if system.dim == 2:
        back, turned = system.reversed(), [_turned(p) for p in points]
        found += [
            _described(system, c.nodes[::-1], c.period, bounds) for c in _attracting(back, turned, bounds)
        ]
    rank = {"attractor": 0, "saddle": 1, "repeller": 2}
    return tuple(sorted(found, key=lambda c: (rank[c.kind], *np.round(c.nodes.mean(axis=0), 6), c.period)))


def _turned(point: FixedPoint) -> FixedPoint:
    kind = {"attractor": "repeller", "repeller": "attractor"}.get(point.kind, point.kind)
    return replace(point, jacobian=-point.jacobian, kind=kind)  # type: ignore[arg-type]


def _attracting(
    system: System, points: Sequence[FixedPoint], bounds: Sequence[tuple[float, float]]
) -> list[LimitCycle]:
    box = np.array(bounds, dtype=float)
    size = box[:, 1] - box[:, 0]
    grid = (np.arange(STARTS[system.dim]) + 0.5) / STARTS[system.dim]
    starts = [box[:, 0] + size * np.array(s) for s in itertools.product(grid, repeat=system.dim)]
    for point in points:
        if point.kind != "attractor":
            starts += [point.point + 1e-3 * size * way for way in _signs(system.dim)]
    ends, last = follow(
        system.drift,
        np.array(starts).T,
        traps(system, points, bounds),
        box,
        np.zeros(system.dim, dtype=bool),
        STEPS,
    )
    still = [x for end, x in zip(ends, last.T, strict=True) if end is None and _inside(x, box)]
    found: list[LimitCycle] = []
    for x in still:
        if any(_on(cycle, x, 0.02 * float(size.max())) for cycle in found):
            continue
        orbit = _closed_orbit(system, x, box)
        solved = None if orbit is None else _collocated(system, *orbit)
        if solved is None:
            continue
        cycle = _described(system, *solved, bounds)
        if cycle.kind == "attractor" and not any(_on(c, cycle.point, 1e-6) for c in found):
            found.append(cycle)
    return found


def _signs(dim: int) -> list[Array]:
    return [np.array(s) for s in itertools.product((-1.0, 1.0), repeat=dim)]


def _inside(x: Array, box: Array) -> bool:
    return bool(np.isfinite(x).all() and (x > box[:, 0]).all() and (x < box[:, 1]).all())


def _on(cycle: LimitCycle, x: Array, tolerance: float) -> bool:
    dense = cycle.curve(phases(1001)).T
    return float(np.linalg.norm(dense - x, axis=1).min()) < tolerance


def _closed_orbit(system: System, x: Array, box: Array) -> tuple[Array, float] | None:
    """A nearly closed orbit through a section near x: ``(n, d)`` points at equal times, and its period."""
    size = float((box[:, 1] - box[:, 0]).max())

    def velocity(_: float, y: Array) -> Array:
        return system.drift(y[:, None])[:, 0]

    for _ in range(RETURNS):
        normal = velocity(0.0, x)
        speed = float(np.linalg.norm(normal))
        if not speed > 0:
            return None

        def section(_: float, y: Array, at: Array = x, normal: Array = normal / speed) -> float:
            return float((y - at) @ normal)

        section.direction = 1.0  # type: ignore[attr-defined]
        # leave the section before looking for the return to it
        first = 0.02 * size / speed
        begin = scipy.integrate.solve_ivp(velocity, (0.0, first), x, rtol=1e-9, atol=1e-11 * size).y[:, -1]
        section.terminal = True  # type: ignore[attr-defined]
        solution = scipy.integrate.solve_ivp(
            velocity,
            (first, first + 400.0 * size / speed),
            begin,
            events=section,
            rtol=1e-9,
            atol=1e-11 * size,
            dense_output=True,
        )
        if not solution.t_events[0].size or not _inside(solution.y[:, -1], box):
            return None
        back, period = solution.y[:, -1], float(solution.t[-1])
        if float(np.linalg.norm(back - x)) < CLOSED * size:
            orbit = scipy.integrate.solve_ivp(
                velocity, (0.0, period), x, rtol=1e-10, atol=1e-12 * size, dense_output=True
            )
            return orbit.sol(period * np.arange(NODES[0]) / NODES[0]).T, period
        x = back
    return None


def _collocated(system: System, nodes: Array, period: float) -> tuple[Array, float] | None:
    """Newton's method for the periodic orbit, on finer and finer nodes."""
    for count in NODES:
        nodes = interpolate(nodes, phases(count))
        n, d = nodes.shape
        slope = differentiation_matrix(n)
        for _ in range(20):
            tangent = derivative(nodes)
            residual = (2 * np.pi / period) * tangent - system.drift(nodes.T).T
            matrix = np.zeros((n * d + 1, n * d + 1))
            matrix[:-1, :-1] = np.kron((2 * np.pi / period) * slope, np.eye(d))
            blocks = np.moveaxis(system.jacobian(nodes.T), -1, 0)
            for j in range(n):
                matrix[j * d : (j + 1) * d, j * d : (j + 1) * d] -= blocks[j]
            matrix[:-1, -1] = -(2 * np.pi / period**2) * tangent.reshape(-1)
            # the phase: no motion along the tangent at the first node
            matrix[-1, :d] = tangent[0]
            step = np.linalg.solve(matrix, -np.append(residual.reshape(-1), 0.0))
            nodes, period = nodes + step[:-1].reshape(n, d), period + float(step[-1])
            if not np.isfinite(step).all() or period <= 0:
                return None
            if np.abs(step[:-1]).max() <= 1e-12 * np.abs(nodes - nodes.mean(axis=0)).max():
                break
        else:
            return None
        if resolution(nodes) < RESOLVED:
            return _from_rightmost(nodes), period
    return None


def _from_rightmost(nodes: Array) -> Array:
    """The same curve, the first node where the first coordinate is largest (to a thousandth of a turn)."""
    dense = phases(2001)
    theta = dense[int(np.argmax(interpolate(nodes, dense)[:, 0]))]
    return interpolate(nodes, theta + phases(len(nodes)))


def _described(
    system: System, nodes: Array, period: float, bounds: Sequence[tuple[float, float]]
) -> LimitCycle:
    d = system.dim

    def variation(_: float, state: Array) -> Array:
        x, frame = state[:d, None], state[d:].reshape(d, d)
        return np.concatenate([system.drift(x)[:, 0], (system.jacobian(x)[..., 0] @ frame).reshape(-1)])

    start = np.concatenate([nodes[0], np.eye(d).reshape(-1)])
    solution = scipy.integrate.solve_ivp(variation, (0.0, period), start, rtol=1e-10, atol=1e-12)
    values = np.linalg.eigvals(solution.y[d:, -1].reshape(d, d)).astype(complex)
    values = np.delete(values, int(np.argmin(np.abs(values - 1.0))))
    outside = int((np.abs(values) > 1.0).sum())
    kind: Literal["attractor", "repeller", "saddle"] = "saddle"
    if outside == 0:
        kind = "attractor"
    elif outside == d - 1:
        kind = "repeller"
    box = np.array(bounds, dtype=float)
    dense = interpolate(nodes, phases(1001))
    touching = bool((dense <= box[:, 0]).any() or (dense >= box[:, 1]).any())
    jacobian = system.jacobian(nodes[0][:, None])[..., 0]
    return LimitCycle(np.array(nodes), period, values, kind, jacobian, touching)
