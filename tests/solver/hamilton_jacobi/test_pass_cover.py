"""Lower bounds that end at a pass: where V has a kink there, and where they must not be believed."""

import numpy as np
import pytest
from dolfinx import fem
from mpi4py import MPI

from meshes.box import box
from meshes.refine import graded
from solver.analysis.barriers import barrier
from solver.analysis.grown_well import grown_well
from solver.elements.coefficients import coefficients
from solver.elements.discretisation import discretise
from solver.hamilton_jacobi.bounds.lower_bound import lower_bound
from solver.hamilton_jacobi.bounds.saddle_cost import saddle_cost
from solver.hamilton_jacobi.bounds.subsolution import sample
from solver.paths.escape_path import SaddleTarget
from solver.places.attractors import attractor_at
from tests.exact import MAIER_STEIN_BARRIERS, maier_stein

COMM = MPI.COMM_WORLD
BOUNDS = [(-1.6, 1.6), (-1.0, 1.0)]


def well(beta, resolution):
    """V of the left well of the Maier–Stein system, the way out of it, and its lower bound's ingredients."""
    case = maier_stein(beta)
    domain = graded(box(COMM, BOUNDS, resolution), [np.zeros(2)], [0.8 / resolution])
    left = attractor_at(case, np.array([-1.0, 0.0]))
    known = discretise(case, domain, 3)
    found, (path,) = grown_well(known, 0, left, [SaddleTarget(np.zeros(2))])
    cost = saddle_cost(case, path.points[-1], path.points[-2], 0.1 * path.action)
    return found, path, cost, known.locator


@pytest.mark.parametrize("beta", [5, pytest.param(10, marks=pytest.mark.mpi)])
def test_kink_that_ends_at_the_saddle(beta):
    """Two instantons come in from different sides, with a kink of V between them: a bracket of 0.1 %."""
    found, path, cost, locator = well(beta, 64)
    result = barrier(found, 1, 0, path, locator, [cost])
    exact = MAIER_STEIN_BARRIERS[beta]
    assert result.lower <= exact <= result.upper + 1e-8
    assert result.upper - result.lower <= 1e-3 * exact
    # V_h alone is not known far enough up
    assert barrier(found, 1, 0, path, locator).lower < 0.998 * exact


def test_no_bound_above_the_cost_of_a_path():
    """However high a bound is asked for, and however wrong V_h is, none above the exact barrier comes out."""
    found, path, cost, locator = well(3, 32)
    exact = MAIER_STEIN_BARRIERS[3]
    known = found.coefficients, found.potential, found.cells, found.expansion
    right = lower_bound(*known, 1.2 * path.action, [cost], locator)
    assert 0.99 * exact < right <= exact * (1 + 1e-9)
    for factor in (0.9, 1.1):
        found.potential.x.array[:] *= factor
        wrong = lower_bound(*known, 1.2 * path.action, [cost], locator)
        assert wrong <= exact * (1 + 1e-9)
        found.potential.x.array[:] /= factor


def test_a_rank_without_cells():
    """Where many ranks share a small region, some have none of its cells."""
    domain = box(COMM, BOUNDS, 8)
    known = coefficients(domain, maier_stein(1), 2)
    space = fem.functionspace(domain, ("Lagrange", 2))
    cells = domain.topology.index_map(2)
    values, ratios = sample(known, fem.Function(space), np.zeros(cells.size_local + cells.num_ghosts, bool))
    assert values.shape == ratios.shape
    assert len(values) == 0
    assert values.shape[1] > 0
