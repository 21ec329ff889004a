"""What formulas of the literature say of barriers and passage times, beside the computed ones.

For a drift that is a gradient, ``b = −∇loss``:

``barrier_weak``
    to first order in the anisotropy of the noise (:mod:`solver.formulas.weak_anisotropy`), with
    ``noise_variation``, the largest ``|A/c − I|`` on the way, to judge it by;
``barrier_xie``
    the exponent of Xie, Sato and Sugiyama 2021 for s = ½, from A at the minimum and at the saddle only
    (:mod:`solver.formulas.two_point`); theirs is the case A = |Hessian|, ε the learning rate over the
    batch size;
``log_mfpt_mori``
    the power law of Mori, Ziyin, Liu and Ueda 2022, where A is in proportion to the loss
    (:mod:`solver.formulas.loss_escape`).

None of them enters any other result.
"""

from __future__ import annotations

from dataclasses import dataclass

from cases.problem.places import Structure
from solver.analysis.barriers import Barrier
from solver.analysis.stages import Analysis
from solver.errors import NotConverged
from solver.formulas.loss_escape import PowerLawEscape, power_law_escape
from solver.formulas.two_point import two_point_barrier
from solver.formulas.weak_anisotropy import weak_barrier
from solver.system import Array, System


@dataclass(frozen=True)
class Estimates:
    """What formulas say of one barrier; None where they do not apply.

    Attributes:
        weak: To first order in the anisotropy.
        variation: The largest ``|A/c − I|`` on the way.
        two_point: From A at the minimum and at the saddle.
    """

    weak: float | None = None
    variation: float | None = None
    two_point: float | None = None


def barrier_estimates(system: System, places: Structure, barrier: Barrier) -> Estimates:
    """Formulas for one barrier; null where the drift is no gradient, or jumps.  Not collective.

    Where both sides of a saddle lead down to the same attractor, the lower first-order value counts.
    """
    start, ways = places.attractors[barrier.start], _ways(places, barrier)
    if system.loss is None or not ways or start.fixed_point is None or not places.found.smooth:
        return Estimates()
    saddle = places.saddles[barrier.saddle].point
    try:
        weak = min((weak_barrier(system, start.point, saddle, way) for way in ways), key=lambda w: w.value)
    except NotConverged:
        weak = None
    return Estimates(
        None if weak is None else weak.value,
        None if weak is None else weak.anisotropy,
        two_point_barrier(system, start.point, saddle, ways[0]),
    )


def power_law_escapes(analysis: Analysis, places: Structure) -> list[PowerLawEscape | None]:
    """The law of Mori et al. for each barrier; None where the noise is not in proportion to the loss."""
    found: list[PowerLawEscape | None] = []
    for b in analysis.barriers:
        start, ways = places.attractors[b.start], _ways(places, b)
        if not ways or start.fixed_point is None or not places.found.smooth:
            found.append(None)
            continue
        saddle = places.saddles[b.saddle].point
        found.append(power_law_escape(analysis.system, start.point, saddle, ways[0], b.instanton.points))
    return found


def _ways(places: Structure, barrier: Barrier) -> list[Array]:
    """Unstable unit vectors of the saddle that lead down to the attractor."""
    saddle = places.saddles[barrier.saddle].saddle
    if saddle is None:
        return []
    sides = zip((1.0, -1.0), saddle.between, strict=True)
    return [sign * saddle.unstable_eigenvector for sign, end in sides if end == barrier.start]
