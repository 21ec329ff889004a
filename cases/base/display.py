"""A virtual X display for a program that draws where there is none."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager

_END = 60.0  # seconds the server has to end in
_NO_CONNECTION = ("bad X server connection", "annot open display", "an't open display")
_ATTEMPTS = 3


@contextmanager
def virtual_display(size: str) -> Iterator[str]:
    """The name of a display of so many pixels (``"1024x768"``), there as long as the context lasts.

    The server looks for a free number by itself and tells it once it listens: two that start at once cannot
    get the same.  It must not reset itself (``-noreset``): by default it does when its last client leaves,
    and a program that looks at the display, closes it and opens it again finds it closed.

    Raises:
        OSError: when there is no Xvfb, or it does not start.
    """
    reading, writing = os.pipe()
    command = ["Xvfb", "-displayfd", str(writing), "-screen", "0", f"{size}x24", "-noreset"]
    try:
        server = subprocess.Popen(
            [*command, "-nolisten", "tcp"],
            pass_fds=[writing],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
    except OSError:
        os.close(reading)
        raise
    finally:
        os.close(writing)
    try:
        with os.fdopen(reading) as told:
            number = told.readline().strip()  # empty if the server ends before it listens
        if not number:
            raise OSError("Xvfb did not start")
        yield f":{number}"
    finally:
        server.terminate()
        try:
            server.wait(timeout=_END)
        except subprocess.TimeoutExpired:
            server.kill()


def run_on_display(
    command: list[str], size: str, environment: dict[str, str], seconds: float
) -> subprocess.CompletedProcess[str]:
    """Run a program on a virtual display of its own; on another one where it could not reach the first.

    Raises:
        OSError: when there is no display to be had.
        subprocess.TimeoutExpired: when the program takes longer than `seconds`.
    """
    for attempt in range(1, _ATTEMPTS + 1):
        with virtual_display(size) as display:
            done = subprocess.run(
                command,
                env={**environment, "DISPLAY": display},
                capture_output=True,
                text=True,
                timeout=seconds,
                check=False,
            )
        if not any(words in done.stderr for words in _NO_CONNECTION):
            break
        if attempt == _ATTEMPTS:
            raise OSError(f"no connection to the display {display}")
    return done
