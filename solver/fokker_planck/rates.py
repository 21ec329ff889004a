"""Rate constants from fluxes, in logarithms, and the Markov chain of the wells.

The density ``p_i = q_i e^{−W/ε}`` of :mod:`solver.fokker_planck.well_density` carries a current from well i
into well j. With a smooth step s_j from 0 to 1 across the border of well j the current is

    F_ij = ∫ J_i·∇s_j dx,    J_i = e^{−W/ε}(c q_i − (ε/2)A∇q_i),    k_ij = F_ij / ∫ p_i dx,

for any such step.  Here ``s_j = S(h_j)`` with h_j the committor and S a C² step that is *exactly* constant
outside ``0.005 < h < 0.995`` (a narrower window where h has larger errors, see
:mod:`solver.fokker_planck.window`): the window conforms to the separatrix, is five standard deviations wide,
over which discretisation errors of the current average out (three would lose an order of magnitude), and
rounding errors of h inside the wells, where e^{−W/ε} is larger by e^{barrier/ε}, are masked.  All
exponentials are taken relative to a reference level, so that barrier/ε may be many hundreds.

Rounding errors of q_i, of 10⁻¹⁶ everywhere, are masked as well.  In a well that is deeper by 36 ε than well i
they outweigh its mass: the mass is taken over ``{h_i > 10⁻³}``.  At a pass between two other wells that is
lower by 36 ε than the pass out of well i they outweigh the current: the flux is integrated where
``q_i > 10⁻⁸ Σ_k |q_k|``.  (What is true in the rest is a path i → k → j that does not relax in well k, and
has no weight against one that does.)  Where two wells have no common border, F_ij = 0 exactly.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import ufl
from dolfinx import fem
from mpi4py import MPI

from solver.elements.coefficients import Coefficients
from solver.fokker_planck.equation import flux
from solver.fokker_planck.window import Border, windows
from solver.system import Array

# h_i below this: another well
ELSEWHERE = 1e-3
# q_i below this part of all q: rounding
ROUNDING = 1e-8


def smooth_step_slope(t: ufl.core.expr.Expr, window: tuple[float, float]) -> ufl.core.expr.Expr:
    """``S'(t)`` of the step ``S = 10τ³ − 15τ⁴ + 6τ⁵``, ``τ = (t − low)/(high − low)``, without its mask."""
    low, high = window
    tau = (t - low) / (high - low)
    return 30.0 * (tau * (1.0 - tau)) ** 2 / (high - low)


def _integral(form: ufl.Form, comm: MPI.Comm) -> float:
    return float(comm.allreduce(fem.assemble_scalar(fem.form(form)), op=MPI.SUM))


def log_mass(
    coefficients: Coefficients,
    gauge: fem.Function,
    epsilon: float,
    q: fem.Function,
    level: float,
    committor: fem.Function | None = None,
) -> float:
    """``log ∫ q e^{−(W − level)/ε} dx``, over ``{h > 10⁻³}`` if a committor is given.  Collective.

    NaN if the integral is not positive.
    """
    eps = fem.Constant(coefficients.domain, epsilon)
    reference = fem.Constant(coefficients.domain, level)
    exponent = -(gauge - reference) / eps
    if committor is None:
        integrand = q * ufl.exp(exponent)
    else:
        # the exponent is capped so that the branch that is thrown away cannot overflow
        capped = ufl.min_value(exponent, 300.0)
        integrand = ufl.conditional(ufl.gt(committor, ELSEWHERE), q * ufl.exp(capped), 0.0)
    mass = _integral(integrand * coefficients.dx, coefficients.domain.comm)
    return float(np.log(mass)) if mass > 0.0 else float("nan")


def window_flux(
    coefficients: Coefficients,
    gauge: fem.Function,
    epsilon: float,
    q: fem.Function,
    total: fem.Function,
    committor: fem.Function,
    level: float,
    floor: float,
    window: tuple[float, float],
) -> float:
    """``F e^{level/ε}``: the current of ``q e^{−W/ε}`` through the window of a committor.  Collective.

    Args:
        coefficients: b, A, ∇·A.
        gauge: W.
        epsilon: Noise level ε.
        q: q_i.
        total: ``Σ_k |q_k|``.
        committor: h_j.
        level: Reference level of W.
        floor: Where W is below this nothing is counted.
        window: The part of h_j in which the step rises.
    """
    eps = fem.Constant(coefficients.domain, epsilon)
    reference = fem.Constant(coefficients.domain, level)
    low, high = window
    between = ufl.And(ufl.gt(committor, low), ufl.lt(committor, high))
    high_up = ufl.gt(gauge, fem.Constant(coefficients.domain, floor))
    inside = ufl.And(ufl.And(between, high_up), ufl.gt(q, ROUNDING * total))
    exponent = ufl.min_value(-(gauge - reference) / eps, 300.0)
    slope = smooth_step_slope(committor, window)
    current = ufl.inner(flux(coefficients, gauge, eps, q), ufl.grad(committor))
    integrand = ufl.conditional(inside, slope * current * ufl.exp(exponent), 0.0)
    return _integral(integrand * coefficients.dx, coefficients.domain.comm)


def rate_constants(
    coefficients: Coefficients,
    gauge: fem.Function,
    epsilon: float,
    densities: Sequence[fem.Function],
    committors: Sequence[fem.Function],
    at_wells: Array,
    borders: Mapping[tuple[int, int], Border],
    error: float,
) -> tuple[Array, Array]:
    """``log k_ij`` for every ordered pair of wells, through two windows.  Collective.

    Args:
        coefficients: b, A, ∇·A.
        gauge: W.
        epsilon: Noise level ε.
        densities: q_k of the wells.
        committors: h_k of the wells.
        at_wells: W at the attractors; any values near those will do.
        borders: The borders between the wells.
        error: Of the committors (:func:`solver.fokker_planck.window.overshoot`).

    Returns:
        Through the window and through a narrower one, ``(K, K)``, −inf on the diagonal and where the current
        is not positive.
    """
    count = len(densities)
    total = fem.Function(gauge.function_space)
    total.x.array[:] = sum(np.abs(q.x.array) for q in densities)
    both = windows(error)
    result = [np.full((count, count), -np.inf) for _ in both]
    masses = [
        log_mass(coefficients, gauge, epsilon, q, level, h)
        for q, level, h in zip(densities, at_wells, committors, strict=True)
    ]
    for (i, j), border in borders.items():
        q, h, level = densities[i], committors[j], border.level
        for window, log_rate in zip(both, result, strict=True):
            current = window_flux(coefficients, gauge, epsilon, q, total, h, level, border.floor, window)
            if current > 0.0:
                log_rate[i, j] = np.log(current) - masses[i] - (level - at_wells[i]) / epsilon
    return result[0], result[1]
