"""Places: what is found in a box, what lies beside what, and how it is shown."""

import doctest

import numpy as np
import pytest
import sympy as sp
from mpi4py import MPI

import solver.places.search
from solver.errors import DegenerateFixedPoints, UnsuitableDomain
from solver.paths.escape_path import SaddleTarget
from solver.paths.gates import Gate
from solver.places.attractors import attractor_at
from solver.places.search import find_places
from tests.exact import X, Y, gradient_system, lyapunov_by_kronecker, maier_stein, system

COMM = MPI.COMM_WORLD
BOUNDS = [(-1.6, 1.6), (-1.0, 1.0)]
R2 = X**2 + Y**2
# a stable point within an unstable cycle of radius 1, within a stable one of radius 2
RINGS = system([-X * (R2 - 1) * (R2 - 4) - Y, -Y * (R2 - 1) * (R2 - 4) + X], sp.eye(2))


def test_the_example_of_the_docstring_is_right():
    found = doctest.testmod(solver.places.search)
    assert found.attempted == 3
    assert found.failed == 0


@pytest.mark.mpi
def test_two_wells_and_the_saddle_between_them():
    case = maier_stein(3)
    places = find_places(case, BOUNDS)
    left, right = places.attractors
    np.testing.assert_allclose(left.point, [-1, 0], atol=1e-12)
    np.testing.assert_allclose(left.points, [[-1, 0]], atol=1e-12)
    assert places.ways_out(0) == [(0, 1)]
    assert places.ways_out(1) == [(0, 0)]
    (way,) = places.passes
    assert way.between == (0, 1)
    assert isinstance(way.target(case, 0, left), SaddleTarget)
    marks = places.pinned(case)
    exact = lyapunov_by_kronecker(right.fixed_point.jacobian, np.eye(2))
    np.testing.assert_allclose(marks.pins[1].covariance, exact, rtol=1e-12)
    np.testing.assert_allclose(marks.points, [[-1, 0], [1, 0], [0, 0]], atol=1e-12)
    # to second order V = ½ yᵀΣ⁻¹y, and so does the expansion say
    x = right.point[:, None] + 1e-4 * np.array([[1.0, 0.3, -0.5], [0.2, -1.0, 0.7]])
    np.testing.assert_allclose(right.quadratic(case, x), right.expand(case, 0.05)(x), rtol=1e-3)
    every = COMM.allgather(repr(places))
    assert len(set(every)) == 1


@pytest.mark.mpi
def test_cycles_as_attractors_and_passes():
    places = find_places(RINGS, [(-2.6, 2.6)] * 2)
    point, ring = places.attractors
    assert point.fixed_point is not None
    assert ring.fixed_point is None
    np.testing.assert_allclose(np.linalg.norm(ring.points, axis=1), 2.0, rtol=1e-9)
    (way,) = places.passes
    assert way.between == (0, 1)
    np.testing.assert_allclose(np.linalg.norm(way.point), 1.0, rtol=1e-9)
    assert way.saddle is None
    target = way.target(RINGS, 0, point)
    assert isinstance(target, Gate)
    assert (np.linalg.norm(target.points, axis=1) < 1.0).all()
    rows = [line.split() for line in repr(places).splitlines()]
    assert [row[:2] for row in rows[1:3]] == [["0", "point"], ["1", "cycle"]]
    assert rows[-1][:2] == ["0", "cycle"]
    assert rows[-1][-3:] == ["0", "and", "1"]
    # V near the cycle to second order
    x = np.array([[2.001, 0.0, -1.4138], [0.0, 1.9985, 1.4146]])
    np.testing.assert_allclose(ring.quadratic(RINGS, x), ring.expand(RINGS, 0.02)(x), rtol=2e-2)


def test_a_way_out_of_the_domain_leads_outside():
    case = gradient_system(X**2 / 2 - X**3 / 3 + Y**2 / 2, sp.eye(2))
    places = find_places(case, [(-0.8, 1.4), (-0.7, 0.7)])
    assert places.ways_out(0) == [(0, None)]
    assert repr(places).endswith("0 and outside")
    assert places.pinned(case).between == ((0, None),)


def test_other_fixed_points_are_listed():
    case = system([X - X**3, Y - Y**3], sp.eye(2))
    places = find_places(case, [(-1.5, 1.5)] * 2)
    assert len(places.attractors) == 4
    assert len(places.passes) == 4
    assert [p.kind for p in places.others] == ["repeller"]
    assert repr(places).endswith("other fixed points: repeller (0, 0)")


@pytest.mark.mpi
def test_places_outside_the_domain_do_not_count():
    """Ways that lead to them lead outside; unit vectors point to the first of what a saddle lies between."""
    case = maier_stein(1)
    left = find_places(case, BOUNDS, lambda x: x[:, 0] < 0.5)
    assert len(left.attractors) == 1
    assert left.passes[0].between == (0, None)
    assert left.passes[0].saddle.unstable_eigenvector[0] < 0
    right = find_places(case, BOUNDS, lambda x: x[:, 0] > -0.5)
    assert right.passes[0].between == (0, None)
    assert right.passes[0].saddle.unstable_eigenvector[0] > 0
    assert find_places(case, BOUNDS, lambda x: x[:, 0] < -0.5).passes == ()


def test_cycles_outside_the_domain_do_not_count():
    places = find_places(RINGS, [(-2.6, 2.6)] * 2, lambda x: np.linalg.norm(x, axis=1) < 1.5)
    assert len(places.attractors) == 1
    assert places.passes[0].between == (0, None)
    ring = find_places(RINGS, [(-2.6, 2.6)] * 2, lambda x: np.linalg.norm(x, axis=1) > 0.5)
    assert ring.passes[0].between == (0, None)
    inner = ring.passes[0].target(RINGS, 0, ring.attractors[0]).points
    assert (np.linalg.norm(inner, axis=1) > 1.0).all()


@pytest.mark.mpi
@pytest.mark.parametrize(
    ("case", "bounds", "error", "what"),
    [
        (gradient_system(-R2, sp.eye(2)), BOUNDS, UnsuitableDomain, "no attracting point"),
        (gradient_system(R2, sp.eye(2)), [(0.0, 1.0), (-1.0, 1.0)], UnsuitableDomain, "lies on the boundary"),
        (gradient_system((X * Y - 1) ** 2, sp.eye(2)), [(0.2, 2.0)] * 2, DegenerateFixedPoints, ""),
    ],
)
def test_domains_without_a_problem_are_refused_on_all_ranks(case, bounds, error, what):
    with pytest.raises(error, match=what):
        find_places(case, bounds)


def test_an_attractor_that_is_known():
    case = maier_stein(1)
    known = attractor_at(case, [-1, 0])
    np.testing.assert_allclose(
        known.covariance(case), find_places(case, BOUNDS).pinned(case).pins[0].covariance
    )
