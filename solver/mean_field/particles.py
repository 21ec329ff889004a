"""Finitely many particles of a mean-field problem: how far their energy stays above the minimum.

N particles follow the gradient of the energy of their empirical measure m^N,

    dX_i = −(Σ_k g_k ∇h_k(X_i) + λ∇U(X_i)) dt + √(2λ) dW_i,      g = ∇f(⟨h⟩_{m^N}).

In the stationary state ``E F(m^N) − F(m*) = c/N + …`` with c of
:func:`solver.mean_field.problem.particle_constant`. Heun's method, of weak order 2 as the noise is additive.
Blocks of replicas have their own random streams, so the result depends on the seed and not on the number of
ranks.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from solver.mean_field.problem import MeanField
from solver.simulation.sampling import Sampling
from solver.simulation.survival import Z95
from solver.system import Array

BLOCK = 50
THINNING = 5


@dataclass(frozen=True)
class ParticleEnergy:
    """Energy of N particles in the stationary state.

    Attributes:
        particles: N.
        energy: Mean of ``F(m^N) = f(⟨h⟩)``.
        ci: Its 95 % confidence interval.
        averages: Mean of ⟨h⟩, ``(K,)``.
        replicas: Number of independent systems.
    """

    particles: int
    energy: float
    ci: tuple[float, float]
    averages: Array
    replicas: int


def particle_energy(
    problem: MeanField, particles: int, start: Array, time: float, burn_in: float, sampling: Sampling
) -> ParticleEnergy:
    """Average the energy over time and replicas.  Collective over the ranks.

    Args:
        problem: The problem.
        particles: N.
        start: All particles start at this point, ``(d,)``.
        time: Time over which is averaged in each replica.
        burn_in: Time left out before: several relaxation times.
        sampling: Its paths are the independent systems, rounded up to whole blocks; the time step has to be
            given.

    Raises:
        ValueError: Numbers that are not positive.
    """
    dt = sampling.dt or 0.0
    if particles < 1 or sampling.paths < 2 or not (time > 0 and dt > 0 and burn_in >= 0):
        raise ValueError("particles, replicas, times and the time step must be positive")
    blocks, steps = math.ceil(sampling.paths / BLOCK), (round(burn_in / dt), round(time / dt))
    random = [np.random.Philox(key=[sampling.seed, block]) for block in sampling.mine(blocks)]
    begin = np.repeat(np.asarray(start, dtype=float)[:, None], BLOCK * particles, axis=1)
    mine = [_block(problem, begin, *steps, dt, np.random.Generator(bits)) for bits in random]
    size = 1 + problem.features(begin[:, :1]).shape[0]
    values = sampling.gathered(np.array(mine).reshape(-1, BLOCK, size)).reshape(-1, size)
    energies = values[:, 0]
    mean = float(energies.mean())
    half = Z95 * float(energies.std(ddof=1)) / math.sqrt(energies.size)
    return ParticleEnergy(
        particles, mean, (mean - half, mean + half), values[:, 1:].mean(axis=0), energies.size
    )


def _block(
    problem: MeanField, start: Array, skipped: int, steps: int, dt: float, random: np.random.Generator
) -> Array:
    """Time averages of ``(F, ⟨h⟩)`` of one block of replicas, ``(BLOCK, 1 + K)``."""
    x = start
    amplitude = math.sqrt(2 * problem.temperature * dt)
    sums, count = np.zeros((BLOCK, 1)), 0
    for n in range(skipped + steps):
        noise = amplitude * random.standard_normal(x.shape)
        drift = _drift(problem, x)
        x = x + 0.5 * dt * (drift + _drift(problem, x + dt * drift + noise)) + noise
        if n >= skipped and n % THINNING == 0:
            mu = _averages(problem, x)
            sums = sums + np.concatenate([[[problem.energy(row), *row] for row in mu]])
            count += 1
    return sums / max(count, 1)


def _averages(problem: MeanField, x: Array) -> Array:
    """⟨h⟩ of each replica, ``(BLOCK, K)``."""
    h = problem.features(x)
    return h.reshape(len(h), BLOCK, -1).mean(axis=2).T


def _drift(problem: MeanField, x: Array) -> Array:
    slopes = np.array([problem.slope(mu) for mu in _averages(problem, x)])
    # every particle feels the slope of its own replica
    weights = np.repeat(slopes.T, x.shape[1] // BLOCK, axis=1)
    pull = np.einsum("kn,kdn->dn", weights, problem.feature_slopes(x))
    return np.asarray(-pull - problem.temperature * problem.potential_slope(x))
