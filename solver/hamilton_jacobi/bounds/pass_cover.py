"""A lower bound of the cost of leaving a well where V_h is not known, or bad, next to a pass.

Let U = Φ(V_h) on a set R of cells round the attractor be a subsolution
(:mod:`solver.hamilton_jacobi.bounds.subsolution`), and W = −C that of the cost of reaching the saddle s
(:mod:`solver.hamilton_jacobi.bounds.saddle_cost`), on the ball B = {ψ ≤ ψ_B}.  In B

    D = W + κ₀ ψ + (κ − κ₀) (ψ − ψ₁)⁺,     L + D  is a subsolution if  H(x, ∇D) ≤ 0,

and the least of two subsolutions is one, too, because H is convex.  So is therefore

    min(U, L) on R outside B,    min(U, L + D, L) on R in B,    min(L + D, L) on the rest of B,

if nothing jumps: U ≥ L on the edge of R outside B; U ≥ L + D or U ≥ L on the edge of R in B; and on the edge
of B at least one of D ≥ 0 and L + D ≥ U.  The first two give L: with ψ₁ so large that it holds all edges in B
where U < L, it is the least ``U − W − κ₀ψ`` there.  All other conditions are checked.  The plane through s
along the stable manifold cannot be crossed in B for less than L + min D.

V_h thus need not be known, nor be any good, on the last bit of the way to s: W is exact there.  Where V has
a kink that ends at s, as where two instantons come in from different sides, cells at the kink in B are left
out of R.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from dolfinx import fem
from mpi4py import MPI

from solver.elements.cellwise import corners_of
from solver.elements.evaluate import Locator, evaluate
from solver.elements.region import Mask, cells_near, component, edge_dofs, make_region, restricted
from solver.hamilton_jacobi.bounds.saddle_cost import SaddleCost
from solver.hamilton_jacobi.bounds.subsolution import Climb, climb
from solver.hamilton_jacobi.monomials import unit_directions
from solver.system import Array

#: κ₀ makes room for the error of W, at a cost of κ₀ψ₁; κ is the first of these that passes the checks
SLACK = 1e-3
STEEPNESS = (0.95, 0.9, 0.85, 0.8, 0.7, 0.6, 0.5)
#: bad cells are left out of R in this inner part of B
INNER = 0.3
RADII, MANY = 12, {1: 2, 2: 720, 3: 1500}


def covered_bound(  # noqa: PLR0913  (all that the bound depends on)
    potential: fem.Function,
    cells: Mask,
    points: Array,
    samples: tuple[Array, Array],
    levels: tuple[float, float],
    costs: Sequence[SaddleCost],
    locator: Locator,
    good: float,
    beaten: float,
) -> float:
    """The bound with balls round the passes; 0 where the conditions do not hold.  Collective.

    Args:
        potential: V_h.
        cells: Cells on which it is known.
        points: The attractor, ``(n, d)``.
        samples: V_h and θ at points of the owned ones of these cells, ``(cells, points)`` each.
        levels: The first and the last level of the bands.
        costs: W at every pass, on the ball to be used.
        locator: Search tree of the mesh.
        good: Cells with θ below this are left out near the passes.
        beaten: No bound below this is of interest.
    """
    comm = potential.function_space.mesh.comm
    surfaces = [_surface(cost) for cost in costs]
    for n, rim in enumerate(surfaces):
        if any((costs[m].form(rim) <= costs[m].level).any() for m in range(len(costs)) if m != n):
            return 0.0
    kept, used = _without_bad_cells(cells, samples[1] < good, costs, points, potential)
    rise = climb(comm, samples[0][used], samples[1][used], *levels)
    if rise is None:
        return 0.0
    x, heights = _edge(potential, kept, rise)
    top = float(rise(np.array(levels[1])))
    near = [(cost.form(x) <= cost.level) & (cost.normal @ (x - cost.point[:, None]) >= 0) for cost in costs]
    outside = heights[~np.any(near, axis=0)]
    bound = min(top, comm.allreduce(float(np.min(outside, initial=np.inf)), op=MPI.MIN))
    tips = [
        _gather(comm, cost, x[:, here], heights[here], top) for cost, here in zip(costs, near, strict=True)
    ]
    while True:
        lower = min((float(np.min(last[u < bound], initial=bound)) for u, last, _ in tips), default=bound)
        if not lower < bound:
            break
        bound = lower
    if bound <= beaten:
        return 0.0
    known = restricted(potential, kept)
    depths = []
    for cost, rim, (u, _, forms) in zip(costs, surfaces, tips, strict=True):
        first = float(np.max(forms[u < bound], initial=0.0))
        rim = rim[:, cost.normal @ (rim - cost.point[:, None]) >= 0]
        values = rise(evaluate(known, rim.T, locator)[:, 0])
        depths.append(_depth(cost, rim, np.where(np.isnan(values), np.inf, values), first, bound))
    return max(0.0, bound + min([0.0, *depths]))


def _without_bad_cells(
    cells: Mask, bad: Mask, costs: Sequence[SaddleCost], points: Array, potential: fem.Function
) -> tuple[Mask, Mask]:
    """The cells without the bad ones near the passes, and which of the owned ones these are.  Collective."""
    domain = potential.function_space.mesh
    middle = corners_of(domain).mean(axis=1).T
    owned = np.flatnonzero(cells[: domain.topology.index_map(domain.topology.dim).size_local])
    near = np.any([cost.form(middle[:, owned]) <= INNER * cost.level for cost in costs], axis=0)
    marked = cells.copy()
    marked[owned[near & bad.any(axis=1)]] = False
    seeds = cells_near(domain, points)
    kept = component(domain, marked, seeds)
    return kept, kept[owned]


def _edge(potential: fem.Function, kept: Mask, rise: Climb) -> tuple[Array, Array]:
    """Points on the edge of a set of cells, ``(d, n)``, and Φ(V_h) there."""
    space = potential.function_space
    dofs = edge_dofs(make_region(space.mesh, kept), space)
    x = space.tabulate_dof_coordinates()[dofs][:, : space.mesh.geometry.dim].T
    return x, rise(potential.x.array[dofs])


def _gather(
    comm: MPI.Comm, cost: SaddleCost, x: Array, heights: Array, top: float
) -> tuple[Array, Array, Array]:
    """U, ``U − W − κ₀ψ`` and ψ at the points of an edge below a level, of all ranks.  Collective."""
    low = heights < top
    forms = cost.form(x[:, low])
    rows = np.stack([heights[low], heights[low] - cost(x[:, low]) - SLACK * forms, forms])
    u, last, forms = np.concatenate(comm.allgather(rows), axis=1)
    return u, last, forms


def _depth(cost: SaddleCost, rim: Array, values: Array, first: float, bound: float) -> float:
    """The least D where the stable manifold is crossed, for a κ with which all is well; −∞ if none is."""
    ball = np.concatenate([r * _directions(cost) for r in (np.arange(RADII) + 1.0) / RADII], axis=1)
    x = cost.point[:, None] + cost.scale @ ball
    forms = cost.form(x)
    for kappa in STEEPNESS:
        slope = np.where(forms > first, kappa, SLACK)
        gradient = cost.gradient(x) + slope * cost.form_gradient(x)
        pushed = np.einsum("ijn,jn->in", cost.system.diffusion(x), gradient)
        if np.max(np.sum((cost.system.drift(x) + 0.5 * pushed) * gradient, axis=0)) > 0.0:
            continue
        at_rim = _height(cost, rim, first, kappa)
        if ((at_rim >= 0.0) | (bound + at_rim >= values)).all():
            across = x - np.outer(cost.normal, cost.normal @ (x - cost.point[:, None]))
            return float(_height(cost, across, first, kappa).min())
    return -np.inf


def _height(cost: SaddleCost, x: Array, first: float, kappa: float) -> Array:
    """D at points ``(d, n)``."""
    forms = cost.form(x)
    return np.asarray(cost(x) + SLACK * forms + (kappa - SLACK) * np.maximum(forms - first, 0.0))


def _surface(cost: SaddleCost) -> Array:
    """Points of the surface of the ball, ``(d, n)``."""
    return np.asarray(cost.point[:, None] + cost.scale @ _directions(cost))


def _directions(cost: SaddleCost) -> Array:
    """Even directions, many, ``(d, n)``."""
    return unit_directions(len(cost.point), MANY[len(cost.point)]).T
