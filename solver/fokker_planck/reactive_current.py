"""The reactive current: the way that the transitions from one well to another take.

With h_j the committor of well j and π_i = q_i e^{−W/ε} the density that is fed into well i and taken out of
the others (:mod:`solver.fokker_planck.well_density`), which is the part of the stationary density that comes
from i,

    J_ij = h_j J[π_i] + (ε/2) π_i A∇h_j,      J[π] = b π − (ε/2) ∇·(Aπ),

counts the paths on their way from i to j (E and Vanden-Eijnden, J. Stat. Phys. 123 (2006) 503, eq. 26, with
the backward committor π_i/p).  Both terms together are free of sources,

    ∇·J_ij = J[π_i]·∇h_j + (ε/2) ∇·(π_i A∇h_j) = 0,

and ``∮ J_ij·n dS = F_ij``, the flux of :mod:`solver.fokker_planck.rates`, through every surface between the
wells.  What is returned is J_ij/F_ij: through every such surface it adds up to one, at all noise levels.

Deep in the wells h_j or π_i is tiny, and known with an error that is not: there the current is not a
number.  ``|∮ J·n dS/F − 1|`` is some 10⁻³ within a standard deviation or two of the pass.
"""

from __future__ import annotations

import numpy as np
import ufl
from dolfinx import fem
from mpi4py import MPI

from solver.elements.nodal_average import nodal_average
from solver.elements.region import cell_values
from solver.fokker_planck.continuation import StationaryDensity

RESOLVED = 1e-4
"""Where a committor, forward or backward, is below this, its relative error is not small."""


def log_flux(state: StationaryDensity, start: int, end: int) -> float:
    """``log F_ij = log k_ij + log ∫ π_i dx``; −∞ where there is no current.  Collective.

    Raises:
        ValueError: If there are no rates at this noise level.
    """
    if state.rates is None:
        raise ValueError("there are no rates at this noise level")
    comm = state.coefficients.domain.comm
    lowest = comm.allreduce(
        float(np.min(cell_values(state.gauge)[state.coefficients.region.active], initial=np.inf)), op=MPI.MIN
    )
    mass = state.wells[start].log_mass(lowest, state.committors[start])
    return float(state.rates.log_rate[start, end] + mass - lowest / state.epsilon)


def reactive_current(state: StationaryDensity, start: int, end: int) -> fem.Function | None:
    """J_ij/F_ij at the nodes, ``(d,)``; None where no current flows from i to j.  Collective.

    Raises:
        ValueError: If there are no rates at this noise level.
    """
    total = log_flux(state, start, end)
    if not np.isfinite(total):
        return None
    coefficients, gauge = state.coefficients, state.gauge
    domain, space = coefficients.domain, gauge.function_space
    eps = fem.Constant(domain, state.epsilon)
    q, h = state.wells[start].q, state.committors[end]
    A = coefficients.diffusion_nodal
    carried = coefficients.drift_nodal + 0.5 * ufl.dot(A, ufl.grad(gauge)) - 0.5 * eps * ufl.div(A)
    bracket = h * (carried * q - 0.5 * eps * ufl.dot(A, ufl.grad(q))) + 0.5 * eps * q * ufl.dot(
        A, ufl.grad(h)
    )
    # capped where it is thrown away
    weight = ufl.exp(ufl.min_value(-gauge / eps - fem.Constant(domain, total), 300.0))
    name = f"reactive_current_eps{state.epsilon:g}_{start}_{end}"
    result = nodal_average(weight * bracket, space, coefficients.region.active, name)
    fade = coefficients.fade
    everything = sum(np.abs(well.q.x.array) for well in state.wells)
    keep = (
        coefficients.region.dofs(space)
        & (h.x.array > max(RESOLVED, state.committor_error))
        & (q.x.array > RESOLVED * everything)
        & (gauge.x.array <= (np.inf if fade is None else fade.full))
    )
    result.x.array.reshape(-1, domain.geometry.dim)[~keep] = np.nan
    return result
