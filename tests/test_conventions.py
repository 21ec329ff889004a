"""Every row of the table of conventions, pinned by a closed form; a factor of two shows in each."""

import functools

import numpy as np
import pytest
import sympy as sp
from mpi4py import MPI

from cases.loading.load import load
from cases.noise.tensors import scaled
from cases.problem import landscape
from solver.analysis.fields import log_density_field
from solver.elements.evaluate import evaluate
from solver.hamilton_jacobi.well import trusted_part
from tests.exact import X, gradient_system, solved

BOUNDS = (-2.0, 2.0)
EPSILONS = (0.1, 0.05, 0.025)
# state-dependent noise distinguishes Itô from Stratonovich and from Fick
GRADED = sp.exp(X / 2)
GRID = np.linspace(-1.3, 1.3, 53)[:, None]


@functools.cache
def wells(amplitude):
    return solved(gradient_system((X**2 - 1) ** 2 / 4, sp.Matrix([[amplitude]])), [BOUNDS], 200, EPSILONS)


def loss(x):
    return (x**2 - 1) ** 2 / 4


@pytest.mark.mpi
def test_quasi_potential_is_twice_the_loss():
    analysis = wells(sp.Integer(1))
    for well, barrier in zip(analysis.wells, analysis.barriers, strict=True):
        assert barrier.barrier == pytest.approx(2 * (loss(0) - loss(1)), rel=1e-10)
        values = evaluate(trusted_part(well), GRID)[:, 0]
        known = ~np.isnan(values) & (2 * loss(GRID[:, 0]) < 0.4)
        assert known.sum() > 10
        np.testing.assert_allclose(values[known], 2 * loss(GRID[known, 0]), rtol=0, atol=1e-5)


@pytest.mark.mpi
@pytest.mark.parametrize("amplitude", [sp.Integer(1), GRADED])
def test_density_is_that_of_the_ito_equation(amplitude):
    """``∇·(b p) = (ε/2) ∇∇:(A p)``: in one dimension ``p ∝ A⁻¹ exp(2∫b/(εA))``, normalised."""
    level = wells(amplitude).levels[0.1]
    x = np.linspace(*BOUNDS, 40001)
    A = sp.lambdify(X, amplitude)(x) + 0 * x
    slope = (x - x**3) / A
    integral = np.concatenate([[0.0], np.cumsum(0.5 * (slope[1:] + slope[:-1]) * np.diff(x))])
    log_p = 2 * integral / 0.1 - np.log(A)
    log_p -= np.log(np.trapezoid(np.exp(log_p - log_p.max()), x)) + log_p.max()
    computed = evaluate(log_density_field(level), GRID)[:, 0]
    np.testing.assert_allclose(computed, np.interp(GRID[:, 0], x, log_p), rtol=0, atol=1e-4)


@pytest.mark.mpi
def test_density_of_a_gradient_system():
    """``p ∝ exp(−2U/ε)`` for A = I."""
    level = wells(sp.Integer(1)).levels[0.05]
    computed = evaluate(log_density_field(level), GRID)[:, 0]
    expected = -2 * loss(GRID[:, 0]) / 0.05
    np.testing.assert_allclose(computed - computed[0], expected - expected[0], rtol=0, atol=1e-4)


@pytest.mark.mpi
def test_escape_time_grows_like_the_barrier_over_epsilon():
    analysis = wells(sp.Integer(1))
    (e, t), (f, u) = [(e, analysis.levels[e].state.rates.log_mfpt[0, 1]) for e in EPSILONS[1:]]
    assert (u - t) / (1 / f - 1 / e) == pytest.approx(0.5, rel=0.01)
    # Kramers: T → 2π/√(U''(−1)|U''(0)|) e^{2ΔU/ε}
    assert t - 0.5 / e == pytest.approx(np.log(2 * np.pi / np.sqrt(2)), abs=0.06)


@pytest.mark.mpi
def test_rate_constant_is_half_the_eigenvalue():
    analysis = wells(sp.Integer(1))
    level = analysis.levels[0.05]
    rate = np.exp(level.state.rates.log_rate[0, 1])
    assert level.spectrum.values[0] / rate == pytest.approx(2.0, rel=1e-3)
    assert rate * np.exp(level.state.rates.log_mfpt[0, 1]) == pytest.approx(1.0, rel=1e-12)
    assert MPI.COMM_WORLD.allreduce(rate, op=MPI.MAX) == pytest.approx(rate, rel=1e-12)


def test_diffusion_of_sgd_is_the_covariance_of_single_gradients():
    """``A = Σ`` with ``Cov g_B = Σ/B``: neither Σ/B nor 2Σ; b is minus the mean gradient."""
    case, _ = load("radial-diabetes")
    built = landscape.build(case)
    start = np.array([0.54852391, 0.30803403])
    measured = scaled(case, built, start)["measured"]
    x = np.array([[0.2], [0.6]])
    gradients = np.zeros((built.samples.size, 2))
    for n, gradient in enumerate(gradients):
        built.samples.sample_gradient(x[:, 0], n, gradient)
    centred = gradients - gradients.mean(axis=0)
    covariance = centred.T @ centred / len(gradients)
    assert measured.scale == 1.0
    np.testing.assert_allclose(measured.system.diffusion(x)[..., 0], covariance, rtol=1e-10)
    np.testing.assert_allclose(measured.system.drift(x)[:, 0] + built_slope(built, x), 0.0, atol=1e-7)


def built_slope(built, x, h=1e-5):
    """Gradient of the loss by differences."""
    steps = h * np.eye(2)[:, :, None]
    return np.array([(built.loss(x + s) - built.loss(x - s))[0] / (2 * h) for s in steps])


def test_noises_are_compared_at_equal_trace():
    case, _ = load("radial-diabetes")
    noises = scaled(case, landscape.build(case), np.array([0.54852391, 0.30803403]))
    traces = [np.trace(noise.tensor) for noise in noises.values()]
    np.testing.assert_allclose(traces, traces[0], rtol=1e-12)
