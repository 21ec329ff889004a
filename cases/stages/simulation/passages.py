"""The Monte Carlo check of a case: the SDE, plainly or by splitting, and minibatch SGD on the data."""

from __future__ import annotations

from typing import Any

import numpy as np

from cases.casefile.case import Case
from cases.landscapes.landscape import Landscape
from cases.noise.tensors import ScaledNoise
from cases.problem.places import Structure
from cases.results.simulated import Simulated, Simulations
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

PLAIN_LOG = 7.0
"""log T up to which plain simulation is preferred: it needs no reaction coordinate."""
STEEPEST = 20.0
"""Largest barrier/ε at which a committor is a reaction coordinate: beyond, most of it is rounding."""


def simulate(
    case: Case,
    landscape: Landscape,
    noise: ScaledNoise,
    places: Structure,
    domain: Any,
    analysis: Analysis,
) -> Simulations:
    """Run the simulations that the case asks for, by noise level; empty if it asks for none.  Collective.

    The target is the ellipsoid of the direct passage time (:mod:`solver.fokker_planck.passage`), so that the
    two are means of the same random time.

    Raises:
        NotConverged: If too few paths arrive.
    """
    table = case.simulate
    if table is None or places.target is None or not case.compare.epsilon:
        return {}
    largest = max(case.compare.epsilon)
    levels = table.epsilon or (case.compare.epsilon if table.rare else [largest])
    low, high = bounding_box(domain)
    tabulated = tabulate(noise.system, list(zip(low, high, strict=True)))
    found = {}
    for epsilon in sorted(levels, reverse=True):
        computed = log_passage_time(analysis, epsilon, (places.start, places.target))
        if table.rare and computed is not None and computed > PLAIN_LOG:
            found[epsilon] = _split(case, noise, places, domain, tabulated, analysis, epsilon, computed)
        else:
            found[epsilon] = _plain(case, landscape, noise, places, domain, tabulated, epsilon, computed)
    return found


def log_passage_time(analysis: Analysis, epsilon: float, pair: tuple[int, int]) -> float | None:
    """log of the mean passage time between two attractors: direct where possible, else from the rates."""
    level = analysis.levels[epsilon]
    if pair in level.passages:
        return float(np.log(level.passages[pair].mean))
    rates = level.state.rates
    return None if rates is None else float(rates.log_mfpt[pair])


def _target(noise: ScaledNoise, places: Structure, epsilon: float) -> Ball:
    goal = places.found.pinned(noise.system).pins[places.target or 0]
    metric = np.asarray(np.linalg.inv(goal.covariance), dtype=np.float64)
    return Ball(goal.point, TARGET_RADIUS * float(np.sqrt(epsilon)), metric)


def _plain(
    case: Case,
    landscape: Landscape,
    noise: ScaledNoise,
    places: Structure,
    domain: Any,
    tabulated: Tabulated,
    epsilon: float,
    computed: float | None,
) -> Simulated:
    table = case.simulate
    assert table is not None
    start, target = places.attractors[places.start].point, _target(noise, places, epsilon)
    sampling = Sampling(table.paths, table.seed, table.dt, table.max_time, comm=domain.comm)
    sde = mean_first_passage(tabulated, start, target, epsilon, sampling)
    sgd = None
    wanted = table.sgd_learning_rate is not None and epsilon == max(case.compare.epsilon)
    if wanted and landscape.samples and noise.kind == "gradient_covariance":
        samples = landscape.samples
        minibatch = Minibatch(samples.sample_gradient, samples.size, learning_rate=table.sgd_learning_rate)
        sgd = minibatch_first_passage(tabulated, minibatch, start, target, epsilon * noise.scale, sampling)
    return Simulated(epsilon, sde.log_mean, sde.ci, "paths", sde.n, None, sde.dt, computed, sgd, sde)


def _split(
    case: Case,
    noise: ScaledNoise,
    places: Structure,
    domain: Any,
    tabulated: Tabulated,
    analysis: Analysis,
    epsilon: float,
    computed: float,
) -> Simulated:
    table = case.simulate
    assert table is not None
    result = rare_passage(
        tabulated,
        places.attractors[places.start].point,
        _target(noise, places, epsilon),
        epsilon,
        _progress(case, places, analysis, tabulated, epsilon),
        table.replicas,
        Sampling(table.rare_paths, table.seed, table.dt, comm=domain.comm),
    )
    return Simulated(
        epsilon, result.log_mean, result.ci, "splitting", result.paths, result.replicas, result.dt,
        computed, None,
    )  # fmt: skip


def _progress(
    case: Case, places: Structure, analysis: Analysis, tabulated: Tabulated, epsilon: float
) -> Tabulated:
    """log of the committor of the target, at a noise at which it is more than rounding.  Collective."""
    assert places.target is not None
    heights = [b.barrier for b in analysis.barriers if b.start == places.start]
    level = max(epsilon, min(heights, default=0.0) / STEEPEST)
    # the target comes first: the last committor is a difference to one
    others = [k for k in range(len(places.attractors)) if k != places.target]
    pins = [analysis.landmarks.pins[k] for k in [places.target, *others]]
    space = analysis.gauge.function_space
    (h, *_) = committors(analysis.coefficients, space, level, pins, case.solver.petsc)
    return committor_progress(h, tabulated)
