"""Fitting the mesh of a run to what is solved for on it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from cases.casefile import Case
from cases.domain import Structure, grade, outline
from cases.noise import ScaledNoise
from solver.adaptivity import adapted
from solver.analysis import landmarks_of, well_sizes
from solver.connections import Saddle


def graded_mesh(case: Case, domain: Any, places: Structure, noises: dict[str, ScaledNoise]) -> Any:
    """The mesh graded to the saddles, and to the attractors as the lowest noise asks for.  Collective."""
    points, sizes = [], []
    for noise in noises.values():
        marks = landmarks_of(noise.system, places.attractors, places.saddles)
        if case.compare.epsilon:
            for place, size in zip(
                places.attractors, well_sizes(marks, min(case.compare.epsilon)), strict=True
            ):
                along = outline(place)
                points += list(along)
                sizes += [size] * len(along)
    return grade(case, domain, points, sizes, [s.point for s in places.saddles if isinstance(s, Saddle)])


def adapted_mesh(
    case: Case,
    domain: Any,
    places: Structure,
    noises: dict[str, ScaledNoise],
    say: Callable[[str], None],
) -> Any:
    """The mesh refined ``mesh.adapt`` times to the quasi-potentials of all noises.  Collective.

    Raises:
        SolverError: If V of some well cannot be solved for.
    """
    systems = [noise.system for noise in noises.values()]
    return adapted(
        systems,
        domain,
        places.attractors,
        places.saddles,
        case.mesh.adapt,
        case.mesh.degree,
        case.solver.petsc,
        say,
    )
