"""Quasi-stationary densities of the wells: one solution of the gauge form per attractor.

With several wells the stationary equation is nearly singular (its second eigenvalue is e^{−barrier/ε}).
It is made regular by one *pin* per attractor: a Gaussian average m_j of q round attractor j is
prescribed, with a Lagrange multiplier,

    [ L   M ] [q_k]   [ 0  ]
    [ Mᵀ  0 ] [ μ ] = [ e_k ],      (M)_{ij} = ∫ m_j φ_i dx,   ∫ m_j = 1,

so that q_k has average one round attractor k and zero round the others.  ``p_k = q_k e^{−W/ε}`` is the
density of a process that is fed into well k and taken out of the other wells; the stationary density
is a combination of the p_k with weights from the rates (:mod:`solver.fokker_planck.rates`).
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import ufl
from dolfinx import fem, mesh
from petsc4py import PETSc

from solver.elements.assembly import assemble_matrix, assemble_vector, fixed_dofs
from solver.elements.coefficients import Coefficients
from solver.elements.free_rows import FreeRows
from solver.elements.linear import DENSE_ROWS, Options, factorise, solve
from solver.fokker_planck.equation import Edge, operator
from solver.fokker_planck.gauge_density import GaugeDensity
from solver.fokker_planck.landmarks import Pin


def pin_weight(domain: mesh.Mesh, pin: Pin, epsilon: float) -> ufl.core.expr.Expr:
    """Unnormalised weight ``exp(−2 (x−x̄)ᵀΣ⁻¹(x−x̄)/ε)``: a Gaussian of half the width of the density.

    The numbers are constants of the form, so that it is compiled once for all pins and noise levels.
    """
    displacement = ufl.SpatialCoordinate(domain) - fem.Constant(domain, np.asarray(pin.point, dtype=float))
    scaled = fem.Constant(domain, 2.0 / epsilon * np.linalg.inv(pin.covariance))
    return ufl.exp(-ufl.inner(displacement, ufl.dot(scaled, displacement)))


def pin_vectors(
    coefficients: Coefficients, space: fem.FunctionSpace, pins: Sequence[Pin], epsilon: float
) -> list[PETSc.Vec]:
    """The columns of M: ``∫ m_j φ_i dx`` with ``Σ_i (M)_ij = 1``.  Collective."""
    w = ufl.TestFunction(space)
    columns = []
    for pin in pins:
        vector = assemble_vector(pin_weight(coefficients.domain, pin, epsilon) * w * coefficients.dx)
        # Lagrange functions sum to one, so the sum of the entries is the integral of the weight
        vector.scale(1.0 / vector.sum())
        columns.append(vector)
    return columns


def bordered(matrix: PETSc.Mat, columns: Sequence[PETSc.Vec]) -> PETSc.Mat:
    """``[[L, M], [Mᵀ, 0]]`` with the multipliers owned by rank 0."""
    comm = matrix.comm
    count = len(columns)
    local = count if comm.rank == 0 else 0
    (rows_local, rows), (first, _) = matrix.getSizes()[0], matrix.getOwnershipRange()
    block = PETSc.Mat().create(comm)
    block.setSizes(((rows_local, rows), (local, count)))
    block.setType("aij")
    block.setPreallocationNNZ((count, count))
    block.setOption(PETSc.Mat.Option.NEW_NONZERO_ALLOCATION_ERR, False)
    for j, column in enumerate(columns):
        values = column.array_r
        largest = column.norm(PETSc.NormType.INFINITY)
        for i in np.flatnonzero(np.abs(values) > 1e-18 * largest):
            block.setValue(first + int(i), j, values[i])
    block.assemble()
    transposed = block.transpose(PETSc.Mat())
    zero = PETSc.Mat().createAIJ(((local, count), (local, count)), nnz=1, comm=comm)
    if local:
        for j in range(count):
            zero.setValue(j, j, 0.0)
    zero.assemble()
    nest = PETSc.Mat().createNest([[matrix, block], [transposed, zero]], comm=comm)
    return nest.convert("aij")


def bordered_order(domain: mesh.Mesh) -> int | None:
    """How MUMPS orders a bordered matrix.

    The other orders suffer from the dense rows of the pins.  In the plane, with two of them, 330 000 unknowns
    are ordered in 23 s by nested dissection (1.4 s without pins), in 13 s by minimum fill and in 0.6 s by
    minimum degree with dense rows apart.  In space the factors decide, which then take four times as
    many operations.
    """
    return DENSE_ROWS if domain.topology.dim < 3 else None


def pin_value(complete: PETSc.Mat, count: int, k: int) -> PETSc.Vec:
    """Right-hand side of a bordered matrix that prescribes 1 for pin k of count, and 0 for all else."""
    rhs = complete.createVecLeft()
    if complete.comm.rank == 0:
        rhs.setValue(complete.getOwnershipRange()[1] - count + k, 1.0)
    rhs.assemble()
    return rhs


def well_densities(
    coefficients: Coefficients,
    gauge: fem.Function,
    epsilon: float,
    pins: Sequence[Pin],
    options: Options | None = None,
    edge: Edge = "outflow",
) -> list[GaugeDensity]:
    """Solve the bordered gauge form for every well on the region of the coefficients.  Collective.

    Args:
        coefficients: b, A, ∇·A.
        gauge: W in a Lagrange space, which is also the space of the q_k.
        epsilon: Noise level ε.
        pins: One pin per attractor.
        options: PETSc options for the linear solver.
        edge: What crosses the edge of the region (see :func:`solver.fokker_planck.equation.operator`).

    Returns:
        ``p_k = q_k e^{−W/ε}`` for every pin; q_k is zero outside the region.

    Raises:
        NotConverged: If the linear solver fails.
    """
    space = gauge.function_space
    level = fem.Constant(coefficients.domain, epsilon)
    region = coefficients.region
    form = operator(coefficients, gauge, level, space, edge)
    fixed = fixed_dofs(region, space)
    free = FreeRows(assemble_matrix(form, region, space, fixed), fixed)
    columns = pin_vectors(coefficients, space, pins, epsilon)
    matrix = free.refreshed()
    # an equation with zero on the right; the rows of the pins, which have entries of order one, go with it
    matrix.scale(1.0 / matrix.norm(PETSc.NormType.INFINITY))
    complete = bordered(matrix, [free.part(column) for column in columns])
    ksp = factorise(complete, "stationary density", options, bordered_order(coefficients.domain))
    densities = []
    for k in range(len(pins)):
        q = fem.Function(space, name=f"q_{k}")
        solution = solve(ksp, pin_value(complete, len(pins), k), "stationary density")
        q.x.array[np.flatnonzero(free.keep)] = solution.array_r[: int(free.keep.sum())]
        q.x.scatter_forward()
        densities.append(GaugeDensity(coefficients, gauge, epsilon, q))
    free.destroy()
    return densities
