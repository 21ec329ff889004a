"""Extinction of a population on the line: V at the state 0, and the mean times of the chain."""

from __future__ import annotations

import numpy as np

from cases.contracts.escapes import Extinction, ExtinctionTime
from cases.contracts.values import number
from cases.stages.base.stage import Setting
from solver.errors import NotConverged
from solver.laws.diffusion import DiffusionLaw
from solver.laws.jumps import JumpLaw
from solver.laws.one_step import dies_out, extinction_cost, is_one_step, log_passage_time

#: Points between 0 and the box at which the sign of the drift is looked at.
BELOW = 200


def extinctions(setting: Setting, scale: float) -> list[Extinction]:
    """What it takes to die out, from every attractor.  Not collective.

    Nothing where the state 0 can be left, or where the drift has zeros below the box, which are not known.

    Args:
        setting: The case.
        scale: The noise level of the process in units of epsilon.
    """
    law, bounds = setting.landscape.law, setting.case.domain.bounds
    if not isinstance(law, JumpLaw) or bounds is None or bounds[0][0] <= 0 or not dies_out(law):
        return []
    low, high = bounds[0]
    drift = setting.landscape.drift(np.linspace(0.0, low, BELOW)[None, 1:])[0]
    if not (drift * drift[-1] > 0).all():
        return []
    places = setting.places
    points = [*(one.point for one in places.attractors), *(one.point for one in places.saddles)]
    zeros = [float(point[0]) for point in points]
    found: list[Extinction] = []
    for index, place in enumerate(places.attractors):
        start = float(place.point[0])
        between = [x for x in zeros if x < start]
        both: list[float | None] = []
        for one in (law, DiffusionLaw(law.diffusion())):
            try:
                both.append(number(extinction_cost(one, start, between) / scale))
            except NotConverged:
                both.append(None)
        times = _times(law, setting.case.compare.epsilon, scale, start, high)
        found.append({"from": index, "barrier": both[0], "diffusion": both[1], "times": times})
    return found


def _times(
    law: JumpLaw, epsilons: list[float], scale: float, start: float, wall: float
) -> list[ExtinctionTime]:
    if not is_one_step(law):
        return []
    found: list[ExtinctionTime] = []
    for epsilon in sorted(epsilons, reverse=True):
        try:
            value: float | None = number(log_passage_time(law, 1 / (epsilon * scale), start, 0.0, wall))
        except ValueError:  # too few individuals to tell the states apart, or too many to count
            value = None
        found.append({"epsilon": epsilon, "log_time": value})
    return found
