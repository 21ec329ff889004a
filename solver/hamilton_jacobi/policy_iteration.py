"""Policy iteration for the Hamilton–Jacobi equation on a region whose edge is a level set.

At the attractor ``u = b + A∇V`` vanishes; there V is given by its local expansion, to which the start is
joined smoothly.  Cells in which V does not settle (it has a kink there, or the mesh is too coarse) are cut
out (:mod:`solver.hamilton_jacobi.kinks`).  Where paths leave such cells V is not what it should be, but that
is carried outwards only: V below their lowest value is free of it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from dolfinx import fem
from dolfinx.la import InsertMode
from mpi4py import MPI

from solver.elements.assembly import fixed_dofs, reassemble, repeated
from solver.elements.coefficients import Coefficients
from solver.elements.lagged import Lagged
from solver.elements.linear import Options
from solver.elements.region import Dofs, Mask, cells_near, edge_level
from solver.elements.smooth_step import smooth_step
from solver.errors import NotConverged
from solver.hamilton_jacobi.cycle_expansion import Local
from solver.hamilton_jacobi.equation import residual_norm, transport
from solver.hamilton_jacobi.kinks import cut, leaking_level
from solver.system import Array

SETTLED = 1e-8
DIVERGED = 0.1
# a change that does not fall to this fraction of the one before is no convergence of Newton's method
SLOW = 0.8
# after a change of V by less than this the matrix is near the one before
NEAR = 2e-2
# V is fixed to its expansion where |z| is below this, and the start is joined to it up to |z| = 1
CORE = 0.5


@dataclass(frozen=True)
class Iteration:
    """How the policy iteration went.

    Attributes:
        changes: Largest change of V at each iteration, relative to the level of the edge.
        converged_level: V has settled (to 10⁻⁸ of the level of the edge) wherever it is below this.
        residual: ``‖H‖/‖½∇VᵀA∇V‖`` there.
        kinked: Local cells that were cut out.
    """

    changes: tuple[float, ...]
    converged_level: float
    residual: float
    kinked: Mask

    @property
    def count(self) -> int:
        """Number of linear solves."""
        return len(self.changes)


def core_dofs(space: fem.FunctionSpace, expansion: Local) -> Dofs:
    """Local dofs at which V is given by the expansion: |z| ≤ ½, and the cells that contain x̄.  Collective."""
    x = space.tabulate_dof_coordinates()[:, : space.mesh.geometry.dim].T
    marked = fem.Function(space)
    marked.x.array[np.sum(expansion.coordinates(x) ** 2, axis=0) <= CORE**2] = 1.0
    marked.x.array[np.unique(space.dofmap.list[cells_near(space.mesh, expansion.points)])] = 1.0
    # a cell seen as a ghost marks dofs that other ranks own
    marked.x.scatter_reverse(InsertMode.add)
    marked.x.scatter_forward()
    return np.flatnonzero(marked.x.array > 0.5).astype(np.int32)


def joined(start: fem.Function, expansion: Local) -> Array:
    """Values of the start, passing smoothly into the expansion between |z| = 1 and |z| = ½."""
    x = start.function_space.tabulate_dof_coordinates()[:, : start.function_space.mesh.geometry.dim].T
    z = np.sqrt(np.sum(expansion.coordinates(x) ** 2, axis=0))
    s = np.clip((z - CORE) / (1.0 - CORE), 0.0, 1.0)
    weight = smooth_step(s)
    values = np.array(start.x.array)
    near = z < 1.0
    values[near] = weight[near] * values[near] + (1.0 - weight[near]) * expansion(x[:, near])
    return values


def policy_iteration(
    coefficients: Coefficients,
    start: fem.Function,
    expansion: Local,
    *,
    tolerance: float = 1e-11,
    max_iterations: int = 30,
    options: Options | None = None,
    marked: Mask | None = None,
) -> tuple[fem.Function, Iteration]:
    """Solve the Hamilton–Jacobi equation on the region of the coefficients.  Collective.

    Args:
        coefficients: b, A on a region whose edge is (close to) a level set of V.
        start: Initial guess with V = 0 at the attractor; its space is that of the solution.
        expansion: V near the attractor.
        tolerance: Largest change of V, relative to the level of the edge, at which the iteration ends.
        max_iterations: Bound on the number of linear solves.
        options: PETSc options for the linear solver.
        marked: Local cells that are known to hold kinks, to be cut out from the beginning.

    Returns:
        V (zero outside the region) and the history.

    Raises:
        NotConverged: If the iteration diverges.
    """
    space = start.function_space
    region = coefficients.region
    comm = coefficients.domain.comm
    x = space.tabulate_dof_coordinates()[:, : coefficients.domain.geometry.dim].T
    core = core_dofs(space, expansion)
    fixed = fixed_dofs(region, space, core)
    inside = region.dofs(space)
    owned = space.dofmap.index_map.size_local
    first, V, given = fem.Function(space), fem.Function(space, name="V"), fem.Function(space)
    first.x.array[:] = np.where(inside, joined(start, expansion), 0.0)
    first.x.array[core] = given.x.array[core] = expansion(x[:, core])
    V.x.array[:] = first.x.array
    level = edge_level(region, first)
    kinked = fem.Function(fem.functionspace(region.domain, ("DG", 0)))
    if marked is not None:
        kinked.x.array[:] = marked
    problem = repeated(*transport(coefficients, V, first, kinked), region, given, fixed)
    # in the plane exact factors are sparse enough for all sizes
    heights = V.x.array[:owned] if coefficients.domain.geometry.dim == 3 else None
    solver = Lagged(problem.matrix, "quasi-potential", options, heights, fixed)
    changes: list[float] = []
    settled = np.inf
    for _ in range(max_iterations):
        rhs = reassemble(problem)
        solution = solver.solve(rhs, V.x.petsc_vec, near=bool(changes) and changes[-1] < NEAR)
        step = solution.array_r[:owned] - V.x.array[:owned]
        unsettled = inside[:owned] & (np.abs(step) > SETTLED * level)
        change = comm.allreduce(float(np.max(np.abs(step[inside[:owned]]), initial=0.0)), op=MPI.MAX)
        changes.append(change / level)
        V.x.array[:owned] += step
        V.x.scatter_forward()
        if len(changes) > 6 and changes[-1] > max(SLOW * changes[-2], SETTLED):
            worst = np.where(inside[:owned], np.abs(step), 0.0) > 0.1 * change
            cut(kinked, worst, space)
        settled = comm.allreduce(float(np.min(first.x.array[:owned][unsettled], initial=np.inf)), op=MPI.MIN)
        if _ended(changes, tolerance):
            break
    solver.destroy()
    problem.matrix.destroy()
    if not changes[-1] < DIVERGED:
        raise NotConverged(
            f"policy iteration for the quasi-potential diverged: last relative changes "
            f"{', '.join(f'{c:.1e}' for c in changes[-3:])} after {len(changes)} iterations"
        )
    settled = min(settled, edge_level(region, V), leaking_level(coefficients, V, kinked))
    return V, Iteration(
        tuple(changes), settled, residual_norm(coefficients, V, settled, kinked), kinked.x.array > 0.5
    )


def _ended(changes: Sequence[float], tolerance: float) -> bool:
    """Whether an iteration has converged, is lost, or is at rounding level: changes no longer fall."""
    if changes[-1] <= tolerance or not changes[-1] < 1e3:
        return True
    return len(changes) > 3 and changes[-1] < 1e2 * tolerance and changes[-1] > 0.5 * changes[-2]
