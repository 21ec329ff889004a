"""Where a result is less than it looks: said in words, beside the numbers.

A barrier is the action of an explicit path, and an upper bound.  How much lower it may be is known where V
was solved for: up to there no cheaper way exists.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from cases.base.numbers import number as shown
from cases.contracts.escapes import BarrierEntry
from cases.contracts.summary import NoiseEntry, Summary
from cases.contracts.values import number
from cases.results.accuracy import unmet
from cases.results.shallow_wells import RateRow, shallow_sentences
from solver.analysis.evaluation import level_at_box
from solver.analysis.stages import Analysis

#: From, to (None: no attractor), number of the pass, barrier and its lower bound.
BarrierRow = tuple[int, int | None, int, float | None, float | None]

#: V known on less than this part of the way up, or a bound below this part of the barrier: worth a sentence.
ENOUGH = 0.95
MORE = "raise mesh.resolution, or set mesh.adapt = 1"
#: V that is known up to this part of where it reaches the box is stopped by that, not by the mesh: where V is
#: not known up to there a quadratic tells, which is right to some tens of per cent.
AT_BOX = 0.6
WIDER = "it reaches the boundary of the domain there: enlarge domain.bounds"


def shortfalls(summary: Summary) -> list[str]:
    """A sentence for every well and every barrier of which less is known than it looks."""
    return [f"{name}: {text}" for name, noise in summary["noises"].items() for text in _of_noise(noise)]


def _of_noise(noise: NoiseEntry) -> Iterator[str]:
    accuracy = noise.get("accuracy")
    if accuracy is not None and (text := unmet(accuracy)):
        yield text
    rows = [
        (one["from"], one["to"], one["saddle"], one["barrier"], one.get("lower"))
        for one in noise.get("barriers", [])
        if "estimated_error" not in one
    ]
    yield from (_estimate(one) for one in noise.get("barriers", []) if "estimated_error" in one)
    times: list[RateRow] = [
        (one["from"], one["to"], one["epsilon"], one["log_mfpt"], one["log_mfpt_direct"])
        for one in noise.get("rates", [])
    ]
    yield from shortfall_sentences(noise.get("known", []), noise.get("box", []), rows)
    yield from shallow_sentences(depths(rows), times)
    yield from map(doubt, noise.get("doubts", []))


def _estimate(one: BarrierEntry) -> str:
    """What a barrier is that only the jet scheme gives."""
    goal = "no attractor" if one["to"] is None else f"attractor {one['to']}"
    return (
        f"the barrier from attractor {one['from']} to {goal} (saddle {one['saddle']}) is an estimate of the "
        f"jet scheme, {shown(one['barrier'])} ± {shown(one.get('estimated_error'), 1)}: V was not to be had, "
        "and there is neither a bound nor a path"
    )


def doubt(text: str) -> str:
    """A check that failed of what was not asked for."""
    return f"doubtful: {text}"


def known_parts(analysis: Analysis) -> list[float | None]:
    """For every well the part of the way up to its lowest pass on which V is known, at most 1."""
    found: list[float | None] = []
    for well in analysis.wells:
        lowest = min((b.barrier for b in analysis.barriers if b.start == well.index), default=None)
        part = None if not lowest else number(well.trusted_level / lowest)
        found.append(None if part is None else min(part, 1.0))
    return found


def box_parts(analysis: Analysis) -> list[float | None]:
    """For every well the part of the way up to its lowest pass at which V reaches the box.  Collective."""
    found: list[float | None] = []
    for well in analysis.wells:
        lowest = min((b.barrier for b in analysis.barriers if b.start == well.index), default=None)
        found.append(None if not lowest else number(level_at_box(analysis, well.index) / lowest))
    return found


def barrier_rows(analysis: Analysis) -> list[BarrierRow]:
    """The barriers that were found."""
    return [(b.start, b.end, b.saddle, number(b.barrier), number(b.lower)) for b in analysis.barriers]


def depths(barriers: Sequence[BarrierRow]) -> dict[int, float]:
    """The lowest barrier out of each well."""
    found: dict[int, float] = {}
    for start, _, _, barrier, _ in barriers:
        if barrier is not None:
            found[start] = min(barrier, found.get(start, barrier))
    return found


def shortfall_sentences(
    known: Sequence[float | None], box: Sequence[float | None], barriers: Sequence[BarrierRow]
) -> Iterator[str]:
    """A sentence for every well and every barrier of which less is known than it looks.

    Args:
        known: Of each well, the part of the way up on which V is known.
        box: Of each well, the part of the way up at which V reaches the box.
        barriers: Attractors, number of the pass, barrier and lower bound.
    """
    edges = dict(enumerate(box))

    def advice(well: int) -> str:
        part, edge = known[well] if well < len(known) else None, edges.get(well)
        stopped = part is not None and edge is not None and edge < 1 and part >= AT_BOX * edge
        return WIDER if stopped else MORE

    for well, part in enumerate(known):
        if part is not None and part < ENOUGH:
            yield (
                f"V of attractor {well} is known on {_percent(part)} of the way up to its lowest pass only: "
                f"above that a cheaper way out is not excluded; {advice(well)}"
            )
    for start, end, saddle, barrier, lower in barriers:
        if barrier is None or barrier <= 0:
            continue
        part = 0.0 if lower is None else lower / barrier
        if part < ENOUGH:
            goal = "no attractor" if end is None else f"attractor {end}"
            yield (
                f"the barrier from attractor {start} to {goal} (saddle {saddle}) is an upper "
                f"bound; its lower bound is {_percent(part)} of it; {advice(start)}"
            )


def _percent(part: float) -> str:
    return f"{100 * part:.2g} %"
