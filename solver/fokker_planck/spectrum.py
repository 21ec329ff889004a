"""The slowest eigenvalues of the generator, where double precision can resolve them.

``𝓛h = b·∇h + (ε/2)A:∇∇h = −λh`` with reflection: λ₁ = 0, and with K wells K − 1 further eigenvalues of the
order e^{−barrier/ε}; for two wells λ₂ = k_01 + k_10.  Rounding perturbs eigenvalues by about 10⁻¹⁶ times
the largest one of the mesh.  So those expected below e^{−14} times the rate of the drift are refused; and
whatever was expected, λ₁ = 0 is computed along with the others, and shows how far rounding has come: none is
returned that is not 10⁴ times as large.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import ufl
from dolfinx import fem
from slepc4py import SLEPc

from solver.elements.assembly import assemble_matrix, fixed_dofs
from solver.elements.coefficients import Coefficients
from solver.elements.free_rows import FreeRows
from solver.elements.integrals import rate_scale
from solver.elements.linear import options_for, ordering
from solver.errors import NotConverged
from solver.fokker_planck.committor import generator
from solver.fokker_planck.markov_chain import Rates
from solver.system import Array

# relative to the rate at which the drift crosses the region
LOWEST_LOG = -14.0
# vectors of the subspace beyond two for each eigenvalue: the other eigenvalues are relaxations of the wells,
# as far from the target as e^{barrier/ε}, and are gone within few steps
SPARE = 6
# largest |λ₁/λ₂|
ROUNDING = 1e-4


def slowest_eigenvalues(
    coefficients: Coefficients, space: fem.FunctionSpace, epsilon: float, count: int, guess: float
) -> Array:
    """The ``count`` non-zero eigenvalues λ of least modulus (real parts), ascending.  Collective.

    Args:
        coefficients: b, A, ∇·A on a region.
        space: Lagrange space.
        epsilon: Noise level ε.
        count: How many.
        guess: Positive estimate of the smallest of them (a sum of rate constants).

    Raises:
        NotConverged: If SLEPc does not find them, or they are below what can be resolved.
    """
    if not np.log(guess / rate_scale(coefficients)) > LOWEST_LOG:
        raise NotConverged(
            f"eigenvalues near {guess:.1e} are below rounding; the rates from fluxes are the reliable result"
        )
    level = fem.Constant(coefficients.domain, epsilon)
    fixed = fixed_dofs(coefficients.region, space)
    u, v = ufl.TrialFunction(space), ufl.TestFunction(space)
    K, M = (
        FreeRows(assemble_matrix(form, coefficients.region, space, fixed), fixed).refreshed()
        for form in (generator(coefficients, level, space), u * v * coefficients.dx)
    )
    solver = SLEPc.EPS().create(coefficients.domain.comm)
    solver.setOperators(K, M)
    solver.setProblemType(SLEPc.EPS.ProblemType.GNHEP)
    # the spectrum lies at Re ≤ 0, so a positive shift is never an eigenvalue
    solver.setTarget(guess)
    solver.setWhichEigenpairs(SLEPc.EPS.Which.TARGET_MAGNITUDE)
    solver.setDimensions(count + 1, 2 * (count + 1) + SPARE)
    solver.setTolerances(1e-10, 200)
    transform = solver.getST()
    transform.setType(SLEPc.ST.Type.SINVERT)
    ksp = transform.getKSP()
    ksp.setType("preonly")
    ksp.getPC().setType("lu")
    ksp.getPC().setFactorSolverType("mumps")
    with options_for(ksp, {"mat_mumps_icntl_7": ordering(K)}):
        ksp.setFromOptions()
        solver.solve()
    if solver.getConverged() < count + 1:
        raise NotConverged(f"SLEPc found {solver.getConverged()} of {count + 1} eigenvalues")
    values = np.array([-solver.getEigenvalue(n).real for n in range(count + 1)])
    values = values[np.argsort(np.abs(values))]
    if not (values[1:] > abs(values[0]) / ROUNDING).all():
        raise NotConverged(
            f"rounding turns the eigenvalue 0 into {values[0]:.1e}: {np.min(values[1:]):.1e} beside it is "
            "not to be trusted; the rates from fluxes are the reliable result"
        )
    return np.asarray(np.sort(values[1:]))


@dataclass(frozen=True)
class Spectrum:
    """The eigenvalues that belong to the wells at one noise level.

    Attributes:
        values: λ₂ … λ_K, ascending, for K wells; empty if they are refused.
        refusal: Why they are; None if they are not.
    """

    values: tuple[float, ...]
    refusal: str | None = None


def well_eigenvalues(
    coefficients: Coefficients, space: fem.FunctionSpace, epsilon: float, rates: Rates | None
) -> Spectrum:
    """The K − 1 slow eigenvalues of K wells, if they can be trusted.  Collective.

    The eigenvalues of the chain with the rates say where to look, and whether to.
    """
    if rates is None:
        return Spectrum((), "there are no two separate wells at this noise level")
    chain = np.exp(rates.log_rate)
    np.fill_diagonal(chain, 0.0)
    expected = np.sort(np.linalg.eigvals(np.diag(chain.sum(axis=1)) - chain).real)[1:]
    try:
        # cancellation may leave anything of an eigenvalue that is far below the others
        guess = max(float(expected[0]), float(np.finfo(float).tiny))
        found = slowest_eigenvalues(coefficients, space, epsilon, len(expected), guess)
    except NotConverged as reason:
        return Spectrum((), str(reason))
    return Spectrum(tuple(float(value) for value in found))
