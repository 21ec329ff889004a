"""The paths of an analysis as poly-lines for the output."""

from __future__ import annotations

import numpy as np

from cases.problem.places import Structure, outline
from solver.analysis.barriers import Barrier
from solver.analysis.stages import Analysis
from solver.drift.downhill import relaxation_path
from solver.output.polylines import Polyline
from solver.system import Array


def instantons(name: str, analysis: Analysis) -> list[Polyline]:
    """The most probable escape paths under one noise, from the attractor to the pass."""
    return [
        Polyline(
            b.instanton.points,
            {"action": b.instanton.actions},
            _ids(b),
            name,
        )
        for b in analysis.barriers
    ]


def relaxations(name: str, analysis: Analysis, places: Structure, box: tuple[Array, Array]) -> list[Polyline]:
    """How the system goes on behind each saddle, in a box, at no further action.  Not collective."""
    lines = []
    for b in analysis.barriers:
        saddle = places.saddles[b.saddle].saddle
        if saddle is None:
            continue
        goal = None if b.end is None else outline(places.attractors[b.end])
        points = relaxation_path(analysis.system, saddle, b.start, goal, np.array(box))
        ids = _ids(b)
        lines.append(Polyline(points, {"action": np.full(len(points), b.barrier)}, ids, name))
    return lines


def _ids(barrier: Barrier) -> dict[str, int]:
    """What path it is; -1 where it leads to no attractor, as cells have numbers only."""
    end = -1 if barrier.end is None else barrier.end
    return {"from": barrier.start, "to": end, "saddle": barrier.saddle}
