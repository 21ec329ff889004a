"""The barrier as the floor under a degenerate noise tensor goes to zero.

Where A is singular, V is that of ``A + δI`` in the limit δ → 0.  Along the instanton of δ the action changes
by ``dV/dδ = −½ ∫ |θ|² dt``, θ the momentum of the path: V is linear in δ to first order wherever the limit is
finite, which is when the noise reaches every direction by way of the drift (Hörmander's condition along the
path).  So the costs of paths polished at δ, δ/2, δ/4 and δ/8 are extrapolated by polynomials; where their
differences do not halve, there is no such limit, or the floor is too high to see it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from solver.errors import NotConverged
from solver.paths.instanton import Instanton, instanton
from solver.places.attractors import Attractor
from solver.system import Array, System

HALVINGS = 3
# ratio of successive differences; ½ for a linear law, 1 for a logarithm
LEAST, MOST = 0.35, 0.65


@dataclass(frozen=True)
class FloorLimit:
    """A barrier extrapolated to no floor.

    Attributes:
        value: The limit; None where there is none.
        error: Difference of the extrapolations with one cost more and less.
        costs: At δ, δ/2, δ/4, ….
        lost: There is no limit because no path was found at a smaller floor, not because the costs do not
            behave like a polynomial in δ.
    """

    value: float | None
    error: float | None
    costs: tuple[float, ...]
    lost: bool = False


def floor_limit(systems: Sequence[System], attractor: Attractor, path: Instanton) -> FloorLimit:
    """Follow an instanton to smaller floors and extrapolate its cost.  Not collective.

    Args:
        systems: With the floors δ/2, δ/4, … in this order.
        attractor: Where the path begins.
        path: The instanton with floor δ.
    """
    costs, points = [path.action], path.points
    for system in systems:
        try:
            path = instanton(system, attractor.expand(system, path.expansion.level), [points])
        except NotConverged:
            return FloorLimit(None, None, tuple(costs), lost=True)
        costs.append(path.action)
        points = path.points
        if not _like_a_polynomial(np.diff(costs), 1e-9 * abs(costs[-1])):
            return FloorLimit(None, None, tuple(costs))
    best, second = neville(costs), neville(costs[1:])
    return FloorLimit(best, abs(best - second), tuple(costs))


def _like_a_polynomial(steps: Array, rounding: float) -> bool:
    if not (np.abs(steps) > rounding).all():
        return True
    ratios = steps[1:] / steps[:-1]
    return bool(((ratios > LEAST) & (ratios < MOST)).all())


def neville(costs: Sequence[float]) -> float:
    """Value at 0 of the polynomial through (1, c₀), (½, c₁), (¼, c₂), …."""
    column = np.array(costs, dtype=float)
    for n in range(1, len(costs)):
        column = (2.0**n * column[1:] - column[:-1]) / (2.0**n - 1.0)
    return float(column[0])
