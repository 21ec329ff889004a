"""What summary.json says of one noise: the results of the solver as numbers, null where there is none."""

from __future__ import annotations

import itertools
import math
from collections.abc import Mapping

import numpy as np

from cases.base.remedies import with_remedy
from cases.contracts.escapes import BarrierEntry, RateEntry, StationaryEntry
from cases.contracts.places import AnisotropyEntry, AttractorEntry, PassEntry, TensorEntry
from cases.contracts.summary import NoiseEntry, PlacesPart, SolvedPart
from cases.contracts.values import matrix, number, vector
from cases.noise.tensors import ScaledNoise
from cases.problem.places import Structure, outline
from cases.results.estimates import barrier_estimates, power_law_escapes
from cases.results.power_law import power_laws
from cases.results.shortfalls import box_parts, known_parts
from solver.analysis.barriers import Barrier
from solver.analysis.evaluation import asymptotic_times, chain_times
from solver.analysis.noise_levels import Level
from solver.analysis.stages import Analysis
from solver.analysis.tolerance import time_error
from solver.errors import Refused
from solver.fokker_planck.moments import log_masses
from solver.paths.prefactor import Asymptotics
from solver.places.attractors import Attractor
from solver.places.passes import Pass
from solver.system import Array

CONVENTION = "dX = b dt + sqrt(eps) sigma dW; V: b.gradV + gradV.A.gradV/2 = 0"


def places_summary(places: Structure) -> PlacesPart:
    """The attractors, saddles and other fixed points."""
    return {
        "attractors": [_attractor(k, place) for k, place in enumerate(places.attractors)],
        "saddles": [_pass(n, place) for n, place in enumerate(places.saddles)],
        "start": places.start,
        "other_fixed_points": [{"kind": p.kind, "point": vector(p.point)} for p in places.others],
    }


def _attractor(index: int, place: Attractor) -> AttractorEntry:
    entry: AttractorEntry = {"index": index, "kind": "point", "point": vector(place.point)}
    _add_cycle(entry, place)
    return entry


def _pass(index: int, place: Pass) -> PassEntry:
    entry: PassEntry = {
        "index": index,
        "between": list(place.between),
        "kind": "point",
        "point": vector(place.point),
        "unstable_eigenvalue": None if place.saddle is None else place.saddle.unstable_eigenvalue,
    }
    _add_cycle(entry, place)
    return entry


def _add_cycle(entry: AttractorEntry | PassEntry, place: Attractor | Pass) -> None:
    """Of a closed curve: points all along it, period, Floquet multipliers as [real, imaginary]."""
    cycle = place.cycle
    if cycle is not None:
        entry["kind"] = "cycle"
        entry["point"] = vector(cycle.point)
        entry["curve"] = matrix(outline(place))
        entry["period"] = cycle.period
        entry["multipliers"] = [[float(m.real), float(m.imag)] for m in cycle.multipliers]


def empty_noise(noise: ScaledNoise, places: Structure) -> NoiseEntry:
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


def noise_summary(noise: ScaledNoise, places: Structure, analysis: Analysis) -> SolvedPart:
    """What the potentials, densities and rates add to the entry of a noise.  Collective."""
    part: SolvedPart = {
        "barriers": [
            _barrier(analysis, places, barrier, law)
            for barrier, law in zip(analysis.barriers, analysis.asymptotics, strict=True)
        ],
        "well_weights": [number(w) for w in analysis.weights],
        "trusted_levels": [number(well.trusted_level) for well in analysis.wells],
        "known": known_parts(analysis),
        "box": box_parts(analysis),
        "stationary": [_stationary(level) for _, level in sorted(analysis.levels.items(), reverse=True)],
        "rates": _all_rates(analysis, places),
        "refused": {what: with_remedy(why.reason) for what, why in analysis.refused.items()},
    }
    if laws := power_laws(noise, analysis):
        part["power_law"] = laws
    return part


def in_numbers(checks: Mapping[str, float | None]) -> dict[str, float | None]:
    """Values of checks as JSON has them."""
    return {name: number(value) for name, value in checks.items()}


def _barrier(analysis: Analysis, places: Structure, b: Barrier, law: Asymptotics | Refused) -> BarrierEntry:
    formulas = barrier_estimates(analysis.system, places, b)
    return {
        "from": b.start,
        "to": b.end,
        "saddle": b.saddle,
        "barrier": number(b.barrier),
        "lower": number(b.lower),
        "upper": number(b.upper),
        "log_prefactor": None if isinstance(law, Refused) else number(law.log_prefactor),
        "barrier_weak": number(formulas.weak),
        "barrier_xie": number(formulas.two_point),
        "noise_variation": number(formulas.variation),
    }


def _anisotropy(noise: ScaledNoise, places: Structure) -> AnisotropyEntry:
    def describe(point: Array) -> TensorEntry:
        tensor = noise.system.diffusion(point[:, None])[..., 0]
        return {
            "trace": float(np.trace(tensor)),
            "eigenvalues": vector(np.linalg.eigvalsh(tensor)),
            "matrix": matrix(tensor),
        }

    return {
        "attractors": [describe(p.point) for p in places.attractors],
        "saddles": [describe(s.point) for s in places.saddles],
    }


def _stationary(level: Level) -> StationaryEntry:
    """Moments and masses at one noise level.  Collective."""
    log_mass = None if level.overlap else log_masses(level.state)
    return {
        "epsilon": level.state.epsilon,
        "mass": None if log_mass is None else vector(np.exp(log_mass)),
        "log_mass": None if log_mass is None else [number(value) for value in log_mass],
        "log_normaliser": number(level.state.log_normaliser),
        "mean": [number(value) for value in level.mean],
        "covariance": [[number(value) for value in row] for row in level.covariance],
        "eigenvalues": [number(value) for value in level.spectrum.values],
        "eigenvalues_refused": level.spectrum.refusal,
    }


def _all_rates(analysis: Analysis, places: Structure) -> list[RateEntry]:
    """Rows for all noise levels, from the highest to the lowest."""
    power_laws = power_law_escapes(analysis, places)
    found = []
    for _, level in sorted(analysis.levels.items(), reverse=True):
        rows = _rates(analysis, level)
        if any(law is not None for law in power_laws):
            times = chain_times(analysis, power_laws, level.state.epsilon)
            for row in rows:
                row["log_mfpt_mori"] = number(times[row["from"], row["to"]])
        found += rows
    return found


def _rates(analysis: Analysis, level: Level) -> list[RateEntry]:
    state = level.state
    if state.rates is None:
        return []
    kramers = asymptotic_times(analysis, state.epsilon)
    rows: list[RateEntry] = []
    for i, j in itertools.permutations(range(len(state.rates.log_weight)), 2):
        passage = level.passages.get((i, j))
        rows.append(
            {
                "from": i,
                "to": j,
                "epsilon": state.epsilon,
                "log_rate": number(state.rates.log_rate[i, j]),
                "log_mfpt": number(state.rates.log_mfpt[i, j]),
                "log_mfpt_error": number(time_error(level, analysis.gauge_gap_of((i, j)), (i, j))),
                "log_mfpt_direct": None if passage is None else number(math.log(passage.mean)),
                "direct_target": None
                if passage is None
                else {"low": vector(passage.target_low), "high": vector(passage.target_high)},
                "log_mfpt_kramers": number(kramers[i, j]),
                "kramers_trend": number((state.rates.log_mfpt[i, j] - kramers[i, j]) / state.epsilon),
                "log_mfpt_simulated": None,
                "simulated_ci": None,
                "simulated_by": None,
                "eigenvalue": number(level.spectrum.values[0]) if level.spectrum.values else None,
            }
        )
    return rows
