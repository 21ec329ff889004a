"""Streamline-upwind (SUPG) time scale for transport with weak diffusion.

Galerkin's method oscillates where a velocity u crosses a cell faster than diffusion does, and the
oscillations run against the flow, far from what caused them.  Testing the equation with ``w + τ u·∇w`` damps
them, and takes nothing from the order of the method, as it is the residual that is tested, which vanishes
for the exact solution (Brooks and Hughes, Comput. Methods Appl. Mech. Engrg. 32 (1982) 199),

    τ = h/(2 m |u|) · max(0, 1 − 1/P),      P = |u| h/(m ε a),   a = uᵀAu/|u|²,

m the degree of the elements, h the size of the cell, P the Péclet number of the distance of nodes.  Where
the diffusion ½εa along u is strong enough τ = 0, and Galerkin's method keeps what it is better at: fluxes
and averages, whose errors are of twice the order.
"""

from __future__ import annotations

import ufl
from dolfinx import fem

from solver.elements.coefficients import Coefficients


def streamline_time(
    coefficients: Coefficients, velocity: ufl.core.expr.Expr, epsilon: fem.Constant, degree: int
) -> ufl.core.expr.Expr:
    """τ for the velocity u and the diffusion ½εA."""
    # the side of a cell of a box cut into simplices, also where cells are curved
    dim = coefficients.domain.geometry.dim
    h = abs(ufl.JacobianDeterminant(coefficients.domain)) ** (1.0 / dim)
    # τ stays finite where u vanishes
    square = ufl.inner(velocity, velocity) + coefficients.still
    along = ufl.inner(velocity, ufl.dot(coefficients.diffusion, velocity)) / square
    crossing = h / (2.0 * degree * ufl.sqrt(square))
    return ufl.max_value(crossing - 0.5 * epsilon * along / square, 0.0)
