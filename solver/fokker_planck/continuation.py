"""Continuation in the noise level: a safe way to the quasi-potential that needs no initial guess.

Start at a large ε, where the density can be computed directly, and lower ε step by step with the last
``W = −ε log p`` as the gauge of the next solve,

    p_n = q_n e^{−W_n/ε_n},      W_{n+1} = W_n − ε_n log q_n = −ε_n log p_n,      ε_{n+1} = 0.6 ε_n.

Every step is one linear solve for a function q of order one.  As ε → 0, W tends to the (global)
quasi-potential, and always to its viscosity solution: a stationary density knows of no other.  The region
shrinks with ε to the sublevel set {W < W_pass + K ε}, K = 24, in which all that matters for wells and
passes happens (what is left out carries e^{−K} of the current), so that neither corners nor walls of the
box, where W is huge, are ever resolved (:mod:`solver.elements.fading`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from dolfinx import fem
from mpi4py import MPI

from solver.elements.coefficients import Coefficients
from solver.elements.evaluate import Locator, evaluate
from solver.elements.fading import fade_levels
from solver.elements.linear import Options
from solver.elements.region import Mask, cell_values, cells_near, component, make_region
from solver.errors import NotConverged
from solver.fokker_planck.committor import committors
from solver.fokker_planck.gauge_density import GaugeDensity
from solver.fokker_planck.landmarks import Landmarks, overlapping
from solver.fokker_planck.markov_chain import Rates, markov_chain, time_differences
from solver.fokker_planck.rates import log_fluxes, log_well_masses
from solver.fokker_planck.well_density import well_densities
from solver.fokker_planck.window import borders, overshoots
from solver.system import Array

FACTOR = 0.6
# log q beyond this, or q not positive, means that the gauge did not describe the density there
TRUSTED_LOG = 5.0
FIRST_LOG = 14.0


@dataclass(frozen=True)
class StationaryDensity:
    """The stationary density at one noise level, ``p = q e^{−W/ε} / e^{log_normaliser}``.

    Attributes:
        p: q, W, ε, and the region in which p was computed; not normalised.
        wells: The densities of the single wells.
        committors: h_k.
        rates: Rate constants and weights of the wells; None for a single well.
        log_normaliser: ``log ∫ q e^{−W/ε} dx``.
        window_change: Change of log mean passage times when the window of the committor is narrowed; an error
            estimate.
        window_changes: The same for every pair of wells, ``(K, K)``; None without rates.
        committor_errors: By how much committors leave [0, 1] at the border of every pair of wells, ``(K, K)``
            (:func:`solver.fokker_planck.window.overshoots`); None without rates.
    """

    p: GaugeDensity
    wells: tuple[GaugeDensity, ...]
    committors: tuple[fem.Function, ...]
    rates: Rates | None
    log_normaliser: float
    window_change: float = 0.0
    window_changes: Array | None = None
    committor_errors: Array | None = None

    @property
    def committor_error(self) -> float:
        """The largest of them; 0 without rates."""
        return 0.0 if self.committor_errors is None else float(np.max(self.committor_errors))

    @property
    def epsilon(self) -> float:
        """Noise level ε."""
        return self.p.epsilon

    @property
    def coefficients(self) -> Coefficients:
        """b, A and the region."""
        return self.p.coefficients

    @property
    def gauge(self) -> fem.Function:
        """W."""
        return self.p.gauge

    @property
    def q(self) -> fem.Function:
        """The combined prefactor field."""
        return self.p.q


def schedule(first: float, levels: Sequence[float]) -> list[float]:
    """Noise levels from ``first`` down to the lowest of ``levels``, through all of them, by factors ≥ 0.6."""
    result = [max(first, max(levels))]
    for level in sorted(levels, reverse=True):
        if level >= result[-1]:
            continue
        steps = max(1, int(np.ceil(np.log(result[-1] / level) / -np.log(FACTOR) - 1e-9)))
        ratio = (level / result[-1]) ** (1.0 / steps)
        start = result[-1]
        result += [start * ratio**n for n in range(1, steps)] + [level]
    return result


def density(
    coefficients: Coefficients,
    gauge: fem.Function,
    epsilon: float,
    landmarks: Landmarks,
    locator: Locator,
    options: Options | None = None,
) -> StationaryDensity:
    """Solve for the wells, the rates and the stationary density at one noise level.  Collective.

    Raises:
        NotConverged: If a linear solve fails, or a well has no positive mass.
    """
    pins = landmarks.pins
    space = gauge.function_space
    separate = len(pins) > 1 and not overlapping(pins, epsilon)
    wells = well_densities(coefficients, gauge, epsilon, pins if separate else pins[:1], options)
    at_wells = evaluate(gauge, np.array([pin.point for pin in pins]), locator)[:, 0]
    steps = committors(coefficients, space, epsilon, pins, options) if separate else []
    masses = log_well_masses(wells, at_wells, steps or [None])
    q = fem.Function(space, name="q")
    rates, changes, errors = None, None, None
    if separate:
        top = float(np.max(at_wells))
        rates, changes, errors = _rates(wells, steps, masses, landmarks, top, locator)
        weights = rates.log_weight - masses
        weights -= weights.max()
        for weight, well in zip(weights, wells, strict=True):
            q.x.array[:] += np.exp(weight) * well.q.x.array
    else:
        q.x.array[:] = wells[0].q.x.array
    floor = float(np.min(at_wells))
    p = wells[0].with_prefactor(q)
    log_normaliser = p.log_mass(floor) - floor / epsilon
    change = 0.0 if changes is None else float(np.max(changes))
    return StationaryDensity(p, tuple(wells), tuple(steps), rates, log_normaliser, change, changes, errors)


def _rates(
    wells: Sequence[GaugeDensity],
    steps: Sequence[fem.Function],
    masses: Array,
    landmarks: Landmarks,
    top: float,
    locator: Locator,
) -> tuple[Rates, Array, Array]:
    """Rates, the change of passage times with the window, and the overshoots of the committors.  Collective.

    Raises:
        NotConverged: If no current between wells is positive.
    """
    gauge, epsilon, count = wells[0].gauge, wells[0].epsilon, len(wells)
    at_passes = evaluate(gauge, landmarks.passes, locator)[:, 0]
    edges = borders(count, at_passes, landmarks.between, epsilon, top)
    errors = overshoots(wells[0].coefficients.region, gauge, steps, edges, epsilon)
    log_rate, narrow = (flux - masses[:, None] for flux in log_fluxes(wells, steps, edges, errors))
    if not np.isfinite(log_rate[~np.eye(count, dtype=bool)]).any():
        raise NotConverged(f"no positive current between the wells at epsilon = {epsilon:g}")
    rates = markov_chain(epsilon, log_rate)
    return rates, time_differences(rates, markov_chain(epsilon, narrow)), errors


def good_dofs(state: StationaryDensity, landmarks: Landmarks, locator: Locator) -> tuple[Mask, Array]:
    """Where q is positive and of the order it has at wells and passes, and log q there.  Collective.

    In the first step (no gauge yet) q is the density itself, and may be as small as e^{−14}.
    """
    lowest = -TRUSTED_LOG if np.any(state.gauge.x.array) else -FIRST_LOG
    with np.errstate(invalid="ignore", divide="ignore"):
        log_q = np.log(state.q.x.array / _typical(state.q, landmarks, locator))
    inside = state.coefficients.region.dofs(state.gauge.function_space)
    good = inside & np.isfinite(log_q) & (log_q > lowest)
    return good, np.where(good, log_q, 0.0)


def positivity_margin(state: StationaryDensity, landmarks: Landmarks, locator: Locator) -> float:
    """``(W_bad − W_pass)/ε``: how far above the highest pass, in e-folds, q first fails.  Collective.

    Infinite if q is good in the whole region.
    """
    good, _ = good_dofs(state, landmarks, locator)
    inside = state.coefficients.region.dofs(state.gauge.function_space)
    comm = state.coefficients.domain.comm
    lowest = comm.allreduce(float(np.min(state.gauge.x.array[inside & ~good], initial=np.inf)), op=MPI.MIN)
    return (lowest - float(np.nanmax(evaluate(state.gauge, landmarks.points, locator)))) / state.epsilon


def next_gauge(
    state: StationaryDensity, landmarks: Landmarks, locator: Locator, next_epsilon: float
) -> tuple[fem.Function, Coefficients]:
    """``W − ε log q`` and the region for the next noise level.  Collective.

    Without passes the region is not cut: the potential of a single well is wanted up to the boundary.
    Where q is not good (:func:`good_dofs`) W is kept, and the cells are left out from now on.

    Raises:
        NotConverged: If an attractor would be left out.
    """
    gauge, region = state.gauge, state.coefficients.region
    space, domain = gauge.function_space, region.domain
    good, log_q = good_dofs(state, landmarks, locator)
    updated = fem.Function(space, name="W")
    updated.x.array[:] = gauge.x.array - state.epsilon * log_q
    updated.x.scatter_forward()
    updated.x.array[:] -= evaluate(updated, landmarks.pins[0].point[None], locator)[0, 0]
    highest = float(np.nanmax(evaluate(updated, landmarks.points, locator)))
    seeds = [cells_near(domain, pin.point) for pin in landmarks.pins]
    sound = region.active & good[space.dofmap.list].all(axis=1)
    sound = component(domain, sound, np.any(seeds, axis=0))
    active, fade = sound, None
    if len(landmarks.passes):
        fade = fade_levels(make_region(domain, sound), updated, highest, next_epsilon)
        below = sound & (cell_values(updated).min(axis=1) < fade.top)
        active = component(domain, below, np.any(seeds, axis=0))
    for pin, seed in zip(landmarks.pins, seeds, strict=True):
        if not domain.comm.allreduce(bool((seed & active).any()), op=MPI.LOR):
            raise NotConverged(
                f"the density lost positivity at the attractor {pin.point.tolist()} at epsilon = "
                f"{state.epsilon:g}: the mesh is too coarse for this noise level"
            )
    return updated, state.coefficients.on(make_region(domain, active), fade)


def _typical(q: fem.Function, landmarks: Landmarks, locator: Locator) -> float:
    """A typical value of q: its geometric mean over wells and passes."""
    values = evaluate(q, landmarks.points, locator)[:, 0]
    values = values[values > 0]
    if values.size == 0:
        raise NotConverged("the stationary density is not positive at any attractor or saddle")
    return float(np.exp(np.mean(np.log(values))))
