"""Noise that vanishes on a side of the domain, as that of a population does where it is extinct.

Where ``A = x`` and ``b = 0`` at x = 0 (births and deaths) that side absorbs: V is finite there, the mass of
the process ends up on it, and there is no stationary density, only a quasi-stationary one with an exit time,
that of extinction.  It is asked for on a domain that begins at a small a > 0, which is left at x = a.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from cases.base.errors import CaseError
from cases.casefile.case import Case
from cases.landscapes.landscape import Landscape
from cases.noise import tensors as noise
from solver.system import Array, Field

SAMPLE = 33
"""Points along each of the other coordinates of a side."""
INSIDE = 0.01
"""How far from the side, of the length, A must be positive definite, and the domain is advised to end."""
SINGULAR = 1e-12
"""Smallest eigenvalue of A over the largest entry that is zero but for rounding."""
STILL = 1e-12
"""Drift across the side, over the largest at the same distance from it as above, that is zero."""


@dataclass(frozen=True)
class Edge:
    """A side of the box on which a noise vanishes.

    Attributes:
        axis: The coordinate that is constant on it.
        high: Whether it is the upper end of that coordinate.
        inside: The value of the coordinate at which the domain had better end.
        absorbs: Whether the drift across it is zero as well.
    """

    axis: int
    high: bool
    inside: float
    absorbs: bool


def vanishing_edge(case: Case, landscape: Landscape) -> CaseError | None:
    """What to say to a case with a noise that vanishes on sides of its box; None if there is none."""
    for name, table in case.noise.items():
        if noise.needs_start(table) or case.domain.bounds is None:
            continue
        diffusion = noise.build(case, landscape, name, None).diffusion
        sides = [(axis, bool(high)) for axis, high in np.ndindex(case.dim, 2)]
        found = [_edge(case, landscape, diffusion, *side) for side in sides]
        if any(found):
            return _complaint(case, name, [edge for edge in found if edge is not None])
    return None


def _edge(case: Case, landscape: Landscape, diffusion: Field, axis: int, high: bool) -> Edge | None:
    bounds = np.array(case.domain.bounds, dtype=float)
    step = INSIDE * (bounds[:, 1] - bounds[:, 0])
    # not at the corners, where other noises vanish
    lines = np.linspace(bounds[:, 0] + step, bounds[:, 1] - step, SAMPLE).T
    rows = [row if k != axis else bounds[k, int(high)][None] for k, row in enumerate(lines)]
    side = np.stack([grid.ravel() for grid in np.meshgrid(*rows, indexing="ij")])
    within = side.copy()
    within[axis] += -step[axis] if high else step[axis]
    if not (_singular(diffusion(side)).all() and not _singular(diffusion(within)).any()):
        return None
    across, there = (np.abs(landscape.drift(x)[axis]).max() for x in (side, within))
    return Edge(axis, high, float(f"{within[axis, 0]:.3g}"), bool(across <= STILL * there))


def _singular(tensors: Array) -> NDArray[np.bool_]:
    size = np.abs(tensors).max(axis=(0, 1))
    smallest = np.linalg.eigvalsh(np.moveaxis(tensors, 2, 0))[:, 0]
    return np.asarray(np.abs(smallest) <= SINGULAR * np.maximum(size, 1e-300))


def _complaint(case: Case, name: str, edges: Sequence[Edge]) -> CaseError:
    """Names the sides, the domain that ends short of them, and the set whose exit is extinction."""
    bounds = np.array(case.domain.bounds, dtype=float)
    names = [case.coordinates[edge.axis] for edge in edges]
    sides = " and ".join(
        f"{x} = {bounds[edge.axis, int(edge.high)]:g}" for x, edge in zip(names, edges, strict=True)
    )
    for edge in edges:
        bounds[edge.axis, int(edge.high)] = edge.inside
    shorter = f"domain.bounds = [{', '.join(f'[{low:g}, {high:g}]' for low, high in bounds)}]"
    left = [(x, edge) for x, edge in zip(names, edges, strict=True) if edge.absorbs]
    if not left:
        return case.error(
            f"noise.{name}.diffusion",
            f"A vanishes at the edge of the domain, {sides}",
            f"end the domain short of it, {shorter}",
        )
    levels = [f"{x} - {edge.inside:g}" if edge.high else f"{edge.inside:g} - {x}" for x, edge in left]
    level = levels[0] if len(levels) == 1 else f"max({', '.join(levels)})"
    return case.error(
        f"noise.{name}.diffusion",
        f"A vanishes at the edge of the domain, {sides}, and so does the drift across it: paths end there "
        "(extinction), and there is no stationary density",
        f"end the domain short of it, {shorter}, and ask for the time to get there, [[exit]] with "
        f'inside = "{level}" and reflect = true',
    )
