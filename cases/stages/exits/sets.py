"""Exit from the sets of ``[[exit]]``: what they are, whether they can be meshed, and their results."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from cases.base.numbers import point
from cases.casefile.case import Case
from cases.casefile.exit_table import BallTable, ExitTable
from cases.contracts.exits import ExitEntry
from cases.contracts.values import vector
from cases.expressions.parse import symbols
from cases.landscapes.landscape import Landscape, at_point, checked_expression
from cases.noise.requirements import require_all_directions
from cases.stages.base.stage import Say, Setting, Solved
from solver import symbolic
from solver.analysis.evaluation import trusted_potential, way_over_pass
from solver.elements.evaluate import bounding_box
from solver.exits.backward import LowestExit
from solver.exits.exit_times import DEGREE, RegionExits, region_exits
from solver.exits.region import ExitRegion, region_fault
from solver.hamilton_jacobi.well import WellPotential
from solver.system import Array, Field, System

NEAR = 0.02
"""An attractor is named by a point within this part of the domain."""


@dataclass(frozen=True)
class ExitSet:
    """The set ``{level < 0}`` round the starting attractor.

    Attributes:
        name: Its name in the case.
        text: What it is, for people.
        level: g, ``(d, N) -> (N,)``.
        shells: Cells from the attractor to the boundary; None: as many as are usual.
        ball: The ball, if it is one.
        start: Index of the attractor that is started at.
        reflect: The set may reach the boundary of the domain, which reflects.
        asked: Whether the case names it.
    """

    name: str
    text: str
    level: Field
    shells: int | None
    ball: BallTable | None
    start: int
    reflect: bool
    asked: bool = True

    def region(self, setting: Setting, system: System) -> ExitRegion:
        """The set with its attractor under one noise.  Collective."""
        pin = setting.places.found.pinned(system).pins[self.start]
        bounds = np.stack(bounding_box(setting.domain), axis=1)
        attractor = setting.places.attractors[self.start]
        cycle = None if attractor.cycle is None else attractor.points
        return ExitRegion(self.level, pin, bounds, self.shells, self.reflect, cycle)


def exit_sets(setting: Setting) -> list[ExitSet]:
    """The sets of a case, each of which can be meshed and holds the starting attractor only.  Collective.

    Raises:
        CaseError: with the first thing that is wrong with one of them.
    """
    sets = []
    for n, table in enumerate(setting.case.exits):
        start = _start(setting, f"exit.{n}.from", table)
        one = _exit_set(setting.case, setting.landscape, n, table, start)
        check_set(setting, f"exit.{n}", one)
        sets.append(one)
    return sets


def _start(setting: Setting, key: str, table: ExitTable) -> int:
    """The attractor that an exit starts at.  Collective."""
    case, places, wanted = setting.case, setting.places, table.from_
    if wanted is None:
        return places.start
    if isinstance(wanted, int):
        if not 0 <= wanted < len(places.attractors):
            raise case.error(
                key, f"there is no attractor {wanted}", f"there are {len(places.attractors)}, from 0"
            )
        return wanted
    if len(wanted) != case.dim:
        raise case.error(key, f"{len(wanted)} numbers for {case.dim} coordinates", "give one for each")
    low, high = bounding_box(setting.domain)
    gaps = [float(np.max(np.abs(p.point - np.array(wanted)) / (high - low))) for p in places.attractors]
    nearest = int(np.argmin(gaps))
    if gaps[nearest] > NEAR:
        raise case.error(
            key,
            f"there is no attractor near {at_point(np.array(wanted))}",
            f"the nearest is {at_point(places.attractors[nearest].point)}",
        )
    return nearest


def _exit_set(case: Case, landscape: Landscape, n: int, table: ExitTable, start: int) -> ExitSet:
    shells = table.shells
    if table.reflect and (case.dim == 3 or case.domain.bounds is None):
        raise case.error(f"exit.{n}.reflect", "it needs a box in one or two dimensions", "leave it out")
    if table.loss_below is not None:
        loss, bound = landscape.loss, table.loss_below
        if loss is None:
            raise case.error(
                f"exit.{n}.loss_below", "the system has no loss", "give ball or inside, or the loss"
            )
        return ExitSet(
            table.name, f"loss < {bound:g}", lambda x: loss(x) - bound, shells, None, start, table.reflect
        )
    if table.ball is not None:
        centre, radius = np.array(table.ball.centre), table.ball.radius
        text = f"|x − {point(table.ball.centre)}| < {radius:g}" if centre.any() else f"|x| < {radius:g}"
        level = ball_level(centre, radius)
        return ExitSet(table.name, text, level, shells, table.ball, start, table.reflect)
    key = f"exit.{n}.inside"
    expression = checked_expression(case, key, table.inside or "", landscape.parameters)
    level = symbolic.to_numpy(expression, symbols(case.coordinates))
    return ExitSet(table.name, f"{table.inside} < 0", level, shells, None, start, table.reflect)


def ball_level(centre: Array, radius: float) -> Field:
    """``|x − centre|² − radius²``."""

    def level(x: Array) -> Array:
        return np.asarray(((x - centre[:, None]) ** 2).sum(axis=0) - radius**2)

    return level


def check_set(setting: Setting, key: str, one: ExitSet) -> None:
    """The set must be mapped by a mesh inside the domain, and hold no other attractor.  Collective.

    Raises:
        CaseError: with the first thing that is wrong with it.
    """
    case, places, domain = setting.case, setting.places, setting.domain
    if places.attractors[one.start].fixed_point is None and case.dim == 3:
        what = "in 3D exit times start at a point, and the starting attractor is a cycle"
        raise case.error(key, what, "use compare.from")
    diffusions = {name: noise.system.diffusion for name, noise in setting.noises.items()}
    require_all_directions(case, key, diffusions, places.attractors[one.start].point)
    region = one.region(setting, next(iter(setting.noises.values())).system)
    others = [p.point for k, p in enumerate(places.attractors) if k != one.start]
    epsilon = max(case.compare.epsilon)
    reflect = f"{key}.reflect = true" if case.dim < 3 and case.domain.bounds is not None else ""
    found = region_fault(region, one.text, others, epsilon, domain.comm, domain, reflect=reflect)
    if found is not None:
        raise case.error(key, *found)


def exits_of_noise(sets: list[ExitSet], setting: Setting, solved: Solved, say: Say) -> list[RegionExits]:
    """Mean exit times of every set at every noise level.  Collective.

    Args:
        sets: The sets; they have meshes of their own.
        setting: Case, domain, attractors.
        solved: V of every attractor under a noise.
        say: Told what is being done.

    Raises:
        NotConverged: If a solver fails.
    """
    case, system = setting.case, solved.noise.system
    degree = None if case.dim == 3 else max(DEGREE[case.dim], case.mesh.degree)
    found = []
    for one in sets:
        say(f"exit from {one.text}")
        potential = trusted_potential(solved.analysis.wells[one.start])
        region = one.region(setting, system)
        left = region_exits(
            system,
            region,
            case.compare.epsilon,
            potential=potential,
            degree=degree,
            comm=setting.comm,
            options=case.solver.petsc,
        )
        if left.lowest is None:
            way = way_over_pass(solved.analysis, one.start, one.level, region.bounds)
            left = left if way is None else replace(left, lowest=LowestExit(*way))
        found.append(left)
    return found


def exits_summary(
    sets: list[ExitSet], found: list[RegionExits], wells: Sequence[WellPotential]
) -> list[ExitEntry]:
    """The entry ``exits`` of one noise in summary.json.

    Where V is known nowhere on the boundary, because it lies beyond a pass, ``barrier`` is null and V is at
    least ``barrier_above`` there.
    """
    return [
        {
            "name": one.name,
            "set": one.text,
            "from": one.start,
            "asked": one.asked,
            "barrier": None if result.lowest is None else result.lowest.value,
            "barrier_above": None if result.lowest is not None else wells[one.start].trusted_level,
            "barrier_point": None if result.lowest is None else vector(result.lowest.point),
            "unknowns": result.unknowns,
            "times": [
                {
                    "epsilon": t.epsilon,
                    "log_exit_time": t.log_mean,
                    "log_exit_time_error": t.error,
                    "log_rate": -t.log_mean,
                    "log_exit_time_direct": t.log_direct,
                    "log_exit_time_flux": t.log_flux,
                    "flux_difference": t.flux_difference,
                }
                for t in result.times
            ],
        }
        for one, result in zip(sets, found, strict=True)
    ]


def empty_exits(sets: list[ExitSet]) -> list[ExitEntry]:
    """The entry of a noise for which the exits could not be computed."""
    return [
        {
            "name": one.name,
            "set": one.text,
            "from": one.start,
            "asked": one.asked,
            "barrier": None,
            "barrier_above": None,
            "barrier_point": None,
            "unknowns": None,
            "times": [],
        }
        for one in sets
    ]
