"""V of one attractor and the instantons out of its well, from the drift and the diffusion alone.

The way without a density, for when no noise level is asked for: V is grown from the local expansion at the
attractor (:mod:`solver.hamilton_jacobi.growth`) up to the cheapest path known so far, instantons are traced
on it, and where they are cheaper than the paths before, V is solved for once more below their pass.  The
sublevel set of V reached without meeting a pass shows that no path out is cheaper than that.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial

import numpy as np
from mpi4py import MPI

from meshes.serial import on_root
from solver.analysis.density_well import STEP
from solver.elements.discretisation import Discretisation
from solver.elements.region import edge_dofs, restricted, whole
from solver.errors import NotConverged, Refused
from solver.hamilton_jacobi.growth import from_expansion, grow, solve_below
from solver.hamilton_jacobi.well import BALL, TOP, WellPotential, well_of
from solver.paths.escape_path import Guide, Target, escape_paths, straight_paths
from solver.paths.instanton import Instanton
from solver.places.attractors import Attractor
from solver.system import Array

# the first V is the expansion on a ball in which it is only as good as this
ROUGH = 2e-2
# a part of the ball, because the edge of the region is only about its surface
FIRST = 0.8


def grown_well(
    discretisation: Discretisation,
    index: int,
    attractor: Attractor,
    targets: Sequence[Target],
    monitor: Callable[[str], None] = lambda _: None,
) -> tuple[WellPotential, list[Instanton]]:
    """V of one attractor, and an instanton to each of its passes.  Collective.

    Args:
        discretisation: The system on the mesh.
        index: Number of the attractor.
        attractor: The attractor.
        targets: What paths out of its well end at.
        monitor: Told what is being done.

    Raises:
        NotConverged: If V settles nowhere, or no path to a pass converges.
    """
    monitor(f"Hamilton–Jacobi equation in well {index}")
    system, space, comm = discretisation.system, discretisation.space, discretisation.comm
    options = discretisation.options
    reach = quadratic_reach(discretisation, attractor, [target.points for target in targets])
    expansion = on_root(comm, partial(attractor.expand, system, BALL * reach))
    guesses = straight_paths(comm, system, expansion, targets)
    top = min((guess.action for guess in guesses if isinstance(guess, Instanton)), default=np.inf)
    wide = on_root(comm, partial(attractor.expand, system, min(top, reach), tolerance=ROUGH))
    rough = max(expansion, wide, key=lambda e: e.level)
    start, known = from_expansion(space, rough)
    solution = grow(system, start, known, expansion, FIRST * rough.level, TOP * top, options)
    monitor(f"instantons from attractor {index}")
    known_part = restricted(solution.potential, solution.cells)
    guide = Guide(known_part, discretisation.locator, STEP * discretisation.cell_size)
    paths = [
        _best(*pair) for pair in zip(guesses, escape_paths(system, guide, expansion, targets), strict=True)
    ]
    lowest = min((path.action for path in paths), default=np.inf)
    if solution.level > lowest:
        solution = solve_below(system, solution.potential, solution.cells, expansion, TOP * lowest, options)
    base = discretisation.coefficients
    return well_of(base.on(whole(base.domain)), index, expansion, solution), paths


def quadratic_reach(discretisation: Discretisation, attractor: Attractor, passes: Sequence[Array]) -> float:
    """Lowest value of the Lyapunov quadratic at the passes and on the edge of the mesh.  Collective."""
    space = discretisation.space
    x = space.tabulate_dof_coordinates()[edge_dofs(whole(space.mesh), space)][:, : space.mesh.geometry.dim]
    points = np.concatenate([x, *passes])
    values = attractor.quadratic(discretisation.system, points.T)
    return float(space.mesh.comm.allreduce(float(np.min(values, initial=np.inf)), op=MPI.MIN))


def _best(*paths: Instanton | Refused) -> Instanton:
    """The cheapest.

    Raises:
        NotConverged: If there is none, with the reasons.
    """
    found = [path for path in paths if isinstance(path, Instanton)]
    if not found:
        reasons = dict.fromkeys(path.reason for path in paths if isinstance(path, Refused))
        raise NotConverged(f"no path to a pass converges: {'; '.join(reasons)}")
    return min(found, key=lambda path: path.action)
