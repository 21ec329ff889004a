"""The comparison as rows: one per direction, noise and noise level.  The table and the report print these."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

Summary = Mapping[str, Any]
Direction = tuple[int, int | None]  # None: over a saddle to no attractor of the domain
Interval = tuple[float, float]

#: Relative difference below which a formula gives the computed barrier.
SAME = 1e-5
#: Largest |A/c − I| for which an expansion in it is shown.
SMALL = 1.0


@dataclass(frozen=True)
class Row:
    """What is known about one escape under one noise at one level; None where not computed."""

    noise: str
    epsilon: float | None
    trace: float | None
    barrier: float | None
    lower: float | None
    upper: float | None
    log_mfpt: float | None
    kramers: float | None
    simulated: float | None
    interval: Interval | None
    log_ratio: float | None
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

    @property
    def formulas_differ(self) -> bool:
        """Whether a formula says anything else than the computed barrier (of isotropic noise none does)."""
        known = [value for value in (self.weak, self.xie) if value is not None]
        return self.barrier is not None and any(
            abs(value - self.barrier) > SAME * self.barrier for value in known
        )


def directions(summary: Summary) -> list[Direction]:
    """Escapes in the order to show them: the one compared first, then its reverse, then the others."""
    found: dict[tuple[Any, Any], None] = {}
    for entry in summary.get("comparison", []):
        found.setdefault((entry["from"], entry["to"]))
    for noise in summary["noises"].values():
        for entry in [*noise.get("barriers", []), *noise.get("rates", [])]:
            found.setdefault((entry["from"], entry["to"]))
    order = list(found)
    if order and (back := (order[0][1], order[0][0])) in order[1:]:
        order.remove(back)
        order.insert(1, back)
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
        barrier = _pick(noise.get("barriers", []), direction)
        rates = [rate for rate in noise.get("rates", []) if (rate["from"], rate["to"]) == direction]
        rates.sort(key=lambda rate: -rate["epsilon"])
        for rate in rates or [{}]:
            epsilon = rate.get("epsilon")
            ratio = 0.0 if name == base else ratios.get((name, *direction, epsilon))
            result.append(
                Row(
                    noise=name,
                    epsilon=epsilon,
                    trace=trace(noise, direction[0]),
                    barrier=barrier.get("barrier"),
                    lower=barrier.get("lower"),
                    upper=barrier.get("upper"),
                    log_mfpt=rate.get("log_mfpt"),
                    kramers=rate.get("log_mfpt_kramers"),
                    simulated=rate.get("log_mfpt_simulated"),
                    interval=_interval(rate.get("simulated_ci")),
                    log_ratio=ratio if epsilon is not None else None,
                    error=rate.get("log_mfpt_error"),
                    trend=rate.get("kramers_trend"),
                    direct=rate.get("log_mfpt_direct"),
                    sgd=rate.get("log_mfpt_sgd"),
                    sgd_interval=_interval(rate.get("sgd_ci")),
                    sgd_note=_sgd_note(rate),
                    weak=_weak(barrier),
                    variation=barrier.get("noise_variation"),
                    xie=barrier.get("barrier_xie"),
                    mori=rate.get("log_mfpt_mori"),
                )
            )
    return result


def _weak(barrier: Mapping[str, Any]) -> float | None:
    """The barrier to first order in the anisotropy, where that is small enough for the word."""
    small = (barrier.get("noise_variation") or 0.0) < SMALL
    return barrier.get("barrier_weak") if small else None


def goal(direction: Direction) -> str:
    """Where an escape leads, in words."""
    return "no attractor" if direction[1] is None else f"attractor {direction[1]}"


def _interval(ends: Sequence[float | None] | None) -> Interval | None:
    return (ends[0], ends[1]) if ends and ends[0] is not None and ends[1] is not None else None


def _sgd_note(rate: Mapping[str, Any]) -> str:
    step, batch = rate.get("sgd_learning_rate"), rate.get("sgd_batch_size")
    return f"learning rate {step:g}, batch size {batch}" if step and batch else ""


def trace(noise: Mapping[str, Any], attractor: int) -> float | None:
    """Trace of A at an attractor."""
    places = noise.get("anisotropy", {}).get("attractors", [])
    if 0 <= attractor < len(places) and places[attractor]:
        value: float | None = places[attractor].get("trace")
        return value
    return None


def _pick(entries: list[dict[str, Any]], direction: Direction) -> dict[str, Any]:
    """The lowest barrier of a direction (there may be several saddles), or an empty entry."""
    mine = [entry for entry in entries if (entry["from"], entry["to"]) == direction]
    known = [entry for entry in mine if entry.get("barrier") is not None]
    return min(known, key=lambda entry: entry["barrier"]) if known else (mine[0] if mine else {})
