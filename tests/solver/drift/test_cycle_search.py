"""The search for limit cycles always ends, finds what is there, and says what it could not exclude."""

import numpy as np
import pytest
import scipy.integrate
import sympy as sp

from solver.drift.connections import connections
from solver.drift.fixed_points import fixed_points
from solver.drift.flow import follow
from solver.drift.limit_cycles import search_cycles
from solver.units import Units, nondimensional, units_of_box
from tests.exact import X, Y, Z, system

R2 = X**2 + Y**2
SQUARE = [(-1.5, 1.5)] * 2
TOGGLE = system([3 / (1 + Y**2) - X, 3 / (1 + X**2) - Y], sp.diag(3 / (1 + Y**2) + X, 3 / (1 + X**2) + Y))


def searched(case, bounds):
    return search_cycles(case, fixed_points(case, bounds), bounds)


def lorenz(r):
    return system([10 * (Y - X), X * (r - Z) - Y, X * Y - 8 * Z / 3], sp.eye(3))


def van_der_pol(mu):
    return system([Y, mu * (1 - X**2) * Y - X], sp.eye(2))


def period_by_integration(case, start, turns):
    """The time between the last two returns to a section through a point of the cycle, after many turns."""

    def velocity(_, x):
        return case.drift(x[:, None])[:, 0]

    def crossing(_, x):
        return float((x - start) @ velocity(0, start))

    crossing.direction = 1.0
    found = scipy.integrate.solve_ivp(
        velocity, (0, turns), start, "DOP853", events=crossing, rtol=1e-12, atol=1e-12
    )
    near = np.linalg.norm(found.y_events[0] - start, axis=1) < 0.01
    return np.diff(found.t_events[0][near])[-1]


def test_starts_on_the_stable_manifold_of_a_saddle_end_there():
    # the diagonal of a symmetric switch leads into its saddle, ever more slowly
    bounds = [(0.05, 5)] * 2
    points = fixed_points(TOGGLE, bounds)
    search = search_cycles(TOGGLE, points, bounds)
    assert search.found == search.unresolved == ()
    (saddle,) = connections(TOGGLE, points, bounds)
    assert saddle.between == (0, 1)
    assert saddle.doubts == ()
    start = np.array([[4.0, 0.5, 4.0], [4.0, 0.5, 1.0]])
    courses = follow(TOGGLE, start, [], np.array(bounds), 3000, saddle.point[:, None])
    assert [c.fate for c in courses] == ["held", "held", "stuck"]
    np.testing.assert_allclose(courses[0].last, saddle.point, atol=1e-5)


@pytest.mark.parametrize(
    ("case", "bounds", "turns"),
    [
        (van_der_pol(0.1), [(-3, 3), (-4, 4)], 600),
        (van_der_pol(5), [(-3, 3), (-10, 10)], 100),
        (system([1 - 4 * X + X**2 * Y, 3 * X - X**2 * Y], sp.eye(2)), [(0, 5), (0, 6)], 100),
        (
            system([X - X**3 / 3 - Y + 0.5, 0.08 * (X + 0.7 - 0.8 * Y)], sp.eye(2)),
            [(-2.5, 2.5), (-1, 2)],
            400,
        ),
    ],
    ids=["van der Pol 0.1", "van der Pol 5", "Brusselator", "FitzHugh-Nagumo"],
)
def test_stable_cycles_have_the_period_that_integration_gives(case, bounds, turns):
    search = searched(case, bounds)
    (cycle,) = search.found
    assert search.unresolved == ()
    assert cycle.kind == "attractor"
    # any point of the cycle will do for the section
    assert cycle.period == pytest.approx(period_by_integration(case, cycle.nodes[7], turns), rel=1e-7)


def test_an_excitable_cell_has_no_cycle():
    case = system([(X - X**3 / 3 - Y) / 0.08, X + 0.7 - 0.8 * Y], sp.eye(2))
    search = searched(case, [(-2.5, 2.5), (-1.5, 2)])
    assert search.found == search.unresolved == ()


def test_subcritical_hopf_point_inside_an_unstable_cycle_inside_a_stable_one():
    # r' = r (−1/10 + r² − r⁴): roots of r⁴ − r² + 1/10
    radial = -sp.Rational(1, 10) + R2 - R2**2
    search = searched(system([X * radial - Y, Y * radial + X], sp.eye(2)), SQUARE)
    assert search.unresolved == ()
    assert [c.kind for c in search.found] == ["attractor", "repeller"]
    for cycle, sign in zip(search.found, (1, -1), strict=True):
        radius = np.sqrt(0.5 + sign * np.sqrt(0.15))
        np.testing.assert_allclose(np.linalg.norm(cycle.nodes, axis=1), radius, rtol=1e-11)
        # exp(T r dr'/dr/r) = exp(2π · 2r²(1 − 2r²))
        assert cycle.multipliers[0].real == pytest.approx(
            np.exp(4 * np.pi * radius**2 * (1 - 2 * radius**2)), rel=1e-9
        )


@pytest.mark.parametrize("rate", [1e-3, 1e-4])
def test_slow_spirals_are_settled_without_following_them_to_their_end(rate):
    inwards = searched(system([-rate * X - Y, X - rate * Y], sp.eye(2)), SQUARE)
    assert inwards.found == inwards.unresolved == ()
    outwards = searched(system([rate * X * (1 - R2) - Y, X + rate * Y * (1 - R2)], sp.eye(2)), SQUARE)
    (cycle,) = outwards.found
    assert outwards.unresolved == ()
    np.testing.assert_allclose(np.linalg.norm(cycle.nodes, axis=1), 1.0, rtol=1e-9)
    assert cycle.multipliers[0].real == pytest.approx(np.exp(-4 * np.pi * rate), rel=1e-10)


def test_lightly_damped_wells_catch_all_that_goes_round_both():
    search = searched(system([Y, X - X**3 - 0.02 * Y], sp.eye(2)), [(-2, 2), (-1.5, 1.5)])
    assert search.found == search.unresolved == ()


def test_what_is_conserved_is_said():
    search = searched(system([X * (1 - Y), Y * (X - 1)], sp.eye(2)), [(0.05, 4)] * 2)
    assert search.found == ()
    assert any("conserves something" in u.text for u in search.unresolved)


def test_foci_of_lorenz():
    bounds = [(-15, 15), (-15, 15), (-2, 25)]
    search = searched(lorenz(10), bounds)
    assert search.found == search.unresolved == ()
    (saddle,) = connections(lorenz(10), fixed_points(lorenz(10), bounds), bounds)
    assert saddle.between == (0, 1)


def test_saddle_cycles_of_lorenz_are_reported():
    # for 13.926 < r < 24.74 two cycles of saddle type bound the basins (Sparrow, The Lorenz Equations, 1982)
    search = searched(lorenz(20), [(-20, 20), (-25, 25), (-2, 40)])
    assert {c.kind for c in search.found} == {"saddle"}
    assert any("saddle type" in u.text for u in search.unresolved)
    pair = [c for c in search.found if c.period < 1.0]
    for cycle in pair:
        start = cycle.nodes[0]
        orbit = scipy.integrate.solve_ivp(
            lambda _, x: lorenz(20).drift(x[:, None])[:, 0], (0, cycle.period), start, "DOP853", rtol=1e-12
        )
        np.testing.assert_allclose(orbit.y[:, -1], start, rtol=1e-6)
        assert np.sort(np.abs(cycle.multipliers))[1] > 1.0 > np.sort(np.abs(cycle.multipliers))[0]


def test_drifts_that_jump_end_the_search():
    # sliding along y = 0, and a relay that switches across it
    for second in (-sp.sign(Y) - X / 2, sp.sign(X) - 2 * sp.sign(Y)):
        case = system([-X + Y, second], sp.eye(2))
        still = fixed_points(system([-X, -Y], sp.eye(2)), SQUARE)
        search = search_cycles(case, still, SQUARE)
        assert search.found == ()
        assert all("the drift jumps" in u.text for u in search.unresolved)
        assert search.unresolved


def test_cycles_scale_with_units():
    plain, bounds = van_der_pol(1), np.array([(-3.0, 3.0), (-4.0, 4.0)])
    (cycle,) = searched(plain, bounds).found
    units = Units(np.zeros(2), np.array([1e-5, 1e3]), 1e-7)
    scaled = nondimensional(plain, units)  # lengths 1e5 and 1e-3, times 1e7
    (other,) = searched(scaled, bounds / units.lengths[:, None]).found
    np.testing.assert_allclose(units.outward(other.nodes.T).T, cycle.nodes, rtol=1e-9, atol=1e-9)
    assert other.period * units.time == pytest.approx(cycle.period, rel=1e-11)
    assert other.multipliers[0].real == pytest.approx(cycle.multipliers[0].real, rel=1e-9)


def test_units_of_a_system():
    plain = system([Y - X**3, -2 * Y + X], sp.Matrix([[1 + X**2, X / 2], [X / 2, 2]]))
    units = Units(np.array([0.5, -3.0]), np.array([2.0, 1e4]), 0.1, 7.0)
    scaled = nondimensional(plain, units)
    xi = np.array([[0.3, -1.0], [1e-4, 2.0]])
    x = units.outward(xi)
    np.testing.assert_allclose(units.inward(x), xi, rtol=1e-12)
    slope = np.array([[0.7], [-0.2]])  # of V̂; ∇V = κ L⁻¹ ∇V̂
    p = units.cost * slope / units.lengths[:, None]

    def hamiltonian(case, at, p):
        a = np.einsum("in,ijn,jn->n", p * np.ones((1, 2)), case.diffusion(at), p * np.ones((1, 2)))
        return np.sum(case.drift(at) * p, axis=0) + 0.5 * a

    np.testing.assert_allclose(
        hamiltonian(scaled, xi, slope) * units.cost / units.time, hamiltonian(plain, x, p), rtol=1e-12
    )
    step = 1e-4
    for j in range(2):
        shift = step * np.eye(2)[:, [j]]
        slopes = (scaled.drift(xi + shift) - scaled.drift(xi - shift)) / (2 * step)
        np.testing.assert_allclose(scaled.jacobian(xi)[:, j], slopes, rtol=1e-6)
    assert units_of_box(plain, [(-1, 1), (-2, 2)]).lengths.tolist() == [2.0, 4.0]
