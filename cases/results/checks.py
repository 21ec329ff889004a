"""The checks of a run: numbers, their thresholds, and what a failure means in words."""

from __future__ import annotations

import itertools
from collections.abc import Mapping

import numpy as np

from solver.analysis.barriers import direct_costs
from solver.analysis.evaluation import asymptotic_times
from solver.analysis.stages import Analysis
from solver.fokker_planck.chain_exponents import CORRECTION, expected_slope
from solver.fokker_planck.markov_chain import Rates

# name: (largest accepted value, what it is)
CHECKS: dict[str, tuple[float, str]] = {
    "hj_residual": (0.03, "residual of the Hamilton–Jacobi equation relative to the terms that balance"),
    "hj_instanton": (2e-3, "difference of V and the action along the instantons, over the barrier"),
    "barrier_uncertainty": (1e-4, "numerical uncertainty of the action, over the barrier"),
    "jet_error": (0.02, "estimated error of barriers that only the jet scheme gives, over the barrier"),
    "gauge_refresh": (
        5e-3,
        "change of log passage times with the gauge refreshed, or with Dirichlet forms",
    ),
    "gauge_gap": (5e-3, "change of the log passage times at the lowest noise when the gauge is made of V"),
    "density_refresh": (0.05, "change of log p below the passes when the gauge is refreshed"),
    # moments and masses are as good as this; as much as log T may change
    "mass_refresh": (5e-3, "how much of the probability moves when the gauge is refreshed"),
    "committor": (0.05, "by how much a committor leaves [0, 1]: the mesh does not resolve it"),
    "window": (5e-3, "change of the log rates when the window of the committor is narrowed"),
    "positivity": (0.05, "where the density first fails, m e-folds above the passes, as e^(-m)"),
    "arrhenius_slope": (
        1.0,
        "slope of log T against that of the chain of wells, over what corrections of order ε² allow, and a "
        "power of ε where Kramers' law is not reached",
    ),
    "arrhenius_trend": (
        0.005,
        "by how much the slopes of log T recede from those of the chain as the noise falls",
    ),
    "interpolation": (2e-3, "estimated error of the tabulated loss and covariance, over the barrier"),
    "exit_flux": (0.02, "difference of two evaluations of the flux out of a set, in log T"),
    "exit_methods": (0.02, "difference of direct solution and flux where both count, in log T"),
    # as much as a barrier that only the jet scheme gives may be uncertain by
    "exit_potential": (0.02, "V on the boundary of a set round a cycle against the jet scheme, relative"),
    "exit_slope": (1.0, "slope of the log exit time against V on the boundary, over what prefactors allow"),
    "exit_simulation_gap": (0.05, "log exit time simulated against computed, beyond the 95 % interval"),
    "marginal": (1.0, "distance of marginal densities from closed forms, over what the case allows"),
    "marginal_quadrature": (5e-3, "estimated error of marginal densities by the cutting of cells into bins"),
    "transient_mass": (1e-12, "change of the mass of an evolving density"),
    "transient_negative": (1e-3, "lowest value of an evolving density below zero, over the highest"),
    "transient_time_error": (1e-3, "sum of the estimated errors of the time steps, relative"),
    "mean_field_averages": (5e-3, "averages of the density on the mesh against Newton's method for them"),
    "mean_field_value": (1e-3, "energy and entropy on the mesh against quadrature"),
    "mean_field_stability": (0.0, "states whose spectral gap contradicts their second variation"),
    "mean_field_negative": (1e-3, "lowest value of a stationary density below zero, over the highest"),
    "mean_field_mass": (1e-12, "change of the mass along the flow"),
    "mean_field_rise": (1e-7, "largest rise of the energy along the flow, over its fall"),
    "mean_field_decay": (0.05, "rate at which the energy decays against twice the spectral gap, relative"),
    "mean_field_particles": (
        0.15,
        "N times the energy of N particles above the minimum, beyond the interval",
    ),
    "simulation_gap": (0.05, "log T simulated against computed, beyond the 95 % interval"),
}


#: What to do when a check fails, in keys of the case file.
ADVICE: dict[str, str] = {
    "hj_residual": "raise mesh.resolution or mesh.degree, or set mesh.adapt = 1",
    "hj_instanton": "raise mesh.resolution, set mesh.adapt = 1, or name the place in mesh.refine",
    "barrier_uncertainty": "smooth a kink of system.loss or system.drift on the way, if there is one",
    "jet_error": "shrink domain.bounds to what paths need, or smooth the noise where it is next to singular",
    "gauge_refresh": "raise mesh.resolution, or leave out this level of compare.epsilon",
    "gauge_gap": "raise mesh.resolution or set mesh.adapt = 1",
    "density_refresh": "raise mesh.resolution, or leave out this level of compare.epsilon",
    "mass_refresh": "raise mesh.resolution, or leave out this level of compare.epsilon",
    "committor": "raise mesh.resolution, or leave out this level of compare.epsilon",
    "window": "lower compare.epsilon if the barrier is below 3 epsilon, else raise mesh.resolution",
    "positivity": "raise mesh.resolution, set mesh.valleys = 2, or leave out this level of compare.epsilon",
    "arrhenius_slope": "lower compare.epsilon; if that does not help raise mesh.resolution",
    "arrhenius_trend": "raise mesh.resolution, or leave out the lowest level of compare.epsilon",
    "interpolation": "give more points in the table of system.data",
    "exit_flux": "raise mesh.resolution, or exit.shells",
    "exit_methods": "raise mesh.resolution, or exit.shells",
    "exit_potential": "raise mesh.resolution, or name places along the cycle in mesh.refine",
    "exit_slope": "lower compare.epsilon; if that does not help raise exit.shells",
    "exit_simulation_gap": "lower simulate.dt or raise simulate.paths; else raise mesh.resolution",
    "marginal": "raise mesh.resolution, or marginal.tolerance if the closed form is an approximation",
    "marginal_quadrature": "raise mesh.resolution, or lower marginal.bins",
    "transient_mass": "raise mesh.resolution",
    "transient_negative": "widen transient.start, raise mesh.resolution, or set transient.positive = true",
    "transient_time_error": "lower transient.tolerance",
    "mean_field_averages": "raise mesh.resolution or mesh.degree",
    "mean_field_value": "raise mesh.resolution or mesh.degree",
    "mean_field_stability": "raise mesh.resolution",
    "mean_field_negative": "raise mesh.resolution",
    "mean_field_mass": "raise mesh.resolution",
    "mean_field_rise": "raise mesh.resolution",
    "mean_field_decay": "give later mean_field.times, or raise mesh.resolution",
    "mean_field_particles": "lower mean_field.particle_step, or raise mean_field.replicas",
    "simulation_gap": "lower simulate.dt, raise simulate.paths; if that does not help raise mesh.resolution",
}


def thresholds() -> dict[str, float]:
    """Largest accepted value of every check."""
    return {name: limit for name, (limit, _) in CHECKS.items()}


def failures(values: Mapping[str, float | None]) -> list[str]:
    """A sentence for every check that failed; a value that is not finite fails."""
    found = []
    for name, value in values.items():
        limit, meaning = CHECKS[name]
        if value is not None and not value <= limit:
            found.append(f"{name} = {value:.3g} is above {limit:g} ({meaning}); {ADVICE[name]}")
    return found


def problems(noise: str, values: Mapping[str, float | None]) -> list[str]:
    """The sentences of :func:`failures` under one noise."""
    return [f"{noise}: {text}" for text in failures(values)]


def arrhenius(analysis: Analysis, pair: tuple[int, int] | None) -> dict[str, float | None]:
    """The slope of log T against 1/ε between two noise levels must be that of the chain of the wells.

    Its exponents are the barriers of the Hamilton–Jacobi equation: what the slope tends to is the exponent of
    Freidlin and Wentzell, the direct barrier only where no other well lies on the way or beside it
    (:func:`solver.fokker_planck.chain_exponents.expected_slope`).
    """
    result: dict[str, float | None] = {"arrhenius_slope": None, "arrhenius_trend": None}
    # with kinks or singular Hessians prefactors go with other powers of ε, as large as the corrections
    if pair is None or not analysis.places.smooth:
        return result
    costs = direct_costs(len(analysis.wells), analysis.barriers)
    rates = [
        level.state.rates
        for _, level in sorted(analysis.levels.items(), reverse=True)
        if level.state.rates is not None
    ]
    gaps: list[float] = []
    for high, low in itertools.pairwise(rates):
        slope = (low.log_mfpt[pair] - high.log_mfpt[pair]) / (1.0 / low.epsilon - 1.0 / high.epsilon)
        expected, allowed = expected_slope(costs, low, high.epsilon, pair)
        allowed += _power(analysis, pair, high, low, expected)
        if not np.isfinite(expected):
            return result
        gaps.append(float(abs(slope - expected)) / expected)
        result["arrhenius_slope"] = float(abs(slope - expected)) / allowed
    if len(gaps) > 1:
        result["arrhenius_trend"] = max(0.0, *(b - a for a, b in itertools.pairwise(gaps)))
    return result


def _power(analysis: Analysis, pair: tuple[int, int], high: Rates, low: Rates, expected: float) -> float:
    """By what a power of ε in T may change its slope; 0 where Kramers' law is near, or no better as ε falls.

    Where the second variation of the way out vanishes, or nearly, T goes with a power of ε that is not that
    of the law, at most ½ of it for one direction: between √ε, the width of a Gaussian, and none.  There the
    law is refused, or off by more than a correction of order ε, and slowly gets better.  Hopfield's two
    neurons leave by two ways beside the diagonal that cost 0.24 % less than that: log T is 9.46591 at ε = 0.2
    (9.46590 by the backward equation) and 17.68 at 0.1, the law's 8.40 and 16.91.  A wrong barrier puts them
    apart ever more.
    """
    gaps = [one.log_mfpt[pair] - asymptotic_times(analysis, one.epsilon)[pair] for one in (high, low)]
    before, after = np.abs(gaps)
    if after <= CORRECTION * low.epsilon / expected or after >= before:
        return 0.0
    return 0.5 * float(np.log(high.epsilon / low.epsilon)) / (1.0 / low.epsilon - 1.0 / high.epsilon)
