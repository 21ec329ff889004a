"""The Hamilton–Jacobi equation of the quasi-potential by policy iteration on continuous elements.

Newton's method for ``H(x, ∇V) = b·∇V + ½∇VᵀA∇V = 0`` is Howard's policy iteration: with the drift of the
optimal escape path ``u = b + A∇V_k``, solve the linear transport equation

    u·∇V_{k+1} = ½ ∇V_kᵀ A ∇V_k,

here with SUPG test functions, find V such that for all v

    ∫ (u·∇V − ½∇V_kᵀA∇V_k)(v + τ u·∇v) dx + ∮ max(−u·n, 0)(V − V_0) v ds = 0,     τ = h / (2 m |u|),

m the degree of the elements, in a region {V < c} below the lowest saddle.  V grows along u, so the exact
level set is pure outflow and needs no boundary data; where the ragged edge of the mesh has inflow, the
initial guess V_0 is imposed weakly, and in the rim {V_0 > trusted level} the policy stays that of V_0 (a
Newton step there would feed on the error of the edge).  What the rim does to V is carried outwards only:
values below the lowest point of the edge are free of it.  At the attractor u vanishes; there V is given by its local expansion.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import ufl
from dolfinx import fem
from mpi4py import MPI

from solver.assembly import assemble_matrix, assemble_unreduced, fixed_dofs, lift
from solver.coefficients import Coefficients
from solver.errors import NotConverged
from solver.expansion import Expansion
from solver.linear import Options, factorise, solve


@dataclass(frozen=True)
class Iteration:
    """How the policy iteration went: largest changes of V below the trusted level, and its residual."""

    changes: tuple[float, ...]
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
    coefficients: Coefficients, previous: fem.Function, start: fem.Function, trusted_level: float
) -> tuple[ufl.Form, ufl.Form]:
    """Bilinear and linear form of one policy evaluation."""
    space = previous.function_space
    domain = coefficients.domain
    V, v = ufl.TrialFunction(space), ufl.TestFunction(space)
    level = fem.Constant(domain, trusted_level)
    gradient = ufl.conditional(ufl.lt(start, level), ufl.grad(previous), ufl.grad(start))
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


def policy_iteration(
    coefficients: Coefficients,
    start: fem.Function,
    expansion: Expansion,
    trusted_level: float,
    *,
    tolerance: float = 1e-11,
    max_iterations: int = 30,
    options: Options | None = None,
) -> tuple[fem.Function, Iteration]:
    """Solve the Hamilton–Jacobi equation on the region of the coefficients.  Collective.

    Args:
        coefficients: b, A on a region {V < c}.
        start: Initial guess with V = 0 at the attractor; its space is that of the solution.
        expansion: V near the attractor.
        trusted_level: Changes are measured where V is below this.
        tolerance: Largest change of V, relative to the trusted level, at which the iteration ends.
        max_iterations: Bound on the number of linear solves.
        options: PETSc options for the linear solver.

    Returns:
        V (zero outside the region) and the history.

    Raises:
        NotConverged: If the iteration diverges or stagnates above a thousand times the tolerance.
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
    for _ in range(max_iterations):
        left, right = transport(coefficients, V, start, trusted_level)
        matrix = assemble_matrix(left, region, space, fixed)
        ksp = factorise(matrix, "quasi-potential", options)
        rhs = assemble_unreduced(right)
        lift(rhs, left, boundary_values, fixed)
        new = solve(ksp, rhs, "quasi-potential").array_r[:owned]
        trusted = inside[:owned] & (np.minimum(new, V.x.array[:owned]) < trusted_level)
        change = comm.allreduce(
            float(np.max(np.abs(new - V.x.array[:owned])[trusted], initial=0.0)), op=MPI.MAX
        )
        V.x.array[:owned] = new
        V.x.scatter_forward()
        ksp.destroy()
        matrix.destroy()
        changes.append(change / trusted_level)
        if changes[-1] <= tolerance or not np.isfinite(changes[-1]) or changes[-1] > 1e3:
            break
        # at rounding level the changes no longer fall
        if len(changes) > 3 and changes[-1] < 1e3 * tolerance and changes[-1] > 0.5 * changes[-2]:
            break
    if not changes[-1] <= 1e3 * tolerance:
        raise NotConverged(
            f"policy iteration for the quasi-potential did not converge: last relative changes "
            f"{', '.join(f'{c:.1e}' for c in changes[-3:])} after {len(changes)} iterations"
        )
    return V, Iteration(tuple(changes), residual_norm(coefficients, V, trusted_level))


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
