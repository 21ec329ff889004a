"""The Monte Carlo check of a case: the SDE, plainly or by splitting, and minibatch SGD on the data."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from cases.casefile.schema import SimulateTable
from cases.results.simulated import Simulated, Simulations
from cases.stages.base.stage import Setting, Solved
from solver.analysis.stages import Analysis
from solver.elements.evaluate import bounding_box
from solver.fokker_planck.committor import committors
from solver.fokker_planck.passage import TARGET_RADIUS
from solver.simulation.first_passage import mean_first_passage
from solver.simulation.minibatch import Minibatch, minibatch_first_passage
from solver.simulation.sampling import Sampling
from solver.simulation.splitting import committor_progress, rare_passage
from solver.simulation.tabulate import Tabulated, tabulate
from solver.simulation.targets import Ball
from solver.system import Array

PLAIN_LOG = 7.0
"""log T up to which plain simulation is preferred: it needs no reaction coordinate."""
STEEPEST = 20.0
"""Largest barrier/ε at which a committor is a reaction coordinate: beyond, most of it is rounding."""


def simulate(setting: Setting, solved: Solved) -> Simulations:
    """Run the simulations that the case asks for, by noise level; empty if it asks for none.  Collective.

    The target is the ellipsoid of the direct passage time (:mod:`solver.fokker_planck.passage`), so that the
    two are means of the same random time.

    Raises:
        NotConverged: If too few paths arrive.
    """
    table, epsilons = setting.case.simulate, setting.case.compare.epsilon
    if table is None or setting.places.target is None or not epsilons:
        return {}
    levels = table.epsilon or (epsilons if table.rare else [max(epsilons)])
    low, high = bounding_box(setting.domain)
    dynamics = tabulate(solved.noise.system, list(zip(low, high, strict=True)))
    passage = _Passage(setting, solved, table, dynamics, setting.places.target)
    found = {}
    for epsilon in sorted(levels, reverse=True):
        computed = log_passage_time(solved.analysis, epsilon, (setting.places.start, passage.end))
        if table.rare and computed is not None and computed > PLAIN_LOG:
            found[epsilon] = passage.split(epsilon, computed)
        else:
            found[epsilon] = passage.walk(epsilon, computed)
    return found


def log_passage_time(analysis: Analysis, epsilon: float, pair: tuple[int, int]) -> float | None:
    """log of the mean passage time between two attractors: direct where possible, else from the rates."""
    level = analysis.levels.get(epsilon)
    if level is None:
        return None
    if pair in level.passages:
        return float(np.log(level.passages[pair].mean))
    rates = level.state.rates
    return None if rates is None else float(rates.log_mfpt[pair])


@dataclass(frozen=True)
class _Passage:
    """A passage to be simulated: under which noise, by which dynamics, to which attractor, and how."""

    setting: Setting
    solved: Solved
    table: SimulateTable
    dynamics: Tabulated
    end: int

    @property
    def start(self) -> Array:
        """Where paths start."""
        return self.setting.places.attractors[self.setting.places.start].point

    def target(self, epsilon: float) -> Ball:
        """Where they end: an ellipsoid of the shape of the density round the attractor."""
        goal = self.setting.places.found.pinned(self.solved.noise.system).pins[self.end]
        metric = np.asarray(np.linalg.inv(goal.covariance), dtype=np.float64)
        return Ball(goal.point, TARGET_RADIUS * float(np.sqrt(epsilon)), metric)

    def walk(self, epsilon: float, computed: float | None) -> Simulated:
        """By plain paths, and by minibatch SGD at the largest noise level if asked for.  Collective."""
        table, noise, target = self.table, self.solved.noise, self.target(epsilon)
        sampling = Sampling(table.paths, table.seed, table.dt, table.max_time, comm=self.setting.comm)
        sde = mean_first_passage(self.dynamics, self.start, target, epsilon, sampling)
        sgd, samples = None, self.setting.landscape.samples
        wanted = table.sgd_learning_rate is not None and epsilon == max(self.setting.case.compare.epsilon)
        if wanted and samples and noise.kind == "gradient_covariance":
            minibatch = Minibatch(
                samples.sample_gradient, samples.size, learning_rate=table.sgd_learning_rate
            )
            sgd = minibatch_first_passage(
                self.dynamics, minibatch, self.start, target, epsilon * noise.scale, sampling
            )
        return Simulated(epsilon, sde.log_mean, sde.ci, "paths", sde.n, None, sde.dt, computed, sgd, sde)

    def split(self, epsilon: float, computed: float) -> Simulated:
        """By splitting.  Collective."""
        table = self.table
        sampling = Sampling(table.rare_paths, table.seed, table.dt, comm=self.setting.comm)
        rare = rare_passage(
            self.dynamics, self.start, self.target(epsilon), epsilon, self.progress(epsilon), table.replicas,
            sampling,
        )  # fmt: skip
        return Simulated(
            epsilon, rare.log_mean, rare.ci, "splitting", rare.paths, rare.replicas, rare.dt, computed, None
        )

    def progress(self, epsilon: float) -> Tabulated:
        """log of the committor of the target, at a noise at which it is more than rounding.  Collective."""
        places, analysis = self.setting.places, self.solved.analysis
        heights = [b.barrier for b in analysis.barriers if b.start == places.start]
        level = max(epsilon, min(heights, default=0.0) / STEEPEST)
        # the target comes first: the last committor is a difference to one
        others = [k for k in range(len(places.attractors)) if k != self.end]
        pins = [analysis.landmarks.pins[k] for k in [self.end, *others]]
        space, options = analysis.gauge.function_space, self.setting.case.solver.petsc
        (h, *_) = committors(analysis.coefficients, space, level, pins, options)
        return committor_progress(h, self.dynamics)
