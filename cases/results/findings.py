"""What the checks of potentials, densities and rates found, each about the entry that it concerns.

A value that fails makes its entry doubtful: one noise level, one pair of attractors, one barrier.  It is a
problem of the run only where that entry was asked for: the others stand, and are told as doubts.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from cases.contracts.escapes import BarrierEntry, RateEntry, StationaryEntry
from cases.contracts.summary import NoiseEntry
from cases.results.checks import ADVICE, CHECKS, arrhenius
from solver.analysis.barriers import direct_costs
from solver.analysis.noise_levels import Level
from solver.analysis.stages import Analysis
from solver.system import Array

#: Checks of the density alone: rates have their own.
OF_DENSITY = ("density_refresh", "mass_refresh")

#: A well is left so fast below this barrier over ε (e³ = 20 relaxation times) that there is hardly a rate.
SEPARATE = 3.0


@dataclass(frozen=True)
class Wanted:
    """The escape that a case asks about.

    Attributes:
        pair: From which attractor to which; None where there are not two.
        named: The case names one of them; else they are the first ones, whatever they are.
    """

    pair: tuple[int, int] | None
    named: bool


@dataclass(frozen=True)
class Finding:
    """One value of a check.

    Attributes:
        check: Its name.
        value: What was found.
        epsilon: The noise level that it is about; None for what depends on none.
        pair: From which attractor to which (None: to no other one); a single number for V of one well; None
            for what is about a density as a whole.
        asked: Whether the case asks for what it is about.
    """

    check: str
    value: float
    epsilon: float | None = None
    pair: tuple[int, int | None] | tuple[int] | None = None
    asked: bool = True

    @property
    def failed(self) -> bool:
        """Whether it is above what is allowed, or no number."""
        return not self.value <= CHECKS[self.check][0]

    @property
    def text(self) -> str:
        """In a sentence: what failed, where, by how much, what it is and what to do."""
        limit, meaning = CHECKS[self.check]
        where = [] if self.epsilon is None else [f"at epsilon = {self.epsilon:g}"]
        if self.pair is not None and len(self.pair) == 1:
            where.append(f"in the well of attractor {self.pair[0]}")
        elif self.pair is not None:
            goal = "no attractor" if self.pair[1] is None else str(self.pair[1])
            where.append(f"from attractor {self.pair[0]} to {goal}")
        place = f" {', '.join(where)}" if where else ""
        return f"{self.check} = {self.value:.3g}{place} is above {limit:g} ({meaning}); {ADVICE[self.check]}"


def findings(analysis: Analysis, wanted: Wanted) -> list[Finding]:
    """All values, from the highest noise level to the lowest."""
    found = list(_of_potentials(analysis, wanted))
    for _, level in sorted(analysis.levels.items(), reverse=True):
        found += _of_level(level, analysis, wanted)
    with_rates = [epsilon for epsilon, level in analysis.levels.items() if level.state.rates is not None]
    if analysis.gauge_gaps is not None:
        found += _of_pairs("gauge_gap", analysis.gauge_gaps, min(with_rates), analysis, wanted)
    if wanted.pair is not None and with_rates:
        slopes = arrhenius(analysis, wanted.pair)
        asked = _is_asked(analysis, wanted, wanted.pair, min(with_rates))
        for name in ("arrhenius_slope", "arrhenius_trend"):
            if (value := slopes[name]) is not None:
                found.append(Finding(name, value, min(with_rates), wanted.pair, asked))
    return found


def _of_potentials(analysis: Analysis, wanted: Wanted) -> Iterator[Finding]:
    of_interest = wanted.pair or (0,)
    for well in analysis.wells:
        asked = not wanted.named or well.index in of_interest
        yield Finding("hj_residual", float(well.iteration.residual), None, (well.index,), asked)
    for one in analysis.barriers:
        asked = not wanted.named or one.start in of_interest
        yield Finding("hj_instanton", float(one.mismatch), None, (one.start, one.end), asked)
        uncertainty = float((one.upper - one.barrier) / one.barrier)
        yield Finding("barrier_uncertainty", uncertainty, None, (one.start, one.end), asked)


def _of_level(level: Level, analysis: Analysis, wanted: Wanted) -> Iterator[Finding]:
    epsilon = level.state.epsilon
    change = float(level.density_refresh)
    # rates see little of the steep outer slopes, on which log p is the first to fail
    of_rates = wanted.pair is not None and level.state.rates is not None
    asked = not of_rates or change <= CHECKS["density_refresh"][0]
    yield Finding("density_refresh", change, epsilon, asked=asked)
    yield Finding("mass_refresh", float(level.mass_refresh), epsilon)
    yield Finding("positivity", float(np.exp(-level.margin)), epsilon)
    by_pair = {
        "gauge_refresh": level.gauge_changes,
        "window": level.state.window_changes,
        "committor": level.state.committor_errors,
    }
    for name, changes in by_pair.items():
        if changes is not None:
            yield from _of_pairs(name, changes, epsilon, analysis, wanted)


def _of_pairs(
    name: str, changes: Array, epsilon: float, analysis: Analysis, wanted: Wanted
) -> Iterator[Finding]:
    for pair in itertools.permutations(range(len(changes)), 2):
        asked = _is_asked(analysis, wanted, pair, epsilon)
        yield Finding(name, float(changes[pair]), epsilon, pair, asked)


def _is_asked(analysis: Analysis, wanted: Wanted, pair: tuple[int, int], epsilon: float) -> bool:
    """Whether it is the escape that the case names; if it names none, the first one if it is an escape."""
    if pair != wanted.pair:
        return False
    depth = float(np.min(direct_costs(len(analysis.wells), analysis.barriers)[pair[0]]))
    return wanted.named or depth >= SEPARATE * epsilon


def failed(found: Sequence[Finding], *, asked: bool) -> list[str]:
    """The sentences on what failed, of what was asked for or of the rest."""
    return [one.text for one in found if one.failed and one.asked == asked]


def worst(found: Sequence[Finding]) -> dict[str, float | None]:
    """The largest value of every check over what was asked for; None where there is nothing to check."""
    names = [
        "hj_residual", "hj_instanton", "barrier_uncertainty", "gauge_refresh", "gauge_gap", "density_refresh",
        "mass_refresh", "committor", "window", "positivity", "arrhenius_slope", "arrhenius_trend",
        "simulation_gap",
    ]  # fmt: skip
    values: dict[str, float | None] = dict.fromkeys(names)
    for one in found:
        known = values[one.check]
        # what is no number is worse than any
        if one.asked and (known is None or not one.value <= known):
            values[one.check] = one.value
    return values


def mark_doubts(entry: NoiseEntry, found: Sequence[Finding]) -> None:
    """Say in every entry of a noise which check of it failed; what was not asked for also in its doubts."""
    for one in found:
        if not one.failed:
            continue
        if not one.asked:
            entry.setdefault("doubts", []).append(one.text)
        if one.epsilon is None:
            for barrier in entry["barriers"]:
                if one.pair in ((barrier["from"], barrier["to"]), (barrier["from"],)):
                    _doubt(barrier, one.text)
            continue
        for rate in entry["rates"]:
            whole = one.pair is None and one.check not in OF_DENSITY
            if rate["epsilon"] == one.epsilon and (whole or one.pair == (rate["from"], rate["to"])):
                _doubt(rate, one.text)
        for density in entry["stationary"]:
            if one.pair is None and density["epsilon"] == one.epsilon:
                _doubt(density, one.text)


def _doubt(entry: BarrierEntry | RateEntry | StationaryEntry, text: str) -> None:
    entry["doubtful"] = "; ".join(dict.fromkeys([*filter(None, [entry.get("doubtful")]), text]))
