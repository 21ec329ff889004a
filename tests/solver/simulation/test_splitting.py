"""Adaptive multilevel splitting against exact passage times up to e²⁰."""

import functools
import math
from dataclasses import replace

import numpy as np
import pytest
import sympy as sp
from dolfinx import fem
from mpi4py import MPI

from meshes.box import box
from solver.elements.coefficients import coefficients
from solver.errors import NotConverged
from solver.exits.exit_times import region_exits
from solver.exits.region import ExitRegion
from solver.fokker_planck.committor import committors
from solver.fokker_planck.landmarks import Pin
from solver.simulation.sampling import Sampling
from solver.simulation.splitting import combine, committor_progress, rare_passage
from solver.simulation.tabulate import tabulate
from solver.simulation.targets import Ball, HalfSpace, Superlevel
from solver.system import System
from tests.exact import Line
from tests.solver.double_wells import BOX, LEFT, RIGHT, double_well, exact_time

COMM = MPI.COMM_WORLD
GOAL = HalfSpace(np.array([1.0]), 0.8)


@functools.cache
def line_table():
    return tabulate(double_well(1), BOX)


def on_the_line(epsilon, seed, progress=lambda x: x[0], paths=100, **options):
    replicas = options.pop("replicas", 24)
    sampling = Sampling(paths, seed, **options)
    return rare_passage(line_table(), LEFT, GOAL, epsilon, progress, replicas, sampling)


@pytest.mark.parametrize("epsilon", [0.06, 0.027])
def test_intervals_contain_the_exact_time(epsilon):
    """log T = 9.88 and 20.03."""
    exact = math.log(exact_time(epsilon, -1.0, 0.8, -2.5))
    runs = [on_the_line(epsilon, seed, replicas=16) for seed in range(10)]
    assert sum(run.ci[0] <= exact <= run.ci[1] for run in runs) >= 9
    gaps = np.array([run.log_mean - exact for run in runs])
    assert abs(gaps.mean()) < 3 * gaps.std(ddof=1) / math.sqrt(10) + 0.01
    assert max(run.ci[1] - run.ci[0] for run in runs) < 1.1
    # the time of a cycle over its probability, nothing else
    assert runs[0].log_mean == pytest.approx(math.log(runs[0].cycle) - runs[0].log_probability)


def test_any_reaction_coordinate_gives_the_same_time():
    """Distorted, and not monotone on the way: variance suffers, the mean does not."""
    exact = math.log(exact_time(0.06, -1.0, 0.8, -2.5))
    for progress in (lambda x: np.exp(2 * x[0]), lambda x: x[0] + 0.12 * np.sin(9 * x[0])):
        run = on_the_line(0.06, 3, progress)
        half = (run.ci[1] - run.ci[0]) / 2
        assert abs(run.log_mean - exact) < 1.5 * half
        assert half < 0.6


def test_levels_do_not_matter(monkeypatch):
    """Where a cycle begins and ends drops out of E[length]/p."""
    exact = math.log(exact_time(0.06, -1.0, 0.8, -2.5))
    for low, first in ((0.2, 0.5), (0.7, 0.99)):
        monkeypatch.setattr("solver.simulation.splitting.LOW", low)
        monkeypatch.setattr("solver.simulation.splitting.FIRST", first)
        run = on_the_line(0.06, 4)
        assert abs(run.log_mean - exact) < 0.75 * (run.ci[1] - run.ci[0])


def test_noise_that_varies():
    """A = diag(g, 2 − g), g = 1 + ½ tanh 2x, from the left well to the line x = 0.8."""

    def diffusion(x):
        g, zero = 1 + 0.5 * np.tanh(2 * x[0]), 0 * x[0]
        return np.stack([np.stack([g, zero]), np.stack([zero, 2 - g])])

    x = sp.Symbol("x")
    line = Line(sp.lambdify(x, x - x**3, "numpy"), lambda y: 1 + 0.5 * np.tanh(2 * y), -2.5, 2.5)
    system = replace(double_well(2), diffusion=diffusion)
    run = rare_passage(
        tabulate(system, BOX * 2),
        np.array([-1.0, 0.0]),
        HalfSpace(np.array([1.0, 0.0]), 0.8),
        0.05,
        lambda y: y[0],
        16,
        Sampling(100, 2),
    )
    exact = line.log_time(-1.0, 0.8, 0.05)
    assert exact > 17
    assert run.ci[0] - 0.05 <= exact <= run.ci[1] + 0.05
    assert run.ci[1] - run.ci[0] < 0.9


@pytest.mark.mpi
def test_committor_of_the_mesh_as_reaction_coordinate():
    """In the plane, to a ball, with the committor at twice the noise; the result does not depend on ranks."""
    system = double_well(2)
    bounds = [(-2.0, 2.0), (-1.5, 1.5)]
    domain = box(COMM, bounds, 24)
    space = fem.functionspace(domain, ("Lagrange", 2))
    S = np.diag([0.25, 0.5])
    pins = [Pin(np.array([-1.0, 0.0]), S), Pin(np.array([1.0, 0.0]), S)]
    h = committors(coefficients(domain, system, 2), space, 0.12, pins)[1]
    table = tabulate(system, bounds)
    ball = Ball(np.array([1.0, 0.0]), 0.3)
    progress = committor_progress(h, table)
    shared, alone = (
        rare_passage(table, np.array([-1.0, 0.0]), ball, 0.06, progress, 12, Sampling(60, comm=comm))
        for comm in (COMM, None)
    )
    assert shared == alone
    # from the well the ball is entered soon after the line x = 0.7 is crossed
    near = math.log(exact_time(0.06, -1.0, 0.7, -2.0))
    assert shared.ci[0] - 0.1 < near < shared.ci[1]


def test_seeds_and_refusals():
    first, again, other = (on_the_line(0.1, seed, paths=20, replicas=8) for seed in (1, 1, 2))
    assert first == again
    assert first.log_mean != other.log_mean
    with pytest.raises(ValueError, match="replicas"):
        on_the_line(0.1, 1, replicas=3)
    with pytest.raises(ValueError, match="does not vary"):
        on_the_line(0.1, 1, progress=lambda x: 0 * x[0])
    with pytest.raises(ValueError, match="box"):
        rare_passage(line_table(), 5 * RIGHT, GOAL, 0.1, lambda x: x[0])
    with pytest.raises(NotConverged, match="steps"):
        on_the_line(0.05, 1, max_steps=1e4)
    # hopeless: the reaction coordinate grows away from the target
    with pytest.raises(NotConverged, match="reaction coordinate"):
        on_the_line(0.02, 1, progress=lambda x: -x[0], paths=20, replicas=6)


def test_replicas_are_combined_as_means_of_ratios():
    rng = np.random.default_rng(1)
    inside = 0
    for _ in range(200):
        logs = np.log(1e-9 * rng.lognormal(0.0, 0.3, 24))
        lengths = 4.0 * rng.lognormal(0.0, 0.1, 24)
        log_p, log_length, error = combine(logs, lengths)
        exact = math.log(4e9) + 0.5 * 0.1**2 - 0.5 * 0.3**2
        inside += abs(log_length - log_p - exact) < 2.07 * error
    assert 180 <= inside <= 198
    with pytest.raises(NotConverged, match="no path arrived"):
        combine(np.full(6, -np.inf), np.ones(6))
    with pytest.raises(NotConverged, match="scatter"):
        combine(np.array([0.0] + [-30.0] * 9), np.ones(10))


def test_exit_from_a_sublevel_set_as_by_the_flux():
    """{½xᵀHx < 1}, H = [[3, 1], [1, 2]], A = I, ε = 0.1: log T = 15.45 by two unrelated methods."""
    H = np.array([[3.0, 1.0], [1.0, 2.0]])
    system = System(
        2,
        lambda x: -H @ x,
        lambda x: -H[:, :, None] + 0 * x[0],
        lambda x: np.eye(2)[:, :, None] + 0 * x[0],
        np.zeros_like,
    )
    bounds = [(-1.6, 1.6)] * 2

    def loss(x):
        return 0.5 * np.einsum("in,ij,jn->n", x, H, x)

    pin = Pin(np.zeros(2), 0.5 * np.linalg.inv(H))
    region = ExitRegion(lambda x: loss(x) - 1, pin, np.array(bounds), shells=8)
    (exit_time,) = region_exits(system, region, [0.1], comm=MPI.COMM_SELF).times
    goal = Superlevel(loss, 1.0, bounds)
    run = rare_passage(tabulate(system, bounds), np.zeros(2), goal, 0.1, loss, 16, Sampling(250, dt=0.02))
    assert exit_time.log_mean > 15
    assert run.ci[0] - 0.1 < exit_time.log_mean < run.ci[1] + 0.1
    assert run.ci[1] - run.ci[0] < 1.2
