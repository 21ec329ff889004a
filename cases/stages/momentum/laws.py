"""The laws of Kramers and of Mel'nikov and Meshkov beside the computed rates."""

from __future__ import annotations

import numpy as np

from cases.contracts.further import MomentumEntry, MomentumRow
from cases.contracts.summary import NoiseEntry
from cases.contracts.values import number
from cases.stages.base.stage import Setting, Solved
from solver.errors import Refused
from solver.formulas.turnover import turnover


def momentum_entry(setting: Setting, solved: Solved, entry: NoiseEntry) -> MomentumEntry | None:
    """Friction and the laws under one noise; None where it has a floor, and there is no momentum as such."""
    momentum, bounds = solved.noise.system.momentum, setting.case.domain.bounds
    if momentum is None:
        return None
    rows: list[MomentumRow] = []
    found = setting.places.found
    reasons: dict[str, None] = {}
    positions = np.array([one.points[:, 0] for one in found.passes]) if bounds is None else bounds[0]
    low, high = float(np.min(positions)), float(np.max(positions))
    for barrier in solved.analysis.barriers:
        law = turnover(momentum, found, barrier.start, barrier.saddle, (low, high))
        if isinstance(law, Refused):
            reasons[law.reason] = None
            continue
        for rate in entry["rates"]:
            if (rate["from"], rate["to"]) == (barrier.start, barrier.end):
                epsilon = rate["epsilon"]
                rows.append(
                    {
                        "attractor": barrier.start,
                        "saddle": barrier.saddle,
                        "epsilon": epsilon,
                        "log_rate": rate["log_rate"],
                        "kramers": number(law.log_kramers(epsilon)),
                        "turnover": number(law.log_rate(epsilon)),
                        "swings": number(law.strength * epsilon / law.losses[0]),
                    }
                )
    return {"friction": momentum.friction, "laws": rows, "refused": list(reasons)}
