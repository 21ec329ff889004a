"""Standard streams that cannot fail: no run ends because its reader has gone or its terminal knows no ε."""

from __future__ import annotations

import codecs
import errno
import io
import os
import sys
import time
from typing import Any, TextIO

from cases.base.errors import CaseError


class _Lenient(io.FileIO):
    """A stream whose first failure to write is kept; what comes after is dropped."""

    problem: OSError | None = None

    def write(self, data: Any) -> int:
        """Write, or drop, all of it."""
        if self.problem is None:
            try:
                while (count := super().write(data)) is None:
                    time.sleep(0.01)  # a stream that does not block, and is full for the moment
                return int(count)
            except OSError as error:
                self.problem = error
        return len(data)


def _escaped(error: UnicodeError) -> tuple[str, int]:
    """What an encoding lacks as \\u1234, which TOML and JSON read back as the same character."""
    if not isinstance(error, UnicodeEncodeError):
        raise error
    lacking = map(ord, error.object[error.start : error.end])
    return "".join(f"\\u{n:04x}" if n < 0x10000 else f"\\U{n:08x}" for n in lacking), error.end


codecs.register_error("quasipot.escaped", _escaped)


def make_sound() -> None:
    """Put standard output and error on streams that do not fail.  Once, before anything is opened.

    A descriptor that was closed is opened on nothing, so that no file of ours gets its number and with it
    what libraries print.
    """
    for number in range(3):
        try:
            os.fstat(number)
        except OSError:
            os.open(os.devnull, os.O_RDWR)  # takes the lowest number that is free
    sys.stdout = _sound(1, sys.stdout)
    sys.stderr = _sound(2, sys.stderr)


def _sound(number: int, before: TextIO | None) -> io.TextIOWrapper:
    encoding = getattr(before, "encoding", None) or "utf-8"
    raw = _Lenient(number, "w", closefd=False)
    live = number == 2 or raw.isatty()
    return io.TextIOWrapper(
        io.BufferedWriter(raw), encoding=encoding, errors="quasipot.escaped", line_buffering=live
    )


def trouble() -> CaseError | None:
    """What kept standard output from being written; None if nothing did, or only its reader has gone."""
    sys.stdout.flush()
    raw = getattr(getattr(sys.stdout, "buffer", None), "raw", None)
    problem = raw.problem if isinstance(raw, _Lenient) else None
    if problem is None or problem.errno == errno.EPIPE:
        return None
    return CaseError(
        "standard output", "", f"cannot be written ({problem.strerror})", "send it somewhere else"
    )
