"""Unstable limit cycles as the boundary of a basin in the plane."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from solver.arrays import Array
from solver.drift.connections import traps
from solver.drift.fixed_points import FixedPoint
from solver.drift.flow import Basin, follow
from solver.drift.fourier import phases
from solver.drift.periodic_orbit import LimitCycle
from solver.drift.tube import Tube, tube
from solver.system import System


@dataclass(frozen=True)
class CycleBasin:
    """A tube round a stable cycle that the flow enters and never leaves."""

    tube: Tube

    def holds(self, points: Array) -> Array:
        """Which of the points ``(d, N)`` are inside."""
        return np.asarray(np.sum(self.tube.coordinates(points)[1] ** 2, axis=0) < 1.0)


@dataclass(frozen=True)
class CyclePass:
    """An unstable cycle between two basins of the plane.

    Attributes:
        cycle: The cycle.
        between: Indices of the attractors on its two sides, smaller first; None where the flow leaves.
        sides: For each of ``between``, the sign of the normal coordinate on its side.
    """

    cycle: LimitCycle
    between: tuple[int | None, int | None]
    sides: tuple[float, float]

    @property
    def point(self) -> Array:
        """A point of the cycle."""
        return self.cycle.point


def cycle_basins(system: System, cycles: Sequence[LimitCycle], size: float) -> list[CycleBasin]:
    """For every stable cycle the widest tube, at most ``size`` wide, on whose shells the flow goes in."""
    isotropic = system.isotropic()
    basins = []
    for cycle in cycles:
        found = tube(isotropic, cycle, 1.0)
        found = found.scaled(size / float(np.linalg.norm(found.frame, axis=(1, 2)).max()))
        for _ in range(40):
            if _enters(system, found):
                break
            found = found.scaled(0.7)
        basins.append(CycleBasin(found))
    return basins


def _enters(system: System, found: Tube) -> bool:
    dim = system.dim
    ways = np.array([[-1.0, 1.0]]) if dim == 2 else _ring()
    theta = np.repeat(phases(128), ways.shape[1])
    for radius in np.linspace(0.1, 1.0, 10):
        z = np.tile(radius * ways, 128)
        jacobian = np.moveaxis(found.jacobian(theta, z), -1, 0)
        if (np.linalg.det(jacobian) * np.linalg.det(jacobian[0]) <= 0).any():
            return False
        rate = np.linalg.solve(jacobian, system.drift(found.place(theta, z)).T[..., None])[:, 1:, 0]
        if not (np.sum(rate * z.T, axis=1) < 0).all():
            return False
    return True


def _ring() -> Array:
    angle = phases(12)
    return np.array([np.cos(angle), np.sin(angle)])


def cycle_passes(
    system: System,
    points: Sequence[FixedPoint],
    stable: Sequence[LimitCycle],
    unstable: Sequence[LimitCycle],
    bounds: Sequence[tuple[float, float]],
    max_steps: int = 20_000,
) -> tuple[CyclePass, ...]:
    """Which attractors the unstable cycles of a planar system lie between.

    Attractors are numbered: the points in their order, then the stable cycles in theirs.  Not collective.
    """
    if not unstable:
        return ()
    box = np.array(bounds, dtype=float)
    size = float((box[:, 1] - box[:, 0]).min())
    basins: list[Basin] = [*traps(system, points, bounds), *cycle_basins(system, stable, 0.1 * size)]
    starts = []
    for cycle in unstable:
        tangent = system.drift(cycle.point[:, None])[:, 0]
        normal = np.array([-tangent[1], tangent[0]]) / np.linalg.norm(tangent)
        starts += [cycle.point + 1e-4 * size * normal, cycle.point - 1e-4 * size * normal]
    courses = follow(system, np.array(starts).T, basins, box, max_steps)
    result = []
    for n, cycle in enumerate(unstable):
        first, second = courses[2 * n].end, courses[2 * n + 1].end
        sides = (1.0, -1.0)
        if first is None or (second is not None and second < first):
            first, second, sides = second, first, (-1.0, 1.0)
        result.append(CyclePass(cycle, (first, second), sides))
    return tuple(result)
