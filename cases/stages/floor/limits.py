"""Barriers of noises with a ``floor``, extrapolated to no floor: what A itself gives where it is singular."""

from __future__ import annotations

from dataclasses import replace

from cases.contracts.escapes import FloorLimit
from cases.contracts.values import number
from cases.noise.tensors import scaled
from cases.stages.base.stage import Setting, Solved
from solver.formulas.floor_limit import HALVINGS, floor_limit
from solver.system import Array


def floor_limits(setting: Setting, solved: Solved, start: Array) -> list[FloorLimit]:
    """For each barrier of a noise with a floor δ: its limit δ → 0, with the costs at δ, δ/2, ….

    The noise is scaled to the common strength at ``start`` at each of the floors.  Not collective.
    """
    case, name = setting.case, solved.name
    table = case.noise[name]
    systems = []
    for n in range(1, HALVINGS + 1):
        lower = table.model_copy(update={"floor": table.floor / 2**n})
        changed = replace(case, noise=case.noise | {name: lower})
        systems.append(scaled(changed, setting.landscape, start)[name].system)
    entries: list[FloorLimit] = []
    for barrier in solved.analysis.barriers:
        limit = floor_limit(systems, setting.places.attractors[barrier.start], barrier.instanton)
        entries.append(
            {
                "value": number(limit.value),
                "error": number(limit.error),
                "costs": [number(cost) for cost in limit.costs],
                "lost": limit.lost,
            }
        )
    return entries
