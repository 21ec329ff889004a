"""What a finite learning rate changes: every barrier, to first order, and the passage times with them."""

from __future__ import annotations

from functools import partial

import numpy as np

from cases.contracts.escapes import LearningRateEntry, LearningRateTime, StepChange
from cases.contracts.values import number
from cases.problem.places import Structure
from cases.stages.base.stage import Setting, Solved
from meshes.serial import dealt
from solver.analysis.barriers import Barrier
from solver.fokker_planck.markov_chain import markov_chain
from solver.laws.diffusion import DiffusionLaw
from solver.laws.finite_step import step_change
from solver.laws.least_action import near_line
from solver.system import System


def at_learning_rates(setting: Setting, solved: Solved) -> LearningRateEntry:
    """V₁ of every barrier, and log T at every learning rate and noise level.  Collective."""
    analysis = solved.analysis
    work = [partial(_change, analysis.system, setting.places, barrier) for barrier in analysis.barriers]
    changes = dealt(setting.comm, work)
    rows: list[StepChange] = [
        {"from": b.start, "to": b.end, "saddle": b.saddle, "change": None if c is None else number(c)}
        for b, c in zip(analysis.barriers, changes, strict=True)
    ]
    times: list[LearningRateTime] = []
    for epsilon, level in sorted(analysis.levels.items(), reverse=True):
        rates = level.state.rates
        if rates is None:
            continue
        for eta in sorted(setting.case.compare.learning_rate):
            log_rate = np.array(rates.log_rate)
            for (i, j), change in _lowest(analysis.barriers, changes).items():
                # NaN where it is not known: no time that needs it is given
                log_rate[i, j] -= eta / epsilon * (np.nan if change is None else change)
            with np.errstate(invalid="ignore"):
                chain = markov_chain(epsilon, log_rate).log_mfpt
            times += [
                {
                    "from": i,
                    "to": j,
                    "epsilon": epsilon,
                    "learning_rate": eta,
                    "log_mfpt": number(chain[i, j]),
                }
                for i in range(len(chain))
                for j in range(len(chain))
                if i != j
            ]
    return {"barriers": rows, "times": times}


def _change(system: System, places: Structure, barrier: Barrier) -> float | None:
    """V₁ along the escape path of the diffusion; None where a cycle is left or passed."""
    if places.attractors[barrier.start].cycle is not None or places.saddles[barrier.saddle].cycle is not None:
        return None
    law = DiffusionLaw(system)
    return step_change(law, near_line(law, barrier.instanton.points))


def _lowest(
    barriers: tuple[Barrier, ...], changes: list[float | None]
) -> dict[tuple[int, int], float | None]:
    """The change of the lowest barrier of every pair."""
    found: dict[tuple[int, int], float | None] = {}
    for barrier, change in sorted(zip(barriers, changes, strict=True), key=lambda one: -one[0].barrier):
        if barrier.end is not None:
            found[barrier.start, barrier.end] = change
    return found
