"""Monte Carlo: exact mean passage times, weak order, targets, censoring, and ranks."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
from mpi4py import MPI
from numba import njit
from scipy.integrate import simpson

from solver.errors import NotConverged
from solver.simulation.first_passage import default_step, make_motion, mean_first_passage
from solver.simulation.random_stream import normals, seed_stream
from solver.simulation.sampling import Sampling
from solver.simulation.survival import mean_passage_time
from solver.simulation.tabulate import Tabulated, tabulate
from solver.simulation.targets import Ball, HalfSpace, Superlevel
from solver.simulation.weak_scheme import X, drift_and_factor, fold, step, workspace
from solver.system import Array, System
from tests.solver.double_wells import BOX, LEFT, RIGHT, double_well, exact_time, identity


def linear(matrix: list[list[float]]) -> System:
    m = np.array(matrix)
    jacobian = np.repeat(m[:, :, None], 1, axis=2)
    return System(len(m), lambda x: m @ x, lambda x: jacobian + 0 * x[0], identity, np.zeros_like)


@njit
def draw(seed: int, path: int, count: int) -> Array:
    state = np.empty(4, np.uint64)
    seed_stream(state, seed, path)
    work = np.empty((1, count))
    normals(state, work, 0, count)
    return work[0]


def test_streams_are_normal_and_independent() -> None:
    a = draw(1, 0, 200_000)
    assert abs(a.mean()) < 0.01
    assert abs((a**2).mean() - 1) < 0.02
    assert abs((a**4).mean() - 3) < 0.12
    for seed, path in ((1, 1), (2, 0), (0, 1)):
        assert abs(np.corrcoef(a, draw(seed, path, 200_000))[0, 1]) < 0.01
    firsts = np.array([draw(5, path, 1)[0] for path in range(4000)])
    assert abs(firsts.mean()) < 0.06
    assert abs(np.corrcoef(firsts[1:], firsts[:-1])[0, 1]) < 0.06


@pytest.mark.parametrize("dim", [1, 2, 3])
def test_double_well_passage_time(dim: int) -> None:
    """Half-space: x is autonomous, so the one-dimensional integral holds in any dimension."""
    system = double_well(dim)
    start, normal = np.zeros(dim), np.zeros(dim)
    start[0], normal[0] = -1.0, 1.0
    found = mean_first_passage(
        tabulate(system, BOX * dim), start, HalfSpace(normal, 0.9), 0.2, Sampling(3000, dt=0.1)
    )
    exact = math.log(exact_time(0.2, -1.0, 0.9, -2.5))
    error = (found.ci[1] - found.ci[0]) / 3.92
    assert abs(found.log_mean - exact) < 3 * error + 0.01
    assert found.censored == 0
    assert found.survival[0] > 0.99
    assert found.survival[-1] == 0


def test_ball_in_one_dimension_is_an_interval() -> None:
    system = double_well(1)
    table = tabulate(system, BOX)
    found = mean_first_passage(table, LEFT, Ball(RIGHT, 0.1), 0.2, Sampling(4000))
    exact = math.log(exact_time(0.2, -1.0, 0.9, -2.5))
    assert abs(found.log_mean - exact) < 0.06
    assert found.dt == pytest.approx(default_step(table, LEFT, Ball(RIGHT, 0.1), 0.2))


def test_exit_time_is_corrected_for_the_time_step() -> None:
    """Exit of the planar Ornstein–Uhlenbeck process from the unit disc, by ball and by level set.

    Exact: ``T = ½ ∫_0^1 (e^{s/ε} - 1)/s ds`` with b = -x, A = I (s = r²), from the radial equation.
    """
    epsilon = 0.4
    s = np.linspace(1e-9, 1, 20001)
    exact = float(simpson((np.exp(s / epsilon) - 1) / s, x=s)) / 2
    system = linear([[-1.0, 0.0], [0.0, -1.0]])
    bounds = ((-1.5, 1.5), (-1.5, 1.5))
    table = tabulate(system, bounds)
    targets = (
        Ball(np.zeros(2), 1.0, outside=True),
        Ball(np.zeros(2), 2.0, metric=4 * np.eye(2), outside=True),
        Superlevel(lambda x: (x**2).sum(axis=0), 1.0, bounds),
    )
    for target in targets:
        found = mean_first_passage(table, np.zeros(2), target, epsilon, Sampling(6000, dt=0.05))
        assert abs(found.log_mean - math.log(exact)) < 0.05


@pytest.mark.parametrize(
    ("diffusion", "exact"),
    [
        ([[1.0, 0.0], [0.0, 1.0]], 7.711059766),
        ([[1.3, 0.519615242], [0.519615242, 0.7]], 3.120286838),
        ([[0.8, -0.4], [-0.4, 1.2]], 9.069962524),
    ],
)
def test_exit_from_a_sublevel_set(diffusion: list[list[float]], exact: float) -> None:
    """Exit from {½ xᵀHx < 1}, H = [[3, 1], [1, 2]], ε = 0.4: times solved for by other means."""
    base = linear([[-3.0, -1.0], [-1.0, -2.0]])
    tensor = np.array(diffusion)[:, :, None]
    system = replace(base, diffusion=lambda x: tensor + 0 * x[0])
    bounds = ((-1.6, 1.6), (-1.6, 1.6))
    target = Superlevel(lambda x: (3 * x[0] ** 2 + 2 * x[0] * x[1] + 2 * x[1] ** 2) / 2, 1.0, bounds)
    found = mean_first_passage(tabulate(system, bounds), np.zeros(2), target, 0.4, Sampling(10_000))
    assert abs(found.log_mean - math.log(exact)) < 0.045


def test_passage_with_noise_that_varies() -> None:
    """A = diag(g, 2 - g), g = 1 + ½ tanh 2x: the time from the right well to the line x = -1."""

    def diffusion(x: Array) -> Array:
        g, zero = 1 + 0.5 * np.tanh(2 * x[0]), 0 * x[0]
        return np.stack([np.stack([g, zero]), np.stack([zero, 2 - g])])

    system = replace(double_well(2), diffusion=diffusion)
    table = tabulate(system, BOX * 2)
    assert table.error <= 1e-5
    found = mean_first_passage(
        table, np.array([1.0, 0.0]), HalfSpace(np.array([-1.0, 0.0]), 1.0), 0.2, Sampling(3000, dt=0.1)
    )
    error = (found.ci[1] - found.ci[0]) / 3.92
    assert abs(found.log_mean - math.log(29.3685950)) < 3 * error + 0.015


def multiplicative(a: float, s: float) -> System:
    """dX = a X dt + √ε s X dW in 1D."""
    return System(
        1, lambda x: a * x, lambda x: np.full((1, *x.shape), a), lambda x: (s * x**2 * s)[None], np.zeros_like
    )


@njit
def _ends(motion, start, seed, paths, steps):
    ends = np.empty((paths, start.size))
    state = np.empty(4, np.uint64)
    for n in range(paths):
        seed_stream(state, seed, n)
        work = workspace(motion)
        work[X, : start.size] = start
        for _ in range(steps):
            drift_and_factor(motion, work)
            step(motion, state, work)
            fold(motion.table, work)
        ends[n] = work[X, : start.size]
    return ends


def ensemble(table: Tabulated, start: Array, epsilon: float, dt: float, paths: int, seed: int) -> Array:
    """The points of all paths at time 1, ``(d, paths)``, by the steps that passages are made of."""
    return _ends(make_motion(table, epsilon, dt), start, seed, paths, round(1.0 / dt)).T


def slope(steps: list[float], errors: list[float]) -> float:
    return float(np.polyfit(np.log(steps), np.log(np.abs(errors)), 1)[0])


def test_weak_order_two_with_multiplicative_noise() -> None:
    a, s, epsilon = -1.5, 1.0, 0.5
    table = tabulate(multiplicative(a, s), ((-40.0, 40.0),))
    steps = [1.0, 0.5, 0.25]
    errors = []
    for dt in steps:
        ends = ensemble(table, np.array([1.0]), epsilon, dt, 400_000, seed=3)
        errors.append((ends**2).mean() - math.exp(2 * a + epsilon * s**2))
    assert slope(steps, errors) > 1.6


def test_weak_order_two_with_noise_that_does_not_commute() -> None:
    """σ = [[1, 0], [0.8 y, 1 + x²/2]]: second moments against their closed equations."""

    def diffusion(x: Array) -> Array:
        l00, l10, l11 = 1 + 0 * x[0], 0.8 * x[1], 1 + 0.5 * x[0] ** 2
        return np.stack([np.stack([l00**2, l00 * l10]), np.stack([l00 * l10, l10**2 + l11**2])])

    system = System(2, lambda x: -x, lambda x: -identity(x), diffusion, np.zeros_like)
    table = tabulate(system, ((-6.0, 6.0), (-6.0, 6.0)))
    start, epsilon = np.array([1.0, 1.0]), 0.3

    def moments(dt: float, paths: int) -> Array:
        x = ensemble(table, start, epsilon, dt, paths, seed=4)
        return np.array([(x[0] ** 2).mean(), (x[0] * x[1]).mean(), (x[1] ** 2).mean()])

    exact = moment_equations(epsilon)
    coarse, fine = np.abs(moments(0.5, 200_000) - exact), np.abs(moments(0.125, 200_000) - exact)
    assert coarse.max() < 0.15
    assert fine.max() < 0.012


def moment_equations(epsilon: float) -> Array:
    """E x², E xy, E y² at t = 1 of the system above, from the closed moment equations.

    With m_jk = E x^j y^k, b = -(x, y), A = [[1, .8y], [.8y, .64y² + (1 + x²/2)²]], from (1, 1).
    """
    y = np.ones(5)

    def rate(y: Array) -> Array:
        m20, m11, m02, m40, m01 = y
        return np.array(
            [
                -2 * m20 + epsilon,
                -2 * m11 + epsilon * 0.8 * m01,
                -2 * m02 + epsilon * (0.64 * m02 + 1 + m20 + 0.25 * m40),
                -4 * m40 + 6 * epsilon * m20,
                -m01,
            ]
        )

    h = 1e-3
    for _ in range(1000):
        k1 = rate(y)
        k2 = rate(y + h / 2 * k1)
        k3 = rate(y + h / 2 * k2)
        y = y + h / 6 * (k1 + 2 * k2 + 2 * k3 + rate(y + h * k3))
    return y[:3]


def test_same_seed_same_result_other_seed_another() -> None:
    system = double_well(1)
    table = tabulate(system, BOX)
    target = HalfSpace(np.array([1.0]), 0.0)
    first, again, other = (
        mean_first_passage(table, LEFT, target, 0.3, Sampling(200, seed=s)) for s in (7, 7, 8)
    )
    assert first.log_mean == again.log_mean
    assert first.log_mean != other.log_mean


@pytest.mark.mpi
def test_result_does_not_depend_on_ranks() -> None:
    system = double_well(1)
    table = tabulate(system, BOX)
    target = HalfSpace(np.array([1.0]), 0.0)
    alone = mean_first_passage(table, LEFT, target, 0.3, Sampling(101, seed=5))
    shared = mean_first_passage(table, LEFT, target, 0.3, Sampling(101, seed=5, comm=MPI.COMM_WORLD))
    assert shared.mean == alone.mean
    assert shared.ci == alone.ci


def test_confidence_intervals_cover() -> None:
    system = double_well(1)
    table = tabulate(system, BOX)
    exact = math.log(exact_time(0.4, -1.0, 0.5, -2.5))
    target = HalfSpace(np.array([1.0]), 0.5)
    runs = [mean_first_passage(table, LEFT, target, 0.4, Sampling(300, seed=s, dt=0.05)) for s in range(40)]
    assert sum(r.ci[0] <= exact <= r.ci[1] for r in runs) >= 34


@pytest.mark.parametrize("limit", [1.5, 0.5])
def test_censored_estimate(limit: float) -> None:
    """Times t₁ + Exp(1), t₁ uniform on (0, 0.05): mean 1.025, seen up to ``limit``."""
    rng = np.random.default_rng(1)
    inside = []
    for _ in range(200):
        t = rng.exponential(1.0, 1000) + 0.05 * rng.random(1000)
        mean, error, _, _ = mean_passage_time(np.minimum(t, limit), (t <= limit).astype(float))
        inside.append(abs(math.log(mean / 1.025)) < 1.96 * error)
    assert 180 <= sum(inside) <= 199


def test_censoring_in_a_simulation() -> None:
    system = double_well(1)
    target = HalfSpace(np.array([1.0]), 0.9)
    found = mean_first_passage(
        tabulate(system, BOX), LEFT, target, 0.15, Sampling(3000, max_time=80.0, dt=0.1)
    )
    assert 0 < found.censored < 3000
    error = (found.ci[1] - found.ci[0]) / 3.92
    assert abs(found.log_mean - math.log(exact_time(0.15, -1.0, 0.9, -2.5))) < 3 * error + 0.01
    with pytest.raises(NotConverged, match="simulate longer"):
        mean_first_passage(tabulate(system, BOX), LEFT, target, 0.05, Sampling(50, max_time=20.0))


def test_bad_input() -> None:
    system = double_well(2)
    table = tabulate(system, BOX * 2)
    start = np.array([-1.0, 0.0])
    with pytest.raises(ValueError, match="box"):
        mean_first_passage(table, np.array([-3.0, 0.0]), Ball(start, 0.1), 0.1)
    with pytest.raises(ValueError, match="positive"):
        mean_first_passage(table, start, Ball(start, 0.1), 0.0)
    with pytest.raises(ValueError, match="ball"):
        mean_first_passage(table, start, Ball(RIGHT, 0.1), 0.1)
    with pytest.raises(ValueError, match="normal"):
        mean_first_passage(table, start, HalfSpace(np.zeros(2), 0.1), 0.1)
    with pytest.raises(NotConverged, match="start in the target"):
        mean_first_passage(table, start, Ball(start, 0.1), 0.1)
