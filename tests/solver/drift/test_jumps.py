"""Drifts that jump: the degree on a boundary that is crossed by jumps, and losses with kinks."""

import time

import numpy as np
import pytest
import sympy as sp

from solver.drift.degree import boundary_degree
from solver.drift.landscape import landscape, unseen_minimum
from solver.errors import DegenerateFixedPoints, NotConverged
from solver.places.search import find_places
from solver.real_functions import Larger, Magnitude, Smaller
from solver.symbolic import derivative, to_numpy
from solver.system import System
from tests.exact import X, Y, Z


def test_degree_across_jumps_is_that_of_a_continuous_field_nearby():
    start = time.monotonic()
    for dim in (2, 3):
        low, high = -np.ones(dim), np.full(dim, 1.3)
        # −∇(|x| + |y|/2 + …) points inwards everywhere: like −x, of degree (−1)ᵈ
        weights = np.array([1.0, 0.5, 0.7])[:dim, None]
        assert boundary_degree(lambda x, w=weights: -w * np.sign(x) - 0.1 * x, low, high) == (-1) ** dim
    with pytest.raises(NotConverged, match="jumps on the boundary"):
        boundary_degree(lambda x: np.stack([np.sign(x[0] - 0.1), 0 * x[0]]), -np.ones(2), np.ones(2))
    assert time.monotonic() - start < 10.0


@pytest.mark.parametrize("power", [2, 4])
def test_even_powers_of_magnitudes_are_smooth(power):
    u = Magnitude(X) ** power
    slope = derivative(u, X)
    both = to_numpy([slope, derivative(slope, X)], [X])(np.array([[-0.5, 0.0, 2.0]]))
    x = np.array([-0.5, 0.0, 2.0])
    np.testing.assert_allclose(both, [power * x ** (power - 1), power * (power - 1) * x ** (power - 2)])


def test_huber_loss_has_a_regular_minimum():
    huber = Smaller(Magnitude(X), 1) ** 2 / 2 + Larger(Magnitude(X) - 1, 0)
    places = find_places(System.from_loss(huber, [X]), [(-3, 3)])
    (one,) = places.attractors
    assert one.fixed_point.regular
    np.testing.assert_allclose(one.point, [0.0], atol=1e-12)
    np.testing.assert_allclose(one.fixed_point.jacobian, [[-1.0]])


# loss, box, minima, passes and the pairs that they lie between
LANDSCAPES = {
    "two kinks": (
        Magnitude(Magnitude(X) - 1), [(-2, 2.1)], [[-1], [1]], [[0]], [(0, 1)]
    ),
    "kinks and a valley": (
        Magnitude(Magnitude(X) - 1) + Y**2 / 2, [(-2, 2.1), (-1.5, 1.4)],
        [[-1, 0], [1, 0]], [[0, 0]], [(0, 1)],
    ),
    "kinks on slanted lines": (
        Magnitude(Magnitude(X + Y) - 1) + Magnitude(X - Y) / 2 + X / 10, [(-2, 2.1), (-1.5, 1.5)],
        [[-0.5, -0.5], [0.5, 0.5]], [[0, 0]], [(0, 1)],
    ),
    "a slanted kink across a valley": (
        Magnitude(Magnitude(X + 3 * Y / 10) - 1) + Y**2 / 2, [(-2.2, 2.3), (-1.4, 1.3)],
        [[-1, 0], [1, 0]], [[0, 0]], [(0, 1)],
    ),
    "singular Hessians": (
        (X**2 - 1) ** 2 / 4 + Y**4, [(-1.8, 1.8), (-1.2, 1.3)], [[-1, 0], [1, 0]], [[0, 0]], [(0, 1)]
    ),
    "kinks and singular Hessians in space": (
        (X**2 - 1) ** 2 / 4 + Y**4 + Magnitude(Z), [(-1.8, 1.8), (-1.2, 1.3), (-1, 1)],
        [[-1, 0, 0], [1, 0, 0]], [[0, 0, 0]], [(0, 1)],
    ),
    "hinges": (
        Larger(1 - X, 0) / 2 + (X - 1) ** 2 / 10 + Larger(1 + Y, 0) + Larger(-1 - Y, 0) / 3,
        [(-1, 3), (-2, 1)], [[1, -1]], [], [],
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", LANDSCAPES)
def test_minima_and_passes_of_losses_that_are_not_smooth(name):
    loss, bounds, minima, passes, between = LANDSCAPES[name]
    system = System.from_loss(loss, (X, Y, Z)[: len(bounds)])
    places = find_places(system, bounds)
    # U is less than 1e-12 above its minimum there; U grows like y⁴ along some
    found = np.array([one.point for one in places.attractors])
    np.testing.assert_allclose(found, minima, atol=1e-3 if "singular" in name else 1e-7)
    heights = system.loss(found.T) - system.loss(np.array(minima, dtype=float).T)
    np.testing.assert_allclose(heights, 0.0, atol=1e-10)
    assert [way.between for way in places.passes] == between
    tops = np.array([way.point for way in places.passes]).reshape(-1, len(bounds))
    np.testing.assert_allclose(
        system.loss(tops.T), system.loss(np.array(passes, dtype=float).reshape(tops.shape).T), atol=1e-10
    )
    for way in places.passes:
        side = way.saddle.unstable_eigenvector
        assert side @ (found[way.between[0]] - found[way.between[1]]) > 0


def test_camel_back_is_found_from_its_values_alone():
    loss = (4 - sp.Rational(21, 10) * X**2 + X**4 / 3) * X**2 + X * Y + (-4 + 4 * Y**2) * Y**2
    bounds = [(-2.2, 2.2), (-1.3, 1.3)]
    system = System.from_loss(loss, [X, Y])
    places, found = find_places(system, bounds), landscape(system, bounds)
    minima = [p.point for p in found.points if p.kind == "attractor"]
    np.testing.assert_allclose(minima, [one.point for one in places.attractors], atol=1e-9)
    by_place = {tuple(np.round(s.point, 6) + 0.0): s.between for s in found.saddles}
    assert by_place == {tuple(np.round(way.point, 6) + 0.0): way.between for way in places.passes}
    assert unseen_minimum(system, bounds, found.points) is None
    missing = [p for p in found.points if p.point[0] < 1.65]
    np.testing.assert_allclose(unseen_minimum(system, bounds, missing), minima[-1], atol=1e-6)


def test_minima_that_are_not_isolated_are_refused():
    for loss in (Larger(Magnitude(X) - 1, 0) + Y**2 / 2, (X**2 + Y**2 - 1) ** 2):
        with pytest.raises(DegenerateFixedPoints, match="on more than a point"):
            landscape(System.from_loss(loss, [X, Y]), [(-2, 2), (-2, 2.1)])
