"""V of every attractor where it is known in closed form: a gradient drift with isotropic noise.

For ``b = −∇U`` and ``A = a I`` with a constant, ``V = 2(U − U(x̄))/a`` up to the lowest pass, also where U has
kinks or a singular Hessian (Freidlin and Wentzell, ch. 4, theorem 3.1, which asks for no more than a gradient
up to there); the most probable way up to a pass is the way down, turned round.
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
from solver.paths.instanton import Instanton, fit_path
from solver.places.attractors import Attractor
from solver.places.places import Places
from solver.system import Array, System

# of a path, for those who want it smooth
MODES = 24
# two losses are subtracted: their rounding is that of a few operations
ROUNDING = 8.0


def loss_potential(discretisation: Discretisation, level: float) -> fem.Function:
    """``2U/a`` at the nodes.  Collective."""
    loss, space = discretisation.system.loss, discretisation.space
    assert loss is not None
    dim = discretisation.system.dim
    potential = fem.Function(space, name="W")
    potential.x.array[:] = 2.0 / level * loss(space.tabulate_dof_coordinates()[:, :dim].T)
    return potential


def loss_wells(
    discretisation: Discretisation, places: Places, level: float
) -> list[tuple[WellPotential, list[Instanton]]]:
    """V of every attractor and a way to each of its passes.  Collective.

    Args:
        discretisation: The system on the mesh; it has a loss.
        places: Attractors and passes, all of them points.
        level: a in ``A = a I``.
    """
    system = discretisation.system
    box = np.array(bounding_box(discretisation.domain))
    found = []
    for k in range(len(places.attractors)):
        paths = on_root(discretisation.comm, partial(_ways_up, system, places, k, level, box))
        found.append((_well(discretisation, places, k, level, paths), paths))
    return found


def _ways_up(system: System, places: Places, k: int, level: float, box: Array) -> list[Instanton]:
    """The most probable ways from an attractor to its passes.  Not collective."""
    found = []
    for n, end in places.ways_out(k):
        saddle = places.passes[n].saddle
        assert saddle is not None
        found.append(_way_up(system, places.attractors[k], saddle, end, level, box))
    return found


def _way_up(
    system: System, attractor: Attractor, saddle: Saddle, other: int | None, level: float, box: Array
) -> Instanton:
    """The way down from a saddle on the side of an attractor, turned round.  Not collective."""
    loss, start, known = system.loss, attractor.point, attractor.fixed_point
    assert loss is not None
    if known is not None and known.regular and saddle.fixed_point.regular:
        down = relaxation_path(system, saddle, -1 if other is None else other, start[None], box)
    else:
        sign = -1.0 if saddle.between[0] == other else 1.0
        down = lowest_way(loss, saddle.point, sign * saddle.unstable_eigenvector, start, box)
    points = down[::-1].copy()
    points[0], points[-1] = start, saddle.point
    heights = loss(points.T)
    actions = 2.0 / level * (heights - heights[0])
    rounding = ROUNDING * np.finfo(float).eps * 2.0 / level * float(np.abs(heights[[0, -1]]).sum())
    action = float(actions[-1])
    expansion = quadratic(system, start, attractor.covariance(system), BALL * action)
    return Instanton(fit_path(points, MODES), expansion, action, rounding, points, actions)


def _well(
    discretisation: Discretisation, places: Places, k: int, level: float, paths: Sequence[Instanton]
) -> WellPotential:
    """V on the cells that reach below its lowest pass, or below the edge of the mesh.  Collective."""
    system, attractor = discretisation.system, places.attractors[k]
    point, loss = attractor.point, system.loss
    assert loss is not None
    domain, base = discretisation.domain, discretisation.coefficients
    potential = loss_potential(discretisation, level)
    potential.name = "V"
    potential.x.array[:] -= 2.0 / level * float(loss(point[:, None])[0])
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
