"""Cells in which V has a kink.

Where paths of equal cost come in from two sides V is the lesser of two smooth functions.  Polynomials do not
follow the kink, and Newton's method cycles there.  But the escape paths, with velocity ``u = b + A∇V``, end
at it, so that the cells it crosses can be cut out: what is left has one more edge through which u only goes
out, and needs nothing from there.  In the cells themselves V is continued from their surface by

    −∇·(κ A∇V) = 0,

with a κ so small that it changes nothing outside.  Its slopes lie between those of the two sides, and there
``H(x, ∇V) ≤ 0``, because H is convex in the slope and zero at both: V stays a subsolution.
"""

from __future__ import annotations

import numpy as np
import ufl
from dolfinx import fem
from mpi4py import MPI

from solver.elements.assembly import assemble_vector
from solver.elements.coefficients import Coefficients
from solver.elements.region import Mask, cell_values

# κ in units of the cell times |∇V|
WEAK = 1e-6
# a change of the start over a cell that is none, of its highest value
FLAT = 1e-10
# a cell is leaking if more than this part of what could come out of it does
LEAK = 0.05


def bridge(
    coefficients: Coefficients, start: fem.Function, V: ufl.Argument, v: ufl.Argument
) -> ufl.core.expr.Expr:
    """``κ A∇V·∇v`` with ``κ = 10⁻⁶ h |∇start|``, and κ > 0 where ∇start vanishes.  Collective."""
    slope, size = ufl.grad(start), ufl.CellDiameter(coefficients.domain)
    highest = float(np.max(np.abs(start.x.array), initial=0.0))
    highest = coefficients.domain.comm.allreduce(highest, op=MPI.MAX)
    flat = fem.Constant(coefficients.domain, FLAT * highest)
    size = ufl.sqrt(size**2 * ufl.inner(slope, slope) + flat**2)
    return WEAK * size * ufl.inner(ufl.dot(coefficients.diffusion, ufl.grad(V)), ufl.grad(v))


def cut(kinked: fem.Function, worst: Mask, space: fem.FunctionSpace) -> None:
    """Mark the cells of the given owned dofs.  Collective."""
    marked = fem.Function(space)
    marked.x.array[: worst.size] = worst
    marked.x.scatter_forward()
    kinked.x.array[cell_values(marked).max(axis=1) > 0.5] = 1.0


def leaking_level(coefficients: Coefficients, potential: fem.Function, kinked: fem.Function) -> float:
    """The lowest V in marked cells that paths leave for others: V is wrong beyond.  Collective.

    Infinite where there is none, that is, where all marked cells are on kinks.
    """
    domain = coefficients.domain
    comm = domain.comm
    cells = kinked.x.array > 0.5
    if not comm.allreduce(int(cells.sum()), op=MPI.SUM):
        return np.inf
    facets = coefficients.region.interior_facets(cells, {"quadrature_degree": coefficients.quadrature_degree})
    u = coefficients.drift_nodal + ufl.dot(coefficients.diffusion_nodal, ufl.grad(potential))
    normal, v = ufl.FacetNormal(domain), ufl.TestFunction(kinked.function_space)
    out, size = 0.0, 0.0
    for here, there in (("+", "-"), ("-", "+")):
        between = kinked(here) * (1.0 - kinked(there)) * v(here)
        out += between * ufl.max_value(ufl.inner(u(there), normal(here)), 0.0) * facets
        size += between * ufl.sqrt(ufl.inner(u(there), u(there))) * facets
    flows, sizes = (assemble_vector(form) for form in (out, size))
    leaking = flows.array_r > LEAK * sizes.array_r
    lowest = cell_values(potential)[: leaking.size].min(axis=1)
    return float(comm.allreduce(float(np.min(lowest[leaking], initial=np.inf)), op=MPI.MIN))
