"""Keeping MPI ranks together when something goes wrong."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any, TypeVar

T = TypeVar("T")
PATIENCE = 5.0


def all_arrive(comm: Any, patience: float = PATIENCE) -> bool:
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


def on_root(comm: Any, action: Callable[[], T]) -> T:
    """The result of an action done on rank 0 alone, on all ranks; so is its exception.  Collective."""
    result: T | None = None
    failure: Exception | None = None
    if comm.rank == 0:
        try:
            result = action()
        except Exception as error:  # passed on to every rank below
            failure = error
    result, failure = comm.bcast((result, failure), root=0)
    if failure is not None:
        raise failure
    return result  # type: ignore[return-value]
