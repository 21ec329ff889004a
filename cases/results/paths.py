"""The paths of an analysis as poly-lines for the output."""

from __future__ import annotations

import numpy as np

from cases.problem.places import Structure, outline
from solver.analysis.stages import Analysis
from solver.drift.connections import Saddle
from solver.drift.downhill import relaxation_path
from solver.output.polylines import Polyline
from solver.system import Array


def instantons(name: str, analysis: Analysis) -> list[Polyline]:
    """The most probable escape paths under one noise, from the attractor to the pass."""
    return [
        Polyline(
            b.instanton.points,
            {"action": b.instanton.actions},
            {"from": b.start, "to": b.end, "saddle": b.saddle},
            name,
        )
        for b in analysis.barriers
    ]


def relaxations(name: str, analysis: Analysis, places: Structure, box: tuple[Array, Array]) -> list[Polyline]:
    """How the system goes on behind each saddle, in a box, at no further action.  Not collective."""
    lines = []
    for b in analysis.barriers:
        saddle = places.saddles[b.saddle]
        if not isinstance(saddle, Saddle):
            continue
        goal = outline(places.attractors[b.end]) if b.end >= 0 else None
        points = relaxation_path(analysis.system, saddle, b.start, goal, np.array(box))
        ids = {"from": b.start, "to": b.end, "saddle": b.saddle}
        lines.append(Polyline(points, {"action": np.full(len(points), b.barrier)}, ids, name))
    return lines
