"""Two gauges for one density: the Hamilton–Jacobi solution against ε-continuation.

The gauge form of the stationary equation is exact for every W, so that what depends on W is discretisation
error.  The continuation makes its W from densities; the other W is made here from V, which comes from the
Hamilton–Jacobi equation and knows of no noise level,

    W = W_ε + Σ_k χ_k (w_k + V_k + c − W_ε),

with w the stitched weights, c one constant, and χ_k a smooth step that falls from 1 to 0 as V_k rises from
half to 0.95 of the level up to which it is trusted.  The two differ by ε times the logarithm of the
prefactor, and all of the exponent from the bottom of a well up to there is then carried by V.

The mesh has to resolve χ as well: where V is so steep that χ falls within a cell or two, and the prefactor
is far from one, q has to make up for a step of W there, and the gap is an error of this W, not of V or W_ε.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from dolfinx import fem
from mpi4py import MPI

from solver.elements.evaluate import Locator
from solver.elements.linear import Options
from solver.elements.smooth_step import smooth_step
from solver.errors import NotConverged
from solver.fokker_planck.continuation import StationaryDensity, density
from solver.fokker_planck.landmarks import Landmarks
from solver.fokker_planck.markov_chain import time_differences
from solver.hamilton_jacobi.well import WellPotential, trusted_part
from solver.system import Array

FULL, NONE = 0.5, 0.95


def fading(potential: Array, trusted: float) -> Array:
    """χ: 1 below half the trusted level, 0 from 0.95 of it on and where V is not known (NaN)."""
    t = (potential / trusted - FULL) / (NONE - FULL)
    t = np.clip(np.nan_to_num(t, nan=1.0), 0.0, 1.0)
    return np.asarray(1.0 - smooth_step(t))


def hamilton_jacobi_gauge(
    gauge: fem.Function, wells: Sequence[WellPotential], weights: Array, active: Array
) -> fem.Function:
    """W from V where that is known, from the given gauge elsewhere.  Collective.

    Args:
        gauge: W_ε.
        wells: V of the attractors, on the same mesh.
        weights: Stitched weights w_k; where one is not finite, that well keeps the given gauge.
        active: Dofs in which the gauge is meaningful.
    """
    comm = gauge.function_space.mesh.comm
    parts = []
    sums = np.zeros(2)
    for well, weight in zip(wells, weights, strict=True):
        value = trusted_part(well).x.array
        chi = fading(value, well.trusted_level) * active
        if not np.isfinite(weight):
            chi[:] = 0.0
        gap = np.where(chi > 0.0, np.nan_to_num(value) + weight - gauge.x.array, 0.0)
        parts.append((chi, gap))
        sums += [np.sum(chi * gap), np.sum(chi)]
    total = np.empty_like(sums)
    comm.Allreduce(sums, total, op=MPI.SUM)
    shift = total[0] / max(total[1], 1e-300)
    result = fem.Function(gauge.function_space, name="W")
    result.x.array[:] = gauge.x.array
    for chi, gap in parts:
        result.x.array[:] += chi * (gap - shift)
    result.x.scatter_forward()
    return result


def gauge_gaps(
    state: StationaryDensity,
    wells: Sequence[WellPotential],
    weights: Array,
    landmarks: Landmarks,
    locator: Locator,
    options: Options | None = None,
) -> Array | None:
    """Differences of the log mean passage times between the two gauges, ``(K, K)``.  Collective.

    Only where V is known beyond ε does it carry an exponent, and is χ resolved by a mesh that resolves the
    density: within ε of the attractor p is a Gaussian, whatever V is further up.  The other wells keep W_ε.

    None where there are no rates, no well has such a V, or V was not solved for on the mesh of the density.

    Raises:
        NotConverged: If the density cannot be solved for with the other gauge.
    """
    space = state.gauge.function_space
    if state.rates is None or any(
        well.potential.function_space.dofmap.index_map.size_global != space.dofmap.index_map.size_global
        for well in wells
    ):
        return None
    known = np.array([well.trusted_level for well in wells]) >= state.epsilon
    if not known.any():
        return None
    active = state.coefficients.region.dofs(space)
    gauge = hamilton_jacobi_gauge(state.gauge, wells, np.where(known, weights, np.nan), active)
    other = density(state.coefficients, gauge, state.epsilon, landmarks, locator, options)
    if other.rates is None:
        return np.full_like(state.rates.log_mfpt, np.inf)
    return time_differences(state.rates, other.rates)


def lowest_gauge_gaps(
    states: Mapping[float, StationaryDensity],
    wells: Sequence[WellPotential],
    weights: Array,
    landmarks: Landmarks,
    locator: Locator,
    options: Options | None = None,
) -> Array | None:
    """:func:`gauge_gaps` at the lowest level that has rates; ∞ where it cannot be computed.  Collective."""
    levels = [epsilon for epsilon, state in states.items() if state.rates is not None]
    if not levels:
        return None
    try:
        return gauge_gaps(states[min(levels)], wells, weights, landmarks, locator, options)
    except NotConverged:
        return np.full((len(wells), len(wells)), np.inf)
