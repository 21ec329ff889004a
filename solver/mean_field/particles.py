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
from mpi4py import MPI

from solver.mean_field.problem import MeanField
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
    problem: MeanField,
    particles: int,
    time: float,
    burn_in: float,
    dt: float,
    start: Array,
    replicas: int = 200,
    seed: int = 1,
    comm: MPI.Comm | None = None,
) -> ParticleEnergy:
    """Average the energy over time and replicas.  Collective over ``comm``.

    Args:
        problem: The problem.
        particles: N.
        time: Time over which is averaged in each replica.
        burn_in: Time left out before: several relaxation times.
        dt: Time step.
        start: All particles start at this point, ``(d,)``.
        replicas: Number of independent systems; rounded up to whole blocks.
        seed: Seed.
        comm: The ranks that share the replicas; None: this one alone.

    Raises:
        ValueError: Numbers that are not positive.
    """
    if particles < 1 or replicas < 2 or not (time > 0 and dt > 0 and burn_in >= 0):
        raise ValueError("particles, replicas, times and the time step must be positive")
    blocks = math.ceil(replicas / BLOCK)
    rank, size = (0, 1) if comm is None else (comm.rank, comm.size)
    parts = {
        block: _block(problem, particles, round(time / dt), round(burn_in / dt), dt, start, seed, block)
        for block in range(rank, blocks, size)
    }
    if comm is not None:
        parts = {block: values for part in comm.allgather(parts) for block, values in part.items()}
    values = np.concatenate([parts[block] for block in range(blocks)])
    energies = values[:, 0]
    mean = float(energies.mean())
    half = Z95 * float(energies.std(ddof=1)) / math.sqrt(energies.size)
    return ParticleEnergy(
        particles, mean, (mean - half, mean + half), values[:, 1:].mean(axis=0), energies.size
    )


def _block(
    problem: MeanField,
    particles: int,
    steps: int,
    skipped: int,
    dt: float,
    start: Array,
    seed: int,
    block: int,
) -> Array:
    """Time averages of ``(F, ⟨h⟩)`` of one block of replicas, ``(BLOCK, 1 + K)``."""
    random = np.random.Generator(np.random.Philox(key=[seed, block]))
    x = np.repeat(np.asarray(start, dtype=float)[:, None], BLOCK * particles, axis=1)
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
