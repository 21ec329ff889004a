"""The quasi-potential of each attractor, its barriers and its instantons, at one noise.

The stages: ε-continuation of the stationary density gives a smooth approximation W of the viscosity solution
(:mod:`solver.continuation`); policy iteration makes it sharp in the sublevel set of each attractor below its
lowest pass (:mod:`solver.hamilton_jacobi`); the barrier at a pass is the cost of the polished instanton
(:mod:`solver.instanton`), whose first guess is traced on W.  The stages check each other: along the instanton
the field must equal the action.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import ufl
from dolfinx import fem, mesh
from dolfinx.fem import locate_dofs_topological
from mpi4py import MPI

from solver.coefficients import Coefficients
from solver.continuation import Landmarks
from solver.evaluate import Locator, evaluate, evaluate_gradient
from solver.expansion import Expansion, expand
from solver.hamilton_jacobi import Iteration, policy_iteration
from solver.instanton import Instanton, approach_direction, instanton, trace_back
from solver.linear import Options
from solver.region import Mask, Region, cell_values, cells_near, component, make_region
from solver.system import Array, System

# the sublevel set that is meshed ends this far below the lowest pass
RIM = 0.97
BALL = 0.1


@dataclass(frozen=True)
class WellPotential:
    """V of one attractor.

    Attributes:
        index: Number of the attractor.
        potential: V, meaningful on the cells of ``valid``.
        valid: Cells on which V is below the trusted level (free of the edge of the region).
        trusted_level: V below this is free of what happens at the edge of the region.
        expansion: V near the attractor.
        iteration: How the policy iteration went.
        coefficients: b, A on the region in which V was solved for.
    """

    index: int
    potential: fem.Function
    valid: Mask
    trusted_level: float
    expansion: Expansion
    iteration: Iteration
    coefficients: Coefficients


@dataclass(frozen=True)
class Barrier:
    """The cost of leaving attractor ``start`` over a saddle into the basin of ``end`` (−1: the domain's outside).

    Attributes:
        start, end, saddle: Indices.
        barrier: V(saddle) = cost of the instanton.
        lower: A lower bound from a subsolution (see :func:`lower_bound`).
        upper: Upper bound: the cost plus its numerical uncertainty.
        instanton: The path.
        mismatch: Largest ``|V − action|`` along the instanton inside the valid region, over the barrier.
    """

    start: int
    end: int
    saddle: int
    barrier: float
    lower: float
    upper: float
    instanton: Instanton
    mismatch: float


def ceiling(gauge: fem.Function, index: int, landmarks: Landmarks, locator: Locator) -> float:
    """Height of the lowest pass next to an attractor, or of the boundary of the domain, in W.  Collective."""
    base = float(evaluate(gauge, landmarks.pins[index].point[None], locator)[0, 0])
    adjacent = [n for n, pair in enumerate(landmarks.between) if index in pair]
    levels = [np.inf]
    if adjacent:
        levels += list(evaluate(gauge, landmarks.passes[adjacent], locator)[:, 0])
    return float(np.nanmin(levels)) - base


def _edge_level(region: Region, potential: fem.Function) -> float:
    """Lowest value on the outer boundary of a region.  Collective."""
    domain, space = region.domain, potential.function_space
    dim = domain.topology.dim
    domain.topology.create_connectivity(dim, dim - 1)
    of_cell = domain.topology.connectivity(dim, dim - 1).array.reshape(-1, dim + 1)
    facets = np.unique(of_cell[region.facets[:, 0], region.facets[:, 1]])
    dofs = locate_dofs_topological(space, dim - 1, facets.astype(np.int32), remote=False)
    return float(
        domain.comm.allreduce(float(np.min(potential.x.array[dofs], initial=np.inf)), op=MPI.MIN)
    )


def well_potential(
    system: System,
    coefficients: Coefficients,
    gauge: fem.Function,
    index: int,
    landmarks: Landmarks,
    locator: Locator,
    options: Options | None = None,
    sweeps: int = 3,
) -> WellPotential:
    """Solve the Hamilton–Jacobi equation in the well of one attractor.  Collective.

    Args:
        system: The system.
        coefficients: b, A on the region on which the gauge is known.
        gauge: W of the continuation.
        index: Number of the attractor.
        landmarks: Attractors and passes.
        locator: Search tree of the mesh.
        options: PETSc options for the linear solver.
        sweeps: How often the solution, as the new start, improves the data on the edge of the region.

    Raises:
        NotConverged: If the policy iteration or the local expansion fails.
    """
    space = gauge.function_space
    attractor = landmarks.pins[index].point
    start = fem.Function(space)
    start.x.array[:] = gauge.x.array - evaluate(gauge, attractor[None], locator)[0, 0]
    known = coefficients.region
    seeds = cells_near(known.domain, attractor)
    top = min(ceiling(gauge, index, landmarks, locator), _outer_level(known, start))
    low = cell_values(start).min(axis=1) < RIM * top
    region = make_region(known.domain, component(known.domain, known.active & low, seeds))
    inner = coefficients.on(region)
    expansion = expand(system, attractor, BALL * top)
    for _ in range(sweeps):
        trusted = _edge_level(region, start)
        potential, iteration = policy_iteration(inner, start, expansion, trusted, options=options)
        start = potential
    valid = region.active & (cell_values(potential).max(axis=1) <= trusted)
    valid = component(known.domain, valid | (seeds & region.active), seeds)
    return WellPotential(index, potential, valid, trusted, expansion, iteration, inner)


def _outer_level(region: Region, potential: fem.Function) -> float:
    """Lowest value on the boundary of the mesh itself where it bounds the region.  Collective."""
    domain = region.domain
    dim = domain.topology.dim
    domain.topology.create_connectivity(dim - 1, dim)
    exterior = mesh.exterior_facet_indices(domain.topology)
    of_cell = domain.topology.connectivity(dim, dim - 1).array.reshape(-1, dim + 1)
    on_mesh = np.isin(of_cell[region.facets[:, 0], region.facets[:, 1]], exterior)
    space = potential.function_space
    facets = np.unique(of_cell[region.facets[on_mesh, 0], region.facets[on_mesh, 1]]).astype(np.int32)
    dofs = locate_dofs_topological(space, dim - 1, facets, remote=False)
    return float(
        domain.comm.allreduce(float(np.min(potential.x.array[dofs], initial=np.inf)), op=MPI.MIN)
    )


def lower_bound(well: WellPotential) -> float:
    """``θ · trusted level``: a lower bound of every barrier out of a well.  Collective.

    If ``H(x, θ∇V) ≤ 0`` on {V < level}, then θV is a subsolution and no path leaves that set at a cost below
    θ·level (integrate ``d/dt θV ≤`` Lagrangian).  θ is the least of ``−2 b·∇V / ∇VᵀA∇V`` over all quadrature
    points outside the ball of the local expansion: a check on a fine sample, not a proof.
    """
    coefficients, V = well.coefficients, well.potential
    gradient = ufl.grad(V)
    cost = ufl.inner(ufl.dot(coefficients.diffusion, gradient), gradient)
    ratio = -2.0 * ufl.inner(coefficients.drift, gradient) / cost
    domain = coefficients.domain
    cells = np.flatnonzero(well.valid[: domain.topology.index_map(domain.topology.dim).size_local])
    points = coefficients.drift.function_space.element.interpolation_points
    points = points() if callable(points) else points
    values = fem.Expression(ratio, points).eval(domain, cells.astype(np.int32))
    low = cell_values(V)[cells].min(axis=1) > well.expansion.level * 0.5
    theta = float(np.min(values[low], initial=np.inf))
    theta = domain.comm.allreduce(theta, op=MPI.MIN)
    return max(0.0, min(theta, 1.0)) * well.trusted_level


def trace_candidates(
    system: System,
    gauge: fem.Function,
    well: WellPotential,
    saddle: Array,
    locator: Locator,
    step: float,
) -> list[Array]:
    """First guesses of an instanton, attractor first: traced back on W, and the straight line.  Collective."""
    attractor = well.expansion.point

    def slope(x: Array) -> Array:
        return evaluate_gradient(gauge, x[None], locator)[0]

    def arrived(x: Array) -> bool:
        return bool(np.sum(well.expansion.coordinates(x[:, None]) ** 2) < 0.5)

    direction = approach_direction(system, saddle)
    gap = float(np.linalg.norm(saddle - attractor))
    candidates = [np.array([attractor, saddle])]
    for sign in (-1.0, 1.0):
        traced = trace_back(
            slope, system, saddle + sign * 0.03 * gap * direction, arrived, step, max_steps=int(20 * gap / step)
        )
        if traced is not None:
            candidates.append(np.concatenate([saddle[None], traced, attractor[None]])[::-1])
    return candidates


def barrier(
    system: System,
    gauge: fem.Function,
    well: WellPotential,
    end: int,
    saddle_index: int,
    saddle: Array,
    locator: Locator,
    step: float,
) -> Barrier:
    """Barrier from a well over one saddle.  Collective.

    Raises:
        NotConverged: If the instanton does not converge.
    """
    path = instanton(system, well.expansion, trace_candidates(system, gauge, well, saddle, locator, step))
    values = evaluate(well.potential, path.points, locator)[:, 0]
    inside = (values < well.trusted_level) & (path.actions < well.trusted_level)
    gaps = np.abs(values - path.actions)[inside]
    return Barrier(
        start=well.index,
        end=end,
        saddle=saddle_index,
        barrier=path.action,
        lower=min(lower_bound(well), path.action),
        upper=path.action + path.uncertainty,
        instanton=path,
        mismatch=float(np.max(gaps, initial=0.0) / path.action),
    )


def stitched_weights(count: int, barriers: Sequence[Barrier]) -> Array:
    """Leading exponents w of the well weights, ``π_k ≍ e^{−w_k/ε}``, lowest zero, ``(K,)``.

    The Freidlin–Wentzell graph (Random Perturbations of Dynamical Systems, ch. 6): w is the minimum over
    spanning arborescences, here as the limit of the exact stationary weights of a chain with rates
    ``e^{−barrier/δ}`` for a δ so small that only exponents are left.
    """
    from solver.rates import markov_chain

    if count == 1:
        return np.zeros(1)
    delta = 1e-9 * max(b.barrier for b in barriers)
    log_rate = np.full((count, count), -np.inf)
    for item in barriers:
        if item.end >= 0:
            log_rate[item.start, item.end] = max(log_rate[item.start, item.end], -item.barrier / delta)
    with np.errstate(invalid="ignore"):
        weights = -delta * markov_chain(delta, log_rate).log_weight
    return np.asarray(weights - np.nanmin(weights))
