"""Integrals of functions of position against a density on a mesh."""

from __future__ import annotations

import numpy as np
import ufl
from dolfinx import fem
from mpi4py import MPI

from solver.elements.assembly import assemble_vector
from solver.elements.coefficients import Coefficients, quadrature_function, quadrature_points
from solver.system import Array, Field


def moment_vectors(coefficients: Coefficients, space: fem.FunctionSpace, field: Field) -> Array:
    """The linear functionals ``p ↦ ∫ f_k p dx`` as vectors ``(K, owned dofs)``.  Collective.

    Args:
        coefficients: Gives the region and the quadrature rule.
        space: Lagrange space of the densities.
        field: f, ``(d, N) -> (K, N)``; evaluated at the quadrature points, so it need not be smooth.
    """
    domain = coefficients.domain
    values = field(quadrature_points(domain, coefficients.quadrature_degree))
    owned = space.dofmap.index_map.size_local
    w = ufl.TestFunction(space)
    result = np.empty((len(values), owned))
    for k, row in enumerate(values):
        f = quadrature_function(domain, coefficients.quadrature_degree, row)
        result[k] = assemble_vector(f * w * coefficients.dx).array_r[:owned]
    return result


def apply_functionals(vectors: Array, density: fem.Function) -> Array:
    """Values ``(K,)`` of the functionals of :func:`moment_vectors`, on all ranks.  Collective."""
    mine = vectors @ density.x.array[: vectors.shape[1]]
    return np.asarray(density.function_space.mesh.comm.allreduce(mine, op=MPI.SUM))


def expectations(coefficients: Coefficients, density: fem.Function, field: Field) -> Array:
    """``∫ f_k p dx``, ``(K,)``; the density is not normalised here.  Collective."""
    return apply_functionals(moment_vectors(coefficients, density.function_space, field), density)


def mean_and_covariance(coefficients: Coefficients, density: fem.Function) -> tuple[Array, Array]:
    """``E x`` ``(d,)`` and ``Cov x`` ``(d, d)`` under ``p / ∫p``.  Collective."""
    d = coefficients.domain.geometry.dim
    rows, columns = np.triu_indices(d)

    def field(x: Array) -> Array:
        return np.concatenate([np.ones((1, x.shape[1])), x, x[rows] * x[columns]])

    values = expectations(coefficients, density, field)
    mean, second = values[1 : 1 + d] / values[0], values[1 + d :] / values[0]
    covariance = np.empty((d, d))
    covariance[rows, columns] = covariance[columns, rows] = second
    return mean, covariance - np.outer(mean, mean)


def total_variation(coefficients: Coefficients, first: fem.Function, second: fem.Function) -> float:
    """``½∫|p₁ − p₂| dx``, between 0 and 1 for two densities.  Collective."""
    gap = fem.assemble_scalar(fem.form(0.5 * abs(first - second) * coefficients.dx))
    return float(coefficients.domain.comm.allreduce(gap, op=MPI.SUM))


def rate_scale(coefficients: Coefficients) -> float:
    """``√⟨|b|²⟩ / √⟨|x − x̄|²⟩`` over the region: a rate that makes times dimensionless.  Collective."""
    comm = coefficients.domain.comm
    x = ufl.SpatialCoordinate(coefficients.domain)
    one = fem.Constant(coefficients.domain, 1.0)

    def integral(f: ufl.core.expr.Expr) -> float:
        return float(comm.allreduce(fem.assemble_scalar(fem.form(f * coefficients.dx)), op=MPI.SUM))

    volume = integral(one)
    middle = [integral(x[i]) / volume for i in range(coefficients.domain.geometry.dim)]
    # constants: numbers would make a new form, compiled anew, of every region
    centre = fem.Constant(coefficients.domain, np.array(middle))
    spread = integral(ufl.inner(x - centre, x - centre))
    return float(np.sqrt(integral(ufl.inner(coefficients.drift, coefficients.drift)) / spread))
