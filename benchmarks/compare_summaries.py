"""Compare the ``summary.json`` of two sets of runs, number by number.

    python3 benchmarks/compare_summaries.py BEFORE AFTER [--tolerance 1e-10] [--rounding 1e-12] [--most 20]

BEFORE and AFTER are folders with one ``summary.json``, or with any number of them below (runs, members of
sweeps); those that both have are compared.  Prints the largest relative difference of every key that differs
(positions in lists left out of the key), and where it is.  Exit code 1 if one is above the tolerance, or if
something else than a number differs or has gone; what is only in AFTER is new, and no difference.
"""

from __future__ import annotations

import argparse
import json
import math
import re
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

# seconds, and names of files, tell nothing of what was computed
IGNORED = {"timings", "files"}
# the folder of a member of a sweep ends in a digest of its case file, which may be written differently
DIGEST = re.compile(r"-[0-9a-f]{8}(?=/|$)")


@dataclass(frozen=True)
class Difference:
    """Where two summaries differ: the relative difference of two numbers, ∞ for anything else."""

    key: str
    place: str
    size: float
    before: Any
    after: Any


def differences(before: Any, after: Any, rounding: float, place: str = "") -> Iterator[Difference]:
    """All differences of two JSON values.

    Args:
        before, after: The values.
        rounding: Absolute difference that is none: residuals, and coordinates that are zero but for rounding.
        place: Where they stand, names and positions joined by dots.
    """
    if isinstance(before, dict) and isinstance(after, dict):
        for name, value in before.items():
            if name not in IGNORED:
                yield from differences(value, after.get(name, "(gone)"), rounding, f"{place}.{name}")
    elif isinstance(before, list) and isinstance(after, list) and len(before) == len(after):
        for n, pair in enumerate(zip(before, after, strict=True)):
            yield from differences(*pair, rounding, f"{place}.{n}")
    elif _number(before) and _number(after):
        gap = abs(before - after)
        if gap > rounding:
            yield _difference(place, gap / max(abs(before), abs(after)), before, after)
    elif before != after:
        yield _difference(place, math.inf, before, after)


def _number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _difference(place: str, size: float, before: Any, after: Any) -> Difference:
    place = place.removeprefix(".")
    return Difference(re.sub(r"\.\d+(?=\.|$)", "", place), place, size, before, after)


def summaries(folder: Path) -> dict[str, Path]:
    """All ``summary.json`` in and below a folder, by the run they belong to."""
    return {
        DIGEST.sub("", path.parent.relative_to(folder).as_posix()): path
        for path in sorted(folder.rglob("summary.json"))
    }


def shown(value: Any) -> str:
    """A value in one short piece of text."""
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= 60 else f"{text[:57]}…"


def main() -> int:
    """Print the differences; return the exit code."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("before", type=Path)
    parser.add_argument("after", type=Path)
    parser.add_argument("--tolerance", type=float, default=1e-10)
    parser.add_argument("--rounding", type=float, default=1e-12)
    parser.add_argument("--most", type=int, default=20, help="keys printed of each run")
    given = parser.parse_args()
    old, new = summaries(given.before), summaries(given.after)
    shared = sorted(old.keys() & new.keys())
    if not shared:
        print(f"no summary.json in both {given.before} and {given.after}: give folders of the same runs")
        return 2
    worst = 0.0
    for run in shared:
        found = differences(*(json.loads(p.read_text()) for p in (old[run], new[run])), given.rounding)
        by_key: dict[str, Difference] = {}
        for one in found:
            if one.key not in by_key or one.size > by_key[one.key].size:
                by_key[one.key] = one
        ranked = sorted(by_key.values(), key=lambda one: -one.size)
        largest = ranked[0].size if ranked else 0.0
        worst = max(worst, largest)
        print(f"{run}: {f'largest relative difference {largest:.1e}' if ranked else 'the same'}")
        for one in ranked[: given.most]:
            print(f"    {one.size:7.1e}  {one.place}: {shown(one.before)} → {shown(one.after)}")
        if len(ranked) > given.most:
            print(f"    … and {len(ranked) - given.most} more keys")
    for name, left in (("BEFORE", old.keys() - new.keys()), ("AFTER", new.keys() - old.keys())):
        if left:
            print(
                f"only in {name}: {len(left)} runs ({', '.join(sorted(left)[:4])}{', …' * (len(left) > 4)})"
            )
    print(f"{len(shared)} runs; largest relative difference {worst:.1e}, tolerance {given.tolerance:.1e}")
    return 1 if worst > given.tolerance else 0


if __name__ == "__main__":
    sys.exit(main())
