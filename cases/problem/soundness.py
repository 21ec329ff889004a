"""Whether drift and noises of a case are finite, and the noises covariances, at given points."""

from __future__ import annotations

from cases.casefile.case import Case
from cases.landscapes.landscape import Landscape, check_drift
from cases.noise.tensors import build, check_available, needs_start
from solver.system import Array


def check_at(case: Case, landscape: Landscape, points: Array) -> None:
    """Drift and noises must be sound at these points, ``(d, N)``; for a mesh file, its vertices.

    Raises:
        CaseError: with the first thing that is wrong.
    """
    check_drift(case, landscape, points)
    for name, table in case.noise.items():
        check_available(case, landscape, name)
        if not needs_start(table):
            build(case, landscape, name, None).check(case, points)
