"""Tables as plain text: columns padded to their widest cell, a rule under the heads."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from typing import TypeVar

#: Columns of a terminal, which no table exceeds.
WIDTH = 100

Cells = Sequence[str]
Layout = TypeVar("Layout")


def text_table(
    title: str, heads: Sequence[Cells], rows: Sequence[Cells], left: Collection[int] = (0,)
) -> str:
    """A table under its title.

    Args:
        title: A line above it; none if empty.
        heads: Lines of heads, at least one.
        rows: Lines of cells, as many in each as heads.
        left: Columns whose cells stand on the left; numbers stand on the right.
    """
    widths = [max(len(line[i]) for line in [*heads, *rows]) for i in range(len(heads[-1]))]
    lines = [*heads, ["─" * width for width in widths], *rows]
    text = [
        "  ".join(
            cell.ljust(width) if i in left else cell.rjust(width)
            for i, (cell, width) in enumerate(zip(line, widths, strict=True))
        ).rstrip()
        for line in lines
    ]
    return "\n".join([title, *text] if title else text)


def width(text: str) -> int:
    """The length of the longest line."""
    return max(map(len, text.splitlines()))


def first_that_fits(layouts: Sequence[Layout], draw: Callable[[Layout], str]) -> str:
    """The first of several layouts that is not wider than a terminal, else the last one."""
    for layout in layouts:
        text = draw(layout)
        if width(text) <= WIDTH:
            break
    return text


def clipped(text: str, longest: int) -> str:
    """Text that is cut, and says so, where it is too long."""
    return text if len(text) <= longest else text[: longest - 1] + "…"
