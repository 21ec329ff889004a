"""What can be wrong with the input, and the exit codes of the command line."""

from __future__ import annotations

import difflib
import errno
import os
from collections.abc import Iterable

EXIT_GOOD = 0
EXIT_BUG = 1
EXIT_INPUT = 2
EXIT_SOLVER = 3
EXIT_AGAIN = 75  # EX_TEMPFAIL of sysexits.h: the same command goes on


class Stopped(Exception):
    """A run that was asked to stop did so, and what it has done is kept; its words say how to go on."""


class CaseError(Exception):
    """Bad input, said in one line: ``file: key: what is wrong; what to do``.

    Attributes:
        file: The case file (or built-in case) at fault.
        key: Dotted key in it, for example ``noise.hot.diffusion``; may be empty.
        problem: What is wrong.
        fix: What to do about it.
    """

    def __init__(self, file: str, key: str, problem: str, fix: str) -> None:
        # All four go to Exception.args: that is what makes it survive pickling between MPI ranks.
        super().__init__(file, key, problem, fix)
        self.file = file
        self.key = key
        self.problem = problem
        self.fix = fix

    def __str__(self) -> str:
        parts = [part for part in (self.file, self.key, self.problem) if part]
        line = ": ".join(parts) + (f"; {self.fix}" if self.fix else "")
        # names of files may hold anything, also what a terminal obeys
        return "".join(c if c.isprintable() else ascii(c)[1:-1] for c in " ".join(line.split()))


#: What to do when the system refuses something, by the number of the error.
_REMEDIES = {
    errno.ENOSPC: "make room on that disk, or choose another folder with -o",
    errno.EDQUOT: "make room in your quota, or choose another folder with -o",
    errno.EFBIG: "raise the limit of the size of files (ulimit -f)",
    errno.EACCES: "check its permissions, or choose another place",
    errno.EPERM: "check its permissions, or choose another place",
    errno.EROFS: "this file system is read-only: choose another place",
    errno.ENAMETOOLONG: "choose a shorter name",
    errno.EMFILE: "raise the limit of open files (ulimit -n)",
    errno.ENFILE: "raise the limit of open files (ulimit -n)",
}


#: Errors of a place that cannot be written to.
UNWRITABLE = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EROFS, errno.EIO, errno.EACCES})


def remedy(number: int) -> str:
    """What to do when the system refuses something with this error."""
    return _REMEDIES.get(number, "check that it is there and can be used")


def system_error(error: OSError) -> CaseError:
    """What the system refused, as an error of ours."""
    number = error.errno or 0
    place = str(error.filename) if error.filename is not None else "quasipot"
    # The messages of HDF5 are long, and begin with what it wanted to do.
    words = (error.strerror or str(error)).split("(")[0].strip()
    reason = os.strerror(number) if number else words
    return CaseError(place, "", reason, remedy(number))


def nearest(name: str, candidates: Iterable[str]) -> str | None:
    """The candidate that ``name`` was probably meant to be, or None when nothing is near."""
    known = list(candidates)
    folded = {candidate.casefold(): candidate for candidate in known}
    if name.casefold() in folded:
        return folded[name.casefold()]
    found = difflib.get_close_matches(name.casefold(), list(folded), n=1, cutoff=0.5)
    return folded[found[0]] if found else None


def suggestion(name: str, candidates: Iterable[str], what: str) -> str:
    """A sentence for ``fix``: the nearest candidate if there is one, else all of them."""
    known = sorted(candidates)
    near = nearest(name, known)
    if near is not None:
        return f"did you mean '{near}'?"
    return f"the {what} are: {', '.join(known)}" if known else f"there are no {what} here"
