"""The transient Fokker–Planck equation against exact Gaussian solutions, exact moments and eigenvalues."""

import numpy as np
import pytest
import sympy as sp
from dolfinx import fem
from mpi4py import MPI
from scipy.linalg import expm

from meshes.box import box
from solver.elements.coefficients import coefficients
from solver.elements.integrals import expectations, mean_and_covariance, total_variation
from solver.elements.region import make_region
from solver.errors import NotConverged
from solver.evolution.transient import TimeOptions, evolve
from solver.fokker_planck.spectrum import slowest_eigenvalues
from solver.system import System
from tests.exact import X, gradient_system, lyapunov_by_kronecker

COMM = MPI.COMM_WORLD
EPSILON = 0.2
LINEAR = {
    1: (np.array([[-1.0]]), np.array([[1.0]]), 2.8),
    # non-normal: ‖e^{Bt}‖ grows before it decays; the covariance is far from A
    2: (np.array([[-1.0, 1.2], [-0.3, -0.8]]), np.array([[1.0, 0.4], [0.4, 0.5]]), 2.6),
}


def linear(B, A):
    d = len(B)
    tensor = A[:, :, None]
    return System(
        d, lambda x: B @ x, lambda x: B[:, :, None] + 0 * x[0], lambda x: tensor + 0 * x[0], np.zeros_like
    )


def gaussian(mean, covariance):
    precision = np.linalg.inv(covariance)
    return lambda x: np.exp(-0.5 * np.einsum("in,ij,jn->n", x - mean[:, None], precision, x - mean[:, None]))


def moments_at(t, B, A, mean, covariance):
    """Exact mean and covariance of the Ornstein–Uhlenbeck process at time t."""
    limit = EPSILON * lyapunov_by_kronecker(B, A)
    flow = expm(B * t)
    return flow @ mean, limit + flow @ (covariance - limit) @ flow.T


def setting(system, width, cells, degree=3, epsilon=EPSILON):
    domain = box(COMM, [(-width, width)] * system.dim, cells)
    return coefficients(domain, system, degree), fem.functionspace(domain, ("Lagrange", degree))


@pytest.mark.mpi
@pytest.mark.parametrize(("dim", "cells", "bound"), [(1, 40, 1e-8), (2, 32, 1e-7)])
def test_linear_drift_keeps_gaussians_gaussian(dim, cells, bound):
    B, A, width = LINEAR[dim]
    c, space = setting(linear(B, A), width, cells)
    mean, covariance = np.array([0.5, -0.3])[:dim], 0.09 * np.eye(dim)
    times = [0.0, 0.1, 0.5, 1.0, 3.0]
    found = evolve(c, space, EPSILON, gaussian(mean, covariance), times)
    np.testing.assert_allclose(found.masses, 1.0, rtol=0, atol=1e-12)
    assert found.lowest.min() > -5e-5
    for t, density in zip(times, found.densities, strict=True):
        exact_mean, exact_covariance = moments_at(t, B, A, mean, covariance)
        m, S = mean_and_covariance(c, density)
        np.testing.assert_allclose(m, exact_mean, rtol=0, atol=bound)
        np.testing.assert_allclose(S, exact_covariance, rtol=0, atol=bound)
    # pointwise, not moments alone
    S = exact_covariance
    exact = fem.Function(space)
    scale = 1 / np.sqrt(np.linalg.det(2 * np.pi * S))
    exact.interpolate(lambda x: scale * gaussian(exact_mean, S)(x[:dim]))
    assert total_variation(c, found.densities[-1], exact) < 6e-4


def test_order_in_time_and_error_estimate():
    B, A, width = LINEAR[1]
    c, space = setting(linear(B, A), width, 40)
    start = gaussian(np.array([0.5]), np.array([[0.09]]))

    def density(**options):
        return evolve(c, space, EPSILON, start, [1.0], TimeOptions(**options))

    reference = density(step=1 / 128).densities[0].x.array
    errors = [np.abs(density(step=1 / n).densities[0].x.array - reference).max() for n in (4, 8, 16)]
    orders = np.log2(errors[:-1]) - np.log2(errors[1:])
    np.testing.assert_allclose(orders, 4.0, atol=0.15)
    previous = np.inf
    for tolerance in (1e-4, 1e-6, 1e-8):
        controlled = density(tolerance=tolerance)
        gap = np.abs(controlled.densities[0].x.array - reference).max() / reference.max()
        assert gap < controlled.time_error
        assert gap < previous / 5
        previous = gap


def test_order_in_space():
    B, A, width = LINEAR[1]
    start = gaussian(np.array([0.5]), np.array([[0.09]]))
    mean, covariance = moments_at(1.0, B, A, np.array([0.5]), np.array([[0.09]]))
    scale = 1 / np.sqrt(2 * np.pi * covariance[0, 0])
    for degree in (1, 2, 3):
        errors = []
        for cells in (32, 64):
            c, space = setting(linear(B, A), width, cells, degree)
            density = evolve(c, space, EPSILON, start, [1.0]).densities[0]
            exact = fem.Function(fem.functionspace(space.mesh, ("Lagrange", degree + 3)))
            exact.interpolate(lambda x: scale * gaussian(mean, covariance)(x[:1]))
            errors.append(total_variation(c, density, exact))
        assert np.log2(errors[0] / errors[1]) > degree + 0.7


@pytest.mark.mpi
def test_relaxation_at_the_rate_of_the_second_eigenvalue():
    system = gradient_system((X**2 - 1) ** 2 / 4 + X / 20, sp.Matrix([[sp.exp(X / 2)]]))
    c, space = setting(system, 2.4, 60, epsilon=0.3)
    eigenvalue = float(slowest_eigenvalues(c, space, 0.3, 1, 0.1)[0])
    times = [20.0, 30.0, 400.0]
    found = evolve(c, space, 0.3, gaussian(np.array([-1.0]), np.array([[0.04]])), times)
    first, second, final = found.densities
    gaps = [total_variation(c, p, final) for p in (first, second)]
    assert np.log(gaps[0] / gaps[1]) / 10.0 == pytest.approx(eigenvalue, rel=1e-5)
    # the limit is the stationary density of an Itô equation with A(x): p ∝ exp(∫ 2b/(εA)) / A
    x = np.linspace(-2.4, 2.4, 4001)
    force = 2 * (-(x**3) + x - 0.05) / (0.3 * np.exp(x / 2))
    exponent = np.concatenate([[0], np.cumsum((force[1:] + force[:-1]) / 2 * np.diff(x))]) - x / 2
    weight = np.exp(exponent - exponent.max())
    exact = np.sum(weight * (x > 0)) / np.sum(weight)
    right = expectations(c, final, lambda points: (points > 0).astype(float))[0]
    assert right == pytest.approx(exact, abs=1e-4)


@pytest.mark.parametrize("kappa", [1.0, 0.3])
def test_projected_noise_in_the_plane(kappa):
    """A = P⊥ + κP∥ with P∥ tangent to circles, b = −x: E r²(t) = r₀²e^{−2t} + (ε/2)(1+κ)(1−e^{−2t})."""

    def radial(x):
        return x / np.maximum(np.hypot(*x), 1e-300)

    def diffusion(x):
        n = radial(x)
        return (1 - kappa) * n[:, None] * n[None] + kappa * np.eye(2)[:, :, None]

    def divergence(x):
        return (1 - kappa) * radial(x) / np.maximum(np.hypot(*x), 1e-300)

    system = System(2, np.negative, lambda x: -np.eye(2)[:, :, None] + 0 * x[0], diffusion, divergence)
    c, space = setting(system, 2.2, 16)
    times = [0.2, 0.7, 2.0]
    found = evolve(c, space, EPSILON, gaussian(np.array([0.6, 0.2]), 0.06 * np.eye(2)), times)
    start = 0.4 + 0.12
    for t, density in zip(times, found.densities, strict=True):
        decay = np.exp(-2 * t)
        exact = start * decay + 0.5 * EPSILON * (1 + kappa) * (1 - decay)
        square = expectations(c, density, lambda x: (x**2).sum(axis=0)[None])[0]
        # A is not continuous at the origin
        assert square == pytest.approx(exact, rel=1e-6 if kappa == 1 else 2e-3)


def test_no_flux_out_of_a_region():
    """The equation on a part of the mesh is the one on a mesh of that part."""
    B, A, _ = LINEAR[2]
    c, space = setting(linear(B, A), 1.0, 16)
    centres = c.domain.geometry.x[c.domain.geometry.dofmap][:, :, :2].mean(axis=1)
    part = c.on(make_region(c.domain, np.abs(centres).max(axis=1) < 0.5))
    start = gaussian(np.array([0.2, 0.0]), 0.09 * np.eye(2))
    found = evolve(part, space, EPSILON, start, [0.0, 0.4])
    small, small_space = setting(linear(B, A), 0.5, 8)
    alone = evolve(small, small_space, EPSILON, start, [0.0, 0.4])
    for inside, whole, mass in zip(found.densities, alone.densities, found.masses, strict=True):
        assert mass == pytest.approx(1.0, abs=1e-12)
        a, b = (expectations(k, p, lambda x: x**2) for k, p in ((part, inside), (small, whole)))
        np.testing.assert_allclose(a, b, rtol=1e-6)


def test_refusals():
    B, A, width = LINEAR[1]
    c, space = setting(linear(B, A), width, 12)
    wide = gaussian(np.array([0.0]), np.array([[0.1]]))
    for times in ([], [1.0, 0.5], [-1.0], [np.nan]):
        with pytest.raises(ValueError, match="increasing"):
            evolve(c, space, EPSILON, wide, times)
    with pytest.raises(ValueError, match="mass"):
        evolve(c, space, EPSILON, lambda x: -wide(x), [1.0])
    # a peak far narrower than a cell cannot be represented by positive functions
    narrow = gaussian(np.array([1.1]), np.array([[1e-4]]))
    with pytest.raises(NotConverged, match="refine the mesh"):
        evolve(c, space, 1e-4, narrow, [0.05])
