"""The comparison as rows: one per direction, noise and noise level.  The table and the report print these."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from cases.base.numbers import bracket, number
from cases.contracts.escapes import BarrierEntry, RateEntry
from cases.contracts.summary import NoiseEntry, Summary

Direction = tuple[int, int | None]  # None: over a saddle to no attractor of the domain
Interval = tuple[float, float]

#: Beside a barrier of which only that is known.
ESTIMATE = "(estimate)"
#: Relative difference below which a formula gives the computed barrier.
SAME = 1e-5
#: Largest |A/c − I| for which an expansion in it is shown.
SMALL = 1.0


@dataclass(frozen=True)
class Row:
    """What is known about one escape under one noise at one level; None where not computed."""

    noise: str
    trace: float | None = None
    epsilon: float | None = None
    barrier: float | None = None
    lower: float | None = None
    upper: float | None = None
    log_mfpt: float | None = None
    kramers: float | None = None
    simulated: float | None = None
    interval: Interval | None = None
    log_ratio: float | None = None
    error: float | None = None
    trend: float | None = None
    direct: float | None = None
    sgd: float | None = None
    sgd_interval: Interval | None = None
    sgd_note: str = ""
    weak: float | None = None
    variation: float | None = None
    xie: float | None = None
    mori: float | None = None
    doubtful: bool = False
    estimated_error: float | None = None

    def bounds(self, digits: int = 5) -> str:
        """The bracket of the barrier; of an estimate by the jet scheme, which has none, its error."""
        if self.estimated_error is None:
            return bracket(self.lower, self.upper, digits)
        return f"± {number(self.estimated_error, 1)} {ESTIMATE}"

    @property
    def formulas_differ(self) -> bool:
        """Whether a formula says anything else than the computed barrier (of isotropic noise none does)."""
        known = [value for value in (self.weak, self.xie) if value is not None]
        return self.barrier is not None and any(
            abs(value - self.barrier) > SAME * self.barrier for value in known
        )


def directions(summary: Summary) -> list[Direction]:
    """Escapes in the order to show them: the one compared first, then its reverse, then the others."""
    found: dict[Direction, None] = {}
    for entry in summary.get("comparison", []):
        found.setdefault((entry["from"], entry["to"]))
    for noise in summary["noises"].values():
        for barrier in noise.get("barriers", []):
            found.setdefault((barrier["from"], barrier["to"]))
        for rate in noise.get("rates", []):
            found.setdefault((rate["from"], rate["to"]))
    order = list(found)
    back = next(iter(order), (0, None))[::-1]
    for direction in order[1:]:
        if direction == back:
            order.remove(direction)
            order.insert(1, direction)
            break
    return order


def baseline(summary: Summary) -> str | None:
    """The noise that the others are compared with, if there is one."""
    comparison = summary.get("comparison", [])
    return comparison[0]["baseline"] if comparison else None


def rows(summary: Summary, direction: Direction) -> list[Row]:
    """All rows for one escape, noise by noise, from the largest noise level to the smallest."""
    ratios = {
        (entry["noise"], entry["from"], entry["to"], entry["epsilon"]): entry.get("log_rate_ratio")
        for entry in summary.get("comparison", [])
    }
    base = baseline(summary)
    result = []
    for name, noise in summary["noises"].items():
        row = Row(noise=name, trace=trace(noise, direction[0]))
        barrier = _pick(noise.get("barriers", []), direction)
        if barrier is not None:
            row = _with_barrier(row, barrier)
        rates = [rate for rate in noise.get("rates", []) if (rate["from"], rate["to"]) == direction]
        rates.sort(key=lambda rate: -rate["epsilon"])
        for rate in rates:
            ratio = 0.0 if name == base else ratios.get((name, *direction, rate["epsilon"]))
            result.append(_with_rate(row, rate, ratio))
        if not rates:
            result.append(row)
    return result


def _with_barrier(row: Row, barrier: BarrierEntry) -> Row:
    # an expansion in the anisotropy is shown where that is small enough for the word
    small = (barrier.get("noise_variation") or 0.0) < SMALL
    return replace(
        row,
        barrier=barrier.get("barrier"),
        lower=barrier.get("lower"),
        upper=barrier.get("upper"),
        weak=barrier.get("barrier_weak") if small else None,
        variation=barrier.get("noise_variation"),
        xie=barrier.get("barrier_xie"),
        estimated_error=barrier.get("estimated_error"),
    )


def _with_rate(row: Row, rate: RateEntry, ratio: float | None) -> Row:
    return replace(
        row,
        epsilon=rate["epsilon"],
        log_mfpt=rate.get("log_mfpt"),
        kramers=rate.get("log_mfpt_kramers"),
        simulated=rate.get("log_mfpt_simulated"),
        interval=_interval(rate.get("simulated_ci")),
        log_ratio=ratio,
        error=rate.get("log_mfpt_error"),
        trend=rate.get("kramers_trend"),
        direct=rate.get("log_mfpt_direct"),
        sgd=rate.get("log_mfpt_sgd"),
        sgd_interval=_interval(rate.get("sgd_ci")),
        sgd_note=_sgd_note(rate),
        mori=rate.get("log_mfpt_mori"),
        doubtful="doubtful" in rate,
    )


def goal(direction: Direction) -> str:
    """Where an escape leads, in words."""
    return "no attractor" if direction[1] is None else f"attractor {direction[1]}"


def _interval(ends: Sequence[float | None] | None) -> Interval | None:
    return (ends[0], ends[1]) if ends and ends[0] is not None and ends[1] is not None else None


def _sgd_note(rate: RateEntry) -> str:
    step, batch = rate.get("sgd_learning_rate"), rate.get("sgd_batch_size")
    return f"learning rate {step:g}, batch size {batch}" if step and batch else ""


def trace(noise: NoiseEntry, attractor: int) -> float | None:
    """Trace of A at an attractor."""
    places = noise["anisotropy"]["attractors"] if "anisotropy" in noise else []
    if 0 <= attractor < len(places) and places[attractor]:
        return places[attractor].get("trace")
    return None


def _pick(entries: Sequence[BarrierEntry], direction: Direction) -> BarrierEntry | None:
    """The lowest barrier of a direction (there may be several saddles); None without any."""
    mine = [entry for entry in entries if (entry["from"], entry["to"]) == direction]
    heights = [np.inf if (height := entry.get("barrier")) is None else height for entry in mine]
    return mine[int(np.argmin(heights))] if mine else None
