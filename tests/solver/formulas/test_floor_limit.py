"""Barriers of degenerate noise: the limit of a vanishing floor."""

import pytest
import sympy as sp
from mpi4py import MPI

from meshes.box import box
from solver.analysis.stages import analyse
from solver.elements.discretisation import discretise
from solver.formulas.floor_limit import HALVINGS, floor_limit, neville
from solver.places.search import find_places
from tests.exact import X, Y, system

COMM = MPI.COMM_WORLD


def kinetic(delta):
    """A particle in U = (x² − 1)²/4 with friction 1, kicked in its velocity only: V → 2U + v²."""
    return system([Y, X - X**3 - Y], sp.diag(sp.Float(delta), 1 + sp.Float(delta)))


def test_neville_is_exact_for_cubics():
    assert neville([3 + 2 * t - t**2 + 5 * t**3 for t in (1, 0.5, 0.25, 0.125)]) == pytest.approx(
        3, abs=1e-13
    )


def test_barrier_of_a_particle_that_is_kicked_in_its_velocity_only():
    delta, bounds = 0.05, [(-1.7, 1.7), (-1.2, 1.2)]
    case = kinetic(delta)
    places = find_places(case, bounds)
    found = analyse(discretise(case, box(COMM, bounds, 40), 3), places, [])
    for barrier in found.barriers:
        limit = floor_limit(
            [kinetic(delta / 2**n) for n in range(1, HALVINGS + 1)],
            places.attractors[barrier.start],
            barrier.instanton,
        )
        assert barrier.barrier < 0.49
        assert limit.value == pytest.approx(0.5, rel=1e-5)
        assert abs(limit.value - 0.5) < 2 * limit.error < 1e-4


def test_no_limit_where_the_noise_never_reaches_a_direction():
    """ẋ = −x + x³ without noise in x: the action of getting out grows like 1/δ."""

    def case(delta):
        return system([-X + X**3, -Y], sp.diag(sp.Float(delta), 1 + sp.Float(delta)))

    delta, bounds = 0.1, [(-1.3, 1.3), (-1.0, 1.0)]
    places = find_places(case(delta), bounds)
    found = analyse(discretise(case(delta), box(COMM, bounds, 32), 3), places, [])
    limit = floor_limit(
        [case(delta / 2**n) for n in range(1, HALVINGS + 1)],
        places.attractors[0],
        found.barriers[0].instanton,
    )
    assert limit.value is None
    assert not limit.lost
    assert limit.costs[1] == pytest.approx(2 * limit.costs[0], rel=1e-6)
