"""Adaptive multilevel splitting: mean passage times by simulation where plain simulation sees no event.

Cycles of the process from a neighbourhood A = {ξ < low} of the start, out to ξ ≥ first and back, arrive at
the target with a small probability p.  With the mean length of a cycle, both in the quasi-stationary state,

    E τ = E[length] / p,

up to a part of the order e^{−barrier/ε}.  p is found by splitting (Cérou and Guyader 2007): of N excursions
those with the lowest maximum of the reaction coordinate ξ are killed and started anew from a point at which
one of the others first went beyond; each time p̂ is multiplied by the fraction of survivors.  For *any* ξ the
estimator p̂ is unbiased (Bréhier, Gazeau, Goudenège, Lelièvre and Rousset 2016); a good ξ (the committor or
a function of it, the quasi-potential) makes its variance small.  Independent replicas give the interval.

Time steps, targets and random streams are those of :mod:`solver.simulation.first_passage`.  Every replica
has its own streams, so the result depends on the seed and not on the number of ranks.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from dolfinx import fem
from mpi4py import MPI
from scipy.stats import t as student

from meshes.serial import served
from solver.elements.evaluate import Locator, evaluate
from solver.errors import NotConverged
from solver.simulation.branching import Ladder, Walk, pilot, replica
from solver.simulation.first_passage import check_simulation, default_step, make_motion
from solver.simulation.sampling import Sampling
from solver.simulation.tabulate import Tabulated, tabulate_scalar
from solver.simulation.targets import Target, packed
from solver.simulation.weak_scheme import Motion
from solver.system import Array, Field

PILOTS, PILOT_STEPS = 100, 200
"""Paths that show how ξ varies in the well: short ones (30 relaxation times), which do not escape."""
LOW, FIRST = 0.5, 0.9
"""Quantiles of ξ in the well that are taken for the two levels of a cycle."""
RUNGS_PER_SCALE = 32
LARGEST_SPREAD = 2.0


@dataclass(frozen=True)
class Splitting:
    """Mean passage time from R replicas of N paths.

    Attributes:
        log_mean: Logarithm of the estimated mean passage time.
        ci: 95 % confidence interval of ``log_mean``.
        log_probability: Logarithm of the estimated probability that a cycle arrives.
        cycle: Mean length of a cycle.
        paths: N.
        replicas: R.
        extinct: Number of replicas in which no path arrived; they count as zero.
        steps: Number of time steps of all paths.
        dt: Time step.
        epsilon: Noise level ε.
    """

    log_mean: float
    ci: tuple[float, float]
    log_probability: float
    cycle: float
    paths: int
    replicas: int
    extinct: int
    steps: int
    dt: float
    epsilon: float


def rare_passage(
    tabulated: Tabulated,
    start: Array,
    target: Target,
    epsilon: float,
    progress: Field | Tabulated,
    replicas: int = 24,
    sampling: Sampling | None = None,
) -> Splitting:
    """Mean first passage time from an attractor to a target set, by splitting.  Collective over the ranks.

    Args:
        tabulated: The system on the box.
        start: The attractor, ``(d,)``.
        target: The target set.
        epsilon: Noise level ε.
        progress: ξ, ``(d, N) -> (N,)``: any function that grows from the start to the target, such as the
            quasi-potential, the logarithm of a committor, or a coordinate; tabulated on the box, if it is
            not yet (a collective function must be: :func:`tabulated_progress`).
        replicas: R, at least 4.
        sampling: N paths in every replica (default 200), the seed, the time step (default from
            :func:`solver.simulation.first_passage.default_step`), and which ranks share the replicas.

    Raises:
        ValueError: Arguments out of range, or ξ does not vary near the start.
        NotConverged: Too many steps, or replicas that differ too much to give an interval.
    """
    sampling = sampling or Sampling(paths=200)
    start, paths, seed = np.array(start, dtype=float), sampling.paths, sampling.seed
    check_simulation(tabulated, start, epsilon, paths)
    if replicas < 4 or paths < 2:
        raise ValueError(f"splitting needs at least 4 replicas of 2 paths, not {replicas} of {paths}")
    dt = sampling.dt or default_step(tabulated, start, target, epsilon)
    motion = make_motion(tabulated, epsilon, dt)
    ladder = make_ladder(motion, tabulated, start, progress, seed)
    walk, limit = Walk(motion, packed(target, tabulated.dim), ladder), int(sampling.max_steps / replicas)
    mine = [replica(walk, start, seed, int(r), paths, limit) for r in sampling.mine(replicas)]
    logs, lengths, used = sampling.gathered(np.array(mine, dtype=float).reshape(-1, 3)).T
    if np.isnan(logs).any() or np.isnan(lengths).any():
        raise NotConverged(
            f"{int(np.isnan(logs).sum())} of {replicas} replicas took more than {limit} steps: "
            "give more steps, fewer paths, or a reaction coordinate that tells progress better"
        )
    log_p, log_length, error = combine(logs, lengths)
    log_mean = log_length - log_p
    half = float(student.ppf(0.975, replicas - 1)) * error
    return Splitting(
        log_mean=log_mean,
        ci=(log_mean - half, log_mean + half),
        log_probability=log_p,
        cycle=math.exp(log_length),
        paths=paths,
        replicas=replicas,
        extinct=int(np.isinf(logs).sum()),
        steps=int(used.sum()),
        dt=dt,
        epsilon=epsilon,
    )


def tabulated_progress(progress: Field, tabulated: Tabulated, comm: MPI.Comm) -> Tabulated:
    """ξ on the box of a table, where it is a collective function, for instance of a mesh.  Collective."""
    return served(comm, progress, lambda ask: _table(ask, tabulated))


def _table(progress: Field, tabulated: Tabulated) -> Tabulated:
    box, d = tabulated.table, tabulated.dim
    bounds = [(low, low + width) for low, width in zip(box.lower[:d], box.extent[:d], strict=True)]
    # whatever the table makes of ξ is a reaction coordinate, so its accuracy matters little
    return tabulate_scalar(progress, bounds, tolerance=1e-3, memory=5e5)


def committor_progress(committor: fem.Function, tabulated: Tabulated, floor: float = 1e-13) -> Tabulated:
    """ξ = log h of a committor on a mesh (at this ε, or at a larger one as an estimate).  Collective.

    h below the floor, where it is rounding, counts as the floor, and so do points outside the mesh.

    Args:
        committor: h.
        tabulated: The system, on whose box ξ is tabulated.
        floor: The least h.
    """
    locator = Locator(committor.function_space.mesh)

    def progress(x: Array) -> Array:
        h = evaluate(committor, np.ascontiguousarray(x.T), locator)[:, 0]
        return np.asarray(np.log(np.clip(np.nan_to_num(h, nan=0.0), floor, 1.0)))

    return tabulated_progress(progress, tabulated, committor.function_space.mesh.comm)


def make_ladder(
    motion: Motion, tabulated: Tabulated, start: Array, progress: Field | Tabulated, seed: int
) -> Ladder:
    """Tabulate ξ and choose its levels from pilot paths in the well; the same on all ranks.

    Raises:
        ValueError: If ξ does not vary along the pilot paths.
    """
    table = (progress if isinstance(progress, Tabulated) else _table(progress, tabulated)).table
    bare = Ladder(table, 0.0, 0.0, 1.0)
    values = pilot(motion, bare, start, seed, PILOTS, PILOT_STEPS)
    low, first = (float(q) for q in np.quantile(values, (LOW, FIRST)))
    if not first > low:
        raise ValueError("the reaction coordinate does not vary near the start")
    return Ladder(table, low, first, (first - low) / RUNGS_PER_SCALE)


def combine(logs: Array, lengths: Array) -> tuple[float, float, float]:
    """``log p̄``, ``log`` of the mean length, and the standard error of their difference.

    Args:
        logs: ``log p̂`` of the replicas, −inf for the extinct ones, ``(R,)``.
        lengths: Mean cycle lengths, ``(R,)``.

    Raises:
        NotConverged: If p̂ scatters so much between replicas that the mean is decided by a few of them.
    """
    top = float(logs.max())
    if np.isinf(top):
        raise NotConverged("no path arrived in any replica: give more paths or another reaction coordinate")
    p = np.exp(logs - top)
    spread = float(p.std(ddof=1) / p.mean())
    if not spread < LARGEST_SPREAD:
        raise NotConverged(
            f"the replicas scatter by {spread:.1f} times their mean: "
            "give more paths, or a reaction coordinate that tells progress better"
        )
    influence = p / p.mean() - lengths / lengths.mean()
    error = float(influence.std(ddof=1) / math.sqrt(logs.size))
    return top + math.log(p.mean()), math.log(float(lengths.mean())), error
