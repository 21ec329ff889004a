"""Masses of the wells, mean and covariance of a stationary density."""

from __future__ import annotations

import numpy as np
import ufl
from dolfinx import fem
from mpi4py import MPI

from solver.fokker_planck.continuation import StationaryDensity
from solver.system import Array

# below this the rounding errors of a committor in a deep well weigh as much as a shallow well
SHALLOW = 1e-8


def log_masses(state: StationaryDensity) -> Array:
    """``log ∫ p h_i dx`` of the wells ``(K,)``, their sum being one.  Collective.

    h_i is the committor: what is near the pass belongs to both wells.  At low noise nothing is near the pass,
    but in wells whose mass is below 10⁻⁸ the integral is one of rounding errors: then the masses are those of
    the Markov chain with the rates (:mod:`solver.fokker_planck.rates`), from which they differ by
    O(e^{−barrier/ε}).

    Args:
        state: The density of one well, or of several that do not overlap.
    """
    if state.rates is None:
        return np.zeros(1)
    chain = state.rates.log_weight
    if not np.exp(chain).min() > SHALLOW:
        return chain
    domain = state.coefficients.domain
    epsilon, shift = fem.Constant(domain, state.epsilon), fem.Constant(domain, state.log_normaliser)
    density = state.q * ufl.exp(-state.gauge / epsilon - shift)
    parts = [fem.assemble_scalar(fem.form(density * h * state.coefficients.dx)) for h in state.committors]
    masses = np.array([domain.comm.allreduce(float(part), op=MPI.SUM) for part in parts])
    return np.asarray(np.log(masses / masses.sum())) if (masses > 0).all() else chain


def mean_and_covariance(state: StationaryDensity) -> tuple[Array, Array]:
    """``E x`` ``(d,)`` and ``Cov x`` ``(d, d)`` under ``p = q e^{−W/ε} / ∫``.  Collective.

    The covariance is that of the distances from the mean, so that nothing cancels in a narrow density.
    """
    domain = state.coefficients.domain
    d = domain.geometry.dim
    epsilon = fem.Constant(domain, state.epsilon)
    shift = fem.Constant(domain, state.log_normaliser)
    density = state.q * ufl.exp(-state.gauge / epsilon - shift)
    x = ufl.SpatialCoordinate(domain)

    def integral(factor: ufl.core.expr.Expr) -> float:
        value = fem.assemble_scalar(fem.form(factor * density * state.coefficients.dx))
        return float(domain.comm.allreduce(value, op=MPI.SUM))

    total = integral(fem.Constant(domain, 1.0))
    mean = np.array([integral(x[i]) for i in range(d)]) / total
    centre = fem.Constant(domain, mean)
    covariance = np.empty((d, d))
    for i in range(d):
        for j in range(i + 1):
            value = integral((x[i] - centre[i]) * (x[j] - centre[j])) / total
            covariance[i, j] = covariance[j, i] = value
    return mean, covariance
