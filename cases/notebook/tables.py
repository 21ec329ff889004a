"""Small tables as plain text, and as HTML for notebooks."""

from __future__ import annotations

import html
from collections.abc import Sequence
from dataclasses import dataclass

from cases.base.text_table import text_table

STYLE = "text-align: right; padding: 0.15em 0.7em; font-variant-numeric: tabular-nums"


@dataclass(frozen=True)
class Table:
    """A table of texts.

    Attributes:
        heads: The heads of its columns.
        rows: As many texts in each.
        title: What it is a table of; may be empty.
    """

    heads: Sequence[str]
    rows: Sequence[Sequence[str]]
    title: str = ""

    def text(self) -> str:
        """As plain text."""
        return text_table(self.title, [self.heads], self.rows)

    def html(self) -> str:
        """The same as an HTML table."""
        parts = (
            [f"<caption style='text-align: left'>{html.escape(self.title)}</caption>"] if self.title else []
        )
        parts.append(
            "<tr>" + "".join(f"<th style='{STYLE}'>{html.escape(h)}</th>" for h in self.heads) + "</tr>"
        )
        for row in self.rows:
            cells = "".join(f"<td style='{STYLE}'>{html.escape(cell)}</td>" for cell in row)
            parts.append(f"<tr>{cells}</tr>")
        return "<table>" + "".join(parts) + "</table>"


def paragraphs(parts: Sequence[Table | str]) -> str:
    """Tables and sentences as plain text, an empty line between them."""
    return "\n\n".join(part if isinstance(part, str) else part.text() for part in parts if part)


def page(parts: Sequence[Table | str]) -> str:
    """Tables and sentences as HTML."""
    return "".join(
        f"<p style='white-space: pre-line'>{html.escape(part)}</p>" if isinstance(part, str) else part.html()
        for part in parts
        if part
    )
