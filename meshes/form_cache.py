"""DOLFINx's folder of compiled forms: waiting long enough for others, and clearing away what was abandoned.

FFCx marks a form as "being compiled" by creating `<form>.c` and as ready by `<form>.c.cached`.  A process
that is killed between the two leaves a bare `.c`, and every later process that needs this form waits for
ten seconds and stops with "JIT compilation timed out".  So each process holds a shared lock on the folder
for as long as it lives; one that comes when nobody holds it knows that no compilation is under way, and
removes the bare files.
"""

from __future__ import annotations

import fcntl
import os
from pathlib import Path

from dolfinx import jit

PATIENCE = 300  # seconds to wait for a form that another process compiles: a minute on a busy machine

_held: dict[Path, int] = {}  # descriptors that live as long as the process


def abandoned(folder: Path) -> list[Path]:
    """Forms in the folder whose compilation was begun and not finished."""
    return [source for source in folder.glob("lib*.c") if not source.with_suffix(".c.cached").exists()]


def share(folder: Path | None = None) -> int:
    """Join the users of the folder (DOLFINx's own by default); returns how many abandoned forms were removed.

    Nothing is removed while any other user is there, nor where the file system has no locks.  Not collective.
    """
    jit.DOLFINX_DEFAULT_JIT_OPTIONS["timeout"] = (PATIENCE, jit.DOLFINX_DEFAULT_JIT_OPTIONS["timeout"][1])
    folder = Path(jit.get_options()["cache_dir"]) if folder is None else folder
    removed = 0
    if folder in _held:
        return removed
    try:
        folder.mkdir(parents=True, exist_ok=True)
        lock = os.open(folder / "in-use.lock", os.O_CREAT | os.O_RDWR, 0o666)
    except OSError:  # a folder that cannot be written to: forms are compiled elsewhere, or not at all
        return removed
    try:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            pass
        else:
            for source in abandoned(folder):
                source.unlink(missing_ok=True)
                removed += 1
        fcntl.flock(lock, fcntl.LOCK_SH)
    except OSError:
        os.close(lock)
        return removed
    _held[folder] = lock
    return removed
