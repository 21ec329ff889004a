"""Committors: the probability of reaching one attractor before the others.

``h_j`` solves the backward equation ``b·∇h + (ε/2) A:∇∇h = 0`` with h = 1 in a small ball round attractor
j, h = 0 in the balls round the others and reflection at the boundary, in the weak form

    ∫ (b − (ε/2)∇·A)·∇h w − (ε/2) A∇h·∇w dx = 0    for all w that vanish in the balls,

with ``−τ b·∇w`` added to w on the cells (:mod:`solver.elements.streamline`).
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import ufl
from dolfinx import fem
from mpi4py import MPI
from numpy.typing import NDArray

from solver.elements.assembly import assemble_matrix, assemble_unreduced, fixed_dofs, lift
from solver.elements.coefficients import Coefficients
from solver.elements.free_rows import FactorisedFree
from solver.elements.linear import Options
from solver.elements.streamline import streamline_time
from solver.fokker_planck.landmarks import Pin


def generator(coefficients: Coefficients, epsilon: fem.Constant, space: fem.FunctionSpace) -> ufl.Form:
    """Weak form of ``𝓛h = b·∇h + (ε/2)A:∇∇h`` with reflection."""
    h, w = ufl.TrialFunction(space), ufl.TestFunction(space)
    transport = coefficients.drift - 0.5 * epsilon * coefficients.divergence
    return (
        ufl.inner(transport, ufl.grad(h)) * w
        - 0.5 * epsilon * ufl.inner(ufl.dot(coefficients.diffusion, ufl.grad(h)), ufl.grad(w))
    ) * coefficients.dx


def upwinded(coefficients: Coefficients, epsilon: fem.Constant, space: fem.FunctionSpace) -> ufl.Form:
    """:func:`generator` with ``−∫ τ (b·∇w)(b·∇h + (ε/2)A:∇∇h) dx``: h is carried against the drift."""
    h, w = ufl.TrialFunction(space), ufl.TestFunction(space)
    b = coefficients.drift
    residual = ufl.inner(b, ufl.grad(h)) + 0.5 * epsilon * ufl.inner(
        coefficients.diffusion, ufl.grad(ufl.grad(h))
    )
    tau = streamline_time(coefficients, b, epsilon, space.ufl_element().degree)
    return (
        generator(coefficients, epsilon, space) - tau * ufl.inner(b, ufl.grad(w)) * residual * coefficients.dx
    )


def ball_dofs(space: fem.FunctionSpace, pin: Pin, radius: float) -> NDArray[np.int32]:
    """Local dofs in the ellipsoid ``(x−x̄)ᵀΣ⁻¹(x−x̄) ≤ radius²``.  Collective.

    If the mesh is too coarse to have a dof inside, the nearest one is taken.
    """
    x = space.tabulate_dof_coordinates()[:, : space.mesh.geometry.dim] - pin.point
    distance = np.einsum("ni,ij,nj->n", x, np.linalg.inv(pin.covariance), x)
    dofs = np.flatnonzero(distance <= radius**2).astype(np.int32)
    nearest = space.mesh.comm.allreduce(float(distance.min(initial=np.inf)), op=MPI.MIN)
    if nearest > radius**2:
        dofs = np.flatnonzero(distance <= nearest * (1 + 1e-12)).astype(np.int32)
    return dofs


def committors(
    coefficients: Coefficients,
    space: fem.FunctionSpace,
    epsilon: float,
    pins: Sequence[Pin],
    options: Options | None = None,
) -> list[fem.Function]:
    """``h_j`` for every attractor (their sum is one).  Collective.

    The balls have the radius √ε/2 in the metric Σ⁻¹: well inside the wells, where h is constant but for
    terms of order e^{−barrier/ε}.

    Raises:
        NotConverged: If the linear solver fails.
    """
    level = fem.Constant(coefficients.domain, epsilon)
    form = upwinded(coefficients, level, space)
    balls = [ball_dofs(space, pin, 0.5 * np.sqrt(epsilon)) for pin in pins]
    fixed = fixed_dofs(coefficients.region, space, *balls)
    matrix = assemble_matrix(form, coefficients.region, space, fixed)
    system = FactorisedFree(matrix, fixed, "committor", options)
    owned = space.dofmap.index_map.size_local
    results = []
    for j in range(len(pins) - 1):
        h = fem.Function(space, name=f"committor_{j}")
        h.x.array[balls[j]] = 1.0
        h.x.scatter_forward()
        nothing = fem.Constant(coefficients.domain, 0.0)
        rhs = assemble_unreduced(nothing * ufl.TestFunction(space) * coefficients.dx)
        lift(rhs, form, h, fixed)
        h.x.array[:owned] = system.solve(rhs)
        h.x.scatter_forward()
        results.append(h)
    last = fem.Function(space, name=f"committor_{len(pins) - 1}")
    last.x.array[:] = 1.0 - sum((h.x.array for h in results), np.zeros_like(last.x.array))
    return [*results, last]
