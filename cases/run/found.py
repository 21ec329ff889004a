"""What is found on the way beside the entries of the summary."""

from __future__ import annotations

from dataclasses import dataclass, field

from solver.output.polylines import Polyline


@dataclass
class Found:
    """What is found on the way beside the entries of the summary.

    Attributes:
        problems: Sentences about what failed.
        lines: Escape paths.
        relaxed: How they go on behind the saddles.
        unknowns: Unknowns of V.
    """

    problems: list[str] = field(default_factory=list)
    lines: list[Polyline] = field(default_factory=list)
    relaxed: list[Polyline] = field(default_factory=list)
    unknowns: int | None = None

    def add(self, other: Found) -> None:
        """Take in what was found under one noise."""
        self.problems += other.problems
        self.lines += other.lines
        self.relaxed += other.relaxed
        self.unknowns = self.unknowns if other.unknowns is None else other.unknowns
