"""Barriers without the floor of a degenerate noise, in words."""

from __future__ import annotations

from cases.base.numbers import number
from cases.contracts.summary import Summary


def floor_sentences(summary: Summary) -> list[str]:
    """What is to be said of the floors, a sentence for each barrier."""
    found = []
    for name, entry in summary["noises"].items():
        for barrier in entry["barriers"]:
            limit = barrier.get("floor_limit")
            if limit is None:
                continue
            way = f"Noise '{name}', from {barrier['from']} over saddle {barrier['saddle']}"
            if limit["lost"]:
                found.append(f"{way}: no path was found at smaller floors, so that nothing is extrapolated.")
            elif limit["value"] is None:
                costs = ", ".join(number(cost, 5) for cost in limit["costs"])
                found.append(f"{way}: the barrier has no limit as the floor is halved ({costs}).")
            else:
                value, error = number(limit["value"], 6), number(limit["error"], 1)
                found.append(f"{way}: the barrier without the floor is {value} ± {error}, extrapolated.")
    return found
