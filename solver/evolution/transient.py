"""The transient Fokker–Planck equation, from a given initial density.

    ∂ₜp = −∇·(b p) + (ε/2) ∇∇:(A p)   with no flux through the boundary,

in the weak form (the transpose of the generator of :mod:`solver.fokker_planck.committor`)

    ∫ ∂ₜp w dx = ∫ p c·∇w − (ε/2) A∇p·∇w dx,     c = b − (ε/2)∇·A.

The test function w = 1 gives conservation of mass, in the discrete equations too.  Continuous Lagrange
elements in space, an L-stable method of order 4 with controlled steps in time
(:mod:`solver.evolution.sdirk`). No linear method of order above one keeps densities positive; here the
lowest value is watched, and a result that is negative beyond a tolerance is refused: it means that the mesh
does not resolve the density (initial peaks narrower than a cell, or layers at a wall to which the drift
points).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import ufl
from dolfinx import fem
from mpi4py import MPI
from petsc4py import PETSc

from solver.elements.assembly import assemble_matrix, assemble_vector, fixed_dofs
from solver.elements.coefficients import Coefficients, quadrature_function, quadrature_points
from solver.elements.linear import Options, factorise, solve
from solver.errors import NotConverged
from solver.evolution.sdirk import Pencil, advance, integrate, pencil
from solver.system import Array

Density = Callable[[Array], Array]

MASS_DRIFT = 1e-12
ROUNDING = 1e-9
"""Largest loss of mass in one step that passes for rounding in the linear solver; it is put back."""
FIRST_STEP = 1e-2
"""First step tried, times the shortest interval between snapshots."""


@dataclass(frozen=True)
class TimeOptions:
    """How the time steps are chosen.

    Attributes:
        tolerance: Largest relative error of a time step, in the L² norm.
        step: A fixed step instead (rounded so that snapshots are met), without error control.
        negative: Lowest value of p that is accepted, relative to the highest, as a positive number.
        linear: PETSc options of the linear solver.
    """

    tolerance: float = 1e-7
    step: float | None = None
    negative: float = 1e-2
    linear: Options | None = None


@dataclass(frozen=True)
class Evolution:
    """Densities at given times.

    Attributes:
        times: Times of the snapshots, ``(m,)``.
        densities: p at these times.
        masses: ∫p, ``(m,)``.
        lowest: Lowest nodal value of p over its highest at that time, ``(m,)``; negative values are error.
        steps: Number of time steps.
        refused: Number of steps that were repeated with a shorter one.
        time_error: Sum of the estimated relative errors of all steps (0 with fixed steps).
    """

    times: Array
    densities: tuple[fem.Function, ...]
    masses: Array
    lowest: Array
    steps: int
    refused: int
    time_error: float


def evolution_operator(
    coefficients: Coefficients, epsilon: fem.Constant, space: fem.FunctionSpace
) -> ufl.Form:
    """``∫ p c·∇w − (ε/2) A∇p·∇w dx`` in trial function p and test function w."""
    p, w = ufl.TrialFunction(space), ufl.TestFunction(space)
    transport = coefficients.drift - 0.5 * epsilon * coefficients.divergence
    diffusive = 0.5 * epsilon * ufl.dot(coefficients.diffusion, ufl.grad(p))
    return (p * ufl.inner(transport, ufl.grad(w)) - ufl.inner(diffusive, ufl.grad(w))) * coefficients.dx


def mass_matrix(coefficients: Coefficients, space: fem.FunctionSpace) -> PETSc.Mat:
    """``∫ u w dx`` on the region, unit rows outside.  Collective."""
    u, w = ufl.TrialFunction(space), ufl.TestFunction(space)
    fixed = fixed_dofs(coefficients.region, space)
    return assemble_matrix(u * w * coefficients.dx, coefficients.region, space, fixed)


def evolution_pencil(
    coefficients: Coefficients, space: fem.FunctionSpace, epsilon: float, options: Options | None = None
) -> Pencil:
    """The semi-discrete equation ``M p' = K p`` on the region of the coefficients.  Collective.

    Values outside the region are zero initially and stay so.
    """
    region = coefficients.region
    level = fem.Constant(coefficients.domain, float(epsilon))
    fixed = fixed_dofs(region, space)
    operator = assemble_matrix(evolution_operator(coefficients, level, space), region, space, fixed)
    return pencil(mass_matrix(coefficients, space), operator, "transient density", options)


def initial_density(
    coefficients: Coefficients, space: fem.FunctionSpace, initial: Density | fem.Function
) -> fem.Function:
    """L² projection of a density on the region, or a copy of a given one, scaled to mass one.  Collective.

    Raises:
        ValueError: If the mass is not positive and finite.
        NotConverged: If the projection fails.
    """
    density = fem.Function(space, name="density")
    if isinstance(initial, fem.Function):
        density.x.array[:] = np.where(coefficients.region.dofs(space), initial.x.array, 0.0)
    else:
        values = initial(quadrature_points(coefficients.domain, coefficients.quadrature_degree))
        f = quadrature_function(coefficients.domain, coefficients.quadrature_degree, values)
        rhs = assemble_vector(f * ufl.TestFunction(space) * coefficients.dx)
        ksp = factorise(mass_matrix(coefficients, space), "projection of the initial density")
        owned = space.dofmap.index_map.size_local
        density.x.array[:owned] = solve(ksp, rhs, "projection of the initial density").array_r[:owned]
        density.x.scatter_forward()
    mass = _mass(coefficients, density)
    if not (np.isfinite(mass) and mass > 0):
        raise ValueError(f"the initial density has mass {mass:g}: it must be positive on the region")
    density.x.array[:] /= mass
    return density


def evolve(
    coefficients: Coefficients,
    space: fem.FunctionSpace,
    epsilon: float,
    initial: Density | fem.Function,
    times: Sequence[float] | Array,
    options: TimeOptions | None = None,
) -> Evolution:
    """Densities at ``times`` from the initial density at time 0.  Collective.

    Args:
        coefficients: b, A, ∇·A on a region; no flux through its boundary.
        space: Lagrange space on its mesh.
        epsilon: Noise level ε.
        initial: ``(d, N) -> (N,)``, or a function of the space; scaled to mass one.
        times: Increasing, not negative; 0 gives the (projected) initial density.
        options: Time steps and tolerances.

    Raises:
        ValueError: If the times are not increasing and non-negative, or the initial density has no mass.
        NotConverged: If the mass drifts by more than 1e-12, the density becomes negative beyond the
            tolerance, no step is short enough, or a linear solve fails.
    """
    options = options or TimeOptions()
    instants = np.asarray(times, dtype=float)
    if (
        instants.size == 0
        or not (np.diff(instants, prepend=0.0) >= 0).all()
        or not np.isfinite(instants).all()
    ):
        raise ValueError(f"times must be increasing and not negative, not {instants}")
    density = initial_density(coefficients, space, initial)
    system = evolution_pencil(coefficients, space, epsilon, options.linear)
    weights = mass_weights(system)
    y = system.mass.createVecRight()
    owned = space.dofmap.index_map.size_local
    y.setArray(density.x.array[:owned])
    gaps = np.diff(instants, prepend=0.0)
    step = FIRST_STEP * float(np.min(gaps[gaps > 0], initial=np.inf))
    snapshots = []
    taken = refused = 0
    total = 0.0
    for instant, gap in zip(instants, gaps, strict=True):
        if gap > 0 and options.step is not None:
            count = max(1, int(np.ceil(gap / options.step - 1e-9)))
            for _ in range(count):
                y = conserving_step(system, weights, y, gap / count)[0]
            taken += count
        elif gap > 0:
            y, step, more, again, error = integrate(
                lambda state, h: conserving_step(system, weights, state, h),
                y,
                float(gap),
                step,
                options.tolerance,
            )
            taken, refused, total = taken + more, refused + again, total + error
        snapshots.append(_snapshot(coefficients, space, y, float(instant), options.negative))
    densities, masses, lowest = zip(*snapshots, strict=True)
    return Evolution(instants, tuple(densities), np.array(masses), np.array(lowest), taken, refused, total)


def mass_weights(system: Pencil) -> PETSc.Vec:
    """The functional ``p ↦ ∫ p dx``: the sums of the columns of M.  Collective."""
    ones = system.mass.createVecLeft()
    ones.set(1.0)
    weights = system.mass.createVecRight()
    system.mass.multTranspose(ones, weights)
    return weights


def conserving_step(system: Pencil, weights: PETSc.Vec, y: PETSc.Vec, step: float) -> tuple[PETSc.Vec, float]:
    """One step of :func:`solver.evolution.sdirk.advance`, rounding in the mass put back by scaling.
    Collective.

    Raises:
        NotConverged: If more than rounding was lost, or a linear solve fails.
    """
    before = weights.dot(y)
    result, error = advance(system, y, step)
    after = weights.dot(result)
    if not abs(after - before) <= ROUNDING * abs(before):
        raise NotConverged(
            f"a time step changed the mass by {after - before:.1e}: use a direct linear solver"
        )
    result.scale(before / after)
    return result, error


def _snapshot(
    coefficients: Coefficients, space: fem.FunctionSpace, y: PETSc.Vec, time: float, negative: float
) -> tuple[fem.Function, float, float]:
    density = fem.Function(space, name=f"density_t{time:g}")
    density.x.array[: space.dofmap.index_map.size_local] = y.array_r
    density.x.scatter_forward()
    mass = _mass(coefficients, density)
    if not abs(mass - 1.0) <= MASS_DRIFT:
        raise NotConverged(
            f"the mass of the density at t = {time:g} is off by {mass - 1:.1e}: use a direct linear solver"
        )
    comm = coefficients.domain.comm
    highest = comm.allreduce(float(np.max(y.array_r, initial=-np.inf)), op=MPI.MAX)
    lowest = comm.allreduce(float(np.min(y.array_r, initial=np.inf)), op=MPI.MIN) / highest
    if time > 0 and not lowest >= -negative:
        raise NotConverged(
            f"the density at t = {time:g} has the value {lowest:.1e} of its maximum: "
            "refine the mesh where it is steep, or start from a wider density"
        )
    return density, mass, lowest


def _mass(coefficients: Coefficients, density: fem.Function) -> float:
    value = fem.assemble_scalar(fem.form(density * coefficients.dx))
    return float(coefficients.domain.comm.allreduce(value, op=MPI.SUM))
