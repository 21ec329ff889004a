"""The output folder: written beside its place and moved into it at the end, in one step.

A run writes into ``.NAME.partial-PID-…`` next to the result folder NAME.  When it is done the two are
exchanged by one system call (``renameat2``), so at every moment NAME is a complete result: the old
one or the new one.  What a killed run leaves behind is removed by the next run: a running one holds
a lock on its folder, a dead one does not.
"""

from __future__ import annotations

import ctypes
import errno
import fcntl
import os
import secrets
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import Any

from cases.base.errors import CaseError

MARKS = ("summary.json", "run.json")
_AT_FDCWD = -100
_RENAME_EXCHANGE = 2


class OutputFolder:
    """A context in which to write a result folder; collective on entry and on a good exit.

    Inside, :attr:`path` is the folder to write to, the same on all ranks.  Leaving without an
    exception moves it into place; leaving with one removes it and keeps what was there before (not
    collective then: other ranks may be elsewhere).

    Args:
        target: The result folder; an existing one is replaced if it is empty or an earlier result.
        comm: MPI communicator of the run, or None for a single process.
    """

    def __init__(self, target: Path, comm: Any | None = None) -> None:
        self.target = Path(os.path.abspath(target))
        self._comm = comm
        self._lock: int | None = None
        self.path = self.target

    def __enter__(self) -> OutputFolder:
        """Make the folder on rank 0.  Collective.

        Raises:
            CaseError: on all ranks, when the place cannot be written or holds something else.
        """
        outcome: Path | CaseError = self.target
        if self._is_root():
            try:
                outcome = self._make()
            except CaseError as error:
                outcome = error
            except OSError as error:
                outcome = _refuse(
                    self.target, f"cannot be written ({error.strerror})", "choose another folder"
                )
        outcome = self._share(outcome)
        if isinstance(outcome, CaseError):
            raise outcome
        self.path = outcome
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Move the folder into place, or remove it after an exception.  Collective if all is well."""
        try:
            if kind is None:
                self._publish()
            elif self._is_root():
                shutil.rmtree(self.path, ignore_errors=True)
        finally:
            if self._lock is not None:
                os.close(self._lock)
                self._lock = None

    def _is_root(self) -> bool:
        return self._comm is None or self._comm.rank == 0

    def _share(self, value: Any) -> Any:
        return value if self._comm is None else self._comm.bcast(value, root=0)

    def _make(self) -> Path:
        check_target(self.target)
        parent = self.target.parent
        parent.mkdir(parents=True, exist_ok=True)
        with _locked(parent):
            remove_stale(self.target)
            path = parent / f"{_prefix(self.target)}{os.getpid()}-{secrets.token_hex(4)}"
            path.mkdir()
            self._lock = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
            _try_lock(self._lock)
        return path

    def _publish(self) -> None:
        if self._comm is not None:
            # Every rank must have closed its files before they move.
            self._comm.Barrier()
        problem: CaseError | None = None
        if self._is_root():
            try:
                with _locked(self.target.parent):
                    move_into_place(self.path, self.target)
            except OSError as error:
                problem = _refuse(
                    self.target, f"cannot be replaced ({error.strerror})", f"results are in {self.path}"
                )
        problem = self._share(problem)
        if problem is not None:
            raise problem


def check_target(target: Path) -> None:
    """Refuse to replace anything but an empty folder or an earlier result.

    Raises:
        CaseError: when something else is there.
    """
    if not os.path.lexists(target):
        return
    if target.is_symlink() or not target.is_dir():
        raise _refuse(target, "exists and is no folder", "choose another folder")
    if os.path.ismount(target):
        raise _refuse(target, "is a mount point and cannot be replaced", "choose a folder inside it")
    names = os.listdir(target)
    if names and not any(mark in names for mark in MARKS):
        raise _refuse(
            target, "exists and holds no earlier result", "choose another folder, or empty this one"
        )


def move_into_place(new: Path, target: Path) -> None:
    """Put the folder ``new`` at ``target`` and remove what was there; both are on one file system."""
    if not os.path.lexists(target):
        os.rename(new, target)
        return
    if _exchange(new, target):
        shutil.rmtree(new, ignore_errors=True)
        return
    # Without renameat2 there is a moment with no result, but never one with a mixture.
    aside = new.with_name(new.name + "-old")
    os.rename(target, aside)
    os.rename(new, target)
    shutil.rmtree(aside, ignore_errors=True)


def remove_stale(target: Path) -> None:
    """Remove what killed runs for this target left behind."""
    # Sorted: a folder comes before its "-old" companion.
    for path in sorted(target.parent.glob(_escape(_prefix(target)) + "*")):
        try:
            handle = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
        except OSError:
            continue
        try:
            if not _try_lock(handle):
                continue
            aside = Path(str(path) + "-old")
            if aside.exists() and not os.path.lexists(target):
                # The fallback of move_into_place was killed half-way: give the old result back.
                os.rename(aside, target)
            shutil.rmtree(path, ignore_errors=True)
        finally:
            os.close(handle)


def _prefix(target: Path) -> str:
    return f".{target.name}.partial-"


def _escape(text: str) -> str:
    return "".join(f"[{char}]" if char in "*?[" else char for char in text)


def _refuse(target: Path, problem: str, fix: str) -> CaseError:
    return CaseError("output folder", str(target), problem, fix)


def _try_lock(handle: int) -> bool:
    """Lock an open folder; False when another process holds it or locks are not to be had."""
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    return True


@contextmanager
def _locked(folder: Path) -> Iterator[None]:
    """One at a time: between making a folder and locking it nobody may take it for a stale one."""
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX)
        except OSError as error:
            if error.errno not in (errno.ENOLCK, errno.EOPNOTSUPP, errno.EINVAL, errno.EBADF):
                raise
        yield
    finally:
        os.close(handle)


def _exchange(first: Path, second: Path) -> bool:
    """Exchange two folders in one step; False where the system cannot."""
    try:
        rename = ctypes.CDLL(None, use_errno=True).renameat2
    except (OSError, AttributeError):
        return False
    done = rename(_AT_FDCWD, os.fsencode(first), _AT_FDCWD, os.fsencode(second), _RENAME_EXCHANGE)
    if done == 0:
        return True
    code = ctypes.get_errno()
    if code in (errno.ENOSYS, errno.EINVAL, errno.EOPNOTSUPP):
        return False
    raise OSError(code, os.strerror(code), str(second))
