"""Exit from a region at any noise level: probability flux through the boundary, in logarithms.

Feed the process at the attractor as fast as it leaves the region D: with a stationary density p that vanishes
on the absorbing boundary, the mean exit time is (all exactly, the start being the feed)

    T = ∫_D p dx / ∮_∂D J·n ds.

In the gauge form ``p = q e^{−W/ε}`` of :mod:`solver.fokker_planck.equation`, with W from ε-continuation in D
*without* absorption (:mod:`solver.fokker_planck.continuation`), q is of order one with a layer of width
ε/|∇V| at the boundary, and nothing cancels in the flux

    ∮ J·n ds = ∮ e^{−W/ε} j ds,      j = −(ε/2) n·A∇q ≥ 0,

so T is found whatever V/ε is.  The flux is evaluated in two ways, from ∇q and from the residual of the
equation in the test functions of the boundary; their difference is an error estimate.  The feed is the pin
of :mod:`solver.fokker_planck.well_density`, a narrow Gaussian at the attractor: T from there differs from T
at the attractor by a part e^{−V/ε}.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import ufl
from dolfinx import fem
from mpi4py import MPI
from petsc4py import PETSc

from solver.elements.assembly import assemble_matrix, assemble_vector, fixed_dofs
from solver.elements.coefficients import Coefficients
from solver.elements.evaluate import Locator, evaluate
from solver.elements.free_rows import FreeRows
from solver.elements.linear import Options, factorise, solve
from solver.elements.region import Dofs
from solver.errors import NotConverged
from solver.exits.backward import absorbing_dofs, boundary_points
from solver.fokker_planck.continuation import schedule
from solver.fokker_planck.equation import gauge_drift
from solver.fokker_planck.gauge_density import GaugeDensity
from solver.fokker_planck.landmarks import Pin
from solver.fokker_planck.well_density import (
    bordered,
    bordered_order,
    pin_value,
    pin_vectors,
    well_densities,
)

POSITIVE = 1e-3
FIRST_BARRIER = 5.0
"""V/ε at which the continuation starts: any mesh resolves a density that falls by e⁵."""


@dataclass(frozen=True)
class ExitFlux:
    """Mean exit time of a region at one noise level, from the flux through its boundary.

    Attributes:
        epsilon: Noise level ε.
        log_mean: log T.
        flux_difference: Difference of log T between two evaluations of the flux; an error estimate.
        lowest: Lowest value of q over its highest; below zero only by error.
        density: The density that is fed and leaves, up to a factor.
    """

    epsilon: float
    log_mean: float
    flux_difference: float
    lowest: float
    density: GaugeDensity


def closed_operator(
    coefficients: Coefficients, gauge: fem.Function, epsilon: fem.Constant, space: fem.FunctionSpace
) -> ufl.Form:
    """The form of :func:`solver.fokker_planck.equation.operator` with no flux through the boundary."""
    q, w = ufl.TrialFunction(space), ufl.TestFunction(space)
    c = gauge_drift(coefficients, gauge, epsilon)
    slope = ufl.grad(gauge)
    diffusive = ufl.dot(coefficients.diffusion, ufl.grad(q))
    return (
        0.5 * epsilon * ufl.inner(diffusive, ufl.grad(w))
        + 0.5 * ufl.inner(diffusive, slope) * w
        - q * ufl.inner(c, ufl.grad(w))
        - ufl.inner(slope, c) / epsilon * q * w
    ) * coefficients.dx


def absorbed_density(
    coefficients: Coefficients,
    gauge: fem.Function,
    epsilon: float,
    pin: Pin,
    absorbing: Dofs,
    options: Options | None = None,
) -> GaugeDensity:
    """The density that is fed at the pin and vanishes on the absorbing boundary.  Collective.

    Raises:
        NotConverged: If the linear solver fails.
    """
    space = gauge.function_space
    level = fem.Constant(coefficients.domain, float(epsilon))
    fixed = fixed_dofs(coefficients.region, space, absorbing)
    form = closed_operator(coefficients, gauge, level, space)
    free = FreeRows(assemble_matrix(form, coefficients.region, space, fixed), fixed)
    # the feed does not reach the boundary
    (column,) = pin_vectors(coefficients, space, [pin], epsilon)
    matrix = free.refreshed()
    # as in well_densities: nothing on the right, and the row of the pin has entries of order one
    matrix.scale(1.0 / matrix.norm(PETSc.NormType.INFINITY))
    complete = bordered(matrix, [free.part(column)])
    ksp = factorise(complete, "absorbed density", options, bordered_order(coefficients.domain))
    q = fem.Function(space, name="q_absorbed")
    solution = solve(ksp, pin_value(complete, 1, 0), "absorbed density")
    q.x.array[np.flatnonzero(free.keep)] = solution.array_r[: int(free.keep.sum())]
    q.x.scatter_forward()
    free.destroy()
    return GaugeDensity(coefficients, gauge, epsilon, q)


def log_fluxes(p: GaugeDensity, absorbing: Dofs, level: float) -> tuple[float, float]:
    """``log ∮ J·n e^{level/ε}`` from ∇q, and from the residual of the equation.  Collective.

    Not a number where a flux is not positive.
    """
    coefficients, domain, space = p.coefficients, p.domain, p.space
    eps = fem.Constant(domain, float(p.epsilon))
    n = ufl.FacetNormal(domain)
    slope = ufl.inner(ufl.dot(coefficients.diffusion_nodal, ufl.grad(p.q)), n)
    through = -0.5 * eps * slope * p.exponential(level) * coefficients.ds
    local = fem.assemble_scalar(fem.form(through))
    by_slope = float(domain.comm.allreduce(local, op=MPI.SUM))
    form = closed_operator(coefficients, p.gauge, eps, space)
    residual = assemble_vector(ufl.action(form, p.q)).array_r
    mine = absorbing[absorbing < space.dofmap.index_map.size_local]
    weights = np.exp(-(p.gauge.x.array[mine] - level) / p.epsilon)
    by_residual = float(domain.comm.allreduce(-float(residual[mine] @ weights), op=MPI.SUM))
    with np.errstate(invalid="ignore", divide="ignore"):
        return float(np.log(by_slope)), float(np.log(by_residual))


def exit_times_by_flux(
    coefficients: Coefficients,
    space: fem.FunctionSpace,
    epsilons: Sequence[float],
    pin: Pin,
    locator: Locator,
    options: Options | None = None,
) -> Iterator[ExitFlux]:
    """Mean exit times from the only attractor of the region through its whole boundary.  Collective.

    Args:
        coefficients: b, A, ∇·A on the region D.
        space: Lagrange space.
        epsilons: Noise levels, in any order.
        pin: The attractor, with its Lyapunov covariance.
        locator: Search tree of the mesh.
        options: PETSc options for the linear solvers.

    Yields:
        One result for every noise level, from large to small ε.

    Raises:
        NotConverged: If a linear solve fails, the continuation loses part of the region, or the density
            or a flux is not positive: the mesh does not resolve the layer at the boundary.
    """
    absorbing = absorbing_dofs(coefficients.region, space)
    boundary = boundary_points(coefficients.region).T
    away = boundary - pin.point
    highest = float(np.max(0.5 * np.einsum("ni,ni->n", away, np.linalg.solve(pin.covariance, away.T).T)))
    first = highest / FIRST_BARRIER
    # no step of a few per cent before the first level that is asked for
    levels = schedule(max(epsilons) if first < 1.05 * max(epsilons) else first, epsilons)
    gauge = fem.Function(space, name="W")
    for epsilon in levels:
        if any(np.isclose(epsilon, e, rtol=1e-12, atol=0.0) for e in epsilons):
            yield _result(coefficients, gauge, epsilon, pin, absorbing, locator, options)
        if epsilon > levels[-1]:
            gauge = lower_gauge(coefficients, gauge, epsilon, pin, locator, options)


def lower_gauge(
    coefficients: Coefficients,
    gauge: fem.Function,
    epsilon: float,
    pin: Pin,
    locator: Locator,
    options: Options | None = None,
) -> fem.Function:
    """``W − ε log q``, zero at the attractor, with q the stationary density without absorption.  Collective.

    One step of :mod:`solver.fokker_planck.continuation`, in a region that is kept whole.

    Raises:
        NotConverged: If the linear solver fails or q is not positive in the region.
    """
    comm = coefficients.domain.comm
    q = well_densities(coefficients, gauge, epsilon, [pin], options)[0].q
    inside = coefficients.region.dofs(gauge.function_space)
    if comm.allreduce(float(np.min(q.x.array[inside], initial=np.inf)), op=MPI.MIN) <= 0.0:
        raise NotConverged(
            f"the density in the set is not positive at epsilon = {epsilon:g}: the mesh is too coarse"
        )
    lower = fem.Function(gauge.function_space, name="W")
    lower.x.array[inside] = gauge.x.array[inside] - epsilon * np.log(q.x.array[inside])
    lower.x.array[inside] -= evaluate(lower, pin.point[None], locator)[0, 0]
    return lower


def _result(
    coefficients: Coefficients,
    gauge: fem.Function,
    epsilon: float,
    pin: Pin,
    absorbing: Dofs,
    locator: Locator,
    options: Options | None,
) -> ExitFlux:
    comm = coefficients.domain.comm
    p = absorbed_density(coefficients, gauge, epsilon, pin, absorbing, options)
    bottom = float(evaluate(gauge, pin.point[None], locator)[0, 0])
    edge = comm.allreduce(float(np.min(gauge.x.array[absorbing], initial=np.inf)), op=MPI.MIN)
    mass = p.log_mass(bottom)
    slope, residual = log_fluxes(p, absorbing, edge)
    highest = comm.allreduce(float(np.max(p.q.x.array)), op=MPI.MAX)
    lowest = comm.allreduce(float(np.min(p.q.x.array)), op=MPI.MIN) / highest
    if not np.isfinite([mass, slope, residual]).all() or lowest < -POSITIVE:
        raise NotConverged(
            f"the density that leaves the set is not positive at epsilon = {epsilon:g}: the mesh is too "
            "coarse at its boundary"
        )
    barrier = (edge - bottom) / epsilon
    return ExitFlux(epsilon, barrier + mass - residual, abs(slope - residual), lowest, p)
