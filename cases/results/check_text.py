"""Checks in words: what was looked at, and whether the value is good."""

from __future__ import annotations

from cases.results.checks import CHECKS


def title(name: str) -> str:
    """What a check looks at, as a sentence begins."""
    text = CHECKS[name][1] if name in CHECKS else name.replace("_", " ")
    return text[0].upper() + text[1:]


def verdict(value: float, limit: float | None) -> str:
    """``good``, ``failed``; ``recorded`` where nothing is asked of the value."""
    return "recorded" if limit is None else "good" if value <= limit else "failed"
