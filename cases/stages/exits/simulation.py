"""The Monte Carlo check of exit times from sets: plain paths, or splitting where they are too rare."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from mpi4py import MPI

from cases.casefile.schema import SimulateTable
from cases.contracts.exits import ExitEntry
from cases.results.simulated import Simulated, Simulations
from cases.stages.base.stage import Setting, Solved
from cases.stages.exits.sets import ExitSet
from cases.stages.simulation.passages import PLAIN_LOG
from solver.analysis.evaluation import trusted_potential
from solver.elements.evaluate import bounding_box
from solver.exits.exit_times import RegionExits
from solver.hamilton_jacobi.well import WellPotential
from solver.simulation.first_passage import mean_first_passage
from solver.simulation.sampling import Sampling
from solver.simulation.splitting import rare_passage, tabulated_progress
from solver.simulation.tabulate import Tabulated, tabulate
from solver.simulation.targets import Ball, Superlevel, Target
from solver.system import Array, Field


def simulate_exits(
    sets: Sequence[ExitSet], setting: Setting, solved: Solved, found: Sequence[RegionExits]
) -> list[Simulations]:
    """Simulated exit times of the sets that the case names, by noise level.  Collective.

    Args:
        sets: The sets.
        setting: Case, domain, attractors.
        solved: V of every attractor under a noise, which tells progress to the splitting.
        found: Their exit times from the equations.

    Raises:
        NotConverged: If too few paths arrive.
    """
    table, epsilons = setting.case.simulate, setting.case.compare.epsilon
    if table is None:
        return [{} for _ in sets]
    levels = table.epsilon or (epsilons if table.rare else [max(epsilons)])
    low, high = bounding_box(setting.domain)
    bounds = [(float(a), float(b)) for a, b in zip(low, high, strict=True)]
    tabulated = tabulate(solved.noise.system, bounds)
    results: list[Simulations] = []
    for one, exits in zip(sets, found, strict=True):
        mine: dict[float, Simulated] = {}
        if one.asked:
            start, target = setting.places.attractors[one.start].point, _outside(one, bounds)
            way_out = _WayOut(tabulated, start, target, solved.analysis.wells[one.start], table, setting.comm)
            computed = {t.epsilon: t.log_mean for t in exits.times}
            for epsilon in sorted(set(levels) & set(computed), reverse=True):
                rare = table.rare and computed[epsilon] > PLAIN_LOG
                mine[epsilon] = (way_out.split if rare else way_out.walk)(epsilon, computed[epsilon])
        results.append(mine)
    return results


@dataclass(frozen=True)
class _WayOut:
    """An exit to be simulated: by which dynamics, from where to where, and how."""

    dynamics: Tabulated
    start: Array
    target: Target
    well: WellPotential
    table: SimulateTable
    comm: MPI.Intracomm

    def walk(self, epsilon: float, computed: float) -> Simulated:
        """By plain paths.  Collective."""
        table = self.table
        sampling = Sampling(table.paths, table.seed, table.dt, table.max_time, comm=self.comm)
        plain = mean_first_passage(self.dynamics, self.start, self.target, epsilon, sampling)
        return Simulated(epsilon, plain.log_mean, plain.ci, "paths", plain.n, None, plain.dt, computed, None)

    def split(self, epsilon: float, computed: float) -> Simulated:
        """By splitting, with V for progress.  Collective."""
        table = self.table
        progress = tabulated_progress(_progress(self.well), self.dynamics, self.comm)
        sampling = Sampling(table.rare_paths, table.seed, table.dt, comm=self.comm)
        rare = rare_passage(
            self.dynamics, self.start, self.target, epsilon, progress, table.replicas, sampling
        )
        return Simulated(
            epsilon, rare.log_mean, rare.ci, "splitting", rare.paths, rare.replicas, rare.dt, computed, None
        )


def _outside(one: ExitSet, bounds: Sequence[tuple[float, float]]) -> Target:
    if one.ball is not None:
        return Ball(np.array(one.ball.centre), one.ball.radius, outside=True)
    return Superlevel(one.level, 0.0, bounds)


def _progress(well: WellPotential) -> Field:
    """V, and its trusted level beyond what is known."""
    potential = trusted_potential(well)

    def progress(x: Array) -> Array:
        return np.asarray(np.nan_to_num(potential(x), nan=well.trusted_level))

    return progress


def add_to_summary(exits: list[ExitEntry], simulated: Sequence[Simulations]) -> None:
    """Put the simulated times into the entry ``exits`` of a noise, null where there is none."""
    for entry, mine in zip(exits, simulated, strict=True):
        for time in entry["times"]:
            one = mine.get(time["epsilon"])
            time["log_exit_time_simulated"] = None if one is None else one.log_mean
            time["simulated_ci"] = None if one is None else list(one.ci)
            time["simulated_by"] = None if one is None else one.by
            time["simulated_paths"] = None if one is None else one.paths
