"""How much is simulated, from which seed, and who does it."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from mpi4py import MPI
from numpy.typing import NDArray

from solver.system import Array


@dataclass(frozen=True)
class Sampling:
    """How much is simulated, and who does it.

    Attributes:
        paths: Number of paths over all ranks; of splitting, in every replica; of particles, the replicas.
        seed: Seed; with ``paths`` it fixes the result, whatever the number of ranks.
        dt: Time step; None: one that suits the problem.
        max_time: Paths still going then are censored; None: as long as the steps suffice.
        max_steps: Largest number of time steps of all paths together.  A step takes 0.2 µs with constant A
            and about 1 µs with varying A in 2D.
        comm: The ranks that share the work; None: this one alone.
    """

    paths: int = 2000
    seed: int = 1
    dt: float | None = None
    max_time: float | None = None
    max_steps: float = 2e8
    comm: MPI.Comm | None = None

    def limit(self, dt: float) -> int:
        """Largest number of steps of this length on one path."""
        most = int(self.max_steps / self.paths)
        return most if self.max_time is None else min(most, math.ceil(self.max_time / dt))

    def mine(self, count: int | None = None) -> NDArray[np.int64]:
        """The numbers of the paths (or of as many other things) that this rank follows: every size-th."""
        count = self.paths if count is None else count
        return np.arange(count) if self.comm is None else np.arange(self.comm.rank, count, self.comm.size)

    def gathered(self, rows: Array) -> Array:
        """The rows of all ranks in the order of their numbers, on every rank.  Collective.

        Args:
            rows: One for each of :meth:`mine`, ``(n, …)``.
        """
        if self.comm is None or self.comm.size == 1:
            return rows
        parts = self.comm.allgather(rows)
        result = np.empty((sum(len(part) for part in parts), *rows.shape[1:]), dtype=rows.dtype)
        for rank, part in enumerate(parts):
            result[rank :: self.comm.size] = part
        return result
