"""Instantons out of a well: first guesses traced back on an approximation of V, polished one by one.

What a path ends at is a :class:`Target`: a saddle, or one side of an unstable cycle
(:mod:`solver.paths.gates`).  Tracing needs a distributed field, and is collective; polishing is serial, and
paths to different targets are dealt to the ranks.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Protocol

import numpy as np
from dolfinx import fem
from mpi4py import MPI

from meshes.serial import dealt, served
from solver.elements.evaluate import Locator, evaluate, evaluate_gradient
from solver.errors import NotConverged, Refused
from solver.hamilton_jacobi.cycle_expansion import Local
from solver.hamilton_jacobi.monomials import unit_directions
from solver.paths.action import Path, action
from solver.paths.instanton import Instanton, instanton, trace_back
from solver.system import Array, System

# sphere round a saddle on which paths come in, relative to the way to it
ENTRY = 0.2
# the length of a path that is traced, relative to the straight way, at which it is given up
LONGEST = 20.0
# directions within about 25° of each other are one way in
SAME_WAY = 0.9
MOST_WAYS = 3


@dataclass(frozen=True)
class Guide:
    """An approximation of V on which first guesses are traced.

    Attributes:
        field: W.
        locator: Search tree of its mesh.
        step: Arc length of a step.
    """

    field: fem.Function
    locator: Locator
    step: float

    def slope(self, x: Array) -> Array:
        """∇W at one point ``(d,)``.  Collective."""
        return evaluate_gradient(self.field, x[None], self.locator)[0]


class Target(Protocol):
    """Where paths out of a well end, for one diffusion tensor."""

    @property
    def points(self) -> Array:
        """Points at which a path may be made to end, ``(n, d)``."""

    def candidates(self, system: System, guide: Guide, expansion: Local) -> list[Array]:
        """First guesses, polylines ``(n, d)`` from the attractor, traced on a guide.  Collective."""

    def straight(self, expansion: Local) -> Array:
        """The straight line to it, ``(2, d)``."""

    def finish(self, system: System, path: Instanton) -> Instanton:
        """The path with the rest of the way, where that does not end at a point."""


@dataclass(frozen=True)
class SaddleTarget:
    """A saddle ``(d,)``: paths end there."""

    point: Array

    @property
    def points(self) -> Array:
        """The saddle, ``(1, d)``."""
        return self.point[None]

    def candidates(self, system: System, guide: Guide, expansion: Local) -> list[Array]:
        """Traces from a small sphere round the saddle, and the straight line.  Collective.

        Those points y of the sphere are taken at which ``V(y) + S[y → saddle]`` is least among their
        neighbours: paths may come in from several sides, and the symmetric one between them may be a maximum.
        """
        straight = self.straight(expansion)
        gap = float(np.linalg.norm(straight[1] - straight[0]))
        directions = unit_directions(system.dim)
        sphere = self.point + ENTRY * gap * directions
        heights = evaluate(guide.field, sphere, guide.locator)[:, 0]

        def search(slope: Callable[[Array], Array]) -> list[Array]:
            most = int(LONGEST * gap / guide.step)
            found = [straight]
            for entry in _entries(system, self.point, sphere, heights, directions):
                traced = trace_back(slope, system, entry, partial(_arrived, expansion), guide.step, most)
                if traced is not None:
                    inwards = np.concatenate([self.points, traced, expansion.nearest(traced[-1])[None]])
                    found.append(inwards[::-1])
            return found

        return served(guide.locator.domain.comm, guide.slope, search)

    def straight(self, expansion: Local) -> Array:
        """From the nearest point of the attractor."""
        return np.array([expansion.nearest(self.point), self.point])

    def finish(self, system: System, path: Instanton) -> Instanton:
        """The path itself."""
        return path


def _arrived(expansion: Local, x: Array) -> bool:
    return bool(np.sum(expansion.coordinates(x[:, None]) ** 2) < 0.5)


def _entries(system: System, saddle: Array, sphere: Array, heights: Array, directions: Array) -> list[Array]:
    """Points of a sphere round a saddle through which instantons come in, the cheapest first."""
    straight = [action(system, Path(point, saddle, np.zeros((system.dim, 1)))) for point in sphere]
    total = heights + np.array(straight)
    total[np.isnan(total)] = np.inf
    close = directions @ directions.T > SAME_WAY
    best = [n for n in np.argsort(total) if np.isfinite(total[n]) and total[n] <= total[close[n]].min()]
    return [sphere[n] for n in best[:MOST_WAYS]]


def straight_paths(
    comm: MPI.Comm, system: System, expansion: Local, targets: Sequence[Target]
) -> list[Instanton | Refused]:
    """The paths of least cost near straight lines, or why there are none.  Collective."""
    lines = [[target.straight(expansion)] for target in targets]
    return _polished(comm, system, expansion, targets, lines)


def escape_paths(
    system: System, guide: Guide, expansion: Local, targets: Sequence[Target]
) -> list[Instanton | Refused]:
    """The instantons from an attractor to each target, or why there are none.  Collective."""
    traced = [target.candidates(system, guide, expansion) for target in targets]
    return _polished(guide.locator.domain.comm, system, expansion, targets, traced)


def _polished(
    comm: MPI.Comm,
    system: System,
    expansion: Local,
    targets: Sequence[Target],
    candidates: Sequence[Sequence[Array]],
) -> list[Instanton | Refused]:
    def polish(target: Target, lines: Sequence[Array]) -> Instanton | Refused:
        try:
            return target.finish(system, instanton(system, expansion, lines))
        except NotConverged as error:
            return Refused(str(error))

    jobs = [partial(polish, *pair) for pair in zip(targets, candidates, strict=True)]
    return dealt(comm, jobs)
