"""Where a result is less than it looks: said in words, beside the numbers.

A barrier is the action of an explicit path, and an upper bound.  How much lower it may be is known where V
was solved for: up to there no cheaper way exists.
"""

from __future__ import annotations

from collections.abc import Iterator

from cases.contracts.summary import NoiseEntry, Summary
from cases.results.accuracy import unmet

#: V known on less than this part of the way up, or a bound below this part of the barrier: worth a sentence.
ENOUGH = 0.95
MORE = "raise mesh.resolution, or set mesh.adapt = 1"


def shortfalls(summary: Summary) -> list[str]:
    """A sentence for every well and every barrier of which less is known than it looks."""
    return [f"{name}: {text}" for name, noise in summary["noises"].items() for text in _of_noise(noise)]


def _of_noise(noise: NoiseEntry) -> Iterator[str]:
    accuracy = noise.get("accuracy")
    if accuracy is not None and (text := unmet(accuracy)):
        yield text
    for well, part in enumerate(noise.get("known", [])):
        if part is not None and part < ENOUGH:
            yield (
                f"V of attractor {well} is known on {_percent(part)} of the way up to its lowest pass only: "
                f"above that a cheaper way out is not excluded; {MORE}"
            )
    for one in noise.get("barriers", []):
        barrier, lower = one["barrier"], one.get("lower")
        if barrier is None or barrier <= 0:
            continue
        part = 0.0 if lower is None else lower / barrier
        if part < ENOUGH:
            goal = "no attractor" if one["to"] is None else f"attractor {one['to']}"
            yield (
                f"the barrier from attractor {one['from']} to {goal} (saddle {one['saddle']}) is an upper "
                f"bound; its lower bound is {_percent(part)} of it; {MORE}"
            )
    for text in noise.get("doubts", []):
        yield f"doubtful: {text}"


def _percent(part: float) -> str:
    return f"{100 * part:.2g} %"
