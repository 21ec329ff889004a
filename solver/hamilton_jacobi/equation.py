"""The Hamilton–Jacobi equation of the quasi-potential by policy iteration on continuous elements.

Newton's method for ``H(x, ∇V) = b·∇V + ½∇VᵀA∇V = 0`` is Howard's policy iteration: with the drift of the
optimal escape path ``u = b + A∇V_k``, solve the linear transport equation

    u·∇V_{k+1} = ½ ∇V_kᵀ A ∇V_k,

here with SUPG test functions, find V such that for all v

    ∫ (u·∇V − ½∇V_kᵀA∇V_k)(v + τ u·∇v) dx = 0,     τ = h / (2 m |u|),

m the degree of the elements, on a mesh fitted to {V < c}.  V grows along u, so its level sets are pure
outflow and need no boundary data.  How the steps are put together is in
:mod:`solver.hamilton_jacobi.policy_iteration`.
"""

from __future__ import annotations

import numpy as np
import ufl
from dolfinx import fem
from mpi4py import MPI

from solver.elements.coefficients import Coefficients
from solver.hamilton_jacobi.kinks import bridge


def hamiltonian(coefficients: Coefficients, potential: fem.Function) -> ufl.core.expr.Expr:
    """``H(x, ∇V) = b·∇V + ½∇VᵀA∇V``."""
    gradient = ufl.grad(potential)
    return ufl.inner(coefficients.drift + 0.5 * ufl.dot(coefficients.diffusion, gradient), gradient)


def transport(
    coefficients: Coefficients, previous: fem.Function, start: fem.Function, kinked: fem.Function
) -> tuple[ufl.Form, ufl.Form]:
    """Bilinear and linear form of one policy evaluation.

    ``kinked`` is 1 on cells that are cut out and bridged (:mod:`solver.hamilton_jacobi.kinks`).
    """
    space = previous.function_space
    V, v = ufl.TrialFunction(space), ufl.TestFunction(space)
    gradient = ufl.grad(previous)
    u = coefficients.drift + ufl.dot(coefficients.diffusion, gradient)
    running_cost = 0.5 * ufl.inner(ufl.dot(coefficients.diffusion, gradient), gradient)
    # τ stays finite where u vanishes
    speed = ufl.sqrt(ufl.inner(u, u) + coefficients.still)
    tau = ufl.CellDiameter(coefficients.domain) / (2.0 * space.ufl_element().degree * speed)
    test = v + tau * ufl.inner(u, ufl.grad(v))
    left = (1.0 - kinked) * ufl.inner(u, ufl.grad(V)) * test + kinked * bridge(coefficients, start, V, v)
    return left * coefficients.dx, (1.0 - kinked) * running_cost * test * coefficients.dx


def residual_norm(
    coefficients: Coefficients, potential: fem.Function, level: float, kinked: fem.Function
) -> float:
    """``‖H(x,∇V)‖ / ‖½∇VᵀA∇V‖`` in L² over {V < level}; infinite if that set is empty.  Collective.

    Cells that are cut out do not count.
    """
    gradient = ufl.grad(potential)
    cost = 0.5 * ufl.inner(ufl.dot(coefficients.diffusion, gradient), gradient)
    # a Constant: a number would make a new form, compiled anew, of every level
    top = fem.Constant(coefficients.domain, level)
    inside = (1.0 - kinked) * ufl.conditional(ufl.lt(potential, top), 1.0, 0.0)
    squares = [
        coefficients.domain.comm.allreduce(
            fem.assemble_scalar(fem.form(inside * term**2 * coefficients.dx)), op=MPI.SUM
        )
        for term in (hamiltonian(coefficients, potential), cost)
    ]
    return float(np.sqrt(squares[0] / squares[1])) if squares[1] > 0.0 else float("inf")
