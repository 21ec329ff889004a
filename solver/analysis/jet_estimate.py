"""What is known of barriers where V of a well is not to be had: V of the jet scheme at the passes.

It is an estimate with an estimated error, neither a bound nor the cost of a path.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from solver.errors import NotConverged, Refused
from solver.hamilton_jacobi.jet import JetSolution
from solver.paths.escape_path import Target
from solver.places.places import Places


@dataclass(frozen=True)
class Estimate:
    """V of the jet scheme at one pass.

    Attributes:
        start, end, saddle: Indices, as those of :class:`solver.analysis.barriers.Barrier`.
        value: V at the pass.
        error: Its estimated error.
    """

    start: int
    end: int | None
    saddle: int
    value: float
    error: float


class OnlyEstimated(NotConverged):
    """V of a well is not to be had, but barriers can be estimated.

    Attributes:
        estimates: Those of all wells.
    """

    def __init__(self, reason: str, estimates: tuple[Estimate, ...]) -> None:
        """Say why there is no more."""
        super().__init__(reason)
        self.estimates = estimates


def without_potential(
    reason: str,
    places: Places,
    jets: Sequence[JetSolution | Refused],
    targets: Callable[[int], Sequence[Target]],
) -> NotConverged:
    """The failure to be raised, with an estimate of every barrier of which V is valid at the pass.

    Args:
        reason: Why there is no V.
        places: Attractors and passes.
        jets: V of every attractor by the jet scheme, or why there is none.
        targets: For an attractor, what paths to its passes end at.
    """
    found = []
    for k, jet in enumerate(jets):
        if isinstance(jet, Refused):
            continue
        for (n, end), target in zip(places.ways_out(k), targets(k), strict=True):
            points = target.points.T
            values, errors = jet(points), jet.error(points)
            known = jet.valid(points) & np.isfinite(errors) & (values > 0.0)
            # the cheapest point of a cycle counts, and it may be one that is not known
            if known.all():
                least = int(np.argmin(values))
                found.append(Estimate(k, end, n, float(values[least]), float(errors[least])))
    return OnlyEstimated(reason, tuple(found)) if found else NotConverged(reason)
