"""Ending in good order on SIGTERM, SIGINT and SIGHUP: what is half done is removed, one line says it.

Python runs its handlers between two of its own instructions, and a rank that waits in a collective call never
gets there.  So the signals are taken up by a thread, which does what has to be done and ends the process with
the exit code 128 + n that shells know; the launcher then ends the other ranks in the same way.  Where the
same command can go on with what is kept (:func:`told`), SIGTERM, which batch systems send, ends it with 75.

SIGUSR1 does not end anything at once: it asks a run to stop where it can go on later.
"""

from __future__ import annotations

import contextlib
import os
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from typing import NamedTuple

from cases.base.errors import EXIT_AGAIN

SIGNALS = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)


class State(NamedTuple):
    """What there will be of a run that ends now.

    Attributes:
        words: It as a sentence, with what to do.
        goes_on: Whether a run can go on with what is kept.
    """

    words: str
    goes_on: bool


NOTHING = State("nothing was written, an earlier result is as it was", False)

_told: list[Callable[[], State]] = []  # what there will be; the outermost speaks for its parts
_last: list[Callable[[], None]] = []  # what to do before the end, latest first
_asked = threading.Event()  # whether SIGUSR1 came
_busy = threading.RLock()  # held where the process must not end


def install(rank: int) -> None:
    """Take up the signals from now on; those that are ignored stay so (``nohup``).  Once per process.

    Args:
        rank: Rank of this process; rank 0 says what happened.
    """
    reading, writing = os.pipe()
    os.set_blocking(writing, False)
    for number in SIGNALS:
        if signal.getsignal(number) != signal.SIG_IGN:
            signal.signal(number, lambda *_: None)
    signal.signal(signal.SIGUSR1, lambda *_: None)
    signal.set_wakeup_fd(writing, warn_on_full_buffer=False)
    threading.Thread(target=_wait, args=(reading, rank), daemon=True, name="interrupts").start()


def _wait(reading: int, rank: int) -> None:
    while True:
        for number in os.read(reading, 64):
            if number == signal.SIGUSR1:
                _asked.set()
            elif number in SIGNALS:
                _end(number, rank)


def asked_to_stop() -> bool:
    """Whether this process was asked to stop at the next good place."""
    return _asked.is_set()


def _end(number: int, rank: int) -> None:
    with _busy:
        for action in reversed(_last):
            with contextlib.suppress(Exception):
                action()
        state = _state()
        if rank == 0:
            said = f"quasipot: ended by {signal.Signals(number).name}: {state.words}\n"
            with contextlib.suppress(OSError):
                os.write(2, said.encode())
        os._exit(EXIT_AGAIN if number == signal.SIGTERM and state.goes_on else 128 + number)


def _state() -> State:
    for state in _told[:1]:
        with contextlib.suppress(
            Exception
        ):  # of a file system that is gone, say: the process ends all the same
            return state()
    return NOTHING


@contextlib.contextmanager
def told(state: Callable[[], State]) -> Iterator[None]:
    """While the block runs, a signal that ends the process says this of what there will be.

    Of blocks within each other the outermost speaks: a member of a sweep is a part of it.
    """
    _told.append(state)
    try:
        yield
    finally:
        _told.remove(state)


@contextlib.contextmanager
def before_the_end(action: Callable[[], None]) -> Iterator[None]:
    """While the block runs, do this if a signal ends the process."""
    _last.append(action)
    try:
        yield
    finally:
        _last.remove(action)


@contextlib.contextmanager
def held() -> Iterator[None]:
    """While the block runs no signal ends the process; afterwards it does."""
    with _busy:
        yield


def leave(code: int) -> None:
    """End the process without what libraries do at their end: after a full disk they would fail again."""
    for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(OSError, ValueError):
            stream.flush()
    os._exit(code)
