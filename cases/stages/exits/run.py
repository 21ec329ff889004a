"""Exit from all sets of a case under one noise: from the equations, by simulation, and into the summary."""

from __future__ import annotations

from dataclasses import dataclass, field

from cases.base.remedies import with_remedy
from cases.contracts.exits import ExitEntry
from cases.results.simulated import largest_gap
from cases.results.stage_checks import exit_checks, exit_potential
from cases.stages.base.stage import Say, Setting, Solved
from cases.stages.exits.sets import ExitSet, exits_of_noise, exits_summary
from cases.stages.exits.simulation import add_to_summary, simulate_exits
from solver.errors import SolverError


@dataclass(frozen=True)
class Left:
    """What summary.json says of the exits under one noise.

    Attributes:
        entry: The entry ``exits``.
        checks: Values of the checks.
        problems: What failed: a noise level of a set, or the simulation (there are no simulated times then).
    """

    entry: list[ExitEntry]
    checks: dict[str, float | None] = field(default_factory=dict)
    problems: tuple[str, ...] = ()


def leave_sets(sets: list[ExitSet], setting: Setting, solved: Solved, say: Say) -> Left:
    """Leave every set at every noise level.  Collective.

    A simulation that fails takes nothing else with it.

    Raises:
        SolverError: If a set cannot be left by the equations.
    """
    found = exits_of_noise(sets, setting, solved, say)
    entry = exits_summary(sets, found, solved.analysis.wells)
    checks = exit_checks(found, setting.case.dim)
    gaps = [exit_potential(solved.analysis, one.start, mine) for one, mine in zip(sets, found, strict=True)]
    checks["exit_potential"] = max((gap for gap in gaps if gap is not None), default=None)
    problems = tuple(
        f"exit '{one.name}': {with_remedy(missing.reason)}"
        for one, result in zip(sets, found, strict=True)
        for missing in list(result.refused.values())[:1]
        if one.asked
    )
    try:
        simulated = simulate_exits(sets, setting, solved, found)
    except SolverError as error:
        add_to_summary(entry, [{} for _ in sets])
        return Left(entry, checks, (*problems, f"simulation: {with_remedy(str(error))}"))
    add_to_summary(entry, simulated)
    gap = largest_gap(one for mine in simulated for one in mine.values())
    return Left(entry, checks | {"exit_simulation_gap": gap}, problems)
