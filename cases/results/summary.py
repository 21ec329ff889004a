"""What summary.json says of one noise: the results of the solver as numbers, null where there is none."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, Protocol

import numpy as np

from cases.noise.tensors import ScaledNoise
from cases.problem.places import Structure, outline
from cases.results.estimates import barrier_estimates, power_law_escapes
from cases.results.power_law import power_laws
from cases.results.simulated import Simulated, Simulations
from solver.analysis.noise_levels import Level
from solver.analysis.stages import Analysis
from solver.drift.limit_cycles import LimitCycle
from solver.errors import Refused
from solver.fokker_planck.markov_chain import markov_chain
from solver.fokker_planck.moments import log_masses
from solver.places.attractors import Attractor
from solver.places.passes import Pass
from solver.simulation.survival import Simulation
from solver.system import Array

CONVENTION = "dX = b dt + sqrt(eps) sigma dW; V: b.gradV + gradV.A.gradV/2 = 0"


def number(value: Any) -> float | None:
    """A JSON number, or null for what is missing or not finite."""
    return None if value is None or not math.isfinite(value) else float(value)


def places_summary(places: Structure) -> dict[str, Any]:
    """The attractors, saddles and other fixed points."""
    return {
        "attractors": [{"index": k, **_attractor(p)} for k, p in enumerate(places.attractors)],
        "saddles": [
            {
                "index": n,
                "between": list(s.between),
                **_pass(s),
            }
            for n, s in enumerate(places.saddles)
        ],
        "start": places.start,
        "other_fixed_points": [{"kind": p.kind, "point": p.point.tolist()} for p in places.others],
    }


def _attractor(place: Attractor) -> dict[str, Any]:
    if place.cycle is not None:
        return _cycle(place, place.cycle)
    return {"kind": "point", "point": place.point.tolist()}


def _pass(place: Pass) -> dict[str, Any]:
    if place.cycle is not None:
        return _cycle(place, place.cycle) | {"unstable_eigenvalue": None}
    return {
        "kind": "point",
        "point": place.point.tolist(),
        "unstable_eigenvalue": None if place.saddle is None else place.saddle.unstable_eigenvalue,
    }


def _cycle(place: Attractor | Pass, cycle: LimitCycle) -> dict[str, Any]:
    """A closed curve: a point, points all along it, period, Floquet multipliers as [real, imaginary]."""
    return {
        "kind": "cycle",
        "point": cycle.point.tolist(),
        "curve": outline(place).tolist(),
        "period": cycle.period,
        "multipliers": [[float(m.real), float(m.imag)] for m in cycle.multipliers],
    }


def empty_noise(noise: ScaledNoise, places: Structure) -> dict[str, Any]:
    """The entry of a noise whose solution failed: what is known without it."""
    return {
        "kind": noise.kind,
        "scale": noise.scale,
        "anisotropy": _anisotropy(noise, places),
        "barriers": [],
        "stationary": [],
        "rates": [],
        "checks": {},
    }


def noise_summary(
    noise: ScaledNoise,
    places: Structure,
    analysis: Analysis,
    simulated: Simulations,
    checks: dict[str, float | None],
) -> dict[str, Any]:
    """The entry of one noise.  Collective."""
    return empty_noise(noise, places) | {
        "barriers": [
            {
                "from": b.start,
                "to": b.end,
                "saddle": b.saddle,
                "barrier": number(b.barrier),
                "lower": number(b.lower),
                "upper": number(b.upper),
                "log_prefactor": None if isinstance(a, Refused) else number(a.log_prefactor),
                **{
                    key: number(value) for key, value in barrier_estimates(analysis.system, places, b).items()
                },
            }
            for b, a in zip(analysis.barriers, analysis.asymptotics, strict=True)
        ],
        "well_weights": [number(w) for w in analysis.weights],
        "trusted_levels": [number(well.trusted_level) for well in analysis.wells],
        "stationary": [_stationary(level) for _, level in sorted(analysis.levels.items(), reverse=True)],
        "rates": _all_rates(analysis, simulated, places),
        "checks": {name: number(value) for name, value in checks.items()},
        "refused": {what: why.reason for what, why in analysis.refused.items()},
        **({"power_law": laws} if (laws := power_laws(noise, analysis)) else {}),
    }


def _anisotropy(noise: ScaledNoise, places: Structure) -> dict[str, Any]:
    def describe(point: Array) -> dict[str, Any]:
        tensor = noise.system.diffusion(point[:, None])[..., 0]
        return {
            "trace": float(np.trace(tensor)),
            "eigenvalues": np.linalg.eigvalsh(tensor).tolist(),
            "matrix": tensor.tolist(),
        }

    return {
        "attractors": [describe(p.point) for p in places.attractors],
        "saddles": [describe(s.point) for s in places.saddles],
    }


def _stationary(level: Level) -> dict[str, Any]:
    """Moments and masses at one noise level.  Collective."""
    log_mass = None if level.overlap else log_masses(level.state)
    return {
        "epsilon": level.state.epsilon,
        "mass": None if log_mass is None else np.exp(log_mass).tolist(),
        "log_mass": None if log_mass is None else [number(value) for value in log_mass],
        "log_normaliser": number(level.state.log_normaliser),
        "mean": [number(value) for value in level.mean],
        "covariance": [[number(value) for value in row] for row in level.covariance],
        "eigenvalues": [number(value) for value in level.spectrum.values],
        "eigenvalues_refused": level.spectrum.refusal,
    }


def _all_rates(analysis: Analysis, simulated: Simulations, places: Structure) -> list[dict[str, Any]]:
    """Rows for all noise levels, from the highest to the lowest."""
    power_laws = power_law_escapes(analysis, places)
    found = []
    for _, level in sorted(analysis.levels.items(), reverse=True):
        rows = _rates(analysis, level, simulated, places)
        if any(law is not None for law in power_laws):
            times = _chain_times(analysis, power_laws, level.state.epsilon)
            rows = [row | {"log_mfpt_mori": number(times[row["from"], row["to"]])} for row in rows]
        found += rows
    return found


def _rates(
    analysis: Analysis, level: Level, simulated: Simulations, places: Structure
) -> list[dict[str, Any]]:
    state = level.state
    if state.rates is None:
        return []
    laws = [None if isinstance(law, Refused) else law for law in analysis.asymptotics]
    kramers = _chain_times(analysis, laws, state.epsilon)
    error = time_error(level, analysis.gauge_gap)
    count = len(state.rates.log_weight)
    rows = []
    for i in range(count):
        for j in range(count):
            if i == j:
                continue
            passage = level.passages.get((i, j))
            row: dict[str, Any] = {
                "from": i,
                "to": j,
                "epsilon": state.epsilon,
                "log_rate": number(state.rates.log_rate[i, j]),
                "log_mfpt": number(state.rates.log_mfpt[i, j]),
                "log_mfpt_error": number(error),
                "log_mfpt_direct": None if passage is None else number(math.log(passage.mean)),
                "direct_target": None
                if passage is None
                else {"low": passage.target_low.tolist(), "high": passage.target_high.tolist()},
                "log_mfpt_kramers": number(kramers[i, j]),
                "kramers_trend": number((state.rates.log_mfpt[i, j] - kramers[i, j]) / state.epsilon),
                "log_mfpt_simulated": None,
                "simulated_ci": None,
                "simulated_by": None,
                "eigenvalue": number(level.spectrum.values[0]) if level.spectrum.values else None,
            }
            if state.epsilon in simulated and (i, j) == (places.start, places.target):
                row |= _simulated(simulated[state.epsilon])
            rows.append(row)
    return rows


def time_error(level: Level, gauge_gap: float | None) -> float:
    """Estimated error of log T: what it changes by under what must not matter.

    That is the gauge (refreshed, and made of V at the lowest noise level) and the window of the flux.
    """
    return max(level.gauge_refresh, level.state.window_change, gauge_gap or 0.0)


def _simulated(simulated: Simulated) -> dict[str, Any]:
    result: dict[str, Any] = {
        "log_mfpt_simulated": number(simulated.log_mean),
        "simulated_ci": list(simulated.ci),
        "simulated_by": simulated.by,
        "simulated_paths": simulated.paths,
        "simulated_replicas": simulated.replicas,
        "simulated_dt": simulated.dt,
    }
    if simulated.sde is not None:
        result["survival"] = _survival(simulated.sde)
    if simulated.sgd is not None:
        result |= {
            "log_mfpt_sgd": number(simulated.sgd.log_mean),
            "sgd_ci": list(simulated.sgd.ci),
            "sgd_learning_rate": simulated.sgd.learning_rate,
            "sgd_batch_size": simulated.sgd.batch_size,
            "sgd_survival": _survival(simulated.sgd),
        }
    return result


def _survival(simulation: Simulation) -> dict[str, list[float]]:
    """The survival curve: times, and the part of the paths that had not arrived by then."""
    return {
        "times": [float(f"{time:.6g}") for time in simulation.times],
        "probability": [float(f"{part:.6g}") for part in simulation.survival],
    }


class _Law(Protocol):
    def log_mfpt(self, epsilon: float) -> float: ...


def _chain_times(analysis: Analysis, laws: Sequence[_Law | None], epsilon: float) -> Array:
    """log mean first passage times of the chain with the rates of asymptotic laws, one for each barrier."""
    count = len(analysis.landmarks.pins)
    log_rate = np.full((count, count), -np.inf)
    for barrier, law in zip(analysis.barriers, laws, strict=True):
        if barrier.end is not None and law is not None:
            pair = barrier.start, barrier.end
            log_rate[pair] = np.logaddexp(log_rate[pair], -law.log_mfpt(epsilon))
    with np.errstate(invalid="ignore"):
        return markov_chain(epsilon, log_rate).log_mfpt
