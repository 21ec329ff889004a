"""V of one attractor and the instantons out of its well, started from the jet scheme.

The jet scheme (:mod:`solver.hamilton_jacobi.jet`) gives V to a few digits on the whole box, also across kinks
and beyond passes, where neither densities nor growth from the attractor get through.  Paths are traced on
it; it is the start of Newton's method below the cheapest of them, and its kinks are known before that begins.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial

import numpy as np
from dolfinx import fem, mesh
from mpi4py import MPI

from meshes.refine import refine_cells
from meshes.serial import dealt, on_root
from solver.analysis.density_well import STEP
from solver.elements.cellwise import corners_of
from solver.elements.discretisation import Discretisation, discretise
from solver.elements.evaluate import Locator, bounding_box, evaluate
from solver.elements.region import Mask, cells_near, make_region, restricted
from solver.errors import NotConverged, Refused
from solver.hamilton_jacobi.cycle_expansion import Local
from solver.hamilton_jacobi.growth import Solution, solve_below
from solver.hamilton_jacobi.jet import JetSolution, quasi_potential
from solver.hamilton_jacobi.jet.kink_marks import kinks
from solver.hamilton_jacobi.well import BALL, TOP, WellPotential, own_edge, well_of
from solver.paths.escape_path import Guide, Target, escape_paths
from solver.paths.instanton import Instanton
from solver.places.attractors import Attractor
from solver.system import Array

# relative error of V that the start is to have, and most cells along each axis
TOLERANCE = 1e-2
CELLS = {2: 256, 3: 48}
TRIAL = 32
# a mesh is that of a box if its volume is, to this
ROUNDING = 1e-6
# Newton's method is tried at lower and lower levels, down to a part of the first
LOWER, LEAST = 0.8, 0.25
# the mesh is refined where V rises by more than this part of the lowest pass across a cell (with 0.4 Newton's
# method still settled in a curved valley, with 0.8 it did not), until there are so many times more cells
STEEP = 0.25
MORE = {2: 6, 3: 2}
# a cell is marked where a kink crosses it or passes it by less than this part of its size
BESIDE = 0.15


def jets_on(
    discretisation: Discretisation,
    attractors: Sequence[Attractor],
    passes: Sequence[Array],
    tolerance: float = TOLERANCE,
) -> list[JetSolution | Refused]:
    """V of every attractor on the box of a mesh by the jet scheme, or why there is none.  Collective.

    Args:
        discretisation: The system on the mesh.
        attractors: The attractors.
        passes: For each of them the points ``(n, d)`` of its passes, up to which V is wanted (none: all).
        tolerance: Relative error of V.
    """
    system, comm = discretisation.system, discretisation.comm
    if system.dim not in CELLS:
        return [Refused("the jet scheme is for two and three dimensions") for _ in attractors]
    low, high = bounding_box(discretisation.domain)
    covered = volume(discretisation.domain) / float(np.prod(high - low))
    if abs(covered - 1.0) > ROUNDING:
        return [Refused("the jet scheme needs a mesh of a box") for _ in attractors]
    box = [(float(a), float(b)) for a, b in zip(low, high, strict=True)]

    def solved(attractor: Attractor, points: Array) -> JetSolution | Refused:
        most = CELLS[system.dim]
        try:
            # on the whole box where V settles there on a coarse grid, else up to the passes
            found = quasi_potential(system, attractor, box, tolerance, cells=(TRIAL, most))
            if not found.settled <= tolerance and len(points):
                found = quasi_potential(system, attractor, box, tolerance, reach=points, cells=most)
        except (NotConverged, ValueError) as error:
            return Refused(str(error))
        if not found.settled <= tolerance:
            changes = f"V still changes by {found.settled:.1e}"
            return Refused(f"the sweeps of the jet scheme do not settle: {changes}")
        return found

    return dealt(comm, [partial(solved, *pair) for pair in zip(attractors, passes, strict=True)])


def volume(domain: mesh.Mesh) -> float:
    """Volume of a mesh.  Collective."""
    owned = domain.topology.index_map(domain.topology.dim).size_local
    corners = corners_of(domain)[:owned]
    parts = np.abs(np.linalg.det(corners[:, 1:] - corners[:, :1])) / math.factorial(domain.topology.dim)
    return float(domain.comm.allreduce(float(parts.sum()), op=MPI.SUM))


def well_from_jet(
    discretisation: Discretisation,
    jet: JetSolution,
    index: int,
    attractor: Attractor,
    targets: Sequence[Target],
    monitor: Callable[[str], None] = lambda _: None,
) -> tuple[WellPotential, list[Instanton]]:
    """V of one attractor and the instantons to its passes, started from the jet scheme.  Collective.

    Args:
        discretisation: The system on the mesh.
        jet: V of the attractor on the box of the mesh.
        index: Number of the attractor.
        attractor: The attractor.
        targets: What paths out of its well end at.
        monitor: Told what is being done.

    Raises:
        NotConverged: If V has no local expansion or settles nowhere, or no path to a pass converges.
    """
    system, space, comm = discretisation.system, discretisation.space, discretisation.comm
    heights = jet(np.concatenate([target.points for target in targets]).T) if targets else np.array([np.inf])
    lowest = float(np.min(heights, initial=np.inf, where=np.isfinite(heights)))
    start, known = on_mesh(space, jet)
    region = make_region(discretisation.domain, known)
    top = min(lowest, own_edge(region, start, attractor.points, lowest))
    if not 0.0 < top < np.inf:
        raise NotConverged("the jet scheme does not show how high the edge of a well is")
    expansion = on_root(comm, partial(attractor.expand, system, BALL * top))
    monitor(f"instantons from attractor {index}")
    guide = Guide(restricted(start, known), discretisation.locator, STEP * discretisation.cell_size)
    paths = []
    for path in escape_paths(system, guide, expansion, targets):
        if isinstance(path, Refused):
            raise NotConverged(path.reason)
        paths.append(path)
    monitor(f"Hamilton–Jacobi equation in well {index}")
    goal = TOP * min([top, *(path.action for path in paths)])
    finer = resolved(discretisation, jet, goal)
    solution = _highest(finer, jet, expansion, goal)
    fine = well_of(finer.coefficients, index, expansion, solution)
    return fine if finer is discretisation else brought_to(discretisation, fine, solution), paths


def resolved(discretisation: Discretisation, jet: JetSolution, level: float) -> Discretisation:
    """A discretisation on whose cells V rises by a part of a level at most, below it.  Collective."""
    domain, comm = discretisation.domain, discretisation.comm
    dim = domain.geometry.dim
    most = MORE[dim] * domain.topology.index_map(dim).size_global
    finer = domain
    while True:
        owned = finer.topology.index_map(dim).size_local
        corners = corners_of(finer)[:owned]
        x = corners.reshape(-1, dim).T
        values, slopes = jet(x).reshape(-1, dim + 1), jet.gradient(x).T.reshape(-1, dim + 1, dim)
        edges = corners[:, :, None] - corners[:, None, :]
        rises = np.abs(np.einsum("cik,cijk->cij", slopes, edges))
        # beyond where V is known it is higher by more
        rises = np.where(np.isnan(rises), np.inf, rises).max(axis=(1, 2), initial=0.0)
        low = np.where(np.isfinite(values), values, np.inf).min(axis=1, initial=np.inf)
        marked = np.flatnonzero((low < level) & (rises > STEEP * level)).astype(np.int32)
        count = finer.topology.index_map(dim).size_global
        if not comm.allreduce(len(marked), op=MPI.SUM) or count > most:
            break
        finer = refine_cells(finer, marked)
    if finer is domain:
        return discretisation
    return discretise(discretisation.system, finer, discretisation.degree, discretisation.options)


def brought_to(discretisation: Discretisation, fine: WellPotential, solution: Solution) -> WellPotential:
    """V of a finer mesh on the mesh of a discretisation, with the finer one for bounds.  Collective."""
    space, comm = discretisation.space, discretisation.comm
    dim = space.mesh.geometry.dim
    mine = space.tabulate_dof_coordinates()[:, :dim]
    parts = comm.allgather(mine)
    first = sum(len(part) for part in parts[: comm.rank])
    known = restricted(fine.potential, fine.cells)
    everywhere = evaluate(known, np.concatenate(parts), Locator(known.function_space.mesh))[:, 0]
    values = everywhere[first : first + len(mine)]
    potential = fem.Function(space, name="V")
    potential.x.array[:] = np.nan_to_num(values)
    cells = np.isfinite(values)[space.dofmap.list].all(axis=1)
    middle = corners_of(known.function_space.mesh)[fine.iteration.kinked].mean(axis=1)
    kinked = cells_near(space.mesh, np.concatenate(comm.allgather(middle)))
    coarse = replace(
        solution, potential=potential, cells=cells, iteration=replace(solution.iteration, kinked=kinked)
    )
    return replace(well_of(discretisation.coefficients, fine.index, fine.expansion, coarse), fine=fine)


def on_mesh(space: fem.FunctionSpace, jet: JetSolution) -> tuple[fem.Function, Mask]:
    """V of the jet scheme at the nodes of a space, and the cells that reach into where it is known.

    Beyond that V is its highest known value: higher than all that counts.
    """
    start = fem.Function(space)
    values = jet(space.tabulate_dof_coordinates()[:, : space.mesh.geometry.dim].T)
    known = np.isfinite(values)
    start.x.array[:] = np.where(known, values, float(np.max(jet.values[np.isfinite(jet.values)])))
    return start, np.asarray(known[space.dofmap.list].any(axis=1))


def marked_cells(space: fem.FunctionSpace, jet: JetSolution) -> Mask:
    """Local cells that kinks of V cross."""
    domain = space.mesh
    corners = corners_of(domain)
    points = kinks(jet).T
    edges = np.swapaxes(corners[:, 1:] - corners[:, :1], 1, 2)
    inverse = np.linalg.inv(edges)
    low, high = corners.min(axis=1), corners.max(axis=1)
    slack = BESIDE * (high - low)
    marked = np.zeros(len(corners), dtype=bool)
    for n in range(len(corners)):
        near = ((points >= low[n] - slack[n]) & (points <= high[n] + slack[n])).all(axis=1)
        if near.any():
            local = (points[near] - corners[n, 0]) @ inverse[n].T
            least = np.minimum(local.min(axis=1), 1.0 - local.sum(axis=1))
            marked[n] = bool((least > -BESIDE).any())
    return marked


def _highest(finer: Discretisation, jet: JetSolution, expansion: Local, goal: float) -> Solution:
    """The solution that settles highest, without and with the kinks cut out beforehand.  Collective.

    Raises:
        NotConverged: If none does.
    """
    start, known = on_mesh(finer.space, jet)
    best: Solution | None = None
    failure = NotConverged("V settles nowhere")
    level = goal
    while level >= LEAST * goal and (best is None or best.iteration.converged_level < LOWER * level):
        for marked in (None, marked_cells(finer.space, jet)):
            try:
                found = solve_below(finer.system, start, known, expansion, level, finer.options, marked)
            except NotConverged as error:
                failure = error
                continue
            if best is None or found.iteration.converged_level > best.iteration.converged_level:
                best = found
            if not finer.comm.allreduce(bool(found.iteration.kinked.any()), op=MPI.LOR):
                break
        level *= LOWER
    if best is None:
        raise failure
    return best
