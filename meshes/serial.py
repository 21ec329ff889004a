"""Serial work in a parallel program: one rank computes, and all get the same result.

Work that is done on every rank again may come out differently on different machines, in the last digit, and
a decision that hangs on that digit sends the ranks different ways: the next collective call waits for ever.
So serial work is done once, by :func:`on_root`; independent pieces of it are dealt to the ranks by
:func:`dealt`; and a serial algorithm that needs values of a distributed field runs on rank 0 while the others
serve it (:func:`served`).  Results and exceptions reach all ranks; both must be things that pickle.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import Any, TypeVar

from meshes.clock import waiting

T = TypeVar("T")
R = TypeVar("R")

# seconds: a rank that waits longer than a message takes looks only now and then whether it may go on, and
# leaves the processor to those that work; an answer is late by no more than that
PATIENCE = 1e-3


def on_root(comm: Any, action: Callable[[], T]) -> T:
    """The result of an action done on rank 0 alone, on all ranks; so is its exception.  Collective."""
    if comm.size == 1:
        return action()
    outcome = _attempt(action) if comm.rank == 0 else None
    with waiting():
        _meet(comm)
        outcome = comm.bcast(outcome, root=0)
    return _outcome(outcome)


def dealt(comm: Any, actions: Sequence[Callable[[], T]]) -> list[T]:
    """The results of independent actions, each done on one of the ranks in turn.  Collective.

    Raises:
        Exception: The first, in the order of the actions, that one of them raised.
    """
    if comm.size == 1:
        return [action() for action in actions]
    mine = [_attempt(action) for action in actions[comm.rank :: comm.size]]
    with waiting():
        _meet(comm)
        parts = comm.allgather(mine)
    return [_outcome(parts[n % comm.size][n // comm.size]) for n in range(len(actions))]


def served(comm: Any, serve: Callable[[Any], R], algorithm: Callable[[Callable[[Any], R]], T]) -> T:
    """The result of a serial algorithm that asks for collective evaluations.  Collective.

    Args:
        comm: The ranks.
        serve: Collective: the answer to a request; its value on rank 0 counts.
        algorithm: Called on rank 0, with a function that it may ask as often as it likes.

    Raises:
        Exception: Whatever the algorithm raised, on all ranks.
    """

    if comm.size == 1:
        return algorithm(serve)

    def ask(request: Any) -> R:
        comm.bcast((True, request), root=0)
        return serve(request)

    if comm.rank == 0:
        outcome = _attempt(lambda: algorithm(ask))
        comm.bcast((False, outcome), root=0)
        return _outcome(outcome)
    while True:
        with waiting():
            more, message = comm.bcast(None, root=0)
        if not more:
            return _outcome(message)
        try:
            serve(message)
        except Exception:  # what is wrong on rank 0 too is for the algorithm there to judge
            continue


def _meet(comm: Any) -> None:
    """Wait until all ranks are here; MPI alone would keep a processor busy with that.  Collective."""
    request, start = comm.Ibarrier(), time.monotonic()
    while not request.Test():
        if time.monotonic() - start > PATIENCE:
            time.sleep(PATIENCE)


def _attempt(action: Callable[[], T]) -> tuple[T | None, Exception | None]:
    try:
        return action(), None
    except Exception as error:  # passed on to every rank
        return None, error


def _outcome(outcome: tuple[T | None, Exception | None] | None) -> T:
    assert outcome is not None
    result, failure = outcome
    if failure is not None:
        raise failure
    return result  # type: ignore[return-value]
