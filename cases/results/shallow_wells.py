"""Wells that are too shallow for a time from or to them to be more than a convention."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator, Mapping, Sequence

from cases.base.numbers import number as shown
from cases.contracts.values import number
from cases.results.findings import SEPARATE
from solver.analysis.stages import Analysis

#: From, to, ε, log T of the chain of wells, log T to a neighbourhood of the target where it was solved for.
RateRow = tuple[int, int, float, float | None, float | None]

#: The two times differ visibly from here on: it is what ``simulation_gap`` allows between two of them.
VISIBLE = 0.05


def rate_rows(analysis: Analysis) -> list[RateRow]:
    """The times that were found, of the chain and direct ones."""
    found: list[RateRow] = []
    for epsilon, level in sorted(analysis.levels.items(), reverse=True):
        if level.state.rates is None:
            continue
        times = level.state.rates.log_mfpt
        for i, j in itertools.permutations(range(len(times)), 2):
            passage = level.passages.get((i, j))
            direct = None if passage is None else math.log(passage.mean)
            found.append((i, j, epsilon, number(times[i, j]), direct))
    return found


def shallow_sentences(depths: Mapping[int, float], rates: Sequence[RateRow]) -> Iterator[str]:
    """A sentence for every well that is hardly one at some noise level of which times are given.

    The time of the chain of wells is defined up to a part ``e^{−depth/ε}``: a process that comes back as fast
    as it goes has left or not, by where the well is taken to end.  Nothing is said where the direct time, to
    a neighbourhood of the target, agrees.

    Args:
        depths: The lowest barrier out of each well.
        rates: Times of pairs at noise levels.
    """
    for well, depth in sorted(depths.items()):
        rows = [row for row in rates if well in row[:2] and row[3] is not None and depth < SEPARATE * row[2]]
        gaps = [abs(time - direct) for *_, time, direct in rows if time is not None and direct is not None]
        if not rows or (gaps and max(gaps) <= VISIBLE):
            continue
        levels = sorted({row[2] for row in rows}, reverse=True)
        deep = ", ".join(f"{shown(depth / epsilon, 2)} at epsilon = {epsilon:g}" for epsilon in levels)
        size = f" by up to {shown(max(gaps), 2)} (compare log_mfpt_direct)" if gaps else ""
        yield (
            f"attractor {well} is less than {SEPARATE:g} epsilon deep ({deep}): log T from and to it "
            f"depends{size} on where its well is taken to end; "
            f"lower compare.epsilon below {shown(depth / SEPARATE, 2)}"
        )
