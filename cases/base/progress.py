"""Progress of a run, on rank 0 only: a live bar on a terminal, plain lines with the time otherwise.

All of it goes to standard output: standard error stays free for the one line of an error.
"""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Literal, Protocol, TextIO

Level = Literal["quiet", "normal", "verbose"]
PLAIN_INTERVAL = 5.0
LAUNCHERS = ("OMPI_COMM_WORLD_SIZE", "PMI_SIZE", "PMIX_RANK")


class HasRank(Protocol):
    """What is needed of an MPI communicator here."""

    @property
    def rank(self) -> int:
        """Rank of this process."""


class Stage:
    """A step of a run that is under way."""

    def __init__(self, report: Callable[[float, float | None, str], None], total: float | None) -> None:
        self._report = report
        self._total = total
        self._done = 0.0

    def advance(self, n: float = 1, note: str = "") -> None:
        """Say that ``n`` more units are done, with an optional short note (a residual, say)."""
        self._done += n
        self._report(self._done, self._total, note)


def counted(what: str, say: Callable[[str], None]) -> Callable[[], None]:
    """To be called after each of many steps: says every few seconds how many there were, as ``12 what``."""
    count, last = 0, time.monotonic()

    def done() -> None:
        nonlocal count, last
        count += 1
        if (now := time.monotonic()) - last > PLAIN_INTERVAL:
            last = now
            say(f"{count} {what}")

    return done


class Progress:
    """Where a run reports what it is doing; every rank may call it, rank 0 prints.

    Args:
        level: "quiet" prints nothing, "verbose" prints details as well.
        comm: The communicator of the run; None means a single process.
        stream: Where to print.
    """

    def __init__(
        self, level: Level = "normal", comm: HasRank | None = None, stream: TextIO | None = None
    ) -> None:
        self._stream = stream if stream is not None else sys.stdout
        self._shown = level != "quiet" and (comm is None or comm.rank == 0)
        self._verbose = level == "verbose"
        # mpirun gives rank 0 a pseudo-terminal even when its own output goes to a file
        launched = any(name in os.environ for name in LAUNCHERS)
        self._live = self._stream.isatty() and (not launched or os.environ.get("QUASIPOT_TERMINAL") == "1")
        self._start = time.monotonic()
        self._print = self._write

    def info(self, text: str) -> None:
        """A line for everybody."""
        if self._shown:
            self._print(f"[{time.monotonic() - self._start:7.1f} s] {text}")

    def result(self, text: str) -> None:
        """Text that belongs to the result and not to the progress, without the time; not with --quiet."""
        if self._shown:
            self._print(text)

    def detail(self, text: str) -> None:
        """A line that only --verbose shows."""
        if self._verbose:
            self.info(text)

    @contextmanager
    def stage(self, title: str, total: float | None = None) -> Iterator[Stage]:
        """A step of the run; with ``total`` its units are counted by :meth:`Stage.advance`."""
        began = time.monotonic()
        if not self._shown:
            yield Stage(lambda *_: None, total)
            return
        if self._live:
            with self._bar(title, total) as stage:
                yield stage
        else:
            self.info(title)
            yield Stage(self._plain_lines(title), total)
        took = time.monotonic() - began
        if self._live or self._verbose or took > PLAIN_INTERVAL:
            self.info(f"{title}: done in {took:.1f} s")

    def _write(self, text: str) -> None:
        print(text, file=self._stream, flush=True)

    def _plain_lines(self, title: str) -> Callable[[float, float | None, str], None]:
        """Lines at most every few seconds, so that a log file stays readable."""
        last = time.monotonic()

        def report(done: float, total: float | None, note: str) -> None:
            nonlocal last
            now = time.monotonic()
            if self._verbose or now - last > PLAIN_INTERVAL:
                last = now
                count = f"{done:g}" if total is None else f"{done:g}/{total:g}"
                self.info(f"  {title}: {count}{' ' + note if note else ''}")

        return report

    @contextmanager
    def _bar(self, title: str, total: float | None) -> Iterator[Stage]:
        from rich.console import Console
        from rich.progress import BarColumn, TextColumn, TimeElapsedColumn
        from rich.progress import Progress as RichProgress

        columns = (
            TextColumn("{task.description}", markup=False),
            BarColumn(),
            TimeElapsedColumn(),
            TextColumn("{task.fields[note]}", markup=False),
        )
        console = Console(file=self._stream, highlight=False)
        with RichProgress(*columns, console=console, transient=True) as bar:
            task = bar.add_task(title, total=total, note="")

            def report(done: float, total: float | None, note: str) -> None:
                bar.update(task, completed=done, total=total, note=note)

            outer = self._print
            # Lines printed while a bar is shown go above it.
            self._print = lambda text: console.print(text, markup=False, soft_wrap=True)
            try:
                yield Stage(report, total)
            finally:
                self._print = outer
