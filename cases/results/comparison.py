"""Noises side by side: how barriers and rates compare with those of the baseline."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


def comparison(noises: Mapping[str, Mapping[str, Any]], baseline: str, first: int) -> list[dict[str, Any]]:
    """Rows of ``comparison`` in summary.json, escapes from the starting attractor first.

    Args:
        noises: The ``noises`` of summary.json.
        baseline: The noise in the denominator.
        first: Index of the starting attractor.
    """
    if baseline not in noises:
        return []
    base_rates, base_barriers = _rates(noises[baseline]), _barriers(noises[baseline])
    rows = []
    for name, noise in noises.items():
        if name == baseline:
            continue
        rates, barriers = _rates(noise), _barriers(noise)
        pairs = list(dict.fromkeys([*barriers, *((i, j) for i, j, _ in rates)]))
        for pair in sorted(pairs, key=lambda p: (p[0] != first, p)):
            epsilons = [e for i, j, e in rates if (i, j) == pair] or [None]
            for epsilon in epsilons:
                rows.append(
                    {
                        "from": pair[0],
                        "to": pair[1],
                        "epsilon": epsilon,
                        "noise": name,
                        "baseline": baseline,
                        "barrier_ratio": _ratio(barriers.get(pair), base_barriers.get(pair)),
                        "log_rate_ratio": _difference(
                            rates.get((*pair, epsilon)), base_rates.get((*pair, epsilon))
                        ),
                    }
                )
    return rows


def exit_comparison(noises: Mapping[str, Mapping[str, Any]], baseline: str) -> list[dict[str, Any]]:
    """Rows of ``exit_comparison`` in summary.json: for every set, noise and level, times over the baseline's.

    Args:
        noises: The ``noises`` of summary.json.
        baseline: The noise in the denominator.
    """
    rows = []
    for name, noise in noises.items():
        if name == baseline or baseline not in noises:
            continue
        for mine, base in zip(noise.get("exits", []), noises[baseline].get("exits", []), strict=True):
            times = {t["epsilon"]: t["log_rate"] for t in base["times"]}
            for time in mine["times"] or [{"epsilon": None, "log_rate": None}]:
                rows.append(
                    {
                        "exit": mine["name"],
                        "epsilon": time["epsilon"],
                        "noise": name,
                        "baseline": baseline,
                        "barrier_ratio": _ratio(mine["barrier"], base["barrier"]),
                        "log_rate_ratio": _difference(time["log_rate"], times.get(time["epsilon"])),
                    }
                )
    return rows


def _rates(noise: Mapping[str, Any]) -> dict[tuple[int, int, Any], float | None]:
    return {(r["from"], r["to"], r["epsilon"]): r["log_rate"] for r in noise["rates"]}


def _barriers(noise: Mapping[str, Any]) -> dict[tuple[int, int], float]:
    lowest: dict[tuple[int, int], float] = {}
    for entry in noise["barriers"]:
        pair = (entry["from"], entry["to"])
        if entry["to"] is not None:
            lowest[pair] = min(entry["barrier"], lowest.get(pair, float("inf")))
    return lowest


def _ratio(value: float | None, base: float | None) -> float | None:
    return None if value is None or not base else value / base


def _difference(value: float | None, base: float | None) -> float | None:
    return None if value is None or base is None else value - base
