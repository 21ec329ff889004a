"""Monte Carlo of ``dX = b dt + √ε σ dW``: mean first passage times.

Steps have weak order 2 (:mod:`solver.simulation.weak_scheme`), passages between steps are drawn with the
probability of a Brownian bridge (:mod:`solver.simulation.targets`), the faces of the box reflect by
mirroring: the same as zero flux where the normal is an eigenvector of A, and irrelevant where V is high on
the boundary.  b and A are tabulated first (:mod:`solver.simulation.tabulate`).

Every path has its own random stream, so results depend on the seed and not on the number of ranks.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from solver.compiled import compiled
from solver.simulation.random_stream import seed_stream, uniform
from solver.simulation.sampling import Sampling
from solver.simulation.survival import Z95, Simulation, mean_passage_time
from solver.simulation.tabulate import Tabulated
from solver.simulation.targets import (
    Ball,
    PackedTarget,
    Target,
    crossing_probability,
    gap,
    packed,
    signed_level,
)
from solver.simulation.weak_scheme import Motion, X, drift_and_factor, fold, step, workspace
from solver.system import Array

STEP = 0.15
"""Default time step times the largest eigenvalue of ∇b between start and target."""
FEED = 0.002
"""Largest part of a rotating start's damping that the time step may undo."""


def mean_first_passage(
    tabulated: Tabulated, start: Array, target: Target, epsilon: float, sampling: Sampling | None = None
) -> Simulation:
    """Simulate the mean first passage time from a point to a target set.  Collective over the ranks.

    Args:
        tabulated: The system on the box.
        start: Starting point, ``(d,)``.
        target: The target set.
        epsilon: Noise level ε.
        sampling: How many paths, from which seed, with which steps (default: those of
            :func:`default_step`), and which ranks share the work.

    Raises:
        ValueError: arguments out of range.
        NotConverged: too few paths arrive.
    """
    sampling = sampling or Sampling()
    start = np.array(start, dtype=float)
    check_simulation(tabulated, start, epsilon, sampling.paths)
    goal = packed(target, tabulated.dim)
    dt = sampling.dt or default_step(tabulated, start, target, epsilon)
    limit, motion = sampling.limit(dt), make_motion(tabulated, epsilon, dt)
    found = in_chunks(
        lambda some: _passages(motion, goal, start, sampling.seed, some, limit), sampling.mine()
    )
    times, arrived = sampling.gathered(found).T
    return summary(times, arrived, dt, epsilon)


def default_step(tabulated: Tabulated, start: Array, target: Target, epsilon: float) -> float:
    """Return a time step: :data:`STEP` over the fastest rate |λ| of ∇b on the way to the target.

    The way is the segment to the centre of a ball, or the starting point alone.  Where ∇b rotates at
    the start, Heun's method feeds energy in at the rate |λ|⁴dt³/8; dt keeps that below :data:`FEED` of
    the damping.  And the noise of a step, ``√(ε |A| dt)``, does not jump over a ball that it has to hit.
    Rates elsewhere are not looked at: give dt where paths spend their time in stiffer places.

    Raises:
        ValueError: If the table is not of a system.
    """
    system = tabulated.system
    if system is None:
        raise ValueError("a table of a scalar field has no time step: give dt")
    end = np.array(target.centre) if isinstance(target, Ball) else start
    way = start[:, None] + (end - start)[:, None] * np.linspace(0.0, 1.0, 33)
    values = np.linalg.eigvals(np.moveaxis(system.jacobian(way), -1, 0))
    fastest = float(np.abs(values).max())
    dt = STEP / fastest if fastest > 0.0 else math.inf
    damped = values[0][values[0].real < 0]
    if damped.size:
        dt = min(dt, float((8 * FEED * -damped.real / np.abs(damped) ** 4).min()) ** (1 / 3))
    if isinstance(target, Ball) and not target.outside:
        spread = np.linalg.norm(system.diffusion(way), axis=(0, 1), ord=2).max()
        metric = np.eye(start.size) if target.metric is None else np.asarray(target.metric)
        radius = target.radius / math.sqrt(np.linalg.norm(metric, ord=2))
        dt = min(dt, radius**2 / (epsilon * max(float(spread), 1e-300)))
    return dt


def make_motion(tabulated: Tabulated, epsilon: float, dt: float) -> Motion:
    """Return what the compiled step needs, with √ε σ ready where A is constant."""
    constant = tabulated.constant_diffusion
    factor: Array = np.zeros((tabulated.dim, tabulated.dim))
    if constant is not None:
        values, vectors = np.linalg.eigh(constant)
        root = vectors * np.sqrt(np.clip(values, 0.0, None))
        factor = math.sqrt(epsilon) * _lower(root)
    return Motion(tabulated.table, constant is None, factor, epsilon, dt)


def summary(times: Array, arrived: Array, dt: float, epsilon: float) -> Simulation:
    """Return the result for gathered passage times (see :func:`mean_passage_time`)."""
    mean, error, curve, survival = mean_passage_time(times, arrived)
    log_mean = math.log(mean)
    ci = (log_mean - Z95 * error, log_mean + Z95 * error)
    censored = int(times.size - arrived.sum())
    return Simulation(mean, log_mean, ci, times.size, curve, survival, censored, dt, epsilon)


def _lower(root: Array) -> Array:
    """Return the lower triangular L with L Lᵀ = root rootᵀ (also for singular matrices)."""
    return np.ascontiguousarray(np.asarray(np.linalg.qr(root.T, mode="r")).T)


def check_simulation(tabulated: Tabulated, start: Array, epsilon: float, paths: int) -> None:
    """Raise ValueError for a start outside the table, or a noise level or a number that is not positive."""
    low = np.array(tabulated.table.lower[: tabulated.dim])
    high = low + tabulated.table.extent[: tabulated.dim]
    if start.shape[0] != tabulated.dim or (low > start.T).any() or (high < start.T).any():
        raise ValueError(f"the start {start} does not lie in the box of the table")
    if not epsilon > 0 or paths < 1:
        raise ValueError(f"a simulation needs a positive noise level and paths, not {epsilon} and {paths}")


def in_chunks(
    follow: Callable[[NDArray[np.int64]], tuple[Array, Array]], paths: NDArray[np.int64], size: int = 50
) -> Array:
    """Follow ``paths`` a few at a time, so that an interrupt is noticed between compiled calls.

    Returns:
        Times and whether the paths arrived, ``(n, 2)``.
    """
    chunks = [paths[i : i + size] for i in range(0, paths.size, size)]
    return np.concatenate([np.empty((0, 2)), *(np.stack(follow(chunk), axis=1) for chunk in chunks)])


@compiled
def _passages(
    motion: Motion, target: PackedTarget, start: Array, seed: int, paths: NDArray[np.int64], limit: int
) -> tuple[Array, Array]:
    times, arrived = np.empty(paths.size), np.zeros(paths.size)
    for n in range(paths.size):
        steps, hit = _passage(motion, target, start, seed, paths[n], limit)
        times[n] = steps * motion.dt
        arrived[n] = 1.0 if hit else 0.0
    return times, arrived


@compiled
def _passage(
    motion: Motion, target: PackedTarget, start: Array, seed: int, path: int, limit: int
) -> tuple[float, bool]:
    """Follow one path; return the number of steps (with a fraction) and whether it arrived."""
    d = motion.table.dim
    state = np.empty(4, np.uint64)
    seed_stream(state, seed, path)
    work = workspace(motion)
    work[X, :d] = start
    level = signed_level(target, work, d)
    if level >= 0:
        return 0.0, True
    drift_and_factor(motion, work)
    before = gap(target, work, d, level, motion.dt)
    for n in range(limit):
        step(motion, state, work)
        fold(motion.table, work)
        last, level = level, signed_level(target, work, d)
        if level >= 0:
            return n + last / (last - level), True
        drift_and_factor(motion, work)
        after = gap(target, work, d, level, motion.dt)
        chance = crossing_probability(before, after)
        if chance > 0 and uniform(state) < chance:
            return n + 0.5, True
        before = after
    return float(limit), False
