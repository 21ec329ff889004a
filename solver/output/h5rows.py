"""Row-distributed HDF5 data sets: every rank owns a contiguous block of rows, in rank order."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import h5py
import numpy as np
from mpi4py import MPI
from numpy.typing import NDArray

from solver.output.replacing import replacing, room_for


class NoRoom(OSError):
    """There is no room for a data set; raised on all ranks alike."""


_unfinished: list[h5py.File] = []  # never closed: that is collective, and the other ranks are elsewhere


@contextmanager
def writing(path: str | Path, comm: MPI.Intracomm) -> Iterator[h5py.File]:
    """A file that all ranks write; it appears under its name when the block has ended well (collective).

    Raises:
        OSError: There is no room for it, or the system refuses to write.
    """
    if comm.size > 1 and not h5py.get_config().mpi:
        raise RuntimeError("h5py was built without MPI: install python3-h5py-mpi, or run on one rank")
    with replacing(path, comm) as beside:
        # one rank works with an HDF5 without MPI as well
        more = {"driver": "mpio", "comm": comm} if comm.size > 1 else {}
        file = h5py.File(beside, "w", **more)
        try:
            yield file
        except BaseException as error:
            if comm.size == 1 or isinstance(error, NoRoom):
                with suppress(OSError):
                    file.close()
            else:
                _unfinished.append(file)
            raise
        file.close()


def _ask_for_room(group: h5py.Group, shape: tuple[int, ...], dtype: np.dtype[Any], comm: Any) -> None:
    """Refuse on all ranks what the disk does not hold, before any of them begins to write (collective)."""
    size = math.prod(shape) * dtype.itemsize
    problem = comm.bcast(room_for(group.file.filename, size) if comm.rank == 0 else None, root=0)
    if problem is not None:
        raise NoRoom(*problem.args, problem.filename)


def write_rows(group: h5py.Group, name: str, rows: NDArray[Any], comm: MPI.Intracomm) -> h5py.Dataset:
    """Create a data set and write the rows of every rank into it (collective).

    Args:
        group: Where to create it.
        name: Its name.
        rows: This rank's rows, possibly none; type and trailing shape agree on all ranks.
        comm: The ranks that opened the file.
    """
    rows = np.ascontiguousarray(rows)
    counts = comm.allgather(len(rows))
    total, first = sum(counts), sum(counts[: comm.rank])
    shape = (total, *rows.shape[1:])
    _ask_for_room(group, shape, rows.dtype, comm)
    dataset = group.create_dataset(name, shape, dtype=rows.dtype)
    _write_block(dataset, rows, first)
    return dataset


def write_steps(
    group: h5py.Group, name: str, steps: Sequence[NDArray[Any]], comm: MPI.Intracomm
) -> h5py.Dataset:
    """Create a data set with the rows of all ranks for one step after the other (collective).

    Args:
        group: Where to create it.
        name: Its name.
        steps: This rank's rows at every step, equally many at each; see :func:`write_rows`.
        comm: The ranks that opened the file.
    """
    counts = comm.allgather(len(steps[0]))
    total, first = sum(counts), sum(counts[: comm.rank])
    shape = (len(steps) * total, *steps[0].shape[1:])
    _ask_for_room(group, shape, steps[0].dtype, comm)
    dataset = group.create_dataset(name, shape, dtype=steps[0].dtype)
    for n, rows in enumerate(steps):
        _write_block(dataset, np.ascontiguousarray(rows), n * total + first)
    return dataset


def write_replicated(group: h5py.Group, name: str, rows: NDArray[Any], comm: MPI.Intracomm) -> h5py.Dataset:
    """Write a small data set that all ranks know: rank 0 writes, the others take part (collective)."""
    return write_rows(group, name, rows if comm.rank == 0 else rows[:0], comm)


def _write_block(dataset: h5py.Dataset, rows: NDArray[Any], first: int) -> None:
    """Write one block through the low-level interface.

    h5py's ``with dataset.collective`` silently skips an empty block, and the other ranks then wait for
    ever; here a rank without rows takes part with an empty selection.
    """
    space = dataset.id.get_space()
    memory = h5py.h5s.create_simple((max(len(rows), 1), *rows.shape[1:]))
    if len(rows) == 0:
        space.select_none()
        memory.select_none()
        rows = np.zeros((1, *rows.shape[1:]), dtype=rows.dtype)
    else:
        space.select_hyperslab((first, *(0 for _ in rows.shape[1:])), rows.shape)
    if dataset.file.driver == "mpio":
        transfer = h5py.h5p.create(h5py.h5p.DATASET_XFER)
        transfer.set_dxpl_mpio(h5py.h5fd.MPIO_COLLECTIVE)
        dataset.id.write(memory, space, rows, dxpl=transfer)
    else:
        dataset.id.write(memory, space, rows)
