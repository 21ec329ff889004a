"""Files that are replaced in one step: a reader finds the old one or the new one, never half of it."""

from __future__ import annotations

import errno
import os
import resource
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

#: Bytes that HDF5 may need for its own tables beside the data.
SLACK = 1 << 18


@contextmanager
def replacing(path: str | Path, comm: Any | None = None) -> Iterator[Path]:
    """The place beside ``path`` to write to; moved there when the block ends well, removed when it does not.

    Args:
        path: The file to make or to replace; its folder must exist.
        comm: The ranks that write it together: collective on entry and on a good exit.

    Raises:
        OSError: If the file cannot be moved into place.
    """
    path = Path(path)
    beside = path.with_name(f".{path.name[:64]}.{os.getpid()}-{secrets.token_hex(4)}")
    several = comm is not None and comm.size > 1
    if comm is not None and several:
        beside = comm.bcast(beside, root=0)
    writes = comm is None or comm.rank == 0
    try:
        yield beside
    except BaseException:
        if writes:
            beside.unlink(missing_ok=True)
        raise
    if comm is not None and several:
        comm.Barrier()
    if writes:
        os.replace(beside, path)


def write_text(path: str | Path, text: str) -> None:
    """Write a text file in one step, as UTF-8 whatever the locale.

    Raises:
        OSError: If it cannot be written; what was there stays.
    """
    with replacing(path) as beside:
        beside.write_text(text, encoding="utf-8")


def room_for(path: str | Path, size: int) -> OSError | None:
    """The error that writing ``size`` more bytes beside ``path`` would end in, or None where there is room.

    Asked *before* a collective write: once some ranks fail in the middle of one, the others wait for ever.
    """
    folder = Path(path).parent
    free = os.statvfs(folder)
    if free.f_bavail * free.f_frsize < size + SLACK:
        return OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(path))
    there = os.path.getsize(path) if os.path.exists(path) else 0
    limit = resource.getrlimit(resource.RLIMIT_FSIZE)[0]
    if limit != resource.RLIM_INFINITY and there + size + SLACK > limit:
        return OSError(errno.EFBIG, os.strerror(errno.EFBIG), str(path))
    return None
