"""V with a kink across the cells: Maier–Stein, β = 10, on a mesh of which its axis is no line."""

import numpy as np
import pytest
import sympy as sp
from dolfinx import fem
from mpi4py import MPI

from meshes.box import box
from solver.analysis.barriers import barrier
from solver.analysis.wells import solve_wells
from solver.elements.cellwise import corners_of
from solver.elements.coefficients import coefficients
from solver.elements.discretisation import discretise
from solver.elements.evaluate import evaluate
from solver.elements.region import cell_values
from solver.errors import NotConverged
from solver.hamilton_jacobi.bounds.saddle_cost import saddle_cost
from solver.hamilton_jacobi.expansion import expand
from solver.hamilton_jacobi.kinks import leaking_level
from solver.hamilton_jacobi.well import trusted_part
from solver.paths.instanton import instanton
from solver.places.search import find_places
from tests.exact import MAIER_STEIN_BARRIERS, X, Y, maier_stein, system

COMM = MPI.COMM_WORLD
BETA = 10
LEFT = np.array([-1.0, 0.0])
# on both sides of the kink, at it, and far from it
POINTS = np.array(
    [[-0.5, 0.02], [-0.4, 0.0], [-0.35, -0.05], [-0.35, 0.12], [-0.45, 0.2], [-0.9, 0.1], [-0.6, -0.3]]
)


def cheapest(case, target):
    """The least cost of paths to a point that bulge upwards, downwards, or not at all."""
    t = np.linspace(0, 1, 40)
    costs = []
    for bulge in (0.35, 0.0, -0.35):
        line = LEFT * (1 - t)[:, None] + target * t[:, None]
        line[:, 1] += bulge * np.sin(np.pi * t)
        try:
            costs.append(instanton(case, expand(case, LEFT, 0.02), [line]).action)
        except NotConverged:
            continue
    return min(costs)


@pytest.mark.mpi
def test_kink_across_the_cells():
    case = maier_stein(BETA)
    bounds = [(-1.6, 1.6), (-1.0, 1.03)]
    domain = box(COMM, bounds, 64)
    places, known_mesh = find_places(case, bounds), discretise(case, domain, 3)
    stage, locator = solve_wells(known_mesh, places, []), known_mesh.locator
    well, (path,) = stage.found[int(places.attractors[0].point[0] > 0)]
    exact = MAIER_STEIN_BARRIERS[BETA]
    assert path.action == pytest.approx(exact, rel=1e-7)
    assert COMM.allreduce(bool(well.iteration.kinked.any()), op=MPI.LOR)
    # most of the well is known, and right wherever it is not bridged
    assert well.trusted_level > 0.85 * exact
    found = evaluate(trusted_part(well), POINTS, locator)[:, 0]
    known = np.isfinite(found)
    assert known[3:].all()
    costs = np.array([cheapest(case, point) for point in POINTS])
    np.testing.assert_allclose(found[known], costs[known], atol=2e-4)
    np.testing.assert_allclose(found[3:], costs[3:], atol=1e-5)
    # bridged or not, V_h is not above the cost of paths, and not below it by more than a cell's worth
    everywhere = evaluate(well.potential, POINTS, locator)[:, 0]
    assert (everywhere < costs + 1e-4).all()
    assert (everywhere > costs - 0.05).all()
    cost = saddle_cost(case, path.points[-1], path.points[-2], 0.1 * path.action)
    result = barrier(well, 1, 0, path, locator, [cost])
    assert 0.8 * exact < result.lower <= exact


@pytest.mark.mpi
def test_cells_that_paths_leave_again_are_found():
    """b = −x, V = |x|²: u = x.  Cut cells off the origin leak, from their lowest V on."""
    domain = box(COMM, [(-1.0, 1.0)] * 2, 16)
    case = system([-X, -Y], sp.eye(2))
    space = fem.functionspace(domain, ("Lagrange", 3))
    potential = fem.Function(space)
    potential.interpolate(lambda x: x[0] ** 2 + x[1] ** 2)
    known = coefficients(domain, case, 3)
    kinked = fem.Function(fem.functionspace(domain, ("DG", 0)))
    assert leaking_level(known, potential, kinked) == np.inf
    middle = corners_of(domain).mean(axis=1)
    kinked.x.array[:] = np.linalg.norm(middle - [0.5, 0.2], axis=1) < 0.1
    lowest = cell_values(potential)[kinked.x.array > 0.5].min(initial=np.inf)
    level = leaking_level(known, potential, kinked)
    assert COMM.allreduce(lowest, op=MPI.MIN) <= level < 0.5**2 + 0.2**2


@pytest.mark.mpi
def test_cells_at_a_kink_do_not_leak():
    """b = (1, 0), V = −|y|: u = (1, −sign y) meets the kink; for V = |y| it would leave it."""
    domain = box(COMM, [(-1.0, 1.0), (-1.02, 1.0)], 16)
    case = system([sp.Integer(1), sp.Integer(0)], sp.eye(2))
    space = fem.functionspace(domain, ("Lagrange", 3))
    potential = fem.Function(space)
    potential.interpolate(lambda x: -np.abs(x[1] + 0.01))
    known = coefficients(domain, case, 3)
    kinked = fem.Function(fem.functionspace(domain, ("DG", 0)))
    corners = corners_of(domain)[:, :, 1] + 0.01
    kinked.x.array[:] = corners.min(axis=1) * corners.max(axis=1) < 0
    assert COMM.allreduce(int(kinked.x.array.sum()), op=MPI.SUM) > 0
    assert leaking_level(known, potential, kinked) == np.inf
    potential.x.array[:] *= -1.0
    assert leaking_level(known, potential, kinked) < np.inf
