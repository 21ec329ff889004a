"""The pages of the documentation, and the pieces of code in them."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

HOUSE = Path(__file__).resolve().parents[2]
DOCS = HOUSE / "docs"
FENCE = re.compile(r"^```(\{code-cell\} )?(\w*)[^\n]*\n(.*?)^```$", re.MULTILINE | re.DOTALL)


@dataclass(frozen=True)
class Block:
    """A piece of code in a page; where it stands, for the names of tests."""

    where: str
    language: str
    text: str


def pages() -> list[Path]:
    """The sources of all pages, and the README."""
    found = sorted(path for path in DOCS.rglob("*.md") if "_build" not in path.parts)
    return [HOUSE / "README.md", *found]


def blocks(*languages: str) -> list[Block]:
    """The pieces of code in these languages, in all pages."""
    found = []
    for path in pages():
        text = path.read_text(encoding="utf-8")
        for match in FENCE.finditer(text):
            if match[2] in languages:
                line = text.count("\n", 0, match.start()) + 1
                found.append(Block(f"{path.relative_to(HOUSE)}:{line}", match[2], match[3]))
    return found
