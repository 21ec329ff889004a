"""V of one attractor and the instantons out of its well, from the drift and the diffusion alone.

The way without a density, for when no noise level is asked for: V is grown from the local expansion at the
attractor (:mod:`solver.hamilton_jacobi.growth`) up to the cheapest path known so far, instantons are traced
on it, and where they are cheaper than the paths before, V is solved for once more below their pass.  The
sublevel set of V reached without meeting a pass shows that no path out is cheaper than that.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from dolfinx import fem
from mpi4py import MPI

from solver.drift.limit_cycles import LimitCycle
from solver.drift.lyapunov import covariance
from solver.drift.tube import tube
from solver.elements.coefficients import Coefficients
from solver.elements.evaluate import Locator
from solver.elements.linear import Options
from solver.elements.region import edge_dofs, restricted, whole
from solver.errors import NotConverged
from solver.hamilton_jacobi.cycle_expansion import expand_at
from solver.hamilton_jacobi.growth import from_expansion, grow, solve_below
from solver.hamilton_jacobi.well import BALL, TOP, WellPotential, trusted_below, well_of
from solver.paths.gates import Gate, path_to, straight_path
from solver.paths.instanton import Instanton
from solver.system import Array, System

# the first V is the expansion on a ball in which it is only as good as this
ROUGH = 2e-2
# a part of the ball, because the edge of the region is only about its surface
FIRST = 0.8
SURE = 0.9


def grown_well(
    system: System,
    base: Coefficients,
    space: fem.FunctionSpace,
    index: int,
    attractor: Array | LimitCycle,
    passes: Sequence[Array | Gate],
    locator: Locator,
    step: float,
    options: Options | None = None,
    monitor: Callable[[str], None] = lambda _: None,
) -> tuple[WellPotential, list[Instanton]]:
    """V of one attractor, and an instanton to each of its passes.  Collective.

    Args:
        system: The system.
        base: b, A on the whole mesh.
        space: Space of V.
        index: Number of the attractor.
        attractor: A point ``(d,)``, or a cycle.
        passes: Saddles ``(d,)`` and sides of unstable cycles at the edge of its basin.
        locator: Search tree of the mesh.
        step: Arc length of a step when paths are traced.
        options: PETSc options for the linear solver.
        monitor: Told what is being done.

    Raises:
        NotConverged: If V settles nowhere, or no path to a pass converges.
    """
    monitor(f"Hamilton–Jacobi equation in well {index}")
    reach = _quadratic_reach(system, space, attractor, passes)
    expansion = expand_at(system, attractor, BALL * reach)
    guesses = [_attempt(straight_path, system, expansion, target) for target in passes]
    top = min((guess.action for guess in guesses if guess is not None), default=np.inf)
    rough = max(
        expansion, expand_at(system, attractor, min(top, reach), tolerance=ROUGH), key=lambda e: e.level
    )
    start, known = from_expansion(space, rough)
    solution = grow(system, start, known, expansion, FIRST * rough.level, TOP * top, options)
    monitor(f"instantons from attractor {index}")
    known_part = restricted(solution.potential, solution.cells)
    paths = [
        _best(guess, _attempt(path_to, system, known_part, expansion, target, locator, step))
        for guess, target in zip(guesses, passes, strict=True)
    ]
    lowest = min((path.action for path in paths), default=np.inf)
    if solution.level > lowest:
        solution = solve_below(system, solution.potential, solution.cells, expansion, TOP * lowest, options)
    return well_of(base.on(whole(base.domain)), index, expansion, solution), paths


def reaches(well: WellPotential, paths: Sequence[Instanton]) -> bool:
    """Whether V was solved for nearly up to the cheapest path, so that there is no cheaper one by much."""
    return well.trusted_level >= SURE * min((path.action for path in paths), default=0.0)


Found = tuple[WellPotential, list[Instanton]]


def surest(routes: Sequence[Callable[[], Found]]) -> Found:
    """V of one attractor by the first of several ways that gets far enough, or the best of all.  Collective.

    Where V stops short of the cheapest path that was found there may be a cheaper one; the lower bound of the
    barrier says how much cheaper.

    Raises:
        NotConverged: If all ways fail.
    """
    found, failure = None, NotConverged("there is no way to start V")
    for route in routes:
        try:
            other = route()
        except NotConverged as error:
            failure = error
            continue
        found = other if found is None else surer(found, other)
        if reaches(*found):
            return found
    if found is None:
        raise failure
    return found


def surer(first: Found, second: Found) -> Found:
    """Of two results for one well the cheaper paths, with the V that is known further up below them.

    Above the cheapest path V is not that of its own well only, however well it settled there.
    """
    paths = [
        one if one.action <= other.action else other for one, other in zip(first[1], second[1], strict=True)
    ]
    lowest = min((path.action for path in paths), default=np.inf)
    wells = [trusted_below(well, TOP * lowest) for well, _ in (first, second)]
    return max(wells, key=lambda well: well.trusted_level), paths


def _quadratic_reach(
    system: System, space: fem.FunctionSpace, attractor: Array | LimitCycle, passes: Sequence[Array | Gate]
) -> float:
    """Lowest value of the Lyapunov quadratic at the passes and on the edge of the mesh.  Collective."""
    domain = space.mesh
    x = space.tabulate_dof_coordinates()[edge_dofs(whole(domain), space)][:, : domain.geometry.dim]
    ends = [target.shell() if isinstance(target, Gate) else target[None] for target in passes]
    points = np.concatenate([x, *ends])
    if isinstance(attractor, LimitCycle):
        values = np.sum(tube(system, attractor, 1.0).coordinates(points.T)[1] ** 2, axis=0)
    else:
        at = attractor[:, None]
        spread = covariance(system.jacobian(at)[..., 0], system.diffusion(at)[..., 0])
        away = points - attractor
        values = 0.5 * np.einsum("ni,ni->n", away, np.linalg.solve(spread, away.T).T)
    return float(domain.comm.allreduce(float(np.min(values, initial=np.inf)), op=MPI.MIN))


def _attempt(search: Callable[..., Instanton], *arguments: Any) -> Instanton | None:
    try:
        return search(*arguments)
    except NotConverged:
        return None


def _best(*paths: Instanton | None) -> Instanton:
    found = [path for path in paths if path is not None]
    if not found:
        raise NotConverged("no path to a pass converges")
    return min(found, key=lambda path: path.action)
