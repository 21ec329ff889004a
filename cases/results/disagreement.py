"""Where two measures of escape order the noises differently, said in words.

A noise may leave one set faster than the baseline and another one slower; it may have the lower barrier and
yet be slower at a finite noise level, where the prefactor decides.  Neither is an error: which noise
"escapes faster" depends on the question, and the summary says so instead of choosing.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

from cases.base.numbers import factor, number
from cases.contracts.comparisons import DisagreementEntry
from cases.contracts.summary import NoiseEntry

#: Relative differences of barriers, and differences of log T, below which two noises count as equal.
SAME_BARRIER, SAME_TIME = 1e-3, 5e-3


@dataclass(frozen=True)
class Measure:
    """One way to ask how fast a noise escapes.

    Attributes:
        text: What is left, in words.
        barriers: Exponent of every noise that has one.
        times: log T by noise level and noise.
    """

    text: str
    barriers: dict[str, float] = field(default_factory=dict)
    times: dict[float, dict[str, float]] = field(default_factory=dict)


def disagreements(noises: Mapping[str, NoiseEntry], baseline: str, start: int) -> list[DisagreementEntry]:
    """Rows of ``disagreements`` in summary.json, each with a sentence under ``text``.

    Args:
        noises: The ``noises`` of summary.json.
        baseline: The noise that the others are compared with.
        start: Index of the starting attractor.
    """
    measures = _measures(noises, start)
    found: list[DisagreementEntry] = []
    for name in noises:
        if name == baseline:
            continue
        for measure in measures:
            found += _prefactor(measure, name, baseline)
        found += _order(measures, name, baseline)
    return found


def _measures(noises: Mapping[str, NoiseEntry], start: int) -> list[Measure]:
    found: dict[str, Measure] = {}
    for noise, entry in noises.items():
        for one in entry.get("exits", []):
            if one.get("from", start) != start:
                continue
            measure = found.setdefault(f"exit {one['name']}", Measure(f"the set {{{one['set']}}}"))
            if one["barrier"] is not None:
                measure.barriers[noise] = one["barrier"]
            for time in one["times"]:
                measure.times.setdefault(time["epsilon"], {})[noise] = time["log_exit_time"]
        for rate in entry.get("rates", []):
            if rate["from"] == start and rate["log_mfpt"] is not None:
                measure = _passage(found, start, rate["to"])
                measure.times.setdefault(rate["epsilon"], {})[noise] = rate["log_mfpt"]
        for barrier in entry.get("barriers", []):
            if barrier["from"] == start and barrier["to"] is not None and barrier["barrier"] is not None:
                known = _passage(found, start, barrier["to"]).barriers
                known[noise] = min(barrier["barrier"], known.get(noise, float("inf")))
    return list(found.values())


def _passage(found: dict[str, Measure], start: int, end: int) -> Measure:
    return found.setdefault(f"pass {end}", Measure(f"attractor {start} for attractor {end}"))


def _prefactor(measure: Measure, noise: str, baseline: str) -> list[DisagreementEntry]:
    """Lower barrier but slower, or higher but faster, at some noise level."""
    mine, base = measure.barriers.get(noise), measure.barriers.get(baseline)
    if mine is None or base is None or abs(mine - base) < SAME_BARRIER * base:
        return []
    gains = {e: _gain(times, noise, baseline) for e, times in sorted(measure.times.items(), reverse=True)}
    against = {
        e: abs(gain)
        for e, gain in gains.items()
        if gain is not None and abs(gain) > SAME_TIME and (gain > 0) != (mine < base)
    }
    if not against:
        return []
    height, speed = ("lower", "slower") if mine < base else ("higher", "faster")
    cases = ", ".join(f"{factor(gain)} times {speed} at epsilon = {e:g}" for e, gain in against.items())
    text = (
        f"'{noise}' has the {height} barrier out of {measure.text} ({number(mine, 4)} against "
        f"{number(base, 4)} of '{baseline}') and yet leaves it {cases}: the prefactor decides there, the "
        "barrier only as epsilon goes to 0"
    )
    return [_row("exponent", noise, baseline, list(against), text)]


def _order(ways: Sequence[Measure], noise: str, baseline: str) -> list[DisagreementEntry]:
    """Sets and passes that are left faster under a noise, and others more slowly."""
    levels = [
        epsilon
        for epsilon in sorted({e for way in ways for e in way.times}, reverse=True)
        if _both_signs([_gain(way.times.get(epsilon, {}), noise, baseline) for way in ways], SAME_TIME)
    ]
    ratios = [_log_ratio(way.barriers, noise, baseline) for way in ways]
    by_barrier = _both_signs(ratios, SAME_BARRIER)
    if not levels and not by_barrier:
        return []
    if levels:
        signs, least = [_gain(way.times.get(levels[-1], {}), noise, baseline) for way in ways], SAME_TIME
    else:
        signs, least = [None if ratio is None else -ratio for ratio in ratios], SAME_BARRIER

    def evidence(way: Measure) -> str:
        gains = [_gain(way.times.get(epsilon, {}), noise, baseline) for epsilon in levels]
        parts = [f"rate times {', '.join(factor(gain) for gain in gains)}"] if levels else []
        if by_barrier and noise in way.barriers and baseline in way.barriers:
            heights = way.barriers[noise], way.barriers[baseline]
            parts.append(f"barrier {number(heights[0], 4)} against {number(heights[1], 4)}")
        return "; ".join(parts)

    def told(sign: float, words: str) -> str:
        mine = [way for way, found in zip(ways, signs, strict=True) if sign * (found or 0.0) > least]
        first, *others = mine
        return ", ".join(
            [
                f"{first.text} {words} ({evidence(first)})",
                *(f"{way.text} ({evidence(way)})" for way in others),
            ]
        )

    where = f"at epsilon = {', '.join(f'{epsilon:g}' for epsilon in levels)} " if levels else ""
    faster = told(1.0, f"faster than '{baseline}'")
    text = (
        f"{where}the order depends on what is left: '{noise}' leaves {faster}, "
        f"but {told(-1.0, 'more slowly')}"
    )
    return [_row("set", noise, baseline, levels, text)]


def _row(
    kind: Literal["exponent", "set"], noise: str, baseline: str, epsilons: list[float], text: str
) -> DisagreementEntry:
    return {"kind": kind, "noise": noise, "baseline": baseline, "epsilon": epsilons, "text": text}


def _gain(times: Mapping[str, float], noise: str, baseline: str) -> float | None:
    """log of how many times faster a noise is than the baseline."""
    return times[baseline] - times[noise] if noise in times and baseline in times else None


def _log_ratio(barriers: Mapping[str, float], noise: str, baseline: str) -> float | None:
    if noise not in barriers or not barriers.get(baseline):
        return None
    return barriers[noise] / barriers[baseline] - 1.0


def _both_signs(values: Sequence[float | None], least: float) -> bool:
    known = [value for value in values if value is not None]
    return max(known, default=0.0) > least and min(known, default=0.0) < -least
