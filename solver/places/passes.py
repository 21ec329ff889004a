"""Passes: what leads from one basin to another, a saddle or an unstable limit cycle."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Protocol

from solver.drift.connections import Saddle
from solver.drift.cycle_passes import CyclePass
from solver.drift.fourier import phases
from solver.drift.limit_cycles import LimitCycle
from solver.paths.escape_path import SaddleTarget, Target
from solver.paths.gates import gate
from solver.places.attractors import OUTLINE, Attractor
from solver.system import Array, System

Between = tuple[int | None, int | None]


class Pass(Protocol):
    """A way from one basin to another that costs least at its ``point``."""

    @property
    def point(self) -> Array:
        """One point of it, ``(d,)``."""

    @property
    def points(self) -> Array:
        """Points all along it, ``(n, d)``."""

    @property
    def between(self) -> Between:
        """Numbers of the attractors on its two sides; None where the drift leads out of the domain."""

    @property
    def saddle(self) -> Saddle | None:
        """The saddle that it is; None where it is none: laws for escape over a saddle do not apply."""

    @property
    def cycle(self) -> LimitCycle | None:
        """The unstable cycle that it is; None where it is none."""

    def target(self, system: System, index: int, attractor: Attractor) -> Target:
        """Where paths to it end that come from one of the attractors beside it.

        Raises:
            NotConverged: If what is left of the way cannot be expanded.
        """

    def renumbered(self, number: Mapping[int, int]) -> Pass:
        """The same between attractors with other numbers; those without one are outside."""


@dataclass(frozen=True)
class SaddlePass:
    """A saddle with one unstable direction."""

    saddle: Saddle
    cycle: None = None

    @property
    def point(self) -> Array:
        """The saddle, ``(d,)``."""
        return self.saddle.point

    @property
    def points(self) -> Array:
        """The saddle, ``(1, d)``."""
        return self.saddle.point[None]

    @property
    def between(self) -> Between:
        """Where its unstable curves lead."""
        return self.saddle.between

    def target(self, system: System, index: int, attractor: Attractor) -> Target:
        """The saddle, from either side."""
        return SaddleTarget(self.saddle.point)

    def renumbered(self, number: Mapping[int, int]) -> SaddlePass:
        """The same between attractors with other numbers, the smaller first, None last."""
        first, second = _renumbered(self.between, number)
        saddle = self.saddle
        if first is None or (second is not None and second < first):
            first, second = second, first
            saddle = replace(saddle, unstable_eigenvector=-saddle.unstable_eigenvector)
        return SaddlePass(replace(saddle, between=(first, second)))


@dataclass(frozen=True)
class UnstableCyclePass:
    """An unstable limit cycle between two basins of the plane."""

    way: CyclePass
    saddle: None = None

    @property
    def point(self) -> Array:
        """A point of the cycle, ``(d,)``."""
        return self.way.point

    @property
    def points(self) -> Array:
        """Points along the cycle, ``(n, d)``."""
        return self.way.cycle.curve(phases(OUTLINE)).T

    @property
    def between(self) -> Between:
        """The attractors within and without."""
        return self.way.between

    @property
    def cycle(self) -> LimitCycle:
        """The cycle."""
        return self.way.cycle

    def target(self, system: System, index: int, attractor: Attractor) -> Target:
        """The tube round the cycle, on the side of the attractor."""
        return gate(system, self.way, index, attractor.point)

    def renumbered(self, number: Mapping[int, int]) -> UnstableCyclePass:
        """The same between attractors with other numbers, the smaller first, None last."""
        first, second = _renumbered(self.between, number)
        sides = self.way.sides
        if first is None or (second is not None and second < first):
            first, second, sides = second, first, (sides[1], sides[0])
        return UnstableCyclePass(replace(self.way, between=(first, second), sides=sides))


def _renumbered(between: Between, number: Mapping[int, int]) -> Between:
    first, second = (None if k is None else number.get(k) for k in between)
    return first, second
