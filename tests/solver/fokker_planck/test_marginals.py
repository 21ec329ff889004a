"""Probabilities of bins of a function, against closed forms; and the geometry that they are made of."""

import numpy as np
import pytest
import sympy as sp
from dolfinx import fem
from mpi4py import MPI
from scipy.special import erf

from meshes.box import box
from solver.elements.coefficients import coefficients
from solver.elements.region import whole
from solver.elements.simplices import fraction_below, mass_below, subdivision
from solver.fokker_planck.continuation import StationaryDensity
from solver.fokker_planck.gauge_density import GaugeDensity
from solver.fokker_planck.marginals import marginal
from tests.exact import X, Y, Z, gradient_system

COMM = MPI.COMM_WORLD


def gaussian(dim, resolution, epsilon, side=2.0):
    """p ∝ exp(−|x|²/ε) on a box, as the solver would leave it: W = |x|² exactly, q = 1."""
    domain = box(COMM, [(-side, side)] * dim, resolution)
    squares = sum(x**2 for x in (X, Y, Z)[:dim])
    known = coefficients(domain, gradient_system(squares / 2, sp.eye(dim)), 2)
    space = fem.functionspace(domain, ("Lagrange", 2))
    gauge, q = fem.Function(space), fem.Function(space)
    gauge.interpolate(lambda x: (x[:dim] ** 2).sum(axis=0))
    q.x.array[:] = 1.0
    # any normaliser will do: the masses are those over the region
    p = GaugeDensity(known.on(whole(domain)), gauge, epsilon, q)
    return StationaryDensity(p, (p,), (), None, 0.3)


@pytest.mark.mpi
def test_line():
    """A coordinate, and its square, whose density is infinite at the end of the bins: both exact."""
    edges = np.linspace(-1.5, 1.0, 41)
    found = marginal(gaussian(1, 25, 0.2), lambda x: x[0], edges)
    below = 0.5 * (1 + erf(edges / np.sqrt(0.2)))
    np.testing.assert_allclose(found.masses, np.diff(below), atol=1e-6)
    assert found.outside == pytest.approx(1 - below[-1] + below[0], abs=1e-6)
    edges = np.linspace(0.0, 1.0, 21)
    found = marginal(gaussian(1, 25, 0.2), lambda x: x[0] ** 2, edges)
    np.testing.assert_allclose(found.masses, np.diff(erf(np.sqrt(edges / 0.2))), atol=2e-5)
    assert found.outside == pytest.approx(1 - erf(np.sqrt(1 / 0.2)), abs=1e-6)


@pytest.mark.mpi
@pytest.mark.parametrize("resolution", [10, 20])
def test_radius_in_the_plane(resolution):
    """P(r < s) = 1 − exp(−s²/ε); bins far narrower than cells are as good as any."""
    edges = np.linspace(0.0, 1.7, 52)
    found = marginal(gaussian(2, resolution, 0.3), lambda x: np.hypot(*x), edges)
    exact = np.diff(-np.exp(-(edges**2) / 0.3))
    apart = 0.5 * np.abs(found.masses - exact).sum()
    assert apart < 5e-5
    assert apart < found.error < 1e-4
    assert found.outside == pytest.approx(np.exp(-(1.7**2) / 0.3), abs=2e-6)


@pytest.mark.mpi
def test_polar_angle_in_space():
    """The cosine of the polar angle is uniform; it has no value at the origin, a vertex of the mesh."""
    state = gaussian(3, 8, 0.4)
    found = marginal(state, lambda x: x[2] / np.sqrt((x**2).sum(axis=0)), np.linspace(-1.0, 1.0, 9))
    np.testing.assert_allclose(found.masses, 1 / 8, atol=3e-4)
    assert abs(found.outside) < 1e-9


@pytest.mark.mpi
def test_what_has_no_value_is_outside():
    found = marginal(gaussian(2, 8, 0.3), lambda x: np.where(x[0] > 0, x[1], np.nan), np.array([-5.0, 5.0]))
    assert found.masses[0] == pytest.approx(0.5, abs=1e-8)
    assert found.outside == pytest.approx(0.5, abs=1e-8)


@pytest.mark.mpi
def test_a_constant_is_in_the_bin_that_ends_there():
    found = marginal(gaussian(2, 4, 0.3), lambda x: np.ones(x.shape[1]), np.array([0.0, 1.0, 2.0]))
    np.testing.assert_allclose(found.masses, [1.0, 0.0], atol=1e-12)
    found = marginal(gaussian(2, 4, 0.3), lambda x: np.ones(x.shape[1]), np.array([1.0, 2.0]))
    np.testing.assert_allclose(found.masses, [1.0], atol=1e-12)


@pytest.mark.parametrize("dim", [1, 2, 3])
def test_subdivision_tiles_the_simplex(dim):
    pieces = subdivision(dim, 4)
    assert pieces.shape == (4**dim, dim + 1, dim + 1)
    np.testing.assert_allclose(pieces.sum(axis=2), 1)
    assert pieces.min() >= 0
    edges = pieces[:, 1:, 1:] - pieces[:, :1, 1:]
    np.testing.assert_allclose(np.abs(np.linalg.det(edges)), 4.0**-dim)
    # no two of them overlap: their centres are in one piece each
    centres = pieces.mean(axis=1)
    inside = (
        np.linalg.solve(np.swapaxes(pieces, 1, 2)[:, None], centres[None, :, :, None])[..., 0].min(-1) > 0
    )
    assert (inside.sum(axis=0) == 1).all()


@pytest.mark.parametrize("dim", [1, 2, 3])
def test_part_below_a_level(dim):
    """Against counting points; at equal values at the vertices too."""
    rng = np.random.default_rng(3)
    points = rng.dirichlet(np.ones(dim + 1), 40_000)
    for values in (rng.normal(size=dim + 1), 1.0 * (np.arange(dim + 1) >= (dim + 1) // 2), np.zeros(dim + 1)):
        ordered = np.sort(values)
        for level in np.linspace(ordered[0] - 0.1, ordered[-1] + 0.1, 13):
            counted = np.mean(points @ values < level)
            (found,) = fraction_below(ordered[None], np.array([level]))
            assert found == pytest.approx(counted, abs=0.012)


def test_mass_below_adds_up():
    rng = np.random.default_rng(4)
    values, masses = rng.normal(size=(50, 3)), rng.uniform(size=50)
    values[7] = np.nan
    edges = np.linspace(-1.5, 1.5, 9)
    parts = [
        fraction_below(np.sort(v)[None].repeat(9, 0), edges) * m for v, m in zip(values, masses, strict=True)
    ]
    del parts[7]
    np.testing.assert_allclose(mass_below(values, masses, edges), np.sum(parts, axis=0), rtol=1e-12)
