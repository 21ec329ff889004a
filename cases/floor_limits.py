"""Barriers of noises with a ``floor``, extrapolated to no floor: what A itself gives where it is singular."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from cases.casefile import Case
from cases.domain import Structure
from cases.landscape import Landscape
from cases.noise import scaled
from cases.summary import number
from solver.analysis import Analysis
from solver.floor_limit import HALVINGS, floor_limit
from solver.limit_cycles import LimitCycle
from solver.system import Array


def floor_limits(
    case: Case, landscape: Landscape, name: str, start: Array, places: Structure, analysis: Analysis
) -> list[dict[str, Any]]:
    """For each barrier of a noise with a floor δ: its limit δ → 0, with the costs at δ, δ/2, … .

    The noise is scaled to the common strength at each of the floors.  Not collective: every rank does the
    same work.
    """
    table = case.noise[name]
    systems = []
    for n in range(1, HALVINGS + 1):
        lower = table.model_copy(update={"floor": table.floor / 2**n})
        systems.append(scaled(replace(case, noise=case.noise | {name: lower}), landscape, start)[name].system)
    entries = []
    for barrier in analysis.barriers:
        attractor = places.attractors[barrier.start]
        at = attractor if isinstance(attractor, LimitCycle) else attractor.point
        limit = floor_limit(systems, at, barrier.instanton)
        entries.append(
            {
                "value": number(limit.value),
                "error": number(limit.error),
                "costs": [number(cost) for cost in limit.costs],
            }
        )
    return entries


def with_floor_limits(barriers: list[dict[str, Any]], limits: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The entries of the barriers with those of their limits as ``floor_limit``."""
    return [entry | {"floor_limit": limit} for entry, limit in zip(barriers, limits, strict=True)]
