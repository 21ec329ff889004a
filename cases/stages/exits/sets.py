"""Exit from the sets of ``[[exit]]``: what they are, whether they can be meshed, and their results."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from cases.base.errors import CaseError
from cases.base.numbers import point
from cases.casefile.case import Case
from cases.casefile.exit_table import BallTable, ExitTable
from cases.contracts.exits import ExitEntry
from cases.contracts.values import vector
from cases.expressions.parse import symbols
from cases.landscapes.landscape import Landscape, at_point, checked_expression
from cases.stages.base.stage import Say, Setting, Solved
from meshes.cut import NothingToMesh
from meshes.star import NotStarShaped, Unbounded
from solver import symbolic
from solver.drift.way_out import way_out
from solver.elements.evaluate import Locator, bounding_box, evaluate
from solver.elements.region import whole
from solver.exits.backward import LowestExit, boundary_points
from solver.exits.exit_times import RegionExits, on_walls, region_exits, region_mesh, without_walls
from solver.hamilton_jacobi.well import WellPotential, trusted_part
from solver.system import Array, Field

if TYPE_CHECKING:
    from dolfinx.mesh import Mesh

SHELLS = {1: 12, 2: 12, 3: 5}
DEGREE = {1: 4, 2: 4, 3: 3}
NEAR = 0.02
"""An attractor is named by a point within this part of the domain."""
ROUNDING = 1e-9
NEARLY = 0.998
"""Part of a pass up to which V is known where it is known to the end: it is reported up to 0.999 of it."""


@dataclass(frozen=True)
class ExitSet:
    """The set ``{level < 0}`` round the starting attractor.

    Attributes:
        name: Its name in the case.
        text: What it is, for people.
        level: g, ``(d, N) -> (N,)``.
        shells: Cells from the attractor to the boundary.
        ball: The ball, if it is one.
        start: Index of the attractor that is started at.
        reflect: The set may reach the boundary of the domain, which reflects.
        asked: Whether the case names it.
    """

    name: str
    text: str
    level: Field
    shells: int
    ball: BallTable | None
    start: int
    reflect: bool
    asked: bool = True


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
    shells = table.shells or SHELLS[case.dim]
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
    attractor = places.attractors[one.start]
    if attractor.fixed_point is None and case.dim == 3:
        raise case.error(
            key,
            "in 3D exit times start at a point, and the starting attractor is a cycle",
            "use compare.from",
        )
    pin = places.found.pinned(next(iter(setting.noises.values())).system).pins[one.start]
    inside = float(np.max(one.level(attractor.points.T)))
    if not inside < 0:
        what = "attractor" if attractor.cycle is None else "whole of the cycle through"
        raise case.error(
            key, f"the {what} {at_point(pin.point)} is not in the set {one.text}", "enlarge the set"
        )
    box = np.stack(bounding_box(domain), axis=1)
    try:
        found = region_mesh(
            one.level,
            pin,
            box,
            max(case.compare.epsilon),
            one.shells,
            domain.comm,
            one.reflect,
            attractor.cycle is not None,
        )
    except Unbounded:
        raise _at_the_box(case, key, one) from None
    except NotStarShaped as error:
        fix = "in 3D a set must be seen from its attractor: use another one" if case.dim == 3 else "shrink it"
        raise case.error(key, f"the set {one.text} cannot be meshed: {error}", fix) from None
    except NothingToMesh as error:
        raise case.error(key, f"the set {one.text} cannot be meshed: {error}", "enlarge it") from None
    _check_edge(setting, key, one, found, box)
    others = [
        p.point
        for k, p in enumerate(places.attractors)
        if k != one.start and one.level(p.point[:, None])[0] < ROUNDING * inside
    ]
    if others:
        locator = Locator(found)
        held = locator.owners(locator.cells(np.array(others))) < domain.comm.size
        if held.any():
            raise case.error(
                key,
                f"the set {one.text} holds the attractor {at_point(others[int(np.argmax(held))])} too",
                "shrink it until it holds the starting attractor only",
            )


def _check_edge(setting: Setting, key: str, one: ExitSet, found: Mesh, box: Array) -> None:
    """A set lies inside the domain; one that may end at the box has a boundary to be left by.  Collective."""
    case, region = setting.case, whole(found)
    if not one.reflect:
        edge = boundary_points(region)
        if on_walls(edge, box).any() or _any_outside(setting.domain, edge.T):
            raise _at_the_box(case, key, one)
        return
    centre = setting.places.attractors[one.start].point
    left = without_walls(region, one.level, centre, box).facets
    if found.comm.allreduce(len(left)) == 0:
        raise case.error(
            key,
            f"the set {one.text} is all of the domain, which reflects: nothing is left by",
            "shrink it; a side of the box on which the expression is 0 is left by",
        )


def _at_the_box(case: Case, key: str, one: ExitSet) -> CaseError:
    """A set that ends at the box, which is left out or may be meant."""
    fix = "shrink it, or enlarge the domain"
    if case.dim < 3 and case.domain.bounds is not None:
        fix += f"; or, where the process ends there by itself, {key}.reflect = true: the box reflects"
    return case.error(key, f"the set {one.text} reaches the boundary of the domain", fix)


def _any_outside(domain: Mesh, points: Array) -> bool:
    locator = Locator(domain)
    return bool((locator.owners(locator.cells(points)) == domain.comm.size).any())


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
    pins = setting.places.found.pinned(system).pins
    box = np.stack(bounding_box(setting.domain), axis=1)
    found = []
    for one in sets:
        say(f"exit from {one.text}")
        left = (
            region_exits(
                system, one.level, pins[one.start], box, case.compare.epsilon,
                potential=trusted_potential(solved.analysis.wells[one.start]),
                shells=one.shells, degree=max(DEGREE[case.dim], case.mesh.degree if case.dim < 3 else 0),
                walls=one.reflect, ring=setting.places.attractors[one.start].cycle is not None,
                comm=setting.comm, options=case.solver.petsc,
            )
        )  # fmt: skip
        found.append(left if left.lowest else replace(left, lowest=_over_pass(one, setting, solved, box)))
    return found


def _over_pass(one: ExitSet, setting: Setting, solved: Solved, box: Array) -> LowestExit | None:
    """The exit over the lowest pass of the well, where V is known up to there and nowhere on the boundary."""
    ways = [b for b in solved.analysis.barriers if b.start == one.start]
    lowest = min(ways, key=lambda way: way.barrier, default=None)
    if lowest is None or solved.analysis.wells[one.start].trusted_level < NEARLY * lowest.barrier:
        return None
    # unstable cycles are counted after the saddles
    saddle = setting.places.saddles[lowest.saddle].saddle
    if saddle is None:
        return None
    point = way_out(solved.noise.system.drift, one.level, saddle, box)
    return None if point is None else LowestExit(point, lowest.barrier)


def trusted_potential(well: WellPotential) -> Field:
    """V where it is a result, which is a set that no path leaves below its trusted level.  Collective."""
    field = trusted_part(well)
    locator = Locator(field.function_space.mesh)

    def values(x: Array) -> Array:
        return np.asarray(evaluate(field, np.ascontiguousarray(x.T), locator)[:, 0])

    return values


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


def exit_checks(found: list[RegionExits], dim: int) -> dict[str, float | None]:
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


def _slope(result: RegionExits, dim: int) -> float | None:
    if result.lowest is None or len(result.times) < 2:
        return None
    first, second = result.times[-2:]
    steps = 1.0 / second.epsilon - 1.0 / first.epsilon
    allowed = dim * math.log(first.epsilon / second.epsilon) + 0.01 * result.lowest.value * steps
    return abs(second.log_mean - first.log_mean - result.lowest.value * steps) / allowed
