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
from solver.fokker_planck.markov_chain import markov_chain
from solver.hamilton_jacobi.bounds.lower_bound import lower_bound
from solver.hamilton_jacobi.bounds.saddle_cost import SaddleCost
from solver.hamilton_jacobi.well import (
    WellPotential,
    trusted_part,
)
from solver.paths.instanton import Instanton
from solver.system import Array


@dataclass(frozen=True)
class Barrier:
    """The cost of leaving attractor ``start`` over a saddle into the basin of ``end`` (None: outside).

    Attributes:
        start, end, saddle: Indices; unstable cycles are counted after the saddles.
        barrier: V(saddle) = cost of the instanton.
        lower: A lower bound from a subsolution (see :mod:`solver.hamilton_jacobi.bounds.lower_bound`).
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
) -> Barrier:
    """The barrier of one exit, with its bounds and the comparison of field and path.  Collective.

    Args:
        well: V of the well.
        end: Number of the attractor behind the pass (None: outside).
        saddle: Number of the pass.
        path: The instanton.
        locator: Search tree of the mesh.
        costs: The costs of reaching the saddles out of the well, for the lower bound.
    """
    values = evaluate(trusted_part(well), path.points, locator)[:, 0]
    gaps = np.abs(values - path.actions)[np.isfinite(values)]
    known = well.coefficients, well.potential, well.cells, well.expansion
    lower = lower_bound(*known, path.action, costs, locator)
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


def stitched_weights(count: int, barriers: Sequence[Barrier]) -> Array:
    """Leading exponents w of the well weights, ``π_k ≍ e^{−w_k/ε}``, lowest zero, ``(K,)``.

    The Freidlin–Wentzell graph (Random Perturbations of Dynamical Systems, ch. 6): w is the minimum over
    spanning arborescences, here as the limit of the exact stationary weights of a chain with rates
    ``e^{−barrier/δ}`` for a δ so small that only exponents are left.
    """
    if count == 1:
        return np.zeros(1)
    delta = 1e-9 * max(b.barrier for b in barriers)
    log_rate = np.full((count, count), -np.inf)
    for item in barriers:
        if item.end is not None:
            log_rate[item.start, item.end] = max(log_rate[item.start, item.end], -item.barrier / delta)
    with np.errstate(invalid="ignore"):
        weights = -delta * markov_chain(delta, log_rate).log_weight
    return np.asarray(weights - np.nanmin(weights))
