"""The Hamilton–Jacobi equation of the quasi-potential by policy iteration on continuous elements.

Newton's method for ``H(x, ∇V) = b·∇V + ½∇VᵀA∇V = 0`` is Howard's policy iteration: with the drift of the
optimal escape path ``u = b + A∇V_k``, solve the linear transport equation

    u·∇V_{k+1} = ½ ∇V_kᵀ A ∇V_k,

here with SUPG test functions, find V such that for all v

    ∫ (u·∇V − ½∇V_kᵀA∇V_k)(v + τ u·∇v) dx + ∮ max(−u·n, 0)(V − V_0) v ds = 0,     τ = h / (2 m |u|),

m the degree of the elements, in a region {V < c} below the lowest saddle.  V grows along u, so the exact
level set is pure outflow and needs no boundary data; where the ragged edge of the mesh has inflow, the
initial guess V_0 is imposed weakly, and in the rim (the cells at the edge, and those where V_0 is above the
lowest point of the edge) the policy stays that of V_0: a Newton step there would feed on the error of the
edge.  What the rim does to V is carried outwards only:
values below the lowest point of the edge are free of it.  At the attractor u vanishes; there V is given by its local expansion.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import ufl
from dolfinx import fem
from dolfinx.la import InsertMode
from mpi4py import MPI

from solver.assembly import assemble_matrix, assemble_unreduced, fixed_dofs, lift
from solver.coefficients import Coefficients
from solver.errors import NotConverged
from solver.expansion import Expansion
from solver.linear import Options, factorise, solve
from solver.region import Mask, Region, cell_values


SETTLED = 1e-8
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


def escape_drift(coefficients: Coefficients, potential: fem.Function) -> ufl.core.expr.Expr:
    """``u = b + A∇V``: the drift of the most probable escape paths."""
    return coefficients.drift + ufl.dot(coefficients.diffusion, ufl.grad(potential))


def hamiltonian(coefficients: Coefficients, potential: fem.Function) -> ufl.core.expr.Expr:
    """``H(x, ∇V) = b·∇V + ½∇VᵀA∇V``."""
    gradient = ufl.grad(potential)
    return ufl.inner(coefficients.drift + 0.5 * ufl.dot(coefficients.diffusion, gradient), gradient)


def transport(
    coefficients: Coefficients, previous: fem.Function, start: fem.Function, rim: fem.Function
) -> tuple[ufl.Form, ufl.Form]:
    """Bilinear and linear form of one policy evaluation; ``rim`` is 1 on cells that keep the first policy."""
    space = previous.function_space
    domain = coefficients.domain
    V, v = ufl.TrialFunction(space), ufl.TestFunction(space)
    gradient = ufl.conditional(ufl.lt(rim, 0.5), ufl.grad(previous), ufl.grad(start))
    u = coefficients.drift + ufl.dot(coefficients.diffusion, gradient)
    running_cost = 0.5 * ufl.inner(ufl.dot(coefficients.diffusion, gradient), gradient)
    # the floor keeps τ finite at points where u vanishes
    speed = ufl.sqrt(ufl.inner(u, u) + 1e-20)
    tau = ufl.CellDiameter(domain) / (2.0 * space.ufl_element().degree * speed)
    test = v + tau * ufl.inner(u, ufl.grad(v))
    n = ufl.FacetNormal(domain)
    u_boundary = coefficients.drift_nodal + ufl.dot(coefficients.diffusion_nodal, ufl.grad(start))
    inflow = ufl.max_value(-ufl.inner(u_boundary, n), 0.0)
    left = ufl.inner(u, ufl.grad(V)) * test * coefficients.dx + inflow * V * v * coefficients.ds
    right = running_cost * test * coefficients.dx + inflow * start * v * coefficients.ds
    return left, right


def rim_cells(region: Region, start: fem.Function, edge_level: float) -> fem.Function:
    """Indicator of the cells that touch the edge of the region or reach above ``edge_level``.  Collective."""
    domain, space = region.domain, start.function_space
    dim = domain.topology.dim
    domain.topology.create_connectivity(dim, dim - 1)
    of_cell = domain.topology.connectivity(dim, dim - 1).array.reshape(-1, dim + 1)
    facets = np.unique(of_cell[region.facets[:, 0], region.facets[:, 1]]).astype(np.int32)
    marked = fem.Function(space)
    marked.x.array[fem.locate_dofs_topological(space, dim - 1, facets, remote=False)] = 1.0
    marked.x.scatter_reverse(InsertMode.add)
    marked.x.scatter_forward()
    rim = fem.Function(fem.functionspace(domain, ("DG", 0)))
    touching = cell_values(marked).max(axis=1) > 0.5
    rim.x.array[:] = touching | (cell_values(start).max(axis=1) > edge_level)
    return rim


def freeze(rim: fem.Function, worst: Mask, start: fem.Function) -> float:
    """Add the cells of the marked owned dofs to the rim; returns the lowest V_0 in them.  Collective.

    The fallback where V has a kink or the mesh is too coarse: there Newton's method cycles, and its linear
    step with the policy of the smooth start does not.
    """
    space = start.function_space
    marked = fem.Function(space)
    marked.x.array[: worst.size] = worst
    marked.x.scatter_forward()
    touching = cell_values(marked).max(axis=1) > 0.5
    rim.x.array[touching] = 1.0
    lowest = float(np.min(cell_values(start)[touching], initial=np.inf))
    return float(space.mesh.comm.allreduce(lowest, op=MPI.MIN))


def policy_iteration(
    coefficients: Coefficients,
    start: fem.Function,
    expansion: Expansion,
    edge_level: float,
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
        edge_level: Lowest value of the start on the edge of the region; above it the policy is not iterated.
        tolerance: Largest change of V, relative to the level of the edge, at which the iteration ends.
        max_iterations: Bound on the number of linear solves.
        options: PETSc options for the linear solver.

    Returns:
        V (zero outside the region) and the history.

    Raises:
        NotConverged: If the iteration diverges, or has not settled at least up to half the level of the edge.
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
    rim = rim_cells(region, start, edge_level)
    changes: list[float] = []
    converged, frozen_level = 0.0, edge_level
    for _ in range(max_iterations):
        left, right = transport(coefficients, V, start, rim)
        matrix = assemble_matrix(left, region, space, fixed)
        ksp = factorise(matrix, "quasi-potential", options)
        rhs = assemble_unreduced(right)
        lift(rhs, left, boundary_values, fixed)
        step = solve(ksp, rhs, "quasi-potential").array_r[:owned] - V.x.array[:owned]
        ksp.destroy()
        matrix.destroy()
        low = inside[:owned] & (start.x.array[:owned] < edge_level)
        unsettled = low & (np.abs(step) > SETTLED * edge_level)
        change = comm.allreduce(float(np.max(np.abs(step[low]), initial=0.0)), op=MPI.MAX)
        changes.append(change / edge_level)
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
    if not (changes[-1] < 1e3 and converged > 0.5 * edge_level):
        raise NotConverged(
            f"policy iteration for the quasi-potential settled only where V < {converged:.3g} of "
            f"{edge_level:.3g}: last relative changes {', '.join(f'{c:.1e}' for c in changes[-3:])} after "
            f"{len(changes)} iterations"
        )
    return V, Iteration(tuple(changes), converged, residual_norm(coefficients, V, converged))


def residual_norm(coefficients: Coefficients, potential: fem.Function, level: float) -> float:
    """``‖H(x,∇V)‖ / ‖½∇VᵀA∇V‖`` in L² over {V < level}.  Collective."""
    gradient = ufl.grad(potential)
    cost = 0.5 * ufl.inner(ufl.dot(coefficients.diffusion, gradient), gradient)
    inside = ufl.conditional(ufl.lt(potential, level), 1.0, 0.0)
    squares = [
        coefficients.domain.comm.allreduce(
            fem.assemble_scalar(fem.form(inside * term**2 * coefficients.dx)), op=MPI.SUM
        )
        for term in (hamiltonian(coefficients, potential), cost)
    ]
    return float(np.sqrt(squares[0] / squares[1]))
