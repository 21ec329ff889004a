"""What a parsed file may consist of, before anybody asks what it means.

A case file is a shallow tree of tables and lists with text, truth values and numbers of 64 bits.  TOML allows
more: dates, integers of any length, keys of any characters, values nested a thousand deep.
"""

from __future__ import annotations

from datetime import date, datetime, time

from cases.base.errors import CaseError

DEEPEST = 16
LONGEST_KEY = 128
LARGEST = 2**63


def check_plain(data: dict[str, object], file: str) -> None:
    """Refuse what no key of a case can be.

    Raises:
        CaseError: naming the first such value.
    """
    waiting: list[tuple[tuple[str, ...], object]] = [((), data)]  # not recursive: the tree may be deep
    while waiting:
        path, value = waiting.pop()
        where = ".".join(path)
        if len(path) > DEEPEST:
            raise CaseError(
                file, ".".join(path[:3]), f"values are nested {DEEPEST} deep and more", "no key is that deep"
            )
        if isinstance(value, dict):
            for key in value:
                if not key or len(key) > LONGEST_KEY or not key.isprintable():
                    raise CaseError(
                        file, where or "(top level)", f"{_short(key)} is no key", "write a short plain word"
                    )
            waiting += [((*path, key), below) for key, below in reversed(value.items())]
        elif isinstance(value, list):
            waiting += [((*path, str(n)), below) for n, below in reversed(list(enumerate(value)))]
        elif isinstance(value, date | datetime | time):
            raise CaseError(file, where, f"{value} is a date or time", "write a number, or text in quotes")
        elif isinstance(value, str) and "\0" in value:
            raise CaseError(file, where, "the text holds the character of number 0", "leave it out")
        elif isinstance(value, int) and not -LARGEST <= value < LARGEST:
            raise CaseError(file, where, "the whole number has more than 64 bits", "write a smaller one")


def _short(key: str) -> str:
    shown = repr(key)
    return shown if len(shown) <= 40 else f"{shown[:37]}…'"
