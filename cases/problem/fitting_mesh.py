"""Fitting the mesh of a run to what is solved for on it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial

import numpy as np
from dolfinx.mesh import Mesh

from cases.casefile.case import Case
from cases.noise.tensors import ScaledNoise
from cases.problem.default_mesh import SPACE
from cases.problem.memory import check_cells, unknowns_of
from cases.problem.places import Structure, grade, outline
from meshes.jumps import fitted_to_jumps
from meshes.refine import refined_below
from meshes.serial import on_root
from solver.analysis.adaptivity import adapted
from solver.analysis.stages import well_sizes
from solver.analysis.tolerance import AT_KINKS
from solver.elements.evaluate import bounding_box

# in space, where mesh.deviations is 1 and the resolution no higher than the default, cells at the attractors
# are larger by the first of these factors with which the mesh is of the size that is made for, or by the last
LARGER = (1.0, 1.5, 2.0, 3.0, 4.0, 6.0)


def graded_mesh(case: Case, domain: Mesh, places: Structure, noises: Mapping[str, ScaledNoise]) -> Mesh:
    """The mesh graded to the saddles, and to the attractors as the lowest noise asks for.  Collective.

    Quadratic elements want cells of about one standard deviation of the density there (``mesh.deviations``);
    those of high degree do with larger ones, and in space such grading would make most of the cells.

    Raises:
        CaseError: where cells are to be smaller in valleys, and there is no loss or no pass.
    """
    points, sizes = [], []
    for noise in noises.values():
        marks = places.found.pinned(noise.system)
        if case.compare.epsilon:
            for place, size in zip(
                places.attractors, well_sizes(marks, min(case.compare.epsilon)), strict=True
            ):
                along = outline(place)
                points += list(along)
                sizes += [case.mesh.deviations * size] * len(along)
    passes = [s.point for s in places.saddles if s.saddle is not None]
    small = case.dim == 3 and case.mesh.deviations == 1.0 and _unknowns(case, domain) <= SPACE
    for factor in LARGER if small else (1.0,):
        graded = grade(case, domain, points, [factor * size for size in sizes], passes)
        if _unknowns(case, graded) <= SPACE:
            break
    domain = graded
    drift = next((noise.system.drift for noise in noises.values()), None)
    if drift is not None and case.domain.bounds is not None and not places.found.smooth:
        domain = fitted_to_jumps(domain, drift, AT_KINKS[case.dim])
    domain = _with_valleys(case, domain, places, next(iter(noises.values()), None))
    cells = domain.topology.index_map(domain.topology.dim).size_global
    # memory is looked at on one rank: the others must not decide otherwise
    on_root(domain.comm, partial(check_cells, case, cells))
    return domain


def _unknowns(case: Case, domain: Mesh) -> int:
    return unknowns_of(case, domain.topology.index_map(domain.topology.dim).size_global)


def _with_valleys(case: Case, domain: Mesh, places: Structure, noise: ScaledNoise | None) -> Mesh:
    """The mesh with smaller cells where the loss is below the highest pass.  Collective."""
    if case.mesh.valleys == 1.0:
        return domain
    passes = [s.point for s in places.saddles if s.saddle is not None]
    loss = None if noise is None else noise.system.loss
    if loss is None or not passes:
        what = "there is no loss" if loss is None else "there is no pass in the domain"
        raise case.error("mesh.valleys", f"{what}, so that nothing lies below a pass", "leave it out")
    low, high = bounding_box(domain)
    cell = float(np.max(high - low)) / case.mesh.resolution
    level = float(np.max(loss(np.array(passes).T)))
    return refined_below(domain, loss, level, cell / case.mesh.valleys)


def adapted_mesh(
    case: Case,
    domain: Mesh,
    places: Structure,
    noises: Mapping[str, ScaledNoise],
    say: Callable[[str], None],
) -> Mesh:
    """The mesh refined ``mesh.adapt`` times to the quasi-potentials of all noises.  Collective.

    Raises:
        SolverError: If V of some well cannot be solved for.
    """
    systems = [noise.system for noise in noises.values()]
    return adapted(
        systems,
        domain,
        places.found,
        case.mesh.adapt,
        case.mesh.degree,
        case.solver.petsc,
        say,
    )
