"""What comes with the program: the built-in cases, and the library of named systems in families."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from pathlib import Path

HOME = Path(__file__).parent.parent
BUILTIN = HOME / "builtin"
SYSTEMS = HOME / "systems"


@dataclass(frozen=True)
class Entry:
    """One case that comes with the program.

    Attributes:
        name: What it is called on the command line.
        family: The folder of a named system; "" for a built-in case.
        path: Its case file.
        title: One line that says what it is.
        paper: Where it is from.
    """

    name: str
    family: str
    path: Path
    title: str
    paper: str


def builtin_cases() -> list[str]:
    """Names of the built-in cases: those that reproduce the claim of a paper."""
    return list(_folder(BUILTIN))


def families() -> dict[str, list[str]]:
    """Names of the systems of the library by family, both in alphabetical order."""
    folders = sorted(path for path in SYSTEMS.iterdir() if path.is_dir())
    return {folder.name: list(_folder(folder)) for folder in folders if _folder(folder)}


def files() -> dict[str, Path]:
    """The case file of every name: built-in cases first, then the library family by family."""
    found = _folder(BUILTIN)
    for family in families():
        found |= _folder(SYSTEMS / family)
    return found


def _folder(folder: Path) -> dict[str, Path]:
    return {path.stem: path for path in sorted(folder.glob("*.toml"), key=lambda path: path.stem)}


def entries(family: str | None = None) -> list[Entry]:
    """What ``quasipot list`` shows; of one family if one is named (``""``: the built-in cases)."""
    found = []
    for name, path in files().items():
        own = "" if path.parent == BUILTIN else path.parent.name
        if family is None or family == own:
            head = tomllib.loads(path.read_text(encoding="utf-8"))
            found.append(Entry(name, own, path, head.get("title", ""), head.get("paper", "")))
    return found
