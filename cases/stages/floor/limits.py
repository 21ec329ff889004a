"""Barriers of noises with a ``floor``, extrapolated to no floor: what A itself gives where it is singular."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from cases.casefile.case import Case
from cases.landscapes.landscape import Landscape
from cases.noise.tensors import scaled
from cases.problem.places import Structure
from cases.results.summary import number
from solver.analysis.stages import Analysis
from solver.formulas.floor_limit import HALVINGS, floor_limit
from solver.system import Array


def floor_limits(
    case: Case, landscape: Landscape, name: str, start: Array, places: Structure, analysis: Analysis
) -> list[dict[str, Any]]:
    """For each barrier of a noise with a floor δ: its limit δ → 0, with the costs at δ, δ/2, …; else nothing.

    The noise is scaled to the common strength at each of the floors.  Not collective.
    """
    table = case.noise[name]
    if table.floor == 0:
        return []
    systems = []
    for n in range(1, HALVINGS + 1):
        lower = table.model_copy(update={"floor": table.floor / 2**n})
        systems.append(scaled(replace(case, noise=case.noise | {name: lower}), landscape, start)[name].system)
    entries = []
    for barrier in analysis.barriers:
        limit = floor_limit(systems, places.attractors[barrier.start], barrier.instanton)
        entries.append(
            {
                "value": number(limit.value),
                "error": number(limit.error),
                "costs": [number(cost) for cost in limit.costs],
                "lost": limit.lost,
            }
        )
    return entries
