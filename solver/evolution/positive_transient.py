"""The transient Fokker–Planck equation with densities that are never negative, on any mesh, from any start.

Flux-corrected transport on linear elements (D. Kuzmin, J. Comput. Phys. 228 (2009) 2517).  With consistent
and lumped mass matrices M and L and the operator K of :mod:`solver.evolution.transient`, whose columns sum
to zero, every step takes

1. a positive, first-order solution: ``(L − h(K + D)) u = L pₙ``, with symmetric artificial diffusion D that
   leaves no negative entry off the diagonal of K + D, so that the matrix is an M-matrix;
2. a second-order one: ``(M − ½hK) v = (M + ½hK) pₙ``;
3. the fluxes f_ij = −f_ji between neighbours by which they differ, ``L(v − u)_i = Σ_j f_ij``, each reduced
   by the factor that keeps ``p = u + L⁻¹ Σ α_ij f_ij`` non-negative.

Mass is conserved, as what one node loses another gains.  Where the mesh resolves the density, nothing is
reduced and the scheme is of second order; :mod:`solver.evolution.transient` is far more accurate there.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import ufl
from dolfinx import fem
from mpi4py import MPI
from numpy.typing import NDArray
from petsc4py import PETSc

from solver.elements.assembly import assemble_vector
from solver.elements.coefficients import Coefficients, quadrature_function, quadrature_points
from solver.elements.linear import Options, factorise, solve
from solver.errors import NotConverged
from solver.evolution.transient import MASS_DRIFT, ROUNDING, Density, Evolution, evolution_pencil
from solver.system import Array

NAME = "positive transient density"


@dataclass(frozen=True)
class Edges:
    """The off-diagonal entries (i, j) of the owned rows.

    Attributes:
        rows: Local row i of each entry.
        columns: Its column j in the numbering of ``gather``.
        gather: Brings the entries of a vector at all columns to this rank.
        values: Target of ``gather``.
        mass: M_ij.
        forward, backward: K_ij and K_ji.
        diffusion: D_ij.
    """

    rows: NDArray[np.int64]
    columns: NDArray[np.int64]
    gather: PETSc.Scatter
    values: PETSc.Vec
    mass: Array
    forward: Array
    backward: Array
    diffusion: Array

    def at_ends(self, vector: PETSc.Vec) -> tuple[Array, Array]:
        """Entries i and j of a vector.  Collective."""
        self.gather.scatter(vector, self.values, addv=PETSc.InsertMode.INSERT, mode=PETSc.ScatterMode.FORWARD)
        return vector.array_r[self.rows], self.values.array_r[self.columns]


def make_edges(mass: PETSc.Mat, operator: PETSc.Mat) -> Edges:
    """Edges of two matrices with the same symmetric sparsity.  Collective."""
    transposed = operator.transpose(PETSc.Mat())
    start, columns, forward = operator.getValuesCSR()
    backward, masses = transposed.getValuesCSR()[2], mass.getValuesCSR()[2]
    rows = np.repeat(np.arange(len(start) - 1), np.diff(start))
    off = columns != rows + operator.getOwnershipRange()[0]
    needed, position = np.unique(columns[off], return_inverse=True)
    values = PETSc.Vec().createSeq(len(needed))
    index = PETSc.IS().createGeneral(needed.astype(PETSc.IntType), comm=PETSc.COMM_SELF)
    gather = PETSc.Scatter().create(operator.createVecRight(), index, values, None)
    diffusion = np.maximum(0.0, np.maximum(-forward[off], -backward[off]))
    return Edges(
        rows[off], position.ravel(), gather, values, masses[off], forward[off], backward[off], diffusion
    )


def diffusive(operator: PETSc.Mat, edges: Edges) -> PETSc.Mat:
    """``K + D``, with no negative entry off the diagonal.  Collective."""
    result = operator.copy()
    start, columns, _ = operator.getValuesCSR()
    rows = np.repeat(np.arange(len(start) - 1), np.diff(start))
    diagonal = columns == rows + operator.getOwnershipRange()[0]
    values = np.empty(len(columns))
    values[~diagonal] = edges.diffusion
    values[diagonal] = -np.bincount(edges.rows, edges.diffusion, minlength=len(start) - 1)
    result.setValuesCSR(start, columns, values, addv=PETSc.InsertMode.ADD)
    result.assemble()
    return result


def limited(edges: Edges, lumped: Array, low: PETSc.Vec, flux: Array) -> Array:
    """Factors α_ij of the fluxes for which no node loses more than it has.  Collective."""
    loss = np.bincount(edges.rows, np.minimum(flux, 0.0), minlength=len(lumped))
    ratio = low.duplicate()
    with np.errstate(divide="ignore", invalid="ignore"):
        share = np.where(loss < 0, lumped * np.maximum(low.array_r, 0.0) / -loss, 1.0)
    ratio.setArray(np.minimum(share, 1.0))
    mine, theirs = edges.at_ends(ratio)
    # a flux out of i is limited by i, one into i by the node that it comes from
    return np.where(flux < 0, mine, theirs)


def evolve_positive(
    coefficients: Coefficients,
    space: fem.FunctionSpace,
    epsilon: float,
    initial: Density,
    times: Sequence[float] | Array,
    step: float,
    options: Options | None = None,
) -> Evolution:
    """Non-negative densities at ``times`` from the initial density at time 0.  Collective.

    Args:
        coefficients: b, A, ∇·A on a region; no flux through its boundary.
        space: Lagrange space of degree 1 on its mesh.
        epsilon: Noise level ε.
        initial: ``(d, N) -> (N,)``, not negative; scaled to mass one.
        times: Increasing, not negative.
        step: Longest time step; equal steps meet the times.
        options: PETSc options of the linear solver.

    Raises:
        ValueError: If an argument is not as described.
        NotConverged: If the mass drifts by more than 1e-12, or a linear solve fails.
    """
    instants = np.asarray(times, dtype=float)
    if (
        instants.size == 0
        or not (np.diff(instants, prepend=0.0) >= 0).all()
        or not np.isfinite(instants).all()
    ):
        raise ValueError(f"times must be increasing and not negative, not {instants}")
    if space.ufl_element().degree != 1 or not step > 0:
        raise ValueError("positive densities need elements of degree 1 and a positive time step")
    system = evolution_pencil(coefficients, space, epsilon)
    ones, lumped = system.mass.createVecRight(), system.mass.createVecLeft()
    ones.set(1.0)
    system.mass.mult(ones, lumped)
    y = _lumped_projection(coefficients, space, initial, lumped)
    edges = make_edges(system.mass, system.operator)
    upwind = diffusive(system.operator, edges)
    densities, masses, lowest = [], [], []
    taken = 0
    for instant, gap in zip(instants, np.diff(instants, prepend=0.0), strict=True):
        if gap > 0:
            count = int(np.ceil(gap / step - 1e-9))
            h = gap / count
            implicit = upwind.copy()
            implicit.scale(-h)
            diagonal = implicit.getDiagonal()
            diagonal.axpy(1.0, lumped)
            implicit.setDiagonal(diagonal)
            low_solver = factorise(implicit, NAME, options)
            sharp = system.operator.copy()
            sharp.aypx(-0.5 * h, system.mass, structure=PETSc.Mat.Structure.SAME_NONZERO_PATTERN)
            high_solver = factorise(sharp, NAME, options)
            for _ in range(count):
                y = _step(system.mass, system.operator, edges, lumped, low_solver, high_solver, y, h)
            taken += count
        density = fem.Function(space, name=f"density_t{instant:g}")
        density.x.array[: space.dofmap.index_map.size_local] = y.array_r
        density.x.scatter_forward()
        densities.append(density)
        masses.append(float(lumped.dot(y)))
        comm = coefficients.domain.comm
        highest = comm.allreduce(float(np.max(y.array_r, initial=-np.inf)), op=MPI.MAX)
        lowest.append(comm.allreduce(float(np.min(y.array_r, initial=np.inf)), op=MPI.MIN) / highest)
        if abs(masses[-1] - 1.0) > MASS_DRIFT:
            raise NotConverged(f"the mass of the density at t = {instant:g} is off by {masses[-1] - 1:.1e}")
    return Evolution(instants, tuple(densities), np.array(masses), np.array(lowest), taken, 0, 0.0)


def _lumped_projection(
    coefficients: Coefficients, space: fem.FunctionSpace, initial: Density, lumped: PETSc.Vec
) -> PETSc.Vec:
    """``p_i = ∫ρφ_i / ∫φ_i``: not negative, and of the same mass."""
    values = initial(quadrature_points(coefficients.domain, coefficients.quadrature_degree))
    f = quadrature_function(coefficients.domain, coefficients.quadrature_degree, np.asarray(values))
    rhs = assemble_vector(f * ufl.TestFunction(space) * coefficients.dx)
    y = lumped.duplicate()
    y.setArray(rhs.array_r[: space.dofmap.index_map.size_local] / lumped.array_r)
    mass = float(lumped.dot(y))
    smallest = coefficients.domain.comm.allreduce(float(np.min(values, initial=0.0)), op=MPI.MIN)
    if not (np.isfinite(mass) and mass > 0) or smallest < 0:
        raise ValueError("the initial density must not be negative, and of positive mass on the region")
    y.scale(1.0 / mass)
    return y


def _step(  # noqa: PLR0913  (the parts of one scheme, which nothing else shares)
    mass: PETSc.Mat,
    operator: PETSc.Mat,
    edges: Edges,
    lumped: PETSc.Vec,
    low_solver: PETSc.KSP,
    high_solver: PETSc.KSP,
    y: PETSc.Vec,
    h: float,
) -> PETSc.Vec:
    rhs, part = y.duplicate(), y.duplicate()
    rhs.pointwiseMult(lumped, y)
    low = solve(low_solver, rhs, NAME)
    mass.mult(y, rhs)
    operator.mult(y, part)
    rhs.axpy(0.5 * h, part)
    high = solve(high_solver, rhs, NAME)
    change, between = high.copy(), high.copy()
    change.axpy(-1.0, y)
    between.axpby(0.5, 0.5, y)
    between.axpy(-1.0, low)
    (change_i, change_j), (v_i, v_j), (u_i, u_j) = (edges.at_ends(k) for k in (change, between, low))
    flux = edges.mass * (change_i - change_j)
    # K v as fluxes, its columns summing to zero: (K v)_i = Σ_j K_ij v_j − K_ji v_i
    flux += h * (edges.forward * v_j - edges.backward * v_i - edges.diffusion * (u_j - u_i))
    allowed = limited(edges, lumped.array_r, low, flux)
    gain = np.bincount(edges.rows, allowed * flux, minlength=len(lumped.array_r))
    result = low.copy()
    # what rounding leaves below zero is no density
    result.setArray(np.maximum(low.array_r + gain / lumped.array_r, 0.0))
    total = float(lumped.dot(result))
    if not abs(total - 1.0) <= ROUNDING:
        raise NotConverged(f"a time step changed the mass by {total - 1:.1e}: use a direct linear solver")
    result.scale(1.0 / total)
    return result
