"""Sharing the ranks of a run among its noises: side by side, or together where memory asks for it.

Two noises have nothing to say to each other until they are compared, while the ranks that work on one of them
wait for each other at every step: sharing noises out is the better half of parallelism.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from mpi4py import MPI

from cases.base.ranks import wait_for_all
from cases.problem.memory import available, estimate
from meshes.serial import on_root

if TYPE_CHECKING:
    from cases.stages.base.stage import Setting

#: Unknowns from which on one more rank repays its messages: on two ranks a plane double well of 21 000
#: unknowns took longer than on one, of 148 000 unknowns 15 % less.
UNKNOWNS_PER_RANK = 40_000


@dataclass(frozen=True)
class Shares:
    """How many groups of ranks work side by side, and how many ranks each has."""

    groups: int
    ranks: int

    def is_one(self, size: int) -> bool:
        """Whether it is one group of all ranks."""
        return self.groups == 1 and self.ranks == size


def shares(noises: int, unknowns: int, dim: int, size: int, memory: float) -> Shares:
    """The groups for a number of noises on meshes of so many unknowns.

    Args:
        noises: How many there are.
        unknowns: Unknowns of V under one of them.
        dim: Dimension of space.
        size: Ranks of the run.
        memory: Bytes that may be taken.
    """
    groups = max(1, min(noises, size))
    while groups > 1 and groups * estimate(unknowns, dim) > memory:
        groups -= 1
    return Shares(groups, max(1, min(size // groups, unknowns // UNKNOWNS_PER_RANK)))


def shares_of(setting: Setting) -> Shares:
    """The groups for a case.  Collective."""
    case, comm = setting.case, setting.comm
    whole = Shares(1, comm.size)
    # A mesh that is adapted to V is adapted to all noises at once, by all ranks.
    if case.solver.ranks == "together" or case.mesh.adapt or case.alone or not setting.noises:
        return whole
    vertices = setting.domain.topology.index_map(0).size_global
    unknowns = vertices * case.mesh.degree**case.dim
    return on_root(comm, lambda: shares(len(setting.noises), unknowns, case.dim, comm.size, available()))


@contextmanager
def group(
    names: Sequence[str], share: Shares, comm: MPI.Intracomm
) -> Iterator[tuple[MPI.Intracomm, list[str]]]:
    """The group that this rank is in and the names that are its own; none for a rank that is left over.

    Collective on entry and on a good exit, where ranks wait for the others without taking a processor.
    """
    number = min(comm.rank // share.ranks, share.groups)
    own = MPI.Intracomm(comm.Split(number, comm.rank))
    try:
        yield own, list(names[number :: share.groups]) if number < share.groups else []
        wait_for_all(comm)
    finally:
        own.Free()
