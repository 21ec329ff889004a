"""A density in gauge form, ``p = q e^{−W/ε}``: what is a number of it, in logarithms."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import ufl
from dolfinx import fem, mesh
from mpi4py import MPI

from solver.elements.coefficients import Coefficients
from solver.system import Array

# a committor below this: another well
ELSEWHERE = 1e-3
# exponents are capped in branches that are thrown away, so that they cannot overflow
CAP = 300.0


@dataclass(frozen=True)
class GaugeDensity:
    """``p = q e^{−W/ε}`` on a region, not normalised.

    Attributes:
        coefficients: b, A, ∇·A and the region.
        gauge: W.
        epsilon: Noise level ε.
        q: The prefactor field, in the space of W.
    """

    coefficients: Coefficients
    gauge: fem.Function
    epsilon: float
    q: fem.Function

    @property
    def domain(self) -> mesh.Mesh:
        """The mesh."""
        return self.coefficients.domain

    @property
    def comm(self) -> MPI.Comm:
        """The ranks that share it."""
        return self.coefficients.domain.comm

    @property
    def space(self) -> fem.FunctionSpace:
        """The space of W and q."""
        return self.gauge.function_space

    def with_prefactor(self, q: fem.Function) -> GaugeDensity:
        """Another density with the same W."""
        return replace(self, q=q)

    def exponential(self, level: float) -> ufl.core.expr.Expr:
        """``e^{−(W − level)/ε}``."""
        return ufl.exp(self._exponent(level))

    def capped_exponential(self, level: float) -> ufl.core.expr.Expr:
        """:meth:`exponential` where it is below e³⁰⁰, for use in a branch of a condition."""
        return ufl.exp(ufl.min_value(self._exponent(level), CAP))

    def _exponent(self, level: float) -> ufl.core.expr.Expr:
        # constants of the form: numbers would make a new form, compiled anew, of every level
        eps, reference = (fem.Constant(self.domain, float(value)) for value in (self.epsilon, level))
        return -(self.gauge - reference) / eps

    def log_values(self) -> Array:
        """``log q − W/ε`` at the nodes; NaN where q is not positive."""
        with np.errstate(invalid="ignore", divide="ignore"):
            log_q = np.log(np.where(self.q.x.array > 0.0, self.q.x.array, np.nan))
        return np.asarray(log_q - self.gauge.x.array / self.epsilon)

    def integral(self, integrand: ufl.core.expr.Expr) -> float:
        """∫ over the region.  Collective."""
        local = fem.assemble_scalar(fem.form(integrand * self.coefficients.dx))
        return float(self.comm.allreduce(local, op=MPI.SUM))

    def log_mass(self, level: float, committor: fem.Function | None = None) -> float:
        """``log ∫ q e^{−(W − level)/ε} dx``, over ``{h > 10⁻³}`` if a committor is given.  Collective.

        NaN if the integral is not positive.
        """
        if committor is None:
            integrand = self.q * self.exponential(level)
        else:
            there = ufl.gt(committor, ELSEWHERE)
            integrand = ufl.conditional(there, self.q * self.capped_exponential(level), 0.0)
        mass = self.integral(integrand)
        return float(np.log(mass)) if mass > 0.0 else float("nan")
