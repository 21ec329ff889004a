"""What can be wrong with the input, and the exit codes of the command line."""

from __future__ import annotations

import difflib
from collections.abc import Iterable

EXIT_GOOD = 0
EXIT_BUG = 1
EXIT_INPUT = 2
EXIT_SOLVER = 3


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
        return " ".join(line.split())


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
