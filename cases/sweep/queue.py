"""Handing out members to groups of ranks one at a time: who is free takes the next one, the dearest first.

A ticket is a folder below the result folder: the operating system makes a folder once only, on network file
systems too, so groups agree without messages and none waits while another computes.
"""

from __future__ import annotations

import math
import os
import secrets
import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path

from mpi4py import MPI

from cases.casefile.case import Case
from meshes.serial import on_root

_PREFIX = ".tickets-"


def cost(case: Case) -> float:
    """How dear a case is expected to be; of use only to compare cases.

    N unknowns are factorised in O(N), O(N^{3/2}) and O(N²) operations in one, two and three dimensions
    (nested dissection: A. George, SIAM J. Numer. Anal. 10 (1973) 345), once for V and about once for each
    noise level, for each noise.
    """
    if case.mean_field is not None or not case.domain.bounds:
        sides = [1.0] * max(case.dim, 1)
    else:
        lengths = [high - low for low, high in case.domain.bounds]
        sides = [length / max(lengths) for length in lengths]
    unknowns = math.prod(side * case.mesh.resolution * case.mesh.degree for side in sides)
    exponent = {1: 1.0, 2: 1.5}.get(case.dim, 2.0)
    return max(len(case.noise), 1) * (1 + len(case.compare.epsilon)) * float(unknowns) ** exponent


def dearest_first(cases: Sequence[Case]) -> list[int]:
    """The order in which to hand cases out: the numbers of the dearest ones first, else as given.

    With the longest pieces first the groups end at nearly the same time (R. L. Graham, SIAM J. Appl. Math. 17
    (1969) 416: at most 4/3 of the best).
    """
    costs = [cost(case) for case in cases]
    return sorted(range(len(costs)), key=lambda k: -costs[k])


@contextmanager
def tickets(folder: Path, comm: MPI.Intracomm) -> Iterator[Path]:
    """A place for the tickets of one run; gone when it ends, by the next run if this one is killed.

    Collective on entry over the communicator of all groups.  ``folder`` is locked by the run.
    """

    def make() -> Path:
        folder.mkdir(parents=True, exist_ok=True)
        for old in folder.glob(f"{_PREFIX}*"):
            shutil.rmtree(old, ignore_errors=True)
        place = folder / f"{_PREFIX}{os.getpid()}-{secrets.token_hex(4)}"
        place.mkdir()
        return place

    place = on_root(comm, make)
    try:
        yield place
    finally:
        if comm.rank == 0:
            shutil.rmtree(place, ignore_errors=True)


def taken(order: Sequence[int], place: Path, group: MPI.Intracomm) -> Iterator[int]:
    """The numbers that this group gets, each when it asks for it.  Collective over the group."""
    for k in order:
        if on_root(group, partial(_take, place / str(k))):
            yield k


def _take(ticket: Path) -> bool:
    try:
        ticket.mkdir()
    except FileExistsError:
        return False
    return True
