"""What is spent where: nested parts do not count twice, and waiting for one rank is seen."""

import time
from functools import partial

import pytest
from mpi4py import MPI

from meshes import clock
from meshes.serial import dealt, on_root


def test_an_inner_part_does_not_count_for_the_outer():
    clock.restart()
    with clock.part("outer"):
        time.sleep(0.1)
        with clock.part("inner"):
            time.sleep(0.3)
        time.sleep(0.1)
    found = clock.spent(MPI.COMM_SELF)
    assert found["outer"].seconds == pytest.approx(0.2, abs=0.09)
    assert found["inner"].seconds == pytest.approx(0.3, abs=0.09)
    assert list(found)[:2] == ["inner", "outer"]  # the dearest first
    assert found["inner"].cpu < 0.1
    assert found["inner"].memory > 2**20
    clock.restart()
    assert "inner" not in clock.spent(MPI.COMM_SELF)


@pytest.mark.mpi
def test_ranks_that_wait_for_one():
    """One rank sleeps 0.3 s: all others wait; dealt out, the pieces are slept side by side."""
    comm = MPI.COMM_WORLD
    comm.Barrier()
    clock.restart()
    with clock.part("alone"):
        on_root(comm, partial(time.sleep, 0.3))
    with clock.part("dealt"):
        dealt(comm, [partial(time.sleep, 0.3)] * comm.size)
    found = clock.spent(comm)
    assert found["alone"].waited >= 0.29 * (comm.size - 1)
    assert found["alone"].cpu < 0.15 * comm.size  # who waits leaves the processor to others
    assert found["dealt"].seconds < 0.3 * comm.size + 0.25
    assert found["dealt"].waited < 0.25 * comm.size
