"""Where the time goes: seconds by part of a program, and how long ranks wait there for one that works alone.

Parts are opened by :func:`part`, one within another; what is spent in an inner one does not count for the
outer.  :mod:`meshes.serial` tells how long a rank waited.  What is counted is that of this process, like the
timers of DOLFINx.  Waiting inside the linear solvers and other collective calls is not seen: it counts as
work.
"""

from __future__ import annotations

import resource
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

#: What is spent outside of all parts.
REST = "the rest"


@dataclass
class Spent:
    """What one rank, or all of them, spent in one part of a program.

    Attributes:
        seconds: By the clock; the longest of all ranks.
        cpu: Seconds of a processor, also those in which a rank waits for others; of all ranks together.
        waited: Seconds that ranks waited for one that worked alone; of all ranks together.
        memory: Most bytes that were held up to the end of the part; of all ranks together.
    """

    seconds: float = 0.0
    cpu: float = 0.0
    waited: float = 0.0
    memory: float = 0.0


_spent: dict[str, Spent] = {}
_open: list[str] = []
_last = [time.monotonic(), time.process_time()]


def restart() -> None:
    """Count from zero."""
    _charge()
    _spent.clear()


@contextmanager
def part(name: str) -> Iterator[None]:
    """Count what is spent in the block for a part of the program."""
    _charge()
    _open.append(name)
    try:
        yield
    finally:
        _charge()
        _open.pop()


@contextmanager
def waiting() -> Iterator[None]:
    """Count the time in the block as waiting for another rank."""
    start = time.monotonic()
    try:
        yield
    finally:
        _of(_name()).waited += time.monotonic() - start


def spent(comm: Any) -> dict[str, Spent]:
    """What all ranks together spent in each part, the dearest first.  Collective."""
    _charge()
    total: dict[str, Spent] = {}
    for own in comm.allgather(_spent):
        for name, one in own.items():
            known = total.setdefault(name, Spent())
            known.seconds = max(known.seconds, one.seconds)
            known.cpu += one.cpu
            known.waited += one.waited
            known.memory += one.memory
    return dict(sorted(total.items(), key=lambda entry: -entry[1].seconds))


def _name() -> str:
    return _open[-1] if _open else REST


def _of(name: str) -> Spent:
    return _spent.setdefault(name, Spent())


def _charge() -> None:
    """Count what was spent since the last call for the part that is open."""
    now = [time.monotonic(), time.process_time()]
    one = _of(_name())
    one.seconds += now[0] - _last[0]
    one.cpu += now[1] - _last[1]
    one.memory = max(one.memory, 1024.0 * resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)
    _last[:] = now
