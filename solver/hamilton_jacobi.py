"""The Hamilton–Jacobi equation of the quasi-potential by policy iteration on continuous elements.

Newton's method for ``H(x, ∇V) = b·∇V + ½∇VᵀA∇V = 0`` is Howard's policy iteration: with the drift of the
optimal escape path ``u = b + A∇V_k``, solve the linear transport equation

    u·∇V_{k+1} = ½ ∇V_kᵀ A ∇V_k,

here with SUPG test functions, find V such that for all v

    ∫ (u·∇V − ½∇V_kᵀA∇V_k)(v + τ u·∇v) dx + ∮ max(−u·n, 0)(V − V_0) v ds = 0,     τ = h / (2 m |u|),

m the degree of the elements, in a region {V < c} below the lowest saddle.  V grows along u, so the exact
level set is pure outflow and needs no boundary data; where the ragged edge of the mesh has inflow, either the
start V_0 is imposed weakly, as above, or V is continued smoothly from inside (:func:`continuity`).  How the
steps are put together is in :mod:`solver.policy_iteration`.
"""

from __future__ import annotations

import numpy as np
import ufl
from dolfinx import fem
from mpi4py import MPI

from solver.coefficients import Coefficients

PENALTY = 0.01


def escape_drift(coefficients: Coefficients, potential: fem.Function) -> ufl.core.expr.Expr:
    """``u = b + A∇V``: the drift of the most probable escape paths."""
    return coefficients.drift + ufl.dot(coefficients.diffusion, ufl.grad(potential))


def hamiltonian(coefficients: Coefficients, potential: fem.Function) -> ufl.core.expr.Expr:
    """``H(x, ∇V) = b·∇V + ½∇VᵀA∇V``."""
    gradient = ufl.grad(potential)
    return ufl.inner(coefficients.drift + 0.5 * ufl.dot(coefficients.diffusion, gradient), gradient)


def continuity(space: fem.FunctionSpace, speed: ufl.core.expr.Expr, facets: ufl.Measure) -> ufl.Form:
    """``Σ_j γ ∫ |u| h^{2j} [∂ⁿ_j V][∂ⁿ_j v] dS``: penalty on jumps of normal derivatives of all orders.

    Zero for polynomials of the degree of the elements; it makes V in the rim the smooth continuation of V
    inside (a ghost penalty: Burman, C. R. Acad. Sci. Paris 348 (2010) 1217).
    """
    V, v = ufl.TrialFunction(space), ufl.TestFunction(space)
    n = ufl.FacetNormal(space.mesh)("+")
    h = ufl.avg(ufl.CellDiameter(space.mesh))
    derivatives = V, v
    form = 0
    for order in range(1, space.ufl_element().degree + 1):
        derivatives = tuple(ufl.grad(f) for f in derivatives)
        jumps = []
        for derivative in derivatives:
            jump = derivative("+") - derivative("-")
            for _ in range(order):
                jump = ufl.dot(jump, n)
            jumps.append(jump)
        form += PENALTY * ufl.avg(speed) * h ** (2 * order) * jumps[0] * jumps[1] * facets
    return form


def transport(
    coefficients: Coefficients,
    previous: fem.Function,
    start: fem.Function,
    rim: fem.Function,
    facets: ufl.Measure | None,
) -> tuple[ufl.Form, ufl.Form]:
    """Bilinear and linear form of one policy evaluation.

    ``rim`` is 1 on cells that keep the first policy.  With ``facets`` (those of the cells at the edge) V is
    continued smoothly to the edge, without, the start is imposed where the edge has inflow.
    """
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
    left = ufl.inner(u, ufl.grad(V)) * test * coefficients.dx
    right = running_cost * test * coefficients.dx
    if facets is not None:
        nodal = coefficients.drift_nodal + ufl.dot(coefficients.diffusion_nodal, ufl.grad(start))
        return left + continuity(space, ufl.sqrt(ufl.inner(nodal, nodal) + 1e-20), facets), right
    return left + inflow * V * v * coefficients.ds, right + inflow * start * v * coefficients.ds


def residual_norm(coefficients: Coefficients, potential: fem.Function, level: float) -> float:
    """``‖H(x,∇V)‖ / ‖½∇VᵀA∇V‖`` in L² over {V < level}; infinite if that set is empty.  Collective."""
    gradient = ufl.grad(potential)
    cost = 0.5 * ufl.inner(ufl.dot(coefficients.diffusion, gradient), gradient)
    inside = ufl.conditional(ufl.lt(potential, level), 1.0, 0.0)
    squares = [
        coefficients.domain.comm.allreduce(
            fem.assemble_scalar(fem.form(inside * term**2 * coefficients.dx)), op=MPI.SUM
        )
        for term in (hamiltonian(coefficients, potential), cost)
    ]
    return float(np.sqrt(squares[0] / squares[1])) if squares[1] > 0.0 else float("inf")
