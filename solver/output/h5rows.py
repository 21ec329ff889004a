"""Row-distributed HDF5 data sets: every rank owns a contiguous block of rows, in rank order."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import h5py
import numpy as np
from mpi4py import MPI
from numpy.typing import NDArray


def open_for_writing(path: str | Path, comm: MPI.Intracomm) -> h5py.File:
    """Open a file for writing by all ranks (collective)."""
    if comm.size == 1:  # works with an HDF5 without MPI as well
        return h5py.File(path, "w")
    if not h5py.get_config().mpi:
        raise RuntimeError("h5py was built without MPI: install python3-h5py-mpi, or run on one rank")
    return h5py.File(path, "w", driver="mpio", comm=comm)


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
    dataset = group.create_dataset(name, (total, *rows.shape[1:]), dtype=rows.dtype)
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
    dataset = group.create_dataset(name, (len(steps) * total, *steps[0].shape[1:]), dtype=steps[0].dtype)
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
