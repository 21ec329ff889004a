"""Keeping MPI ranks together when something goes wrong."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from mpi4py import MPI

PATIENCE = 5.0


def wait_for_all(comm: MPI.Intracomm) -> None:
    """Wait for the other ranks without taking a processor from them.  Collective."""
    request = comm.Ibarrier()
    while not request.Test():
        time.sleep(0.02)


def all_arrive(comm: MPI.Intracomm, patience: float = PATIENCE) -> bool:
    """Whether all ranks call this within ``patience`` seconds of one another.

    To be called where an error ends the program: if the error is the same everywhere all ranks get
    here and can leave in good order; if not, the others wait elsewhere and the job must be aborted.
    """
    request, start = comm.Ibarrier(), time.monotonic()
    while not request.Test():
        if time.monotonic() - start > patience:
            return False
        time.sleep(0.01)
    return True
