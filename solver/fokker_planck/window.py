"""Where the current between two wells is counted, and through which window of a committor.

A committor h lies between 0 and 1, and is one of the two in the wells.  On a mesh that does not resolve its
layers (they get thinner away from the pass where the noise across them is weak), it oscillates, and even a
thousandth of the window of :mod:`solver.fokker_planck.rates` some tens of ε below the pass would outweigh
the current. Two things keep that out.

The *overshoot* of h over [0, 1] tells how large the oscillations are; the window begins at twice that.  It is
looked at up to a little above the border that the window is for: far higher up, on the way to some other
pass, a mesh need not resolve anything of this one.

The true window does not go down.  Near the pass ``W = W_s + Q`` with a quadratic Q, and with z the distance
from the separatrix in standard deviations of ∇h the current is an integral of ``e^{−Q/ε − z²/2}``; that it is
the same for every window asks for ``Q + ½εz² ≥ 0``, so that ``W ≥ W_s − 3.3 ε`` where ``|z| ≤ 2.6``.  What
is deeper than 8 ε below the pass does not count.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from dolfinx import fem
from mpi4py import MPI
from scipy.special import ndtr, ndtri

from solver.elements.region import Region
from solver.system import Array

DEPTH = 8.0
# where the window begins: for a committor without errors, and for one whose errors it cannot avoid any more
LEAST = 0.005
MOST = 0.1
# how much narrower the second window is, in standard deviations on either side
NARROWER = 0.7


@dataclass(frozen=True)
class Border:
    """The border between two wells.

    Attributes:
        level: W at the pass.
        floor: The current is counted where W is above this.
    """

    level: float
    floor: float


def borders(
    count: int,
    levels: Array,
    between: Sequence[tuple[int | None, int | None]],
    epsilon: float,
    fallback: float,
) -> dict[tuple[int, int], Border]:
    """The borders of all ordered pairs of wells: their lowest direct pass, or any pass if they have none.

    Args:
        count: Number of wells.
        levels: W at the passes, ``(n,)``; NaN where one is outside the mesh.
        between: The two wells of every pass.
        epsilon: Noise level ε.
        fallback: W where there is no pass at all.
    """
    known = np.isfinite(levels)
    result = {}
    for i in range(count):
        for j in range(count):
            direct = known & np.array([{i, j} == set(pair) for pair in between], dtype=bool)
            ways = levels[direct if direct.any() else known]
            lowest = float(np.min(ways, initial=np.inf)) if ways.size else -np.inf
            highest = lowest if direct.any() else float(np.max(ways, initial=fallback))
            if i != j:
                result[i, j] = Border(highest, lowest - DEPTH * epsilon)
    return result


def overshoots(
    region: Region,
    gauge: fem.Function,
    committors: Sequence[fem.Function],
    borders: Mapping[tuple[int, int], Border],
    epsilon: float,
) -> Array:
    """By how much committors leave [0, 1] where W is less than 8 ε above a border, ``(K, K)``.  Collective.

    Zero on the diagonal.
    """
    inside = region.dofs(gauge.function_space)
    values = np.array([h.x.array for h in committors])
    leaves = np.maximum(-values, values - 1.0).max(axis=0, initial=0.0)
    result = np.zeros((len(committors), len(committors)))
    for pair, border in borders.items():
        below = inside & (gauge.x.array < border.level + DEPTH * epsilon)
        result[pair] = np.max(leaves[below], initial=0.0)
    total = np.empty_like(result)
    region.domain.comm.Allreduce(result, total, op=MPI.MAX)
    return total


def windows(error: float) -> tuple[tuple[float, float], tuple[float, float]]:
    """The window of a committor with this overshoot, and a narrower one."""
    low = float(np.clip(2.0 * error, LEAST, MOST))
    narrow = float(ndtr(ndtri(low) + NARROWER))
    return (low, 1.0 - low), (narrow, 1.0 - narrow)
