"""The least action of a law between two bounds: that of an explicit path, and that of a subsolution.

Both sides help each other.  The subsolution says how much less a path could cost at most; where that is more
than a little, the points at which its condition binds say where to look for the path
(:mod:`solver.laws.largest_subsolution`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from solver.arrays import Array
from solver.errors import NotConverged, Refused
from solver.laws.largest_subsolution import largest_subsolution
from solver.laws.law import Law
from solver.laws.least_action import LeastAction, least_action
from solver.laws.lower_bound import checked_climb
from solver.laws.spline_grid import graded_grid

#: Fine cells along the path: more are tried while the bracket is wider than GOOD of the action.
CELLS, GOOD = (6, 9, 13), 5e-3
#: A bracket wider than this makes it worth to start from arcs as well.
WIDE = 1e-2


@dataclass(frozen=True)
class Bracket:
    """A path of least action, and what no path in the box can do with less than.

    Attributes:
        found: The path.
        lower: The lower bound; 0 for none.
    """

    found: LeastAction
    lower: float


def bracket(
    law: Law, bounds: Array, ends: tuple[Array, Array], zeros: Sequence[Array], line: Array, size: float
) -> Bracket | Refused:
    """The least action from an attractor to a pass, in two coordinates.  Not collective.

    Args:
        law: The law.
        bounds: The box that paths stay in, ``(d, 2)``.
        ends: The attractor and the pass, ``(d,)`` each.
        zeros: Zeros of the drift in the box, with these two.
        line: A polyline ``(n, d)`` from one to the other to begin with: the path of the diffusion.
        size: An estimate of the action: its barrier.

    Returns:
        The path and the bound; or a refusal where every path that was tried has an infinite action.

    Raises:
        NotConverged: If no path settles.
    """
    best, lower = _path(law, ends, [line], False), 0.0
    for cells in CELLS:
        size, lines = (best.action, best.points) if isinstance(best, LeastAction) else (size, line)
        found = largest_subsolution(law, graded_grid(bounds, lines, cells), *ends, zeros, size)
        for _ in range(2):
            if isinstance(best, LeastAction):
                lower = max(lower, min(checked_climb(law, found, best, zeros), best.action))
                if lower >= (1.0 - GOOD) * best.action:
                    return Bracket(best, lower)
            best = _cheaper(best, _path(law, ends, [found.line], False))
        line = found.line
    if not isinstance(best, LeastAction) or lower < (1.0 - WIDE) * best.action:
        best = _cheaper(best, _path(law, ends, [line], True))
    if isinstance(best, NotConverged):
        raise best
    return best if isinstance(best, Refused) else Bracket(best, lower)


Tried = LeastAction | Refused | NotConverged


def _path(law: Law, ends: tuple[Array, Array], lines: Sequence[Array], arcs_too: bool) -> Tried:
    try:
        return least_action(law, *ends, lines, arcs_too=arcs_too)
    except NotConverged as error:
        return error


def _cheaper(one: Tried, other: Tried) -> Tried:
    """The path that costs less; a path is better than none."""
    if not isinstance(one, LeastAction):
        return other
    return other if isinstance(other, LeastAction) and other.action < one.action else one
