"""V of one attractor and the instantons out of its well, started from densities.

The ε-continuation (:mod:`solver.analysis.noise_levels`) ends with an approximation W of the quasi-potential
that knows no other than the viscosity solution.  Paths are traced on it, and it is the start of the policy
iteration below the cheapest of them.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial

import numpy as np
from dolfinx import fem

from meshes.serial import on_root
from solver.analysis.noise_levels import Continuation
from solver.elements.discretisation import Discretisation
from solver.elements.evaluate import Locator, evaluate
from solver.errors import NotConverged, Refused
from solver.hamilton_jacobi.cycle_expansion import Local
from solver.hamilton_jacobi.well import BALL, WellPotential, own_edge, well_potential
from solver.paths.escape_path import Guide, Target, escape_paths
from solver.paths.instanton import Instanton
from solver.places.attractors import Attractor
from solver.system import Array

# steps along a traced path, relative to the size of a cell
STEP = 0.5


def well_from_densities(
    discretisation: Discretisation,
    continued: Continuation,
    index: int,
    attractor: Attractor,
    targets: Sequence[Target],
    monitor: Callable[[str], None] = lambda _: None,
) -> tuple[WellPotential, list[Instanton]]:
    """V of one attractor and the instantons to its passes, started from W.  Collective.

    Args:
        discretisation: The system on the mesh.
        continued: Where the ε-continuation ended.
        index: Number of the attractor.
        attractor: The attractor.
        targets: What paths out of its well end at.
        monitor: Told what is being done.

    Raises:
        NotConverged: If V has no local expansion or does not settle, or no path to a pass converges.
    """
    monitor(f"instantons from attractor {index}")
    system = discretisation.system
    start = _from_attractor(continued.limit, attractor.point, discretisation.locator)
    expansion = _expansion(discretisation, continued, start, attractor, targets)
    guide = Guide(start, discretisation.locator, STEP * discretisation.cell_size)
    paths = []
    for path in escape_paths(system, guide, expansion, targets):
        if isinstance(path, Refused):
            raise NotConverged(path.reason)
        paths.append(path)
    monitor(f"Hamilton–Jacobi equation in well {index}")
    lowest_exit = min((path.action for path in paths), default=np.inf)
    well = well_potential(
        system,
        continued.known,
        start,
        index,
        expansion,
        lowest_exit,
        continued.epsilon,
        discretisation.options,
    )
    return well, paths


def _from_attractor(gauge: fem.Function, point: Array, locator: Locator) -> fem.Function:
    """``W − W(x̄)``: the approximation of V that the continuation gives in the well of x̄.  Collective."""
    start = fem.Function(gauge.function_space)
    start.x.array[:] = gauge.x.array - evaluate(gauge, point[None], locator)[0, 0]
    return start


def _expansion(
    discretisation: Discretisation,
    continued: Continuation,
    start: fem.Function,
    attractor: Attractor,
    targets: Sequence[Target],
) -> Local:
    """Expansion of V at an attractor, up to a tenth of its lowest pass (or of the edge).  Collective."""
    level = np.inf
    if targets:
        ends = np.array([target.points[0] for target in targets])
        level = float(np.nanmin(evaluate(start, ends, discretisation.locator)))
    top = min(level, own_edge(continued.known.region, start, attractor.points, level))
    if not 0 < top < np.inf:
        raise NotConverged("the density does not show how high the edge of a well is")
    return on_root(discretisation.comm, partial(attractor.expand, discretisation.system, BALL * top))
