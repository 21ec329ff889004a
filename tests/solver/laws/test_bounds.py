"""Splines on graded cells, and brackets of least actions against known quasi-potentials."""

from __future__ import annotations

import numpy as np
import pytest

from solver.laws import bracket as module
from solver.laws.bracket import Bracket, bracket
from solver.laws.diffusion import DiffusionLaw
from solver.laws.jumps import JumpLaw
from solver.laws.largest_subsolution import largest_subsolution
from solver.laws.law import Law
from solver.laws.least_action import LeastAction, near_line
from solver.laws.line import potential_difference
from solver.laws.lower_bound import checked_climb
from solver.laws.spline_grid import graded_grid, mesh_points
from solver.system import Array, System
from tests.solver.laws.examples import double_well_sample, schlogl, turned_product

BOX = np.array([[-1.6, 1.6], [-1.6, 1.6]])


def test_splines_reproduce_cubics_and_their_slopes() -> None:
    grid = graded_grid(np.array([[-1.0, 3.0], [0.0, 50.0]]), np.array([[0.0, 10.0], [1.0, 12.0]]), 6)
    x = mesh_points(grid.axes(4))
    u, v = x[0], x[1] / 10
    exact = u**3 - 2 * u * u * v + v**3 + 4
    slopes = np.array([3 * u * u - 4 * u * v, (3 * v * v - 2 * u * u) / 10])
    values, (by_u, by_v) = grid.matrices(x)
    found = np.linalg.lstsq(values.toarray(), exact, rcond=None)[0]
    assert values @ found == pytest.approx(exact, abs=1e-9 * np.abs(exact).max())
    assert by_u @ found == pytest.approx(slopes[0], abs=1e-7 * np.abs(slopes[0]).max())
    assert by_v @ found == pytest.approx(slopes[1], abs=1e-7 * np.abs(slopes[1]).max())
    # ends of the box are ends of cells, and cells are the finest where the points are
    for line, (low, high), inner in zip(grid.lines, [(-1, 3), (0, 50)], [0.5, 11.0], strict=True):
        assert (line[0], line[-1]) == pytest.approx((low, high))
        steps = np.diff(line)
        assert (steps > 0).all()
        near = np.searchsorted(line, inner)
        assert steps[near - 1] <= 1.5 * steps.min()


def bracketed(law: Law, ends: tuple[Array, Array], others: list[Array], box: Array = BOX) -> Bracket:
    found = bracket(law, box, ends, [*ends, *others], np.array(ends), 0.3)
    assert isinstance(found, Bracket)
    return found


def test_a_turned_product_of_samples() -> None:
    turn = np.array([np.cos(0.5), np.sin(0.5)])
    exact = potential_difference(double_well_sample(np.zeros(2), np.array([1.0, -1.0])), -1.0, 0.0)
    found = bracketed(turned_product(0.5), (-turn, 0 * turn), [turn])
    assert 0.995 * exact <= found.lower <= exact
    assert found.found.action >= exact * (1 - 1e-7)


def test_sheared_jumps_in_other_units() -> None:
    """The second coordinate in units of a thousandth: the bound is the same number."""
    line, shear, unit = schlogl(), 0.6, np.array([1.0, 1e3])
    changes = np.array([[1.0, 0.0], [-1.0, 0.0], [shear, 1.0], [-shear, -1.0]])

    def rates(x: Array) -> Array:
        return np.concatenate([line.rates(x[:1] - shear * x[1:]), np.array([1 + 0 * x[1], x[1]])])

    def slopes(x: Array) -> Array:
        own = line.slopes(x[:1] - shear * x[1:])
        other = np.zeros((2, 2, x.shape[1]))
        other[1, 1] = 1.0
        return np.concatenate([np.concatenate([own, -shear * own], axis=1), other])

    plain = JumpLaw(changes, rates, slopes)
    other = JumpLaw(
        changes * unit,
        lambda x: rates(x / unit[:, None]),
        lambda x: slopes(x / unit[:, None]) / unit[None, :, None],
    )
    exact = potential_difference(line, 4.0, 2.0)
    places = [np.array([c + shear, 1.0]) for c in (4.0, 2.0, 1.0)]
    box = np.array([[0.4, 6.0], [0.3, 2.2]])
    lower = []
    for law, scale in ((plain, 1.0), (other, unit)):
        ends = places[0] * scale, places[1] * scale
        found = near_line(law, np.array(ends))
        assert found.action == pytest.approx(exact, rel=1e-3)
        grid = graded_grid(box * np.reshape(scale * np.ones(2), (2, 1)), found.points, 6)
        zeros = [place * scale for place in places]
        lower.append(checked_climb(law, largest_subsolution(law, grid, *ends, zeros, exact), found, zeros))
    for bound in lower:
        assert 0.99 * exact <= bound <= exact
    assert lower[1] == pytest.approx(lower[0], rel=2e-3)


def maier_stein(beta: float) -> DiffusionLaw:
    def drift(x: Array) -> Array:
        u, v = x
        return np.stack([u - u**3 - beta * u * v**2, -(1 + u**2) * v])

    def jacobian(x: Array) -> Array:
        u, v = x
        return np.array([[1 - 3 * u**2 - beta * v**2, -2 * beta * u * v], [-2 * u * v, -(1 + u**2)]])

    flat = System.from_functions(lambda x: drift(x.T).T, bounds=[(-2, 2), (-2, 2)])
    return DiffusionLaw(System(2, drift, jacobian, flat.diffusion, flat.divergence))


def test_a_bound_shows_where_a_cheaper_path_is() -> None:
    """Maier and Stein with β = 10: the straight path is a least one of its neighbours, and costs 1/2."""
    law, ends = maier_stein(10.0), (np.array([-1.0, 0.0]), np.zeros(2))
    straight = near_line(law, np.array(ends))
    assert straight.action == pytest.approx(0.5, rel=1e-6)
    box = np.array([[-1.5, 1.5], [-0.9, 0.9]])
    found = bracketed(law, ends, [np.array([1.0, 0.0])], box)
    assert found.found.action == pytest.approx(0.340041, rel=2e-4)
    assert 0.99 * 0.340041 <= found.lower <= 0.340041


def test_the_path_that_the_bound_points_at(monkeypatch: pytest.MonkeyPatch) -> None:
    """No arcs are tried: the multipliers of the conditions alone lead from the straight path to the best."""
    arcs: list[bool] = []
    inner = module._path

    def counted(*given):
        arcs.append(given[-1])
        return inner(*given)

    monkeypatch.setattr(module, "_path", counted)
    box = np.array([[-1.5, 1.5], [-0.9, 0.9]])
    found = bracketed(maier_stein(10.0), (np.array([-1.0, 0.0]), np.zeros(2)), [np.array([1.0, 0.0])], box)
    assert found.found.action < 0.3402
    assert not any(arcs)


def test_a_function_that_is_no_subsolution_proves_less() -> None:
    """Twice the climb: θ is half of it, and the bound no more than before."""
    from dataclasses import replace

    turn = np.array([1.0, 0.0])
    law, zeros = turned_product(0.0), [-turn, 0 * turn, turn]
    found = near_line(law, np.array([-turn, 0 * turn]))
    assert isinstance(found, LeastAction)
    good = largest_subsolution(law, graded_grid(BOX, found.points, 6), -turn, 0 * turn, zeros, found.action)
    steep = replace(good, coefficients=2 * good.coefficients, climb=2 * good.climb)
    assert checked_climb(law, good, found, zeros) > 0.99 * found.action
    assert checked_climb(law, steep, found, zeros) < 1.01 * found.action
    assert checked_climb(law, replace(good, climb=-1.0), found, zeros) == 0.0
