"""V of one attractor on growing sublevel sets.

On a mesh fitted to {V < c} policy iteration needs nothing from outside
(:mod:`solver.hamilton_jacobi.policy_iteration`).  The first c is one up to which a start is known: the limit
of the ε-continuation, or, where there is none, the local expansion.  The result is continued by a few layers
of cells by its own polynomials, which gives the start and the mesh for a higher c, until c reaches its goal
or V no longer settles (a kink, or a mesh that is too coarse).  All fields live on one mesh; the fitted
copies differ from it by the places of vertices only.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial

import numpy as np
from dolfinx import fem, mesh
from mpi4py import MPI
from numpy.typing import NDArray

from meshes.fitted import fitted
from solver.elements.cellwise import continued, evaluate_in, transfer, within_reach
from solver.elements.coefficients import coefficients
from solver.elements.linear import Options
from solver.elements.region import Mask, cells_near, component, edge_level, make_region
from solver.errors import NotConverged
from solver.hamilton_jacobi.cycle_expansion import Local
from solver.hamilton_jacobi.policy_iteration import Iteration, policy_iteration
from solver.system import Array, System

LAYERS = 4  # times the dimension
# on a line, where a solve costs next to nothing and there are hundreds of cells, a success makes them more
MORE = {1: 2, 2: 1, 3: 1}
# after a failure the first level is lowered by this factor, down to this part of it
LOWER, LEAST = 0.75, 0.25
# growth below this factor is none
MARGINAL = 1.005
# V on the edge is at most this much below the level to which the mesh was fitted (chords cut off a little)
SAG = 0.3
MOST = 20


@dataclass(frozen=True)
class Solution:
    """V on a sublevel set.

    Attributes:
        potential: V on the base mesh.
        cells: Cells of the base mesh in which it was solved for (up to a fraction of a cell at the edge).
        level: c.
        iteration: How the last policy iteration went.
    """

    potential: fem.Function
    cells: Mask
    level: float
    iteration: Iteration


def solve_below(
    system: System,
    start: fem.Function,
    known: Mask,
    expansion: Local,
    level: float,
    options: Options | None = None,
    marked: Mask | None = None,
) -> Solution:
    """Solve on a copy of the mesh fitted to {start < level}.  Collective.

    Args:
        system: The system.
        start: Approximation of V.
        known: Cells on which the start is given.
        expansion: V near the attractor.
        level: c.
        options: PETSc options for the linear solver.
        marked: Cells that are known to hold kinks of V.

    Raises:
        NotConverged: If the iteration diverges.
    """
    space = start.function_space
    domain: mesh.Mesh = space.mesh

    def height(cells: NDArray[np.int32], reference: Array) -> tuple[Array, Array]:
        value, slope = evaluate_in(start, cells, reference)
        return np.where(known[cells], value - level, np.inf), slope

    shape, active = fitted(domain, height)
    active = component(shape, active, cells_near(shape, expansion.points))
    if not shape.comm.allreduce(int(active.sum()), op=MPI.SUM):
        raise NotConverged(f"no cell lies in the sublevel set V < {level:.3g}: the mesh is too coarse")
    region = make_region(shape, active)
    degree = space.ufl_element().degree
    fitted_space = fem.functionspace(shape, ("Lagrange", degree))
    potential, iteration = policy_iteration(
        coefficients(shape, system, degree, region),
        transfer(start, fitted_space, known),
        expansion,
        options=options,
        marked=None if marked is None else marked & active,
    )
    cells = within_reach(shape, domain, active)
    return Solution(transfer(potential, space, cells), cells, level, iteration)


def grow(
    system: System,
    start: fem.Function,
    known: Mask,
    expansion: Local,
    first: float,
    goal: float,
    options: Options | None = None,
) -> Solution:
    """Solve for V below ``first`` and then further, up to ``goal``.  Collective.

    Raises:
        NotConverged: If V settles nowhere.
    """
    level = first
    while True:
        try:
            best = solve_below(system, start, known, expansion, level, options)
            break
        except NotConverged:
            level *= LOWER
            if level < LEAST * first:
                raise
    changes = best.iteration.changes
    # the first level is one of the start; from here on levels are those of V itself
    reached = best.iteration.converged_level
    layers = LAYERS * system.dim
    for _ in range(MOST):
        attempt = partial(_further, system, best, expansion, reached, goal, options)
        further, layers = _furthest(attempt, best, layers)
        if further is None:
            break
        changes += further.iteration.changes
        best, reached, layers = further, further.level, MORE[system.dim] * layers
        if reached >= goal:
            break
    return replace(best, iteration=replace(best.iteration, changes=changes))


def _furthest(
    attempt: Callable[[int], Solution | None], best: Solution, layers: int
) -> tuple[Solution | None, int]:
    """The first success without kinks when the continuation is halved again and again, else the highest.

    The polynomials are better near the cells that they are of; at a kink they may be so good that none has to
    be cut out.
    """
    highest, count = None, 0
    while layers > 0:
        further = attempt(layers)
        if further is not None and further.iteration.converged_level > best.iteration.converged_level:
            comm = further.potential.function_space.mesh.comm
            if not comm.allreduce(bool(further.iteration.kinked.any()), op=MPI.LOR):
                return further, layers
            if highest is None or further.iteration.converged_level > highest.iteration.converged_level:
                highest, count = further, layers
        layers //= 2
    return highest, count


def _further(
    system: System,
    best: Solution,
    expansion: Local,
    reached: float,
    goal: float,
    options: Options | None,
    layers: int,
) -> Solution | None:
    """V below the level that its continuation by some layers allows; None where that is no success."""
    begin, cells = continued(best.potential, best.cells, layers, goal)
    level = min(goal, edge_level(make_region(begin.function_space.mesh, cells), begin))
    if level < min(goal, MARGINAL * reached):
        return None
    try:
        further = solve_below(system, begin, cells, expansion, level, options)
    except NotConverged:
        return None
    return further if further.iteration.converged_level >= (1.0 - SAG) * level else None


def from_expansion(space: fem.FunctionSpace, expansion: Local) -> tuple[fem.Function, Mask]:
    """The local expansion as a start, and the cells that reach into its ball, where it is to hold."""
    start = fem.Function(space)
    x = space.tabulate_dof_coordinates()[:, : space.mesh.geometry.dim].T
    z = np.sum(expansion.coordinates(x) ** 2, axis=0)
    known = np.asarray(z[space.dofmap.list].min(axis=1) <= 1.0)
    start.x.array[:] = expansion(x)
    return start, known
