"""The values of the checks of exit times, and of evolving densities."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from solver.analysis.evaluation import gap_to_jet
from solver.analysis.stages import Analysis
from solver.evolution.transient import Evolution
from solver.exits.exit_times import RegionExits


def exit_checks(found: Sequence[RegionExits], dim: int) -> dict[str, float | None]:
    """Values of the checks of the exits of one noise; None where there is nothing to check.

    ``exit_flux``: two evaluations of the flux of one density, where the time is taken from the flux.
    ``exit_methods``: backward equation against flux, where both count.
    ``exit_slope``: the slope of log T in 1/ε must be near V on the boundary.  The prefactor varies like a
    power of ε between ½ (one way out) and d (a boundary that is left anywhere, at noise that is not
    small), which allows for ``d |log ε₁/ε₂|`` in the difference.
    """
    times = [t for result in found for t in result.times]
    return {
        "exit_flux": max(
            (t.flux_difference for t in times if t.flux_difference is not None and t.log_mean == t.log_flux),
            default=None,
        ),
        "exit_methods": max(
            (
                abs(t.log_flux - t.log_direct)
                for t in times
                if t.log_flux is not None and t.log_direct is not None and t.log_mean == t.log_direct
            ),
            default=None,
        ),
        "exit_slope": max(
            (s for s in (_slope(result, dim) for result in found) if s is not None), default=None
        ),
    }


def exit_potential(analysis: Analysis, start: int, exits: RegionExits) -> float | None:
    """``|V − V_jet|/V`` at the way out of a set round a cycle; None where there is nothing to compare.

    V near a cycle has no expansion that is as good as that at a point, nor is there a path of least action
    whose cost it could be held against.

    Args:
        analysis: The results for the system.
        start: Number of the attractor in the set.
        exits: The exits from it.
    """
    if exits.lowest is None or analysis.places.attractors[start].fixed_point is not None:
        return None
    return gap_to_jet(analysis, start, exits.lowest.point, exits.lowest.value)


def _slope(result: RegionExits, dim: int) -> float | None:
    if result.lowest is None or len(result.times) < 2:
        return None
    first, second = result.times[-2:]
    steps = 1.0 / second.epsilon - 1.0 / first.epsilon
    allowed = dim * math.log(first.epsilon / second.epsilon) + 0.01 * result.lowest.value * steps
    return abs(second.log_mean - first.log_mean - result.lowest.value * steps) / allowed


def transient_checks(evolution: Evolution) -> dict[str, float | None]:
    """Values of the checks of one evolution."""
    later = evolution.lowest[evolution.times > 0]
    return {
        "transient_mass": float(np.max(np.abs(evolution.masses - 1.0))),
        "transient_negative": float(np.max(-later, initial=0.0)),
        "transient_time_error": evolution.time_error,
    }
