"""Densities in closed form, ``p = e^{−W/ε}``; most of them reversible.

For ``b = −∇U`` and ``A = a I`` with a constant, ``p = e^{−W/ε}`` with ``W = 2U/a`` carries no current at all,
whatever ε and whatever the box if its walls reflect: there is nothing to solve for, and log p is exact at
the nodes, also where U has kinks.  Only rates are left, and with the committors h_i alone: the process that
is fed into well i and taken out of the others has the density ``h_i p``, by detailed balance, so that

    F_ij = −(ε/2) ∫ S′(h_j) e^{−W/ε} ∇h_i·A∇h_j dx,      k_ij = F_ij / ∫ h_i p dx,

through a window S of :mod:`solver.fokker_planck.rates`.  ``F_ij = F_ji`` in truth; the mean of both is taken.
With S = h_j, the whole width, F_ij is the Dirichlet form of the committors (Bovier, den Hollander,
Metastability, ch. 7): an error of h enters it by its square, the other one linearly, so that the difference
of the two shows it.

With momentum p is known as well (:mod:`solver.phase_space`), but carries a current round each well, and the
densities of the wells are solved for with W for the gauge (:mod:`solver.fokker_planck.well_density`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np
import ufl
from dolfinx import fem

from solver.elements.coefficients import Coefficients
from solver.elements.evaluate import Locator, evaluate
from solver.elements.linear import Options
from solver.errors import NotConverged
from solver.fokker_planck.committor import committors
from solver.fokker_planck.continuation import StationaryDensity, density, next_gauge
from solver.fokker_planck.gauge_density import GaugeDensity
from solver.fokker_planck.landmarks import Landmarks, overlapping
from solver.fokker_planck.markov_chain import Rates, markov_chain, time_differences
from solver.fokker_planck.rates import log_fluxes, log_well_masses
from solver.fokker_planck.window import Border, borders, overshoots
from solver.system import Array

#: The Dirichlet form is taken this many ε below the pass: what is deeper has a part of e^{−10} in it, while
#: errors of h of 10⁻⁴ there have one of 10⁻⁸ e^{10}, both below 10⁻³.
DEPTH = 10.0


def reversible_density(
    coefficients: Coefficients,
    gauge: fem.Function,
    epsilon: float,
    landmarks: Landmarks,
    locator: Locator,
    options: Options | None = None,
) -> tuple[StationaryDensity, Array | None]:
    """The density ``e^{−W/ε}`` and its rates, and the change of log T with the Dirichlet form.  Collective.

    Args:
        coefficients: b, A and the region.
        gauge: ``W = 2U/a``.
        epsilon: Noise level ε.
        landmarks: Attractors and passes.
        locator: Search tree of the mesh.
        options: PETSc options for the linear solver.

    Returns:
        The density, and ``(K, K)`` changes; None where there are no rates.

    Raises:
        NotConverged: If a linear solve fails, or a well has no mass, or there is no current.
    """
    pins, space = landmarks.pins, gauge.function_space
    at_wells = evaluate(gauge, np.array([pin.point for pin in pins]), locator)[:, 0]
    p, log_normaliser = _closed_form(coefficients, gauge, epsilon, float(np.min(at_wells)))
    if len(pins) < 2 or overlapping(pins, epsilon):
        return StationaryDensity(p, (p,), (), None, log_normaliser), None
    steps = committors(coefficients, space, epsilon, pins, options)
    wells = [p.with_prefactor(_product(p.q, h, f"q_{k}")) for k, h in enumerate(steps)]
    masses = log_well_masses(wells, at_wells, steps)
    at_passes = evaluate(gauge, landmarks.passes, locator)[:, 0]
    edges = borders(len(pins), at_passes, landmarks.between, epsilon, float(np.max(at_wells)))
    errors = overshoots(coefficients.region, gauge, steps, edges, epsilon)
    wide, narrow = (
        _chain(epsilon, flux, masses) for flux in log_fluxes(wells, steps, edges, errors, reversible=True)
    )
    whole = _chain(epsilon, _dirichlet(wells, edges), masses)
    narrowed, changes = time_differences(wide, narrow), time_differences(wide, whole)
    state = StationaryDensity(
        p, tuple(wells), tuple(steps), wide, log_normaliser, float(np.max(narrowed)), narrowed, errors
    )
    return state, changes


def circulating_density(
    coefficients: Coefficients,
    gauge: fem.Function,
    epsilon: float,
    landmarks: Landmarks,
    locator: Locator,
    options: Options | None = None,
) -> tuple[StationaryDensity, Array | None]:
    """The density ``e^{−W/ε}`` and rates by the densities of the wells, with their changes.  Collective.

    Args and exceptions are those of :func:`reversible_density`; the changes are those of log T with the gauge
    ``W − ε log q``, q a constant but for its errors.
    """
    pins = landmarks.pins
    floor = float(np.min(evaluate(gauge, np.array([pin.point for pin in pins]), locator)))
    p, log_normaliser = _closed_form(coefficients, gauge, epsilon, floor)
    if len(pins) < 2 or overlapping(pins, epsilon):
        return StationaryDensity(p, (p,), (), None, log_normaliser), None
    found = density(coefficients, gauge, epsilon, landmarks, locator, options)
    renewed, part = next_gauge(found, landmarks, locator, epsilon)
    other = density(part, renewed, epsilon, landmarks, locator, options)
    assert found.rates is not None
    assert other.rates is not None
    changes = time_differences(found.rates, other.rates)
    return replace(found, p=p, log_normaliser=log_normaliser), changes


def _closed_form(
    coefficients: Coefficients, gauge: fem.Function, epsilon: float, floor: float
) -> tuple[GaugeDensity, float]:
    """``e^{−W/ε}`` in the region and the logarithm of its mass, W taken relative to a level.  Collective."""
    q = fem.Function(gauge.function_space, name="q")
    q.x.array[coefficients.region.dofs(gauge.function_space)] = 1.0
    p = GaugeDensity(coefficients, gauge, epsilon, q)
    return p, p.log_mass(floor) - floor / epsilon


def _product(first: fem.Function, second: fem.Function, name: str) -> fem.Function:
    result = fem.Function(first.function_space, name=name)
    result.x.array[:] = first.x.array * second.x.array
    return result


def _chain(epsilon: float, flux: Array, masses: Array) -> Rates:
    """The chain with rates in detailed balance with the masses of the wells, from ``log F_ij``.

    Raises:
        NotConverged: If no current between wells is positive.
    """
    balanced = np.logaddexp(flux, flux.T) - np.log(2.0) - masses[:, None]
    if not np.isfinite(balanced[~np.eye(len(masses), dtype=bool)]).any():
        raise NotConverged(f"no positive current between the wells at epsilon = {epsilon:g}")
    return markov_chain(epsilon, balanced)


def _dirichlet(wells: Sequence[GaugeDensity], edges: Mapping[tuple[int, int], Border]) -> Array:
    """``log F_ij`` by the Dirichlet forms, ``(K, K)``, −∞ where they are not positive.  Collective."""
    count, p = len(wells), wells[0]
    result = np.full((count, count), -np.inf)
    for (i, j), border in edges.items():
        if i > j:
            continue
        floor = fem.Constant(p.domain, border.level - DEPTH * p.epsilon)
        half = fem.Constant(p.domain, 0.5 * p.epsilon)
        first, second = ufl.grad(wells[i].q), ufl.grad(wells[j].q)
        form = -half * ufl.inner(ufl.dot(p.coefficients.diffusion, first), second)
        high = ufl.gt(p.gauge, floor)
        current = p.integral(ufl.conditional(high, form * p.capped_exponential(border.level), 0.0))
        if current > 0.0:
            result[i, j] = result[j, i] = np.log(current) - border.level / p.epsilon
    return result
