"""Two gauges for one density: the Hamilton–Jacobi solution against ε-continuation.

The gauge form of the stationary equation is exact for every W, so that what depends on W is discretisation
error.  The continuation makes its W from densities; the other W is made here from V, which comes from the
Hamilton–Jacobi equation and knows of no noise level,

    W = W_ε + Σ_k χ_k (V_k + c_k − W_ε),

with χ_k a smooth step that falls from 1 to 0 as V_k rises from zero to 0.95 of the level up to which it is
trusted.  The two differ by ε times the logarithm of the prefactor; its mean in a well is no error of either
and has no gradient, so that c_k is the constant with which W has no step, on average, where χ_k falls.

The mesh has to resolve χ as well: where it falls within a cell or two, and the prefactor varies, q has to
make up for a step of W there, and the gap is an error of this W, not of V or W_ε.  Schlögl's model with
chemical Langevin noise (A from 0.3 to 1 within the left well, 7 cells of 512 from the wall; 80 in the right
one) has log T = 8.8178 on 128 to 2048 cells, while the gap with one c, and with χ from half of the level on,
was ∞ on 128, 0.58 on 512 and 0.0013 on 2048 cells; with this W it is 1e-4 from 256 cells on.  A well whose χ
falls by more than :data:`STEEP` within a cell keeps W_ε.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from dolfinx import fem
from mpi4py import MPI

from solver.elements.evaluate import Locator
from solver.elements.linear import Options
from solver.elements.region import cell_values
from solver.elements.smooth_step import smooth_step
from solver.errors import NotConverged
from solver.fokker_planck.continuation import StationaryDensity, density
from solver.fokker_planck.landmarks import Landmarks
from solver.fokker_planck.markov_chain import time_differences
from solver.hamilton_jacobi.well import WellPotential, trusted_part
from solver.system import Array

# V over the level up to which it is trusted at which χ has fallen to zero
NONE = 0.95
# a cubic element follows a step that takes one cell and a third or more
STEEP = 0.75


def fading(potential: Array, trusted: float) -> Array:
    """χ: 1 at the attractor, 0 from 0.95 of the trusted level on and where V is not known (NaN)."""
    t = np.clip(np.nan_to_num(potential / (NONE * trusted), nan=1.0), 0.0, 1.0)
    return np.asarray(1.0 - smooth_step(t))


def hamilton_jacobi_gauge(gauge: fem.Function, wells: Sequence[WellPotential], active: Array) -> fem.Function:
    """W from V where that is known and χ is resolved, from the given gauge elsewhere.  Collective.

    Args:
        gauge: W_ε.
        wells: V of attractors, on the same mesh.
        active: Dofs in which the gauge is meaningful.
    """
    comm, owned = gauge.function_space.mesh.comm, gauge.function_space.dofmap.index_map.size_local
    result = fem.Function(gauge.function_space, name="W")
    result.x.array[:] = gauge.x.array
    for well in wells:
        value = trusted_part(well).x.array
        chi = fading(value, well.trusted_level) * active
        gap = np.where(chi > 0.0, np.nan_to_num(value) - gauge.x.array, 0.0)
        falling = (chi * (1.0 - chi))[:owned]
        sums, total = np.array([np.sum(falling * gap[:owned]), np.sum(falling)]), np.empty(2)
        comm.Allreduce(sums, total, op=MPI.SUM)
        result.x.array[:] += chi * (gap - total[0] / max(total[1], np.finfo(float).tiny))
    result.x.scatter_forward()
    return result


def carries_exponent(well: WellPotential, epsilon: float, active: Array) -> bool:
    """Whether V is known beyond ε, and χ falls over more than a cell.  Collective.

    Within ε of the attractor p is a Gaussian, whatever V is further up.
    """
    if not well.trusted_level >= epsilon:
        return False
    chi = fem.Function(well.potential.function_space)
    chi.x.array[:] = fading(trusted_part(well).x.array, well.trusted_level) * active
    steps = np.ptp(cell_values(chi), axis=1)
    steepest = chi.function_space.mesh.comm.allreduce(float(np.max(steps, initial=0.0)), op=MPI.MAX)
    return bool(steepest <= STEEP)


def gauge_gaps(
    state: StationaryDensity,
    wells: Sequence[WellPotential],
    landmarks: Landmarks,
    locator: Locator,
    options: Options | None = None,
) -> Array | None:
    """Differences of the log mean passage times between the two gauges, ``(K, K)``.  Collective.

    None where there are no rates, V carries an exponent in no well (:func:`carries_exponent`), or was not
    solved for on the mesh of the density.

    Raises:
        NotConverged: If the density cannot be solved for with the other gauge.
    """
    space = state.gauge.function_space
    if state.rates is None or any(
        well.potential.function_space.dofmap.index_map.size_global != space.dofmap.index_map.size_global
        for well in wells
    ):
        return None
    active = state.coefficients.region.dofs(space)
    known = [well for well in wells if carries_exponent(well, state.epsilon, active)]
    if not known:
        return None
    gauge = hamilton_jacobi_gauge(state.gauge, known, active)
    other = density(state.coefficients, gauge, state.epsilon, landmarks, locator, options)
    if other.rates is None:
        return np.full_like(state.rates.log_mfpt, np.inf)
    return time_differences(state.rates, other.rates)


def lowest_gauge_gaps(
    states: Mapping[float, StationaryDensity],
    wells: Sequence[WellPotential],
    landmarks: Landmarks,
    locator: Locator,
    options: Options | None = None,
) -> Array | None:
    """:func:`gauge_gaps` at the lowest level that has rates; ∞ where it cannot be computed.  Collective."""
    levels = [epsilon for epsilon, state in states.items() if state.rates is not None]
    if not levels:
        return None
    try:
        return gauge_gaps(states[min(levels)], wells, landmarks, locator, options)
    except NotConverged:
        return np.full((len(wells), len(wells)), np.inf)
