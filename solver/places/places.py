"""All places of a drift: its attractors, the passes between them, and the fixed points that are neither."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from solver.drift.fixed_points import FixedPoint
from solver.fokker_planck.landmarks import Landmarks, Pin
from solver.places.attractors import Attractor
from solver.places.passes import Pass
from solver.system import Array, System


@dataclass(frozen=True, repr=False)
class Places:
    """Where the drift leads, and over what; the same for every noise.

    Attributes:
        attractors: Stable points, then stable limit cycles.
        passes: Saddles with one unstable direction, then unstable cycles.
        others: All other fixed points.
        bounds: The box ``((low, high), …)`` in which they were looked for; None where that is not known.
    """

    attractors: tuple[Attractor, ...] = ()
    passes: tuple[Pass, ...] = ()
    others: tuple[FixedPoint, ...] = ()
    bounds: tuple[tuple[float, float], ...] | None = None

    def ways_out(self, k: int) -> list[tuple[int, int | None]]:
        """The passes beside attractor k, each with the attractor behind it (None: the way leads outside)."""
        sides = [(n, way.between) for n, way in enumerate(self.passes) if k in way.between]
        return [(n, pair[1 - pair.index(k)]) for n, pair in sides]

    @property
    def smooth(self) -> bool:
        """Whether the drift is smooth, and its Jacobian regular, at all attractors and saddles."""
        ends = [one.fixed_point for one in self.attractors]
        ends += [way.saddle.fixed_point for way in self.passes if way.saddle is not None]
        return all(point is None or point.regular for point in ends)

    def pinned(self, system: System) -> Landmarks:
        """The attractors with their covariances under one noise, and the passes; of a cycle, one point."""
        pins = tuple(Pin(one.point, one.covariance(system)) for one in self.attractors)
        points = np.array([way.point for way in self.passes]).reshape(len(self.passes), system.dim)
        return Landmarks(pins, points, tuple(way.between for way in self.passes))

    def __repr__(self) -> str:
        """A table of the attractors and passes."""
        points = [one.point for one in self.attractors] + [way.point for way in self.passes]
        size = max((float(np.abs(x).max()) for x in [*points, *(p.point for p in self.others)]), default=0.0)
        rows = [
            [
                str(k),
                _kind(one.cycle, "point"),
                _at(one.point, size),
                ", ".join(str(n) for n, _ in self.ways_out(k)),
            ]
            for k, one in enumerate(self.attractors)
        ]
        ways = [
            [
                str(n),
                _kind(way.cycle, "saddle"),
                _at(way.point, size),
                " and ".join(_side(k) for k in way.between),
            ]
            for n, way in enumerate(self.passes)
        ]
        parts = [_table(["attractor", "kind", "at", "passes"], rows)] if rows else ["no attractors"]
        parts += [_table(["pass", "kind", "at", "between"], ways)] if ways else ["no passes"]
        if self.others:
            parts.append(
                "other fixed points: " + ", ".join(f"{p.kind} {_at(p.point, size)}" for p in self.others)
            )
        return "\n\n".join(parts)


def _kind(cycle: object, otherwise: str) -> str:
    return otherwise if cycle is None else "cycle"


def _side(k: int | None) -> str:
    return "outside" if k is None else str(k)


def _at(x: Array, size: float) -> str:
    # what is zero but for rounding is printed as zero
    shown = np.where(np.abs(x) < 1e-12 * size, 0.0, x)
    return "(" + ", ".join(f"{value:.6g}" for value in shown) + ")"


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    widths = [max(len(row[n]) for row in [head, *rows]) for n in range(len(head))]
    lines = ["  ".join(cell.ljust(w) for cell, w in zip(row, widths, strict=True)).rstrip() for row in rows]
    return "\n".join(
        ["  ".join(cell.ljust(w) for cell, w in zip(head, widths, strict=True)).rstrip(), *lines]
    )
