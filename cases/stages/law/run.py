"""Barriers of the process itself: least action of its law over every pass, beside the diffusion's."""

from __future__ import annotations

import itertools
from dataclasses import replace
from functools import partial

import numpy as np

from cases.contracts.escapes import LawBarrier, LawEntry, LawTime
from cases.contracts.values import number
from cases.problem.places import Structure
from cases.stages.base.stage import Setting, Solved
from cases.stages.law.extinction import extinctions
from meshes.serial import dealt, on_root
from solver.analysis.barriers import Barrier
from solver.arrays import Array
from solver.errors import NotConverged, Refused
from solver.laws.bracket import Bracket, bracket
from solver.laws.cumulant import CumulantLaw
from solver.laws.finite_step import step_change
from solver.laws.jumps import JumpLaw
from solver.laws.least_action import least_action
from solver.laws.line import potential_difference
from solver.laws.one_step import is_one_step, log_passage_time

NO_CURVE = "escapes from and over limit cycles are not computed for a law"
NO_PUSH = "nothing in the process pushes that way: the barrier is infinite along every path that was tried"
#: Reasons that are answers, and no failures.
EXPECTED = (NO_CURVE, NO_PUSH)
#: Every so many points of a path are written.
THINNED = 5


def law_of_noise(setting: Setting, solved: Solved) -> tuple[LawEntry, tuple[str, ...]]:
    """Barriers over every pass under the law of a noise, and a line for each that failed.  Collective."""
    assert setting.landscape.law is not None
    law = setting.landscape.law.scaled(solved.noise.scale)
    barriers = solved.analysis.barriers
    found = dealt(setting.comm, [partial(_escape, law, setting, barrier) for barrier in barriers])
    rows = [_row(law, barrier, one) for barrier, one in zip(barriers, found, strict=True)]
    problems = tuple(
        f"from {row['from']} over saddle {row['saddle']}: {row['refused']}"
        for row in rows
        if row["refused"] is not None and row["refused"] not in EXPECTED
    )
    if isinstance(law, CumulantLaw):
        return {"kind": "minibatch", "barriers": rows}, problems
    times = on_root(setting.comm, partial(_chain_times, setting, solved.noise.scale))
    ends = on_root(setting.comm, partial(extinctions, setting, solved.noise.scale))
    return {"kind": "reactions", "barriers": rows, "times": times, "extinctions": ends}, problems


def _chain_times(setting: Setting, scale: float) -> list[LawTime]:
    """Passage times of one-step processes on the line by the exact sum.  Not collective."""
    law = setting.landscape.law
    if not isinstance(law, JumpLaw) or not is_one_step(law) or setting.case.domain.bounds is None:
        return []
    points = [float(place.point[0]) for place in setting.places.attractors]
    low, high = setting.case.domain.bounds[0]
    found: list[LawTime] = []
    for epsilon in sorted(setting.case.compare.epsilon, reverse=True):
        for i, j in itertools.permutations(range(len(points)), 2):
            wall = low if points[j] > points[i] else high
            try:
                value: float | None = number(
                    log_passage_time(law, 1 / (epsilon * scale), points[i], points[j], wall)
                )
            except ValueError:  # too few individuals to tell the states apart, or too many to count
                value = None
            found.append({"from": i, "to": j, "epsilon": epsilon, "log_mfpt": value})
    return found


def _escape(law: CumulantLaw | JumpLaw, setting: Setting, barrier: Barrier) -> Bracket | Refused:
    places = setting.places
    start, over = places.attractors[barrier.start], places.saddles[barrier.saddle]
    if start.cycle is not None or over.cycle is not None:
        return Refused(NO_CURVE)
    line, bounds = barrier.instanton.points, setting.case.domain.bounds
    try:
        if law.dim == 2 and bounds is not None:
            ends = np.array(line[0]), np.array(line[-1])
            found = bracket(law, np.array(bounds), ends, _zeros(places), line, barrier.barrier)
            return Refused(NO_PUSH) if isinstance(found, Refused) else found
        path = least_action(law, start.point, over.point, [line])
        if isinstance(path, Refused):
            return Refused(NO_PUSH)
        if law.dim > 1:
            return Bracket(path, 0.0)
        exact = potential_difference(law, float(start.point[0]), float(over.point[0]))
        return Bracket(replace(path, action=exact, error=1e-12 * exact), exact * (1.0 - 1e-12))
    except NotConverged as error:
        return Refused(str(error))


def _zeros(places: Structure) -> list[Array]:
    """All zeros of the drift that are known."""
    attractors = [one.point for one in places.attractors if one.cycle is None]
    saddles = [one.point for one in places.saddles if one.cycle is None]
    return [*attractors, *saddles, *(one.point for one in places.others)]


def _row(law: CumulantLaw | JumpLaw, barrier: Barrier, found: Bracket | Refused) -> LawBarrier:
    known = None if isinstance(found, Refused) else found.found
    return {
        "from": barrier.start,
        "to": barrier.end,
        "saddle": barrier.saddle,
        "barrier": None if known is None else number(known.action),
        "error": None if known is None else number(known.error),
        "lower": None if isinstance(found, Refused) or found.lower <= 0.0 else number(found.lower),
        "upper": None if known is None else number(known.action + known.error),
        "diffusion": number(barrier.barrier),
        "largest_exponent": None
        if known is None
        else number(law.largest_exponent(known.points.T, known.momenta.T)),
        "per_learning_rate": None
        if known is None or isinstance(law, JumpLaw)
        else number(step_change(law, known)),
        "path": [] if known is None else [[float(c) for c in x] for x in known.points[::THINNED]],
        "refused": found.reason if isinstance(found, Refused) else None,
    }
