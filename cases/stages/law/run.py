"""Barriers of the process itself: least action of its law over every pass, beside the diffusion's."""

from __future__ import annotations

import itertools
from dataclasses import replace
from functools import partial

from cases.contracts.escapes import LawBarrier, LawEntry, LawTime
from cases.contracts.values import number
from cases.problem.places import Structure
from cases.stages.base.stage import Setting, Solved
from meshes.serial import dealt, on_root
from solver.analysis.barriers import Barrier
from solver.errors import NotConverged, Refused
from solver.laws.cumulant import CumulantLaw
from solver.laws.finite_step import step_change
from solver.laws.jumps import JumpLaw
from solver.laws.least_action import LeastAction, least_action
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
    found = dealt(setting.comm, [partial(_escape, law, setting.places, barrier) for barrier in barriers])
    rows = [_row(law, barrier, one) for barrier, one in zip(barriers, found, strict=True)]
    problems = tuple(
        f"from {row['from']} over saddle {row['saddle']}: {row['refused']}"
        for row in rows
        if row["refused"] is not None and row["refused"] not in EXPECTED
    )
    if isinstance(law, CumulantLaw):
        return {"kind": "minibatch", "barriers": rows}, problems
    times = on_root(setting.comm, partial(_chain_times, setting, solved.noise.scale))
    return {"kind": "reactions", "barriers": rows, "times": times}, problems


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


def _escape(law: CumulantLaw | JumpLaw, places: Structure, barrier: Barrier) -> LeastAction | Refused:
    start, over = places.attractors[barrier.start], places.saddles[barrier.saddle]
    if start.cycle is not None or over.cycle is not None:
        return Refused(NO_CURVE)
    try:
        found = least_action(law, start.point, over.point, [barrier.instanton.points])
        if isinstance(found, Refused):
            return Refused(NO_PUSH)
        if law.dim > 1:
            return found
        exact = potential_difference(law, float(start.point[0]), float(over.point[0]))
        return replace(found, action=exact, error=1e-12 * exact)
    except NotConverged as error:
        return Refused(str(error))


def _row(law: CumulantLaw | JumpLaw, barrier: Barrier, found: LeastAction | Refused) -> LawBarrier:
    known = None if isinstance(found, Refused) else found
    return {
        "from": barrier.start,
        "to": barrier.end,
        "saddle": barrier.saddle,
        "barrier": None if known is None else number(known.action),
        "error": None if known is None else number(known.error),
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
