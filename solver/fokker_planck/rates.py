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

from solver.elements.smooth_step import smooth_step_slope
from solver.errors import NotConverged
from solver.fokker_planck.equation import flux
from solver.fokker_planck.gauge_density import GaugeDensity
from solver.fokker_planck.window import Border, windows
from solver.system import Array

# q_i below this part of all q: rounding
ROUNDING = 1e-8


def window_flux(
    p: GaugeDensity,
    total: fem.Function,
    committor: fem.Function,
    border: Border,
    window: tuple[float, float],
    reversible: bool = False,
) -> float:
    """``F e^{level/ε}``: the current of ``q e^{−W/ε}`` through the window of a committor.  Collective.

    Args:
        p: The density of well i.
        total: ``Σ_k |q_k|``.
        committor: h_j.
        border: The level of the pass, for reference, and the W below which nothing is counted.
        window: The part of h_j in which the step rises.
        reversible: ``e^{−W/ε}`` carries no current, so that c = 0 but for the interpolation of W.
    """
    low, high = window
    between = ufl.And(ufl.gt(committor, low), ufl.lt(committor, high))
    high_up = ufl.gt(p.gauge, fem.Constant(p.domain, border.floor))
    inside = ufl.And(ufl.And(between, high_up), ufl.gt(p.q, ROUNDING * total))
    slope = smooth_step_slope((committor - low) / (high - low)) / (high - low)
    eps = fem.Constant(p.domain, p.epsilon)
    if reversible:
        carried = -0.5 * eps * ufl.dot(p.coefficients.diffusion, ufl.grad(p.q))
    else:
        carried = flux(p.coefficients, p.gauge, eps, p.q)
    current = ufl.inner(carried, ufl.grad(committor))
    return p.integral(ufl.conditional(inside, slope * current * p.capped_exponential(border.level), 0.0))


def log_well_masses(
    wells: Sequence[GaugeDensity], at_wells: Array, committors: Sequence[fem.Function | None]
) -> Array:
    """``log ∫ p_i dx`` of every well, ``(K,)``.  Collective.

    Args:
        wells: The densities of the wells.
        at_wells: W at the attractors, for reference; any values near those will do.
        committors: h_k of the wells; None where there is no other well.

    Raises:
        NotConverged: If one of them is not positive.
    """
    epsilon = wells[0].epsilon
    found = np.array(
        [
            well.log_mass(level, h) - level / epsilon
            for well, level, h in zip(wells, at_wells, committors, strict=False)
        ]
    )
    if not np.isfinite(found).all():
        raise NotConverged(f"a well has no positive mass at epsilon = {epsilon:g}: the mesh is too coarse")
    return found


def log_fluxes(
    wells: Sequence[GaugeDensity],
    committors: Sequence[fem.Function],
    borders: Mapping[tuple[int, int], Border],
    errors: Array,
    reversible: bool = False,
) -> tuple[Array, Array]:
    """``log F_ij`` for every ordered pair of wells, through two windows.  Collective.

    Args:
        wells: The densities of the wells.
        committors: h_k of the wells.
        borders: The borders between the wells.
        errors: Of the committors at the borders, ``(K, K)`` (:func:`solver.fokker_planck.window.overshoots`).
        reversible: As in :func:`window_flux`.

    Returns:
        Through the window and through a narrower one, ``(K, K)``, −inf on the diagonal and where the current
        is not positive.
    """
    count, epsilon = len(wells), wells[0].epsilon
    total = fem.Function(wells[0].space)
    total.x.array[:] = sum(np.abs(well.q.x.array) for well in wells)
    wide, narrow = (np.full((count, count), -np.inf) for _ in range(2))
    for (i, j), border in borders.items():
        for window, log_flux in zip(windows(float(errors[i, j])), (wide, narrow), strict=True):
            current = window_flux(wells[i], total, committors[j], border, window, reversible)
            if current > 0.0:
                log_flux[i, j] = np.log(current) - border.level / epsilon
    return wide, narrow
