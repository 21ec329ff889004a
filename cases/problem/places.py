"""The mesh of a case and the fixed points in it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
from dolfinx.mesh import Mesh
from mpi4py import MPI

from cases.base.errors import CaseError
from cases.casefile.case import Case
from cases.landscapes.landscape import Landscape, at_point
from cases.noise.no_density import refuse_open_valley
from cases.problem.mesh_file import refused
from cases.problem.soundness import check_at
from meshes.box import box
from meshes.files import read_mesh
from meshes.mesh_file import UnreadableMesh
from meshes.refine import graded
from solver.drift.fixed_points import FixedPoint
from solver.drift.fourier import phases
from solver.elements.evaluate import Locator, bounding_box
from solver.errors import DegenerateFixedPoints, UnsuitableDomain
from solver.places.attractors import Attractor
from solver.places.passes import Pass
from solver.places.places import Places
from solver.places.search import find_places
from solver.system import Array, System, constant_tensor

# cells at a pass are this many times smaller than elsewhere
AT_PASS = 4.0
# points at which a closed curve is looked at
CURVE = 200


def outline(place: Attractor | Pass) -> Array:
    """Points ``(n, d)`` all along a cycle, or the one point."""
    return place.point[None] if place.cycle is None else place.cycle.curve(phases(CURVE)).T


@dataclass(frozen=True)
class Structure:
    """What the escape problem of a case is about.

    Attributes:
        found: All places of the drift in the domain, in the order of the output.
        start: Index of the attractor that is escaped from.
        target: Index of the attractor escaped to; None if there is only one.
    """

    found: Places
    start: int
    target: int | None

    @property
    def attractors(self) -> tuple[Attractor, ...]:
        """Point attractors, then stable limit cycles."""
        return self.found.attractors

    @property
    def saddles(self) -> tuple[Pass, ...]:
        """Saddles with one unstable direction, then unstable cycles, and what they connect."""
        return self.found.passes

    @property
    def others(self) -> tuple[FixedPoint, ...]:
        """All other fixed points."""
        return self.found.others


def make_mesh(case: Case, landscape: Landscape, comm: MPI.Intracomm) -> Mesh:
    """The mesh of the domain, before it is graded.  Collective.

    Raises:
        CaseError: for a mesh file that cannot be used, or an unsound drift or noise at its vertices.
    """
    if case.domain.bounds is not None:
        return box(comm, _bounds(case), case.mesh.resolution)
    path = Path(case.domain.mesh or "")
    try:
        domain = read_mesh(comm, path, case.dim)
    except UnreadableMesh as error:
        raise refused(case, path, error) from None
    problems: list[CaseError] = []
    try:
        check_at(case, landscape, np.array(domain.geometry.x[:, : case.dim].T, dtype=np.float64))
    except CaseError as error:
        problems.append(error)
    found = [problem for part in comm.allgather(problems) for problem in part]
    if found:
        raise found[0]
    return domain


def grade(
    case: Case, domain: Mesh, points: Sequence[Array], sizes: Sequence[float], passes: Sequence[Array] = ()
) -> Mesh:
    """Grade the mesh towards the points of ``mesh.refine``, given points, and passes.  Collective.

    The last thousandth of a barrier lies close to its pass, and the lower bound needs it resolved.
    """
    low, high = bounding_box(domain)
    cell = float(np.max(high - low)) / case.mesh.resolution
    listed = [np.array(point) for point in case.mesh.refine]
    near = list(passes) if case.dim < 3 else []
    return graded(
        domain,
        [*listed, *points, *near],
        [*[cell / 8] * len(listed), *sizes, *[cell / AT_PASS] * len(near)],
    )


def structure(case: Case, landscape: Landscape, domain: Mesh) -> Structure:
    """Find the fixed points in the domain.  Collective.

    Raises:
        CaseError: no attractor, one on the boundary, degenerate ones, or given ones that are none.
        NotNormalisable: degenerate ones, along which the stationary density does not fall.
    """
    key = "domain.bounds" if case.domain.bounds is not None else "domain.mesh"
    still = System(
        landscape.dim,
        landscape.drift,
        landscape.jacobian,
        *constant_tensor(np.eye(landscape.dim)),
        landscape.loss,
    )
    low, high = bounding_box(domain)
    bounds = _bounds(case) if case.domain.bounds is not None else list(zip(low, high, strict=True))
    held = partial(_held, domain) if case.domain.bounds is None else None
    try:
        found = find_places(still, bounds, held, domain.comm)
    except DegenerateFixedPoints as error:
        refuse_open_valley(case, landscape, domain)
        raise case.error(
            "system", str(error), "make the minima isolated, for example by a small L2 term"
        ) from None
    except UnsuitableDomain as error:
        raise case.error(key, str(error), "enlarge the domain") from None
    attractors = found.attractors
    for n, given in enumerate(case.system.attractors or []):
        _index_of(case, f"system.attractors.{n}", given, attractors, high - low)
    start = 0
    if case.compare.from_ is not None:
        start = _which(case, "compare.from", case.compare.from_, attractors, high - low)
    if case.compare.to is not None:
        target: int | None = _which(case, "compare.to", case.compare.to, attractors, high - low)
        if target == start:
            raise case.error("compare.to", "it is the attractor escaped from", "name another one")
    else:
        target = next((k for k in range(len(attractors)) if k != start), None)
    return Structure(found, start, target)


def _held(domain: Mesh, points: Array) -> Array:
    """Which of the points ``(n, d)`` are in the mesh.  Collective."""
    inside = Locator(domain)
    return np.asarray(inside.owners(inside.cells(points)) < domain.comm.size)


def _bounds(case: Case) -> list[tuple[float, float]]:
    return [(low, high) for low, high in case.domain.bounds or []]


def _which(
    case: Case,
    key: str,
    wanted: int | list[float],
    attractors: Sequence[Attractor],
    size: Array,
) -> int:
    if not isinstance(wanted, int):
        return _index_of(case, key, wanted, attractors, size)
    if wanted >= len(attractors):
        raise case.error(
            key, f"there is no attractor {wanted}", f"the domain has {len(attractors)}, counted from 0"
        )
    return wanted


def _index_of(
    case: Case, key: str, wanted: Sequence[float], attractors: Sequence[Attractor], size: Array
) -> int:
    """The attractor at a point given to a few digits: within two per cent of the domain."""
    gaps = [float(np.max(np.abs(p.point - np.array(wanted)) / size)) for p in attractors]
    if min(gaps) > 0.02:
        near = at_point(attractors[int(np.argmin(gaps))].point)
        raise case.error(
            key, f"there is no attractor near {at_point(np.array(wanted))}", f"the nearest is {near}"
        )
    return int(np.argmin(gaps))
