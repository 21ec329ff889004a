"""V of one attractor and the ways out of its well where noise acts in some directions only.

V is grown from its expansion at the attractor, as in :mod:`solver.analysis.grown_well`: the Hamilton–Jacobi
equation asks for no A⁻¹.  The paths to the passes are those of Hamilton's equations
(:mod:`solver.paths.first_paths`).  That V settles below the cheapest of them, without meeting a pass, shows
that no path is cheaper.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import numpy as np

from meshes.serial import dealt, on_root
from solver.analysis.grown_well import FIRST, ROUGH, quadratic_reach
from solver.drift.controllability import is_singular, unreached
from solver.drift.fixed_points import FixedPoint
from solver.elements.discretisation import Discretisation
from solver.elements.region import cells_near, make_region, whole
from solver.errors import NotConverged, Refused
from solver.hamilton_jacobi.expansion import Expansion
from solver.hamilton_jacobi.growth import from_expansion, grow
from solver.hamilton_jacobi.policy_iteration import Iteration
from solver.hamilton_jacobi.well import BALL, TOP, WellPotential, trusted_below, well_of
from solver.paths.first_paths import driven_path
from solver.paths.instanton import Instanton
from solver.places.attractors import Attractor
from solver.places.passes import Pass
from solver.places.places import Places
from solver.soundness import at_point
from solver.system import Array, System

#: Components of a unit vector below this are zero.
ROUNDING = 1e-9


def unreached_direction(system: System, places: Places, names: tuple[str, ...] = ()) -> str | None:
    """Where singular noise does not reach all directions, and which; None where it does.  Not collective.

    Args:
        system: The system.
        places: Attractors and passes.
        names: Of the coordinates, for people.
    """
    points = [one.fixed_point for one in places.attractors]
    points += [None if way.saddle is None else way.saddle.fixed_point for way in places.passes]
    curves: list[Attractor | Pass] = [*places.attractors, *places.passes]
    for point, curve in zip(points, curves, strict=True):
        at = curve.point if point is None else point.point
        tensor = system.diffusion(at[:, None])
        if not is_singular(tensor):
            continue
        if point is None:
            return "noise that acts in some directions only is not available with limit cycles"
        direction = unreached(point.jacobian, tensor[..., 0])
        if direction is not None:
            return _no_noise(point, direction, names or system.coordinates or ("x", "y", "z"))
    return None


def _no_noise(point: FixedPoint, direction: Array, names: tuple[str, ...]) -> str:
    """What to say of a direction ``(d,)`` that no noise reaches at a fixed point."""
    kind = "attractor" if point.kind == "attractor" else "saddle"
    named = zip(direction, names, strict=False)
    what = " + ".join(f"{value:.4g} {name}" for value, name in named if abs(value) > ROUNDING)
    where = f"at the {kind} {at_point(point.point)}"
    return f"no noise reaches the combination {what.replace('+ -', '− ')} {where}: V is infinite along it"


def driven_well(
    discretisation: Discretisation,
    index: int,
    places: Places,
    monitor: Callable[[str], None] = lambda _: None,
) -> tuple[WellPotential, list[Instanton]]:
    """V of one attractor, and a path of least action to each of its passes.  Collective.

    Args:
        discretisation: The system on the mesh.
        index: Number of the attractor.
        places: Attractors and passes, all of them points.
        monitor: Told what is being done.

    Raises:
        NotConverged: If V settles nowhere, or a path is not found.
    """
    monitor(f"instantons from attractor {index}")
    system, comm = discretisation.system, discretisation.comm
    attractor = places.attractors[index]

    def expand(other: System, level: float) -> Expansion:
        found = attractor.expand(other, level)
        assert isinstance(found, Expansion)
        return found

    def path_over(number: int) -> Instanton | Refused:
        saddle = places.passes[number].saddle
        assert saddle is not None
        sign = 1.0 if saddle.between[0] == index else -1.0
        try:
            return driven_path(system, expand, attractor.point, saddle, sign)
        except NotConverged as error:
            return Refused(str(error))

    found = dealt(comm, [partial(path_over, n) for n, _ in places.ways_out(index)])
    paths = [path for path in found if isinstance(path, Instanton)]
    if len(paths) < len(found):
        reasons = dict.fromkeys(path.reason for path in found if isinstance(path, Refused))
        raise NotConverged(f"no path to a pass converges: {'; '.join(reasons)}")
    monitor(f"Hamilton–Jacobi equation in well {index}")
    lowest = min((path.action for path in paths), default=np.inf)
    targets = [places.passes[n].points for n, _ in places.ways_out(index)]
    reach = quadratic_reach(discretisation, attractor, targets)
    top = min(lowest, reach)
    expansion = on_root(comm, partial(expand, system, BALL * top))
    wide = on_root(comm, partial(attractor.expand, system, top, tolerance=ROUGH))
    rough = max(expansion, wide, key=lambda e: e.level)
    start, known = from_expansion(discretisation.space, rough)
    first, goal = FIRST * rough.level, TOP * lowest
    base = discretisation.coefficients
    try:
        solution = grow(system, start, known, expansion, first, goal, discretisation.options)
    except NotConverged:
        if not paths:
            raise
        return _of_expansion(discretisation, index, expansion), paths
    return well_of(base.on(whole(base.domain)), index, expansion, solution), paths


def _of_expansion(discretisation: Discretisation, index: int, expansion: Expansion) -> WellPotential:
    """V where it does not settle on the mesh: its expansion, trusted nowhere.  Collective.

    Paths, their costs and densities stand without it; that V is not known is among the checks.
    """
    domain, base = discretisation.domain, discretisation.coefficients
    potential, _ = from_expansion(discretisation.space, expansion)
    potential.name = "V"
    cells = cells_near(domain, expansion.points)
    nothing = Iteration((np.inf,), 0.0, np.inf, np.zeros_like(cells))
    part = base.on(make_region(domain, cells))
    well = WellPotential(index, potential, cells, cells, np.inf, expansion, nothing, part)
    return trusted_below(well, 0.0)
