"""The paths of an analysis as poly-lines for the output."""

from __future__ import annotations

from typing import Any

import numpy as np

from cases.domain import CURVE, Structure
from solver.analysis import Analysis
from solver.connections import Saddle
from solver.evaluate import bounding_box
from solver.limit_cycles import LimitCycle
from solver.periodic import phases
from solver.polylines import Polyline
from solver.relaxation import relaxation_path


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


def relaxations(name: str, analysis: Analysis, places: Structure, domain: Any) -> list[Polyline]:
    """How the system goes on behind each saddle, at no further action.  Collective."""
    box = np.array(bounding_box(domain))
    lines = []
    for b in analysis.barriers:
        saddle = places.saddles[b.saddle]
        if not isinstance(saddle, Saddle):
            continue
        goal = None
        if b.end >= 0:
            end = places.attractors[b.end]
            goal = end.curve(phases(CURVE)).T if isinstance(end, LimitCycle) else end.point[None]
        points = relaxation_path(analysis.system, saddle, b.start, goal, box)
        ids = {"from": b.start, "to": b.end, "saddle": b.saddle}
        lines.append(Polyline(points, {"action": np.full(len(points), b.barrier)}, ids, name))
    return lines
