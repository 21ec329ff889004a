"""Which of several ways to V counts."""

import numpy as np
import pytest
import sympy as sp
from dolfinx import fem
from mpi4py import MPI

from meshes.box import box
from solver.analysis.wells import Found, surer, surest
from solver.elements.coefficients import coefficients
from solver.elements.region import cell_values
from solver.errors import NotConverged, Refused
from solver.hamilton_jacobi.expansion import expand
from solver.hamilton_jacobi.growth import from_expansion, grow
from solver.hamilton_jacobi.well import well_of
from solver.paths.action import Path
from solver.paths.instanton import Instanton
from tests.exact import X, Y, manufactured

COMM = MPI.COMM_WORLD
CASE = manufactured(X**2 + Y**2, sp.eye(2), sp.zeros(2))


def path(action):
    ends = np.array([[0.0, 0.0], [1.0, 0.0]])
    straight = Path(ends[0], ends[1], np.zeros((2, 1)))
    expansion = expand(CASE, np.zeros(2), 0.1)
    return Instanton(straight, expansion, action, 0.0, ends, np.array([0.0, action]))


@pytest.fixture(scope="module")
def well():
    """V = x² + y² up to 0.8."""
    domain = box(COMM, [(-1.0, 1.0)] * 2, 16)
    space = fem.functionspace(domain, ("Lagrange", 2))
    expansion = expand(CASE, np.zeros(2), 0.1)
    solution = grow(CASE, *from_expansion(space, expansion), expansion, 0.08, 0.8)
    return well_of(coefficients(domain, CASE, 2), 0, expansion, solution)


def failing():
    raise NotConverged("by this way nothing is found")


def routes(*actions):
    return {f"way {n}": action for n, action in enumerate(actions)}


def test_nothing_else_is_tried_where_v_reaches_the_cheapest_path(well):
    found, refused = surest(routes(lambda: Found(well, [path(0.81)]), failing))
    assert found.well.trusted_level == well.trusted_level
    assert refused == {}


def test_a_second_way_replaces_one_that_fails_and_the_reason_is_kept(well):
    found, refused = surest(routes(failing, lambda: Found(well, [path(0.81)])))
    assert found.paths[0].action == 0.81
    assert refused == {"way 0": Refused("by this way nothing is found")}


def test_v_that_stops_short_is_kept_when_the_second_way_fails(well):
    found, refused = surest(routes(lambda: Found(well, [path(2.0)]), failing))
    assert found.well.trusted_level == well.trusted_level
    assert set(refused) == {"way 1"}


def test_all_ways_fail_with_all_reasons():
    with pytest.raises(NotConverged, match="way 0: by this way nothing is found; way 1: by this way"):
        surest(routes(failing, failing))


def test_the_cheaper_path_counts_and_v_above_it_does_not(well):
    mended, paths = surer(Found(well, [path(0.9), path(0.4)]), Found(well, [path(0.6), path(0.7)]))
    assert [p.action for p in paths] == [0.6, 0.4]
    assert mended.trusted_level == pytest.approx(0.3996)
    there = mended.valid[: len(cell_values(well.potential))]
    assert there.any()
    assert cell_values(mended.potential)[there].max() <= 0.3996
