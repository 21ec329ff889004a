"""Finding all places of a drift in a box."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial

import numpy as np
from mpi4py import MPI

from meshes.serial import on_root
from solver.drift.connections import connections
from solver.drift.cycle_passes import cycle_basins, cycle_passes
from solver.drift.fixed_points import fixed_points
from solver.drift.landscape import Landscape, landscape, unseen_minimum
from solver.drift.limit_cycles import limit_cycles
from solver.errors import DegenerateFixedPoints, NotConverged, SolverError, UnsuitableDomain
from solver.places.attractors import Attractor, CycleAttractor, PointAttractor
from solver.places.passes import Pass, SaddlePass, UnstableCyclePass
from solver.places.places import Places
from solver.system import Array, System

Bounds = Sequence[tuple[float, float]]
Held = Callable[[Array], Array]

# the neighbourhood in which a stable cycle catches what comes by is at most this part of the box wide
BASIN = 0.1


def find_places(
    system: System, bounds: Bounds, held: Held | None = None, comm: MPI.Comm | None = None
) -> Places:
    """All attractors, passes and other fixed points in a box.  Collective.

    Args:
        system: The system; its noise does not matter.
        bounds: The box ``[(low, high), …]``.
        held: Which of the points ``(n, d)`` belong to the domain, where that is a part of the box only;
            may be collective.
        comm: The ranks; default the world.

    Raises:
        UnsuitableDomain: If there is no attractor, or one lies on the boundary.
        DegenerateFixedPoints: If zeros of the drift are not isolated.
        NotConverged: If the search and the topological degree do not agree.

    Example:
        >>> import sympy as sp
        >>> x, y = sp.symbols("x y")
        >>> find_places(System.from_loss((x**2 - 1) ** 2 / 4 + y**2 / 2, [x, y]), [(-1.8, 1.8), (-1.2, 1.2)])
        attractor  kind   at       passes
        0          point  (-1, 0)  0
        1          point  (1, 0)   0
        <BLANKLINE>
        pass  kind    at      between
        0     saddle  (0, 0)  0 and 1
    """
    places = on_root(comm or MPI.COMM_WORLD, partial(_all_places, system, bounds))
    if held is not None:
        places = _restricted(places, held, system.dim)
    _require_attractors(places)
    return places


def _all_places(system: System, bounds: Bounds) -> Places:
    """All places of the whole box.  Not collective."""
    try:
        points = fixed_points(system, bounds)
    except (DegenerateFixedPoints, NotConverged) as error:
        return _from_loss(system, bounds, error)
    if system.loss is not None:
        unseen = unseen_minimum(system, bounds, [p for p in points if p.kind == "attractor"])
        if unseen is not None:
            return _from_loss(system, bounds, None)
    cycles = limit_cycles(system, points, bounds)
    stable = [cycle for cycle in cycles if cycle.kind == "attractor"]
    unstable = [cycle for cycle in cycles if cycle.kind == "repeller"]
    basins = cycle_basins(system, stable, BASIN * min(high - low for low, high in bounds))
    saddles = connections(system, points, bounds, further=basins)
    ways = cycle_passes(system, points, stable, unstable, bounds)
    attracting = [p for p in points if p.kind == "attractor"]
    attractors: list[Attractor] = [*map(PointAttractor, attracting), *map(CycleAttractor, stable)]
    passes: list[Pass] = [*map(SaddlePass, saddles), *map(UnstableCyclePass, ways)]
    used = {tuple(one.point) for one in attractors} | {tuple(way.point) for way in passes}
    others = tuple(p for p in points if tuple(p.point) not in used)
    box = tuple((float(low), float(high)) for low, high in bounds)
    return Places(tuple(attractors), tuple(passes), others, box)


def _from_loss(system: System, bounds: Bounds, error: SolverError | None) -> Places:
    """The places of a loss that has kinks or singular Hessians.  Not collective.

    Raises:
        SolverError: The given one, where there is no loss, or no place either.
    """
    found = landscape(system, bounds) if system.loss is not None else Landscape((), ())
    attracting = [p for p in found.points if p.kind == "attractor"]
    if error is not None and not attracting:
        raise error
    return Places(tuple(map(PointAttractor, attracting)), tuple(map(SaddlePass, found.saddles)))


def _restricted(places: Places, held: Held, dim: int) -> Places:
    """The places in a part of the box; ways that lead to an attractor elsewhere lead outside.  Collective.

    What lies elsewhere in the box must be known all the same: the search would follow curves that end there
    for ever.
    """

    def inside(points: Array | Sequence[Array]) -> Array:
        return held(np.array(points).reshape(len(points), dim))

    kept = [k for k, one in enumerate(places.attractors) if inside(one.points).all()]
    number = {k: n for n, k in enumerate(kept)}
    return Places(
        tuple(places.attractors[k] for k in kept),
        tuple(way.renumbered(number) for way in places.passes if inside(way.points).all()),
        tuple(p for p in places.others if inside([p.point]).all()),
        places.bounds,
    )


def _require_attractors(places: Places) -> None:
    for one in places.attractors:
        if one.on_boundary:
            at = ", ".join(f"{value:.6g}" for value in one.point)
            raise UnsuitableDomain(f"the attractor ({at}) lies on the boundary")
    if not places.attractors:
        raise UnsuitableDomain("there is no attracting point or limit cycle in the domain")
