"""V of every attractor where it is known in closed form: ``V = Φ − Φ(x̄)`` up to the lowest pass.

For ``b = −∇U`` and ``A = a I`` with a constant, ``Φ = 2U/a``, also where U has kinks or a singular Hessian
(Freidlin and Wentzell, ch. 4, theorem 3.1, which asks for no more than a gradient up to there); the most
probable way up to a pass is the way down, turned round.  With momentum (:mod:`solver.phase_space`) the
momentum along it is turned round as well.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

import numpy as np
from dolfinx import fem

from meshes.serial import on_root
from solver.drift.connections import Saddle
from solver.drift.downhill import lowest_way, relaxation_path
from solver.elements.discretisation import Discretisation
from solver.elements.evaluate import bounding_box
from solver.elements.region import make_region, whole
from solver.hamilton_jacobi.equation import residual_norm
from solver.hamilton_jacobi.expansion import quadratic
from solver.hamilton_jacobi.policy_iteration import Iteration
from solver.hamilton_jacobi.well import BALL, TOP, WellPotential, own_cells, own_edge, trusted_below
from solver.paths.instanton import MODES_OF_A_PICTURE, Instanton, fit_path
from solver.places.attractors import Attractor
from solver.places.places import Places
from solver.system import Array, Field, System

# two heights are subtracted: their rounding is that of a few operations
ROUNDING = 8.0


def nodal_potential(discretisation: Discretisation, known: Field) -> fem.Function:
    """Φ at the nodes.  Collective."""
    space, dim = discretisation.space, discretisation.system.dim
    potential = fem.Function(space, name="W")
    potential.x.array[:] = known(space.tabulate_dof_coordinates()[:, :dim].T)
    return potential


def known_wells(
    discretisation: Discretisation, places: Places, known: Field
) -> list[tuple[WellPotential, list[Instanton]]]:
    """V of every attractor and a way to each of its passes.  Collective.

    Args:
        discretisation: The system on the mesh.
        places: Attractors and passes, all of them points.
        known: Φ.
    """
    system = discretisation.system
    box = np.array(bounding_box(discretisation.domain))
    found = []
    for k in range(len(places.attractors)):
        paths = on_root(discretisation.comm, partial(_ways_up, system, places, k, known, box))
        found.append((_well(discretisation, places, k, known, paths), paths))
    return found


def _ways_up(system: System, places: Places, k: int, known: Field, box: Array) -> list[Instanton]:
    """The most probable ways from an attractor to its passes.  Not collective."""
    found = []
    for n, end in places.ways_out(k):
        saddle = places.passes[n].saddle
        assert saddle is not None
        found.append(_way_up(system, places.attractors[k], saddle, end, known, box))
    return found


def _way_up(
    system: System, attractor: Attractor, saddle: Saddle, other: int | None, known: Field, box: Array
) -> Instanton:
    """The way down from a saddle on the side of an attractor, turned round.  Not collective."""
    start, point = attractor.point, attractor.fixed_point
    if system.momentum is not None or (point is not None and point.regular and saddle.fixed_point.regular):
        down = relaxation_path(system, saddle, -1 if other is None else other, start[None], box)
    else:
        sign = -1.0 if saddle.between[0] == other else 1.0
        down = lowest_way(known, saddle.point, sign * saddle.unstable_eigenvector, start, box)
    points = down[::-1].copy()
    if system.momentum is not None:
        points = system.momentum.reversed(points)
    points[0], points[-1] = start, saddle.point
    heights = known(points.T)
    actions = heights - heights[0]
    rounding = ROUNDING * np.finfo(float).eps * float(np.abs(heights[[0, -1]]).sum())
    action = float(actions[-1])
    expansion = quadratic(system, start, attractor.covariance(system), BALL * action)
    return Instanton(fit_path(points, MODES_OF_A_PICTURE), expansion, action, rounding, points, actions)


def _well(
    discretisation: Discretisation, places: Places, k: int, known: Field, paths: Sequence[Instanton]
) -> WellPotential:
    """V on the cells that reach below its lowest pass, or below the edge of the mesh.  Collective."""
    system, attractor = discretisation.system, places.attractors[k]
    point = attractor.point
    domain, base = discretisation.domain, discretisation.coefficients
    potential = nodal_potential(discretisation, known)
    potential.name = "V"
    potential.x.array[:] -= float(known(point[:, None])[0])
    every = whole(domain)
    lowest = min((path.action for path in paths), default=np.inf)
    top = min(lowest, own_edge(every, potential, point[None], lowest))
    cells = own_cells(every, potential, point[None], TOP * top)
    part = base.on(make_region(domain, cells))
    smooth = fem.Function(fem.functionspace(domain, ("DG", 0)))
    residual = residual_norm(part, potential, TOP * top, smooth)
    iteration = Iteration((0.0,), TOP * top, residual, np.zeros_like(cells))
    expansion = quadratic(system, point, attractor.covariance(system), BALL * top)
    well = WellPotential(k, potential, cells, cells, np.inf, expansion, iteration, part)
    return trusted_below(well, TOP * top)
