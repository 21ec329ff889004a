"""Exit from all sets of a case under one noise: from the equations, by simulation, and into the summary."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from cases.casefile.case import Case
from cases.noise.tensors import ScaledNoise
from cases.problem.places import Structure
from cases.stages.exits.sets import ExitSet, empty_exits, exit_checks, exits_of_noise, exits_summary
from cases.stages.exits.simulation import add_to_summary, largest_gap, simulate_exits
from solver.errors import SolverError
from solver.hamilton_jacobi.well import WellPotential


@dataclass(frozen=True)
class Left:
    """What summary.json says of the exits under one noise.

    Attributes:
        entry: The entry ``exits``.
        checks: Values of the checks.
        problems: What failed: then there are no times.
    """

    entry: list[dict[str, Any]]
    checks: dict[str, float | None] = field(default_factory=dict)
    problems: tuple[str, ...] = ()


def leave_sets(
    case: Case,
    sets: list[ExitSet],
    noise: ScaledNoise,
    places: Structure,
    domain: Any,
    wells: Sequence[WellPotential],
    say: Callable[[str], None],
) -> Left:
    """Leave every set at every noise level.  Collective.

    A solver that fails here takes nothing else of the noise with it.  Arguments are those of
    :func:`cases.stages.exits.sets.exits_of_noise`.
    """
    if not sets:
        return Left([])
    try:
        found = exits_of_noise(case, sets, noise, places, domain, wells, say)
        simulated = simulate_exits(case, noise, sets, found, places, domain, wells)
    except SolverError as error:
        return Left(empty_exits(sets), {}, (f"exits: {error}",))
    entry = exits_summary(sets, found, wells)
    add_to_summary(entry, simulated)
    checks = exit_checks(found, case.dim) | {"exit_simulation_gap": largest_gap(simulated)}
    return Left(entry, checks)
