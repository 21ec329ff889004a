"""How accurate the results under a noise are, in the summary and in words."""

from __future__ import annotations

import math
from collections.abc import Sequence

from cases.base.numbers import number as shown
from cases.contracts.escapes import BarrierEntry
from cases.contracts.summary import AccuracyEntry, Summary
from cases.contracts.values import number
from solver.analysis.jet_estimate import Estimate
from solver.analysis.tolerance import Accurate


def accuracy_entry(accurate: Accurate) -> AccuracyEntry:
    """What summary.json says of it."""
    analysis, accuracy = accurate
    topology = analysis.discretisation.domain.topology
    return {
        "tolerance": accuracy.tolerance,
        "met": accuracy.met,
        "reason": accuracy.reason,
        "errors": {what: number(error) for what, error in accuracy.errors.items()},
        "cells": int(topology.index_map(topology.dim).size_global),
        "unknowns": int(analysis.discretisation.space.dofmap.index_map.size_global),
    }


def estimated_barriers(
    estimates: Sequence[Estimate],
) -> tuple[list[BarrierEntry], dict[str, float | None]]:
    """Barriers that only the jet scheme gives: their entries, and the check of their estimated errors."""
    entries: list[BarrierEntry] = [
        {
            "from": one.start,
            "to": one.end,
            "saddle": one.saddle,
            "barrier": number(one.value),
            "lower": None,
            "upper": None,
            "log_prefactor": None,
            "barrier_weak": None,
            "barrier_xie": None,
            "noise_variation": None,
            "estimated_error": number(one.error),
        }
        for one in estimates
    ]
    return entries, {"jet_error": max((one.error / one.value for one in estimates), default=None)}


def unmet(entry: AccuracyEntry) -> str:
    """A sentence about what is above the tolerance; empty where nothing is."""
    allowed = entry["tolerance"]
    if allowed is None or entry["met"]:
        return ""
    worst = [
        f"{what} {'has no bound' if error is None else shown(error, 2)}"
        for what, error in entry["errors"].items()
        if error is None or not error <= allowed
    ]
    return f"the tolerance {allowed:g} is not met: estimated errors: {', '.join(worst)} ({entry['reason']})"


def within(summary: Summary) -> str:
    """Under which noises the tolerance is met, on how large meshes; empty where none was asked for."""
    known = {name: noise["accuracy"] for name, noise in summary["noises"].items() if "accuracy" in noise}
    asked = {name: entry for name, entry in known.items() if entry["tolerance"] is not None}
    if not asked:
        return ""
    parts = [
        f"{name} {'met' if entry['met'] else 'not met'}, largest estimated error {_largest(entry)}, "
        f"{entry['unknowns']} unknowns"
        for name, entry in asked.items()
    ]
    return f"tolerance {next(iter(asked.values()))['tolerance']:g}: {'; '.join(parts)}"


def _largest(entry: AccuracyEntry) -> str:
    errors = [math.inf if error is None else error for error in entry["errors"].values()]
    largest = max(errors, default=0.0)
    return shown(largest, 2) if math.isfinite(largest) else "∞"
