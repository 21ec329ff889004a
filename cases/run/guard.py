"""A process that outlives this one by a moment, to remove what it leaves behind when it is killed.

Neither SIGKILL nor a signal in the middle of a long factorisation lets a program tidy up after itself.  The
guard waits at the end of a pipe: a word means that all is well, the end of the pipe that the run is dead.
"""

from __future__ import annotations

import contextlib
import subprocess
from pathlib import Path

_WAIT = 'trap "" TERM INT HUP; read word || rm -rf -- "$1"'


class Guard:
    """A guard of a folder; without one, where processes cannot be had, the next run removes the folder."""

    def __init__(self, folder: Path) -> None:
        self._process: subprocess.Popen[bytes] | None = None
        with contextlib.suppress(OSError):
            self._process = subprocess.Popen(
                ["/bin/sh", "-c", _WAIT, "quasipot", str(folder)],
                stdin=subprocess.PIPE,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                start_new_session=True,
                cwd="/",
            )

    def dismiss(self) -> None:
        """Tell the guard that there is nothing left to do."""
        if self._process is None:
            return
        with contextlib.suppress(OSError, subprocess.SubprocessError):
            self._process.communicate(b"done\n", timeout=10)
        self._process = None
