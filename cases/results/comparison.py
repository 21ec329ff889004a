"""Noises side by side: how barriers and rates compare with those of the baseline."""

from __future__ import annotations

from collections.abc import Mapping

from cases.contracts.comparisons import ComparisonEntry, ExitComparisonEntry
from cases.contracts.summary import NoiseEntry


def comparison(noises: Mapping[str, NoiseEntry], baseline: str, first: int) -> list[ComparisonEntry]:
    """Rows of ``comparison`` in summary.json, escapes from the starting attractor first.

    Args:
        noises: The ``noises`` of summary.json.
        baseline: The noise in the denominator.
        first: Index of the starting attractor.
    """
    if baseline not in noises:
        return []
    base_rates, base_barriers = _rates(noises[baseline]), _barriers(noises[baseline])
    rows: list[ComparisonEntry] = []
    for name, noise in noises.items():
        if name == baseline:
            continue
        rates, barriers = _rates(noise), _barriers(noise)
        pairs = list(dict.fromkeys([*barriers, *((i, j) for i, j, _ in rates)]))
        for start, end in sorted(pairs, key=lambda p: (p[0] != first, p)):
            levels = [e for i, j, e in rates if (i, j) == (start, end)]
            rows += [
                {
                    "from": start,
                    "to": end,
                    "epsilon": epsilon,
                    "noise": name,
                    "baseline": baseline,
                    "barrier_ratio": _ratio(barriers.get((start, end)), base_barriers.get((start, end))),
                    "log_rate_ratio": _difference(
                        rates.get((start, end, epsilon)), base_rates.get((start, end, epsilon))
                    ),
                }
                for epsilon in levels or [None]
            ]
    return rows


def exit_comparison(noises: Mapping[str, NoiseEntry], baseline: str) -> list[ExitComparisonEntry]:
    """Rows of ``exit_comparison`` in summary.json: for every set, noise and level, times over the baseline's.

    Args:
        noises: The ``noises`` of summary.json.
        baseline: The noise in the denominator.
    """
    rows: list[ExitComparisonEntry] = []
    for name, noise in noises.items():
        if name == baseline or baseline not in noises:
            continue
        pairs = zip(noise.get("exits", []), noises[baseline].get("exits", []), strict=True)
        for mine, base in pairs:
            times = {t["epsilon"]: t["log_rate"] for t in base["times"]}
            rates: list[tuple[float | None, float | None]] = [
                (time["epsilon"], time["log_rate"]) for time in mine["times"]
            ]
            for epsilon, rate in rates or [(None, None)]:
                other = None if epsilon is None else times.get(epsilon)
                rows.append(
                    {
                        "exit": mine["name"],
                        "epsilon": epsilon,
                        "noise": name,
                        "baseline": baseline,
                        "barrier_ratio": _ratio(mine["barrier"], base["barrier"]),
                        "log_rate_ratio": _difference(rate, other),
                    }
                )
    return rows


def _rates(noise: NoiseEntry) -> dict[tuple[int, int | None, float | None], float | None]:
    return {(r["from"], r["to"], r["epsilon"]): r["log_rate"] for r in noise["rates"]}


def _barriers(noise: NoiseEntry) -> dict[tuple[int, int | None], float]:
    lowest: dict[tuple[int, int | None], float] = {}
    for entry in noise["barriers"]:
        pair = (entry["from"], entry["to"])
        if entry["to"] is not None and entry["barrier"] is not None:
            lowest[pair] = min(entry["barrier"], lowest.get(pair, float("inf")))
    return lowest


def _ratio(value: float | None, base: float | None) -> float | None:
    return None if value is None or not base else value / base


def _difference(value: float | None, base: float | None) -> float | None:
    return None if value is None or base is None else value - base
