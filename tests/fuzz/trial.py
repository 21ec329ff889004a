"""Running the program once, in this process, and judging what came of it."""

from __future__ import annotations

import contextlib
import io
import signal
import traceback
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from cases.cli import main

SECONDS = 60  # of the clock: a machine may be busy; nothing here should take more than a few


class Hang(BaseException):
    """The program took too long."""


@dataclass(frozen=True)
class Outcome:
    """What the program did: exit code, output, and what is wrong with that (empty if nothing is)."""

    code: int | None
    out: str
    err: str
    problem: str = ""


@contextlib.contextmanager
def deadline(seconds: float) -> Iterator[None]:
    """Interrupt the block when it takes longer."""

    def stop(*_: object) -> None:
        raise Hang

    before = signal.signal(signal.SIGALRM, stop)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0.0)
        signal.signal(signal.SIGALRM, before)


def program(arguments: Sequence[str], codes: Sequence[int] = (0, 2), seconds: float = SECONDS) -> Outcome:
    """Run the command line in this process; only these exit codes are good ones."""
    out, err = io.StringIO(), io.StringIO()
    code: int | None = None
    problem = ""
    try:
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err), deadline(seconds):
            code = main(list(arguments))
    except Hang:
        problem = f"took longer than {seconds} s: {traceback.format_exc()[-1500:]}"
    except BaseException:  # whatever gets out of the program, SystemExit included
        problem = f"raised: {traceback.format_exc()[-1500:]}"
    said, found = out.getvalue(), err.getvalue()
    if not problem:
        problem = _judged(code, found, codes)
    return Outcome(code, said, found, problem)


def _judged(code: int | None, err: str, codes: Sequence[int]) -> str:
    if code not in codes:
        return f"exit code {code}: {err[-2500:]}"
    if "Traceback" in err:
        return f"a traceback: {err[-2500:]}"
    if code == 2 and (err.count("\n") != 1 or "; " not in err):
        return f"not one line with a remedy: {err[:500]!r}"
    if code == 0 and err:
        return f"words on standard error: {err[:500]!r}"
    return ""
