"""Mean and covariance of a stationary density."""

from __future__ import annotations

import numpy as np
import ufl
from dolfinx import fem
from mpi4py import MPI

from solver.continuation import Density
from solver.system import Array


def mean_and_covariance(state: Density) -> tuple[Array, Array]:
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
