"""Policy iteration for the Hamilton–Jacobi equation, and what keeps it on course at the edge of its region.

A first sweep keeps the policy of the start V_0 in the rim (the cells at the edge of the region, and those
where V_0 is above the lowest point of the edge), where Newton steps would feed on the error of the edge.
Further sweeps, each from the result of the last, iterate everywhere and continue V smoothly to the edge,
except in cells that do not settle.  What the rim does to V is carried outwards only: values below the lowest
point of the edge are free of it.  At the attractor ``u = b + A∇V`` vanishes; there V is given by its local
expansion.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import ufl
from dolfinx import fem
from dolfinx.la import InsertMode
from mpi4py import MPI

from solver.assembly import Dofs, assemble_matrix, assemble_unreduced, fixed_dofs, lift
from solver.coefficients import Coefficients
from solver.errors import NotConverged
from solver.expansion import Expansion
from solver.hamilton_jacobi import residual_norm, transport
from solver.linear import Options, factorise, solve
from solver.region import Mask, Region, cell_values

SETTLED = 1e-8
DIVERGED = 0.1
# V must settle at least up to this part of the level of the edge
LEAST = 0.3
# a change that does not fall to this fraction of the one before is no convergence of Newton's method
SLOW = 0.8


@dataclass(frozen=True)
class Iteration:
    """How the policy iteration went.

    Attributes:
        changes: Largest change of V below the edge, relative to the level of the edge, at each iteration.
        converged_level: V has settled (to 10⁻⁸ of the level of the edge) wherever it is below this.
        residual: ``‖H‖/‖½∇VᵀA∇V‖`` there.
    """

    changes: tuple[float, ...]
    converged_level: float
    residual: float

    @property
    def count(self) -> int:
        """Number of linear solves."""
        return len(self.changes)


def touching(region: Region, space: fem.FunctionSpace) -> Mask:
    """Local cells of a region that touch its edge.  Collective."""
    marked = fem.Function(space)
    marked.x.array[edge_dofs(region, space)] = 1.0
    marked.x.scatter_reverse(InsertMode.add)
    marked.x.scatter_forward()
    return np.asarray(region.active & (cell_values(marked).max(axis=1) > 0.5))


def rim_cells(region: Region, start: fem.Function, level: float) -> fem.Function:
    """Indicator of the cells that touch the edge of the region or reach above ``level``.  Collective."""
    rim = fem.Function(fem.functionspace(region.domain, ("DG", 0)))
    rim.x.array[:] = touching(region, start.function_space) | (cell_values(start).max(axis=1) > level)
    return rim


def edge_dofs(region: Region, space: fem.FunctionSpace) -> Dofs:
    """Local dofs on the outer boundary of a region (those on facets of owned cells).  Collective."""
    domain = region.domain
    dim = domain.topology.dim
    domain.topology.create_connectivity(dim, dim - 1)
    of_cell = domain.topology.connectivity(dim, dim - 1).array.reshape(-1, dim + 1)
    facets = np.unique(of_cell[region.facets[:, 0], region.facets[:, 1]]).astype(np.int32)
    return np.asarray(fem.locate_dofs_topological(space, dim - 1, facets, remote=False))


def edge_level(region: Region, potential: fem.Function) -> float:
    """Lowest value on the outer boundary of a region.  Collective."""
    values = potential.x.array[edge_dofs(region, potential.function_space)]
    return float(region.domain.comm.allreduce(float(np.min(values, initial=np.inf)), op=MPI.MIN))


def freeze(rim: fem.Function, worst: Mask, start: fem.Function) -> float:
    """Add the cells of the marked owned dofs to the rim; returns the lowest V_0 at these dofs.  Collective.

    The fallback where V has a kink or the mesh is too coarse: there Newton's method cycles, and its linear
    step with the policy of the smooth start does not.
    """
    space = start.function_space
    marked = fem.Function(space)
    marked.x.array[: worst.size] = worst
    marked.x.scatter_forward()
    hit = cell_values(marked).max(axis=1) > 0.5
    rim.x.array[hit] = 1.0
    lowest = float(np.min(start.x.array[: worst.size][worst], initial=np.inf))
    return float(space.mesh.comm.allreduce(lowest, op=MPI.MIN))


def policy_iteration(
    coefficients: Coefficients,
    start: fem.Function,
    expansion: Expansion,
    level: float,
    rim: fem.Function,
    facets: ufl.Measure | None = None,
    *,
    tolerance: float = 1e-11,
    max_iterations: int = 40,
    options: Options | None = None,
) -> tuple[fem.Function, Iteration]:
    """Solve the Hamilton–Jacobi equation on the region of the coefficients.  Collective.

    Args:
        coefficients: b, A on a region {V < c}.
        start: Initial guess with V = 0 at the attractor; its space is that of the solution.
        expansion: V near the attractor.
        level: Lowest value of the start on the edge of the region; V is trusted at most up to this.
        rim: Cells that keep the policy of the start; more are added where the iteration does not settle.
        facets: Facets of the cells at the edge, across which V is continued smoothly (see :func:`transport`).
        tolerance: Largest change of V, relative to the level of the edge, at which the iteration ends.
        max_iterations: Bound on the number of linear solves.
        options: PETSc options for the linear solver.

    Returns:
        V (zero outside the region) and the history.

    Raises:
        NotConverged: If the iteration diverges.
    """
    space = start.function_space
    region = coefficients.region
    comm = coefficients.domain.comm
    x = space.tabulate_dof_coordinates()[:, : coefficients.domain.geometry.dim].T
    near = np.flatnonzero(np.sum(expansion.coordinates(x) ** 2, axis=0) <= 1.0).astype(np.int32)
    fixed = fixed_dofs(region, space, near)
    inside = region.dofs(space)
    owned = space.dofmap.index_map.size_local
    V = fem.Function(space, name="V")
    V.x.array[:] = np.where(inside, start.x.array, 0.0)
    V.x.array[near] = expansion(x[:, near])
    boundary_values = fem.Function(space)
    boundary_values.x.array[near] = V.x.array[near]
    changes: list[float] = []
    converged, frozen_level = 0.0, level
    for _ in range(max_iterations):
        left, right = transport(coefficients, V, start, rim, facets)
        matrix = assemble_matrix(left, region, space, fixed)
        ksp = factorise(matrix, "quasi-potential", options)
        rhs = assemble_unreduced(right)
        lift(rhs, left, boundary_values, fixed)
        step = solve(ksp, rhs, "quasi-potential").array_r[:owned] - V.x.array[:owned]
        ksp.destroy()
        matrix.destroy()
        low = inside[:owned] & (start.x.array[:owned] < level)
        unsettled = low & (np.abs(step) > SETTLED * level)
        change = comm.allreduce(float(np.max(np.abs(step[low]), initial=0.0)), op=MPI.MAX)
        changes.append(change / level)
        V.x.array[:owned] += step
        V.x.scatter_forward()
        if len(changes) > 6 and changes[-1] > max(SLOW * changes[-2], SETTLED):
            worst = np.where(low, np.abs(step), 0.0) > 0.1 * change
            frozen_level = min(frozen_level, freeze(rim, worst, start))
        converged = comm.allreduce(
            float(np.min(start.x.array[:owned][unsettled], initial=frozen_level)), op=MPI.MIN
        )
        if changes[-1] <= tolerance or not changes[-1] < 1e3:
            break
        # at rounding level the changes no longer fall
        if len(changes) > 3 and changes[-1] < 1e2 * tolerance and changes[-1] > 0.5 * changes[-2]:
            break
    if not changes[-1] < DIVERGED:
        raise NotConverged(
            f"policy iteration for the quasi-potential diverged: last relative changes "
            f"{', '.join(f'{c:.1e}' for c in changes[-3:])} after {len(changes)} iterations"
        )
    return V, Iteration(tuple(changes), converged, residual_norm(coefficients, V, converged))


def sweeps(
    coefficients: Coefficients,
    start: fem.Function,
    expansion: Expansion,
    options: Options | None = None,
    most: int = 8,
) -> tuple[fem.Function, Iteration]:
    """The sweeps described above, until the data on the edge no longer change V.  Collective.

    If a later sweep settles less far than an earlier one, the earlier one counts; for the first sweep,
    up to the lowest point of its rim.

    Args:
        coefficients: b, A on a region {V < c}.
        start: Initial guess with V = 0 at the attractor.
        expansion: V near the attractor.
        options: PETSc options for the linear solver.
        most: Bound on the number of sweeps.

    Raises:
        NotConverged: If the first sweep diverges, or V settles on a small part of the region only.
    """
    region = coefficients.region
    edge = edge_level(region, start)
    rim = rim_cells(region, start, edge)
    best, iteration = policy_iteration(coefficients, start, expansion, edge, rim, options=options)
    lowest = float(np.min(cell_values(best)[region.active & (rim.x.array > 0.5)], initial=edge))
    reached = min(region.domain.comm.allreduce(lowest, op=MPI.MIN), iteration.converged_level)
    iteration = replace(
        iteration, converged_level=reached, residual=residual_norm(coefficients, best, reached)
    )
    inside = region.dofs(start.function_space)
    metadata = {"quadrature_degree": coefficients.quadrature_degree}
    facets = region.interior_facets(touching(region, start.function_space), metadata)
    everywhere = fem.Function(rim.function_space)
    failures, start_again = 0, best
    for _ in range(most - 1):
        begin = fem.Function(start.function_space)
        begin.x.array[:] = np.where(inside, start_again.x.array, start.x.array)
        everywhere.x.array[:] = 0.0
        edge = edge_level(region, begin)
        try:
            V, settled = policy_iteration(
                coefficients, begin, expansion, edge, everywhere, facets, options=options
            )
        except NotConverged:
            break
        changes = iteration.changes + settled.changes
        if settled.converged_level < min(iteration.converged_level, 0.999 * edge):
            # the better start may still help the next sweep, but this one does not count
            failures += 1
            start_again = V
        else:
            failures = 0
            best, iteration, start_again = V, settled, V
        iteration = replace(iteration, changes=changes)
        if failures == 2 or settled.changes[0] < SETTLED:
            break
    if not iteration.converged_level > LEAST * edge:
        raise NotConverged(
            f"the quasi-potential settled only where V < {iteration.converged_level:.3g}, of {edge:.3g} at "
            f"the edge, in {iteration.count} iterations: the mesh is too coarse"
        )
    return best, iteration
