"""Ending in good order on SIGTERM, SIGINT and SIGHUP: what is half done is removed, one line says it.

Python runs its handlers between two of its own instructions, and a rank that waits in a collective call never
gets there.  So the signals are taken up by a thread, which does what has to be done and ends the process with
the exit code 128 + n that shells know; the launcher then ends the other ranks in the same way.

SIGUSR1 does not end anything at once: it asks a run to stop where it can go on later.
"""

from __future__ import annotations

import contextlib
import os
import signal
import sys
import threading
from collections.abc import Callable, Iterator

SIGNALS = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)

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
        if rank == 0:
            name = signal.Signals(number).name
            said = f"quasipot: ended by {name}: nothing was written, an earlier result is as it was\n"
            with contextlib.suppress(OSError):
                os.write(2, said.encode())
        os._exit(128 + number)


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
