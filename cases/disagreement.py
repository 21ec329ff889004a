"""Where two measures of escape order the noises differently, said in words.

A noise may leave one set faster than the baseline and another one slower; it may have the lower barrier and
yet be slower at a finite noise level, where the prefactor decides.  Neither is an error: which noise
"escapes faster" depends on the question, and the summary says so instead of choosing.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import combinations
from typing import Any

from cases.numbers import factor, number

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


def disagreements(noises: Mapping[str, Mapping[str, Any]], baseline: str, start: int) -> list[dict[str, Any]]:
    """Rows of ``disagreements`` in summary.json, each with a sentence under ``text``.

    Args:
        noises: The ``noises`` of summary.json.
        baseline: The noise that the others are compared with.
        start: Index of the starting attractor.
    """
    measures = _measures(noises, start)
    found = []
    for name in noises:
        if name == baseline:
            continue
        for measure in measures:
            found += _prefactor(measure, name, baseline)
        for first, second in combinations(measures, 2):
            found += _between(first, second, name, baseline)
    return found


def _measures(noises: Mapping[str, Mapping[str, Any]], start: int) -> list[Measure]:
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


def _prefactor(measure: Measure, noise: str, baseline: str) -> list[dict[str, Any]]:
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


def _between(first: Measure, second: Measure, noise: str, baseline: str) -> list[dict[str, Any]]:
    """Two sets that order a noise and the baseline differently, by barrier or at some noise level."""
    ratios = [_log_ratio(measure.barriers, noise, baseline) for measure in (first, second)]
    reversed_barriers = None not in ratios and _opposite(ratios, SAME_BARRIER)
    levels = []
    for epsilon in sorted(set(first.times) & set(second.times), reverse=True):
        gains = [_gain(measure.times[epsilon], noise, baseline) for measure in (first, second)]
        if None not in gains and _opposite(gains, SAME_TIME):
            levels.append(epsilon)
    if not levels and not reversed_barriers:
        return []
    sign = _gain(first.times[levels[-1]], noise, baseline) if levels else -(ratios[0] or 0.0)
    fast, slow = (first, second) if (sign or 0.0) > 0 else (second, first)

    def evidence(measure: Measure) -> str:
        parts = [
            f"{factor(abs(_gain(measure.times[e], noise, baseline) or 0.0))} times at epsilon = {e:g}"
            for e in levels
        ]
        if reversed_barriers:
            heights = measure.barriers[noise], measure.barriers[baseline]
            parts.append(f"barrier {number(heights[0], 4)} against {number(heights[1], 4)}")
        return ", ".join(parts)

    text = (
        f"the order is reversed: '{noise}' leaves {fast.text} faster than '{baseline}' ({evidence(fast)}), "
        f"but {slow.text} more slowly ({evidence(slow)})"
    )
    return [_row("set", noise, baseline, levels, text)]


def _row(kind: str, noise: str, baseline: str, epsilons: list[float], text: str) -> dict[str, Any]:
    return {"kind": kind, "noise": noise, "baseline": baseline, "epsilon": epsilons, "text": text}


def _gain(times: Mapping[str, float], noise: str, baseline: str) -> float | None:
    """log of how many times faster a noise is than the baseline."""
    return times[baseline] - times[noise] if noise in times and baseline in times else None


def _log_ratio(barriers: Mapping[str, float], noise: str, baseline: str) -> float | None:
    if noise not in barriers or not barriers.get(baseline):
        return None
    return barriers[noise] / barriers[baseline] - 1.0


def _opposite(values: Sequence[float | None], least: float) -> bool:
    one, other = (value or 0.0 for value in values)
    return min(abs(one), abs(other)) > least and one * other < 0
