"""Paths of least action where noise acts in some directions only."""

import os

import numpy as np
import pytest
import sympy as sp

from solver.formulas.floor_limit import floor_limit
from solver.paths.first_paths import driven_path
from solver.paths.instanton import instanton
from solver.paths.prefactor import kramers
from solver.places.search import find_places
from solver.system import System

X, Y = sp.symbols("x y")
BOX = [(-2.2, 2.2), (-2.0, 2.0)]
WELL = (X**2 - 1) ** 2 / 4


def escape(system, start=0):
    """The path out of a well over the first saddle, and its law, by the way that knows no energy."""
    places = find_places(system, BOX)
    attractor, saddle = places.attractors[start], places.passes[0].saddle
    sign = 1.0 if saddle.between[0] == start else -1.0
    path = driven_path(system, attractor.expand, attractor.point, saddle, sign)
    return path, kramers(system, attractor.point, saddle.point, path)


@pytest.mark.parametrize("friction", [0.1, 0.5, 1.0, 5.0])
def test_barrier_and_kramers_law_of_a_double_well_with_momentum(friction):
    path, law = escape(System.from_loss(WELL, [X]).with_momentum(friction))
    # V = energy whatever the friction
    assert path.action == pytest.approx(0.25, abs=1e-8)
    assert path.uncertainty < 1e-7
    energy = path.points[:, 1] ** 2 / 2 + (path.points[:, 0] ** 2 - 1) ** 2 / 4
    np.testing.assert_allclose(path.actions, energy, atol=1e-6)
    # Kramers 1940 for every friction
    growth = np.sqrt(friction**2 / 4 + 1) - friction / 2
    expected = np.log(2 * np.pi / growth) - 0.5 * np.log(2.0)
    assert law.log_prefactor == pytest.approx(expected, abs=3e-4)


@pytest.mark.skipif(os.environ.get("QUASIPOT_CI") != "all", reason="takes a minute and a half")
def test_strength_that_depends_on_place_at_large_friction():
    """Then x is a diffusion with b = −U' and A = 2a in the time t/γ, but in the sense of Itô for momentum."""
    actions = []
    for friction in (10.0, 20.0):
        system = System.from_loss(WELL, [X], diffusion=1 + sp.sin(2 * X) / 2).with_momentum(friction)
        actions.append(escape(system)[0].action)
    nodes, weights = np.polynomial.legendre.leggauss(60)
    x = -0.5 + 0.5 * nodes
    limit = 0.5 * np.sum(weights * (x**3 - x) / (1 + np.sin(2 * x) / 2))
    errors = np.abs(np.array(actions) - limit)
    assert errors[1] < 2e-3 * limit
    # of second order in 1/γ
    assert errors[0] / errors[1] == pytest.approx(4.0, rel=0.1)


def test_singular_noise_without_momentum_by_way_of_a_floor():
    """Equal temperature in sheared coordinates: V is the energy of the momentum that belongs to them."""
    # u = y − x/5 is dx/dt; du/dt = x − x³ − y/2 − u/5 = (0.9 x − x³) − 0.7 u
    system = System.from_drift([Y - X / 5, X - X**3 - Y / 2], [X, Y], diffusion=[[0, 0], [0, 1]])
    path, law = escape(system)
    barrier = 1.4 * 0.9**2 / 4
    assert path.action == pytest.approx(barrier, rel=1e-6)
    growth = np.sqrt(0.35**2 + 0.9) - 0.35
    assert law.log_prefactor == pytest.approx(np.log(2 * np.pi / growth) - 0.5 * np.log(2.0), abs=1e-3)


def test_rank_one_in_two_parameters_against_floors_that_go_to_zero():
    loss = WELL + (Y - X / 2) ** 2
    system = System.from_loss(loss, [X, Y], diffusion=[[0.36, 0.48], [0.48, 0.64]])
    path, _ = escape(system)
    places = find_places(system, BOX)
    attractor, saddle = places.attractors[0], places.passes[0].point
    floors = [system.with_floor(0.04 / 2**n) for n in range(4)]
    first = instanton(floors[0], attractor.expand(floors[0], 0.05), [np.array([attractor.point, saddle])])
    limit = floor_limit(floors[1:], attractor, first)
    assert path.action > first.action + 0.03
    assert path.action == pytest.approx(limit.value, abs=2 * limit.error)
