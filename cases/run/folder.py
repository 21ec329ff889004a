"""The output folder: written beside its place and moved into it at the end, in one step.

A run writes into ``.NAME.partial-PID-…`` next to the result folder NAME.  When it is done the two are
exchanged by one system call (``renameat2``), so at every moment NAME is a complete result: the old
one or the new one.  What was there before is then removed, but only the files of a run
(:mod:`cases.run.ownership`): a folder that holds anything else is never taken.  What a killed run leaves
behind is removed by its guard (:mod:`cases.run.guard`), or else by the next run: a running one holds a lock
on its folder, a dead one does not.
"""

from __future__ import annotations

import ctypes
import errno
import fcntl
import hashlib
import os
import re
import secrets
import shutil
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from types import TracebackType
from typing import TypeVar

from mpi4py import MPI

from cases.base.errors import UNWRITABLE, CaseError, remedy
from cases.base.interrupts import before_the_end, held
from cases.run.guard import Guard
from cases.run.ownership import foreign, remove_ours

T = TypeVar("T")

_AT_FDCWD = -100
_RENAME_EXCHANGE = 2
_LONGEST = 200  # bytes of a name to which those of a partial folder can still be added (255 are allowed)


class OutputFolder:
    """A context in which to write a result folder; collective on entry and on a good exit.

    Inside, :attr:`path` is the folder to write to, the same on all ranks.  Leaving without an
    exception moves it into place; leaving with one removes it and keeps what was there before (not
    collective then: other ranks may be elsewhere).

    Args:
        target: The result folder; an existing one is replaced if it is empty or an earlier result.
        comm: MPI communicator of the run, or None for a single process.
    """

    def __init__(self, target: Path, comm: MPI.Intracomm | None = None) -> None:
        self.target = Path(os.path.abspath(target))
        self._comm = comm
        self._lock: int | None = None
        self._guard: Guard | None = None
        self._watch = ExitStack()
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
                outcome = refuse(
                    self.target, f"cannot be written ({error.strerror})", remedy(error.errno or 0)
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
                self._abandon()
        finally:
            self._watch.close()
            if self._guard is not None:
                self._guard.dismiss()
                self._guard = None
            if self._lock is not None:
                os.close(self._lock)
                self._lock = None
        if isinstance(error, OSError) and error.errno in UNWRITABLE:
            number = error.errno or 0
            problem = f"the results cannot be written ({os.strerror(number)})"
            raise refuse(self.target, problem, remedy(number)) from None

    def _is_root(self) -> bool:
        return self._comm is None or self._comm.rank == 0

    def _share(self, value: T) -> T:
        return value if self._comm is None else self._comm.bcast(value, root=0)

    def _make(self) -> Path:
        check_target(self.target)
        parent = self.target.parent
        parent.mkdir(parents=True, exist_ok=True)
        with locked(parent), held():
            remove_stale(self.target)
            path = parent / f"{_prefix(self.target)}{os.getpid()}-{secrets.token_hex(4)}"
            path.mkdir()
            self.path = path
            self._watch.enter_context(before_the_end(self._abandon))
            self._guard = Guard(path)
            self._lock = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
            _try_lock(self._lock)
        return path

    def _abandon(self) -> None:
        """Remove what was written so far; renamed first, so that nothing more comes into it meanwhile."""
        aside = self.path.with_name(f"{self.path.name[:-1]}{'1' if self.path.name[-1] == '0' else '0'}")
        try:
            os.rename(self.path, aside)
        except OSError:
            aside = self.path
        shutil.rmtree(aside, ignore_errors=True)

    def _publish(self) -> None:
        if self._comm is not None:
            # Every rank must have closed its files before they move.
            self._comm.Barrier()
        problem: CaseError | None = None
        if self._is_root():
            try:
                with locked(self.target.parent), held():
                    problem = move_into_place(self.path, self.target)
            except OSError as error:
                problem = refuse(self.target, f"cannot be replaced ({error.strerror})", self._kept())
        problem = self._share(problem)
        if problem is not None:
            raise problem

    def _kept(self) -> str:
        """Where the results are that could not be moved into place, in words."""
        try:
            return _are_in(_set_aside(self.path, self.target))
        except OSError:
            return f"move the results from {self.path} before the next run"


def check_target(target: Path) -> None:
    """Refuse to replace anything but an empty folder or an earlier result; the current folder in any case.

    Raises:
        CaseError: when something else is there.
        OSError: when it cannot be looked into.
    """
    if not os.path.lexists(target):
        return
    if target.is_symlink() or not target.is_dir():
        raise refuse(target, "exists and is no folder", "choose another folder with -o")
    if os.path.ismount(target):
        raise refuse(target, "is a mount point and cannot be replaced", "choose a folder inside it with -o")
    if os.path.realpath(target) == os.path.realpath(os.curdir):
        raise refuse(target, "is the current folder and cannot be replaced", "choose another folder with -o")
    others = foreign(target)
    if others:
        more = f" and {len(others) - 1} more" if len(others) > 1 else ""
        raise refuse(
            target,
            f"holds '{others[0]}'{more}, which no run of quasipot wrote",
            "choose another folder with -o, or move that elsewhere",
        )


def check_beside(target: Path, case_folder: Path) -> None:
    """Refuse the folder that the case itself is in.

    Raises:
        CaseError: when the result folder is that one.
    """
    if os.path.realpath(target) == os.path.realpath(case_folder):
        raise refuse(target, "is the folder of the case and cannot be replaced", "choose another with -o")


def move_into_place(new: Path, target: Path) -> CaseError | None:
    """Put the folder ``new`` at ``target`` and remove the earlier result there; both are on one file system.

    Returns:
        None; if something that is no result has come to be there meanwhile, an error that says where the
        results are instead.
    """
    if not os.path.lexists(target):
        os.rename(new, target)
        return None
    try:
        check_target(target)
    except CaseError as error:
        return refuse(target, error.problem, _are_in(_set_aside(new, target)))
    if _exchange(new, target):
        if not remove_ours(new):
            _set_aside(new, target)
        return None
    # Without renameat2 there is a moment with no result, but never one with a mixture.
    aside = new.with_name(new.name + "-old")
    os.rename(target, aside)
    os.rename(new, target)
    if not remove_ours(aside):
        _set_aside(aside, target)
    return None


def _set_aside(folder: Path, target: Path) -> Path:
    """Give a folder a name that people see and no later run removes: NAME-1, NAME-2 and so on."""
    number = 1
    while os.path.lexists(place := target.with_name(f"{target.name[:_LONGEST]}-{number}")):
        number += 1
    os.rename(folder, place)
    return place


def _are_in(place: Path) -> str:
    return f"the results are in {place}"


def remove_stale(target: Path) -> None:
    """Remove what killed runs for this target left behind."""
    pattern = re.compile(re.escape(_prefix(target)) + r"[0-9]+-[0-9a-f]{8}(-old)?")
    # Sorted: a folder comes before its "-old" companion.
    for name in sorted(name for name in os.listdir(target.parent) if pattern.fullmatch(name)):
        path = target.parent / name
        try:
            handle = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
        except OSError:
            continue
        try:
            if not _try_lock(handle):
                continue
            aside = path if name.endswith("-old") else Path(f"{path}-old")
            if aside.exists() and not os.path.lexists(target):
                # The way without renameat2 was left half-way: give the old result back.
                os.rename(aside, target)
            shutil.rmtree(path, ignore_errors=True)
        finally:
            os.close(handle)


def _prefix(target: Path) -> str:
    name = target.name
    if len(os.fsencode(name)) > _LONGEST:
        name = f"{name[:40]}-{hashlib.sha256(os.fsencode(name)).hexdigest()[:16]}"
    return f".{name}.partial-"


def refuse(target: Path, problem: str, fix: str) -> CaseError:
    """An error about the place of the results."""
    return CaseError("output folder", str(target), problem, fix)


def _try_lock(handle: int) -> bool:
    """Lock an open folder; False when another process holds it or locks are not to be had."""
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    return True


@contextmanager
def locked(folder: Path) -> Iterator[None]:
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
