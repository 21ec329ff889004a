"""All that can be checked of a case before anything is solved."""

from __future__ import annotations

import numpy as np

from cases import landscape as landscapes
from cases import noise as noises
from cases.casefile import Case
from cases.landscape import Landscape
from cases.memory import check_memory
from solver.system import Array


def validate(case: Case) -> Landscape:
    """The landscape of a case whose drift and noises are sound over a sample of the domain.

    Noises that depend on the starting attractor are checked by :func:`cases.noise.scaled` later;
    so is everything at the attractors.

    Raises:
        CaseError: with the first thing that is wrong.
    """
    check_memory(case)
    landscape = landscapes.build(case)
    if (
        case.simulate is not None
        and case.simulate.sgd_learning_rate is not None
        and landscape.samples is None
    ):
        raise case.error(
            "simulate.sgd_learning_rate", "SGD needs a model with data", "use such a model, or leave it out"
        )
    points = landscapes.domain_sample(case)
    if case.system.attractors:
        points = np.hstack([points, np.array(case.system.attractors, dtype=np.float64).T])
    check_at(case, landscape, points)
    return landscape


def check_at(case: Case, landscape: Landscape, points: Array) -> None:
    """Drift and noises must be sound at these points, ``(d, N)``; for a mesh file, its vertices.

    Raises:
        CaseError: with the first thing that is wrong.
    """
    landscapes.check_drift(case, landscape, points)
    for name, table in case.noise.items():
        noises.check_available(case, landscape, name)
        if not noises.needs_start(table):
            noises.build(case, landscape, name, None).check(case, points)
