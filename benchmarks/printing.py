"""Printing of benchmark tables under MPI, and the peak memory of all ranks."""

from __future__ import annotations

import resource

from mpi4py import MPI


def report(*lines: str) -> None:
    """Print on rank 0."""
    if MPI.COMM_WORLD.rank == 0:
        for line in lines:
            print(line, flush=True)


def memory() -> float:
    """Peak memory of all ranks, in MB.  Collective."""
    return float(MPI.COMM_WORLD.allreduce(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss) / 1024)
