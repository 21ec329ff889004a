"""The nonlinear (mean-field) Fokker–Planck equation on a mesh.

    ∂ₜm = ∇·[(∇δF/δm + λ∇U) m + λ∇m],     ∇δF/δm = Σ_k g_k ∇h_k,     g = ∇f(⟨h⟩_m),

for the problems of :mod:`solver.mean_field.problem`, with no flux through the boundary.  In space, continuous
Lagrange elements: with the averages ``μ = H m`` of the discrete density,

    M m' = K(g) m,      K(g) = K₀ + Σ_k g_k B_k,
    K₀: −λ ∫ (∇U p + ∇p)·∇w dx,      B_k: −∫ p ∇h_k·∇w dx,

all assembled once.  The Jacobian is ``K(g)`` plus the product of K columns ``B_k m`` and K rows: systems with
it take one sparse factorisation and a K×K system (Woodbury).  Time stepping:
:mod:`solver.evolution.rosenbrock`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import ufl
from dolfinx import fem, mesh
from mpi4py import MPI
from petsc4py import PETSc

from solver.elements.assembly import assemble_matrix, fixed_dofs
from solver.elements.coefficients import Coefficients, coefficients, quadrature_function, quadrature_points
from solver.elements.integrals import moment_vectors
from solver.elements.linear import Options, factorise, solve
from solver.errors import NotConverged
from solver.evolution.transient import ROUNDING, Density, evolution_operator, initial_density, mass_matrix
from solver.mean_field.problem import MeanField
from solver.system import Array, System


@dataclass(frozen=True)
class Flow:
    """A discrete mean-field equation.

    Attributes:
        problem: The problem.
        coefficients: ``−λ∇U`` and the identity on the mesh, with the quadrature rule.
        space: Lagrange space of the densities.
        mass: M.
        base: K₀.
        advections: B_k.
        averages: The rows of H, ``(K, owned dofs)``.
        log_reference: ``log ∫ e^{−U} dx`` over the mesh.
        options: PETSc options of the linear solver.
    """

    problem: MeanField
    coefficients: Coefficients
    space: fem.FunctionSpace
    mass: PETSc.Mat
    base: PETSc.Mat
    advections: tuple[PETSc.Mat, ...]
    averages: Array
    log_reference: float
    options: Options | None


def make_flow(problem: MeanField, domain: mesh.Mesh, degree: int, options: Options | None = None) -> Flow:
    """Assemble everything that does not change.  Collective.

    Args:
        problem: The problem.
        domain: Mesh of a box at whose walls all densities have decayed.
        degree: Degree of the elements.
        options: PETSc options of the linear solver.
    """
    d, t = problem.dim, problem.temperature
    identity = np.eye(d)[:, :, None]
    system = System(
        d,
        lambda x: -t * problem.potential_slope(x),
        lambda x: np.zeros((d, d, x.shape[1])),  # the Jacobian of the drift is not used
        lambda x: identity + 0 * x[0],
        np.zeros_like,
    )
    known = coefficients(domain, system, degree)
    space = fem.functionspace(domain, ("Lagrange", degree))
    fixed = fixed_dofs(known.region, space)

    def assembled(form: ufl.Form) -> PETSc.Mat:
        return assemble_matrix(form, known.region, space, fixed)

    level = fem.Constant(domain, 2.0 * t)
    x = quadrature_points(domain, known.quadrature_degree)
    p, w = ufl.TrialFunction(space), ufl.TestFunction(space)
    advections = []
    for slope in problem.feature_slopes(x):
        velocity = quadrature_function(domain, known.quadrature_degree, slope)
        advections.append(assembled(-p * ufl.inner(velocity, ufl.grad(w)) * known.dx))
    weight = quadrature_function(domain, known.quadrature_degree, np.exp(-problem.potential(x)))
    total = domain.comm.allreduce(fem.assemble_scalar(fem.form(weight * known.dx)), op=MPI.SUM)
    return Flow(
        problem,
        known,
        space,
        mass_matrix(known, space),
        assembled(evolution_operator(known, level, space)),
        tuple(advections),
        moment_vectors(known, space, problem.features),
        float(np.log(total)),
        options,
    )


def density_vector(flow: Flow, initial: Density | fem.Function) -> PETSc.Vec:
    """An initial density (mass one) as a vector.  Collective."""
    density = initial_density(flow.coefficients, flow.space, initial)
    y = flow.mass.createVecRight()
    y.setArray(density.x.array[: flow.space.dofmap.index_map.size_local])
    return y


def as_function(flow: Flow, y: PETSc.Vec, name: str = "density") -> fem.Function:
    """A vector as a function.  Collective."""
    density = fem.Function(flow.space, name=name)
    density.x.array[: flow.space.dofmap.index_map.size_local] = y.array_r
    density.x.scatter_forward()
    return density


def averages(flow: Flow, y: PETSc.Vec) -> Array:
    """``μ = ⟨h⟩``, ``(K,)``.  Collective."""
    mine = flow.averages @ y.array_r
    return np.asarray(flow.coefficients.domain.comm.allreduce(mine, op=MPI.SUM))


def rate(flow: Flow, y: PETSc.Vec) -> PETSc.Vec:
    """``K(g) y`` with g = ∇f(⟨h⟩_y): M times the time derivative.  Collective."""
    result, part = y.duplicate(), y.duplicate()
    flow.base.mult(y, result)
    for g, matrix in zip(flow.problem.slope(averages(flow, y)), flow.advections, strict=True):
        matrix.mult(y, part)
        result.axpy(float(g), part)
    return result


def jacobian_solver(flow: Flow, y: PETSc.Vec, shift: float) -> Callable[[PETSc.Vec], PETSc.Vec]:
    """Solver for ``shift·M − J`` with J the Jacobian of :func:`rate` at y.  Collective, also when called.

    Raises:
        NotConverged: If the factorisation or a solve fails.
    """
    mu = averages(flow, y)
    matrix = flow.base.copy()
    same = PETSc.Mat.Structure.SAME_NONZERO_PATTERN
    for g, advection in zip(flow.problem.slope(mu), flow.advections, strict=True):
        matrix.axpy(float(g), advection, structure=same)
    matrix.scale(-1.0)
    matrix.axpy(shift, flow.mass, structure=same)
    ksp = factorise(matrix, "mean-field equation", flow.options)
    curvature = flow.problem.curvature(mu)
    columns = []
    for k in range(mu.size):  # column l: Σ_k B_k y ∂²f_kl
        column = y.duplicate()
        column.set(0.0)
        part = y.duplicate()
        for row, advection in enumerate(flow.advections):
            advection.mult(y, part)
            column.axpy(float(curvature[row, k]), part)
        columns.append(solve(ksp, column, "mean-field equation"))
    small = np.eye(mu.size) - np.array([averages(flow, column) for column in columns]).T

    def apply(rhs: PETSc.Vec) -> PETSc.Vec:
        x = solve(ksp, rhs, "mean-field equation")
        for weight, column in zip(np.linalg.solve(small, averages(flow, x)), columns, strict=True):
            x.axpy(float(weight), column)
        return x

    return apply


def free_energy(flow: Flow, y: PETSc.Vec) -> float:
    """``F(m) + λ KL(m | e^{−U}/∫e^{−U})``; negative values of m (error) count as zero.  Collective."""
    problem, known = flow.problem, flow.coefficients
    m = as_function(flow, y)
    x = quadrature_points(known.domain, known.quadrature_degree)
    potential = quadrature_function(known.domain, known.quadrature_degree, problem.potential(x))
    positive = ufl.conditional(ufl.gt(m, 1e-300), m, 1.0)
    density = ufl.conditional(ufl.gt(m, 1e-300), m, 0.0)
    local = fem.assemble_scalar(fem.form((density * ufl.ln(positive) + m * potential) * known.dx))
    divergence = float(known.domain.comm.allreduce(local, op=MPI.SUM)) + flow.log_reference
    return problem.energy(averages(flow, y)) + problem.temperature * divergence


def mass_weights(flow: Flow) -> PETSc.Vec:
    """The functional ``m ↦ ∫ m dx``.  Collective."""
    ones, weights = flow.mass.createVecLeft(), flow.mass.createVecRight()
    ones.set(1.0)
    flow.mass.multTranspose(ones, weights)
    return weights


def conserved(y: PETSc.Vec, weights: PETSc.Vec, rounding: float = ROUNDING) -> PETSc.Vec:
    """Put rounding in the mass back by scaling.  Collective.

    Raises:
        NotConverged: If more than rounding was lost.
    """
    mass = float(weights.dot(y))
    if not abs(mass - 1.0) <= rounding:
        raise NotConverged(f"a step changed the mass by {mass - 1:.1e}: use a direct linear solver")
    y.scale(1.0 / mass)
    return y


def lowest_value(y: PETSc.Vec) -> float:
    """Lowest entry over the highest.  Collective."""
    comm = y.comm.tompi4py()
    highest = comm.allreduce(float(np.max(y.array_r, initial=-np.inf)), op=MPI.MAX)
    return float(comm.allreduce(float(np.min(y.array_r, initial=np.inf)), op=MPI.MIN)) / highest
