"""The stationary Fokker–Planck equation in gauge form.

With ``p = q e^{−W/ε}`` for any function W the stationary flux

    J = b p − (ε/2) ∇·(A p) = e^{−W/ε} [ c q − (ε/2) A∇q ],     c = b + ½A∇W − (ε/2) ∇·A,

and ``∇·J = 0`` with no flux through the boundary, tested with ``w e^{W/ε}``, is: find q such that for all w

    ∫ (ε/2) A∇q·∇w + ½ (A∇q·∇W) w − q c·∇w − (1/ε)(∇W·c) q w  dx = 0.

to which ``+ ∮ max(c·n, 0) q w ds`` is added: on the artificial boundary of the region, probability leaves
with the transport velocity where that points outwards, and there is no flux where it points inwards.  With
no flux everywhere, a rotating drift piles q up in unresolved layers along the walls; with open outflow q
is smooth up to the boundary, and what leaks out is of the order of p there.  Where the region ends
inside the mesh, c is faded out below its edge (:mod:`solver.elements.fading`), and nothing crosses it.

q is carried along ``u = c + ½A∇W − (ε/2)∇·A ≈ b + A∇W``, the way of the instantons, and where W rises by
more than some ε over a cell, diffusion is too weak for Galerkin's method: what the mesh does not resolve at
the steep outer slopes came back as oscillations into all of the well.  So w is joined by ``τ u·∇w`` on the
cells (:mod:`solver.elements.streamline`), against the residual

    R = u·∇q + (∇·c − ∇W·c/ε) q − (ε/2) A:∇∇q.

The form is exact for every W and needs ∇W alone.  When W is the quasi-potential, q is the prefactor, smooth
and of order one however small ε is (its equation tends to the WKB transport equation, e.g. Bouchet and
Reygner, Ann. Henri Poincaré 17 (2016), eq. 3.3); when ``W = 0``, ``q = p``.
"""

from __future__ import annotations

from typing import Literal

import ufl
from dolfinx import fem

from solver.elements.coefficients import Coefficients
from solver.elements.fading import fading
from solver.elements.streamline import streamline_time

Edge = Literal["outflow", "walls", "open"]


def gauge_drift(coefficients: Coefficients, gauge: fem.Function, epsilon: fem.Constant) -> ufl.core.expr.Expr:
    """``c = χ(W) (b + ½A∇W − (ε/2)∇·A)``: the velocity by which q is transported, faded out at the edge."""
    c = (
        coefficients.drift
        + 0.5 * ufl.dot(coefficients.diffusion, ufl.grad(gauge))
        - 0.5 * epsilon * coefficients.divergence
    )
    return fading(coefficients.domain, gauge, coefficients.fade) * c


def flux(
    coefficients: Coefficients, gauge: fem.Function, epsilon: fem.Constant, q: fem.Function
) -> ufl.core.expr.Expr:
    """``e^{W/ε} J = c q − (ε/2) A∇q``: the probability flux without its exponential."""
    c = gauge_drift(coefficients, gauge, epsilon)
    return c * q - 0.5 * epsilon * ufl.dot(coefficients.diffusion, ufl.grad(q))


def crossing(coefficients: Coefficients, gauge: fem.Function) -> ufl.core.expr.Expr:
    """``χ(W) (b·n + ½ n·A∇W)``: the velocity at which q crosses the edge of the region."""
    n = ufl.FacetNormal(coefficients.domain)
    velocity = coefficients.drift_nodal + 0.5 * ufl.dot(coefficients.diffusion_nodal, ufl.grad(gauge))
    return fading(coefficients.domain, gauge, coefficients.fade) * ufl.inner(velocity, n)


def outflow(coefficients: Coefficients, gauge: fem.Function) -> ufl.core.expr.Expr:
    """The crossing velocity where it points outwards."""
    return ufl.max_value(crossing(coefficients, gauge), 0.0)


def operator(
    coefficients: Coefficients,
    gauge: fem.Function,
    epsilon: fem.Constant,
    space: fem.FunctionSpace,
    edge: Edge = "outflow",
) -> ufl.Form:
    """The bilinear form above in trial function q and test function w.

    At an *outflow* edge probability leaves where c points outwards; nothing crosses *walls*; an *open* edge
    is crossed by c q both ways, as if q did not change beyond it: right for a gauge that is the
    quasi-potential to all digits, with which no other edge leaves q constant where it is.
    """
    q, w = ufl.TrialFunction(space), ufl.TestFunction(space)
    A = coefficients.diffusion
    grad_gauge = ufl.grad(gauge)
    c = gauge_drift(coefficients, gauge, epsilon)
    A_grad_q = ufl.dot(A, ufl.grad(q))
    volume = (
        0.5 * epsilon * ufl.inner(A_grad_q, ufl.grad(w))
        + 0.5 * ufl.inner(A_grad_q, grad_gauge) * w
        - q * ufl.inner(c, ufl.grad(w))
        - ufl.inner(grad_gauge, c) / epsilon * q * w
    ) * coefficients.dx
    volume += _upwind(coefficients, gauge, epsilon, q, w)
    if edge == "walls":
        return volume
    across = outflow(coefficients, gauge) if edge == "outflow" else crossing(coefficients, gauge)
    return volume + across * q * w * coefficients.ds


def _upwind(
    coefficients: Coefficients,
    gauge: fem.Function,
    epsilon: fem.Constant,
    q: ufl.Argument,
    w: ufl.Argument,
) -> ufl.Form:
    """``∫ τ (u·∇w) R dx`` over the cells, with ∇·b and ∇∇:A from the Lagrange interpolants."""
    A, divergence = coefficients.diffusion, coefficients.divergence
    slope = ufl.grad(gauge)
    chi = fading(coefficients.domain, gauge, coefficients.fade)
    whole = coefficients.drift + 0.5 * ufl.dot(A, slope) - 0.5 * epsilon * divergence
    c = chi * whole
    spread = (
        ufl.div(coefficients.drift_nodal)
        + 0.5 * ufl.inner(divergence, slope)
        + 0.5 * ufl.inner(A, ufl.grad(slope))
        - 0.5 * epsilon * ufl.div(ufl.div(coefficients.diffusion_nodal))
    )
    spread = chi * spread + ufl.inner(ufl.grad(chi), whole)
    u = c + 0.5 * ufl.dot(A, slope) - 0.5 * epsilon * divergence
    residual = (
        ufl.inner(u, ufl.grad(q))
        + (spread - ufl.inner(slope, c) / epsilon) * q
        - 0.5 * epsilon * ufl.inner(A, ufl.grad(ufl.grad(q)))
    )
    degree = gauge.function_space.ufl_element().degree
    tau = streamline_time(coefficients, u, epsilon, degree)
    return tau * ufl.inner(u, ufl.grad(w)) * residual * coefficients.dx
