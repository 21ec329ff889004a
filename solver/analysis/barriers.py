"""The quasi-potential of each attractor, its barriers and its instantons, at one noise.

The stages: ε-continuation of the stationary density gives a smooth approximation W of the viscosity solution
(:mod:`solver.fokker_planck.continuation`); policy iteration makes it sharp in the sublevel set of each
attractor below its lowest pass (:mod:`solver.hamilton_jacobi.policy_iteration`); the barrier at a pass is
the cost of the polished instanton (:mod:`solver.paths.instanton`), whose first guess is traced on W.  The
stages check each other: along the instanton the field must equal the action.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from solver.elements.evaluate import Locator, evaluate
from solver.hamilton_jacobi.bounds.lower_bound import lower_bound
from solver.hamilton_jacobi.bounds.saddle_cost import SaddleCost
from solver.hamilton_jacobi.well import WellPotential, trusted_part
from solver.paths.instanton import Instanton
from solver.system import Array


@dataclass(frozen=True)
class Barrier:
    """The cost of leaving attractor ``start`` over a saddle into the basin of ``end`` (None: outside).

    Attributes:
        start, end, saddle: Indices; unstable cycles are counted after the saddles.
        barrier: V(saddle) = cost of the instanton.
        lower: A lower bound: exact (:mod:`solver.hamilton_jacobi.bounds.exact`), or from a subsolution
            (:mod:`solver.hamilton_jacobi.bounds.lower_bound`).
        upper: Upper bound: the cost plus its numerical uncertainty.
        instanton: The path.
        mismatch: Largest ``|V − action|`` along the instanton inside the valid region, over the barrier.
    """

    start: int
    end: int | None
    saddle: int
    barrier: float
    lower: float
    upper: float
    instanton: Instanton
    mismatch: float


def barrier(
    well: WellPotential,
    end: int | None,
    saddle: int,
    path: Instanton,
    locator: Locator,
    costs: Sequence[SaddleCost] = (),
    exact: float | None = None,
) -> Barrier:
    """The barrier of one exit, with its bounds and the comparison of field and path.  Collective.

    Args:
        well: V of the well.
        end: Number of the attractor behind the pass (None: outside).
        saddle: Number of the pass.
        path: The instanton.
        locator: Search tree of the mesh.
        costs: The costs of reaching the saddles out of the well, for the lower bound.
        exact: A sharp lower bound, where there is one.
    """
    values = evaluate(trusted_part(well), path.points, locator)[:, 0]
    gaps = np.abs(values - path.actions)[np.isfinite(values)]
    if exact is None:
        fine, tree = (well, locator) if well.fine is None else (well.fine, None)
        known = fine.coefficients, fine.potential, fine.cells, fine.expansion
        lower = lower_bound(*known, path.action, costs, tree)
    else:
        # the cost of an explicit path is an upper bound: what is above it is rounding
        lower = min(exact, path.action)
    return Barrier(
        start=well.index,
        end=end,
        saddle=saddle,
        barrier=path.action,
        lower=lower,
        upper=path.action + path.uncertainty,
        instanton=path,
        mismatch=float(np.max(gaps, initial=0.0) / path.action),
    )


def direct_costs(count: int, barriers: Sequence[Barrier]) -> Array:
    """The lowest barrier from each well directly into each other one, ``(K, K)``; ∞ where there is none."""
    costs = np.full((count, count), np.inf)
    for item in barriers:
        if item.end is not None:
            costs[item.start, item.end] = min(costs[item.start, item.end], item.barrier)
    return costs
