"""A table of the report, as text ready for the page."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Line:
    """One line.

    Attributes:
        cells: Its cells.
        shared: So many of the first repeat those of the line above: they are read aloud, and not shown.
    """

    cells: tuple[str, ...]
    shared: int = 0


@dataclass(frozen=True)
class PageTable:
    """One table with what it says.

    Attributes:
        title: Its heading.
        heads: Heads of the columns.
        lines: Its lines.
        note: How to read it.
    """

    title: str
    heads: tuple[str, ...]
    lines: tuple[Line, ...]
    note: str

    @property
    def grouped(self) -> bool:
        """Whether lines belong together."""
        return any(line.shared for line in self.lines)
