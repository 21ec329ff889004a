"""Seconds by part of a run."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager

from meshes.clock import part


class Timings(dict[str, float]):
    """Seconds per stage, added up over noises."""

    @contextmanager
    def measure(self, stage: str) -> Iterator[None]:
        """Add the time spent in the block to a stage."""
        start = time.monotonic()
        try:
            with part(stage):
                yield
        finally:
            self[stage] = self.get(stage, 0.0) + time.monotonic() - start

    def add(self, other: Timings) -> None:
        """Add those of another part of the run; parts that ran side by side are added up."""
        for stage, seconds in other.items():
            self[stage] = self.get(stage, 0.0) + seconds
