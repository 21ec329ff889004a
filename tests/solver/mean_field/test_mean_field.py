"""Mean-field Langevin dynamics: averages by Newton's method and densities by finite elements."""

import functools

import numpy as np
import pytest
from mpi4py import MPI
from scipy.special import gamma

from meshes.box import box
from solver.elements.integrals import expectations, mean_and_covariance
from solver.errors import NotConverged
from solver.evolution.transient import TimeOptions
from solver.mean_field.equation import density_vector, free_energy, make_flow
from solver.mean_field.evolution import march
from solver.mean_field.particles import particle_energy
from solver.mean_field.problem import (
    MeanField,
    least_squares,
    particle_constant,
    stationary_states,
)
from solver.mean_field.stationary import spectral_gap, stationary
from solver.simulation.sampling import Sampling

COMM = MPI.COMM_WORLD
INPUTS = np.array([-1.0, 0.5])[:, None]
TARGETS = [-0.6, 0.4]


def quadratic(x):
    return 0.5 * (x**2).sum(axis=0)


def line(temperature):
    return least_squares(
        1,
        quadratic,
        lambda x: x,
        lambda x: np.tanh(2 * x),
        lambda x: (2 / np.cosh(2 * x) ** 2)[:, None],
        [0.8],
        temperature,
    )


def neuron():
    """h = tanh(w z + b)."""

    def slopes(x):
        s = 1 / np.cosh(x[0] * INPUTS + x[1]) ** 2
        return np.stack([s * INPUTS, s], axis=1)

    return least_squares(
        2, quadratic, lambda x: x, lambda x: np.tanh(x[0] * INPUTS + x[1]), slopes, TARGETS, 0.1
    )


def weighted_neuron():
    """h = 2 tanh(a) tanh(w z + b)."""

    def slopes(x):
        a, s = np.tanh(x[0]), np.tanh(x[1] * INPUTS + x[2])
        return np.stack([2 * (1 - a**2) * s, 2 * a * (1 - s**2) * INPUTS, 2 * a * (1 - s**2)], axis=1)

    return least_squares(
        3,
        quadratic,
        lambda x: x,
        lambda x: 2 * np.tanh(x[0]) * np.tanh(x[1] * INPUTS + x[2]),
        slopes,
        TARGETS,
        0.1,
    )


def pitchfork(temperature, coupling=1.0):
    """U = x⁴/4, F = −(J/2)⟨x⟩²: not convex."""
    return MeanField(
        1,
        lambda x: x[0] ** 4 / 4,
        lambda x: x**3,
        lambda x: x,
        lambda x: np.ones((1, *x.shape)),
        lambda mu: -0.5 * coupling * float(mu @ mu),
        lambda mu: -coupling * mu,
        lambda mu: -coupling * np.eye(1),
        temperature,
    )


def gibbs_start(problem):
    return lambda x: np.exp(-problem.potential(x))


# temperature: residual, minimum, E x
LINE = {0.1: (-0.1365168975, 0.0484646617, 0.7758582129), 0.02: (-0.0364563427, 0.0116465742, 0.9033249224)}


@pytest.mark.parametrize("temperature", LINE)
def test_averages_on_the_line(temperature):
    residual, minimum, mean = LINE[temperature]
    (state,) = stationary_states(line(temperature), [(-9, 9)])
    assert state.averages[0] - 0.8 == pytest.approx(residual, abs=1e-9)
    assert state.value == pytest.approx(minimum, abs=1e-9)
    assert state.mean[0] == pytest.approx(mean, abs=1e-9)
    assert state.stable
    if temperature == 0.1:
        assert state.second_moment[0, 0] == pytest.approx(1.2059122612, abs=1e-9)
        assert particle_constant(line(0.1), [(-9, 9)]) == pytest.approx(0.0230289876, abs=1e-8)


def test_averages_of_neurons():
    (state,) = stationary_states(neuron(), [(-9, 9)] * 2, starts=4, points=161)
    np.testing.assert_allclose(state.averages - TARGETS, [0.20791613, -0.16949973], atol=1e-8)
    assert state.value == pytest.approx(0.0473824130, abs=1e-9)
    np.testing.assert_allclose(state.mean, [0.7047526788, 0.0034790568], atol=1e-8)
    assert particle_constant(neuron(), [(-9, 9)] * 2, 161) == pytest.approx(0.0560774881, abs=1e-8)
    (state,) = stationary_states(weighted_neuron(), [(-8, 8)] * 3, starts=1, points=61)
    np.testing.assert_allclose(state.averages - TARGETS, [0.13867172, -0.11551427], atol=1e-7)
    assert state.value == pytest.approx(0.0331541232, abs=1e-8)
    assert state.second_moment[0, 1] == pytest.approx(0.6648405851, abs=1e-7)


@functools.cache
def line_flow():
    return make_flow(line(0.1), box(COMM, [(-6.0, 6.0)], 80), 3)


@pytest.mark.mpi
def test_stationary_density_on_the_line():
    residual, minimum, mean = LINE[0.1]
    flow = line_flow()
    state = stationary(flow, gibbs_start(flow.problem))
    assert state.averages[0] - 0.8 == pytest.approx(residual, abs=1e-7)
    assert state.energy == pytest.approx(minimum, abs=1e-8)
    assert mean_and_covariance(flow.coefficients, state.density)[0][0] == pytest.approx(mean, abs=1e-6)
    assert spectral_gap(flow, state) == pytest.approx(0.176369679, abs=1e-6)
    assert state.lowest > -1e-8


def test_energy_falls_at_twice_the_gap():
    flow = line_flow()
    times = [0.0, 2.0, 8.0, 40.0, 48.0, 120.0]
    found = march(flow, lambda x: np.exp(-2 * (x[0] + 1) ** 2), times, TimeOptions(tolerance=1e-6))
    assert (np.diff(found.energies) < 0).all()
    np.testing.assert_allclose(found.evolution.masses, 1.0, rtol=0, atol=1e-12)
    final = LINE[0.1][1]
    assert found.energies[-1] == pytest.approx(final, abs=1e-8)
    assert found.averages[-1, 0] - 0.8 == pytest.approx(LINE[0.1][0], abs=1e-6)
    above = found.energies[3:5] - found.energies[5]
    assert np.log(above[0] / above[1]) / 8.0 == pytest.approx(0.3527, rel=1e-2)
    # −dE/dt at the start is the dissipation: against the flow itself
    start = found.evolution.densities[1]
    near = march(flow, start, [1e-4, 2e-4]).energies
    before = free_energy(flow, density_vector(flow, start))
    assert near[0] < before
    assert (near[0] - near[1]) == pytest.approx(before - near[0], rel=1e-2)


def test_order_in_time():
    flow = make_flow(line(0.1), box(MPI.COMM_SELF, [(-6.0, 6.0)], 40), 3)

    def density(steps):
        options = TimeOptions(step=2.0 / steps)
        return (
            march(flow, lambda x: np.exp(-((x[0] + 1) ** 2)), [2.0], options).evolution.densities[0].x.array
        )

    reference = density(128)
    errors = [np.abs(density(n) - reference).max() for n in (8, 16, 32)]
    assert (np.log2(errors[:-1]) - np.log2(errors[1:]) > 3.8).all()


def test_neuron_in_the_plane():
    flow = make_flow(neuron(), box(COMM, [(-5.0, 5.0)] * 2, 16), 3)
    state = stationary(flow, gibbs_start(flow.problem))
    np.testing.assert_allclose(state.averages - TARGETS, [0.20791613, -0.16949973], atol=1e-5)
    assert state.energy == pytest.approx(0.0473824130, abs=1e-5)
    mean = mean_and_covariance(flow.coefficients, state.density)[0]
    np.testing.assert_allclose(mean, [0.7047526788, 0.0034790568], atol=1e-4)


def test_weighted_neuron_in_space():
    """A coarse mesh of three dimensions."""
    flow = make_flow(weighted_neuron(), box(COMM, [(-4.0, 4.0)] * 3, 8), 2)
    state = stationary(flow, gibbs_start(flow.problem), tolerance=1e-6)
    np.testing.assert_allclose(state.averages - TARGETS, [0.13867172, -0.11551427], atol=1e-3)
    assert state.energy == pytest.approx(0.0331541232, abs=3e-4)
    product = expectations(flow.coefficients, state.density, lambda x: (x[0] * x[1])[None])[0]
    assert product == pytest.approx(0.6648405851, abs=3e-3)


VARIANCE = 2 * gamma(0.75) / gamma(0.25)


def test_pitchfork_has_one_state_or_three():
    assert pytest.approx(0.6759782, abs=1e-7) == VARIANCE
    for ratio, count in ((0.9, 1), (0.99, 1), (1.01, 3), (1.5, 3), (3.0, 3)):
        # the density is e^{−U} in its own units: J·Var/λ is the parameter
        states = stationary_states(pitchfork(VARIANCE / ratio), [(-5, 5)])
        assert len(states) == count
        assert [s.stable for s in states] == ([True] if count == 1 else [True, True, False])
        assert sum(s.averages[0] for s in states) == pytest.approx(0.0, abs=1e-9)


def test_pitchfork_on_the_mesh():
    problem = pitchfork(0.4)
    flow = make_flow(problem, box(COMM, [(-4.0, 4.0)], 64), 3)
    left_right = [s for s in stationary_states(problem, [(-5, 5)]) if s.stable]
    for exact in left_right:
        side = float(np.sign(exact.averages[0]))
        state = stationary(flow, lambda x, side=side: np.exp(-problem.potential(x) + 3 * side * x[0]))
        assert state.averages[0] == pytest.approx(exact.averages[0], abs=1e-6)
        assert state.energy == pytest.approx(exact.value, abs=1e-7)
        assert spectral_gap(flow, state) > 0.05
    middle = stationary(flow, gibbs_start(problem))
    assert middle.averages[0] == pytest.approx(0.0, abs=1e-8)
    assert spectral_gap(flow, middle) < -0.05
    # marching leaves the unstable state for the side to which it is pushed
    found = march(
        flow, lambda x: np.exp(-problem.potential(x) + 0.02 * x[0]), [100.0], TimeOptions(tolerance=1e-5)
    )
    assert found.averages[0, 0] == pytest.approx(max(s.averages[0] for s in left_right), abs=1e-5)


def test_refusals():
    with pytest.raises(ValueError, match="temperature"):
        line(0.0)
    flow = line_flow()
    with pytest.raises(ValueError, match="increasing"):
        march(flow, gibbs_start(flow.problem), [2.0, 1.0])
    narrow = make_flow(line(0.1), box(MPI.COMM_SELF, [(-6.0, 6.0)], 8), 3)
    with pytest.raises(NotConverged, match="refine the mesh"):
        march(narrow, lambda x: np.exp(-200 * (x[0] - 2.2) ** 2), [1e-3])
    with pytest.raises(NotConverged, match="walls"):
        stationary_states(line(0.1), [(-1.5, 1.5)])


def test_energy_of_finitely_many_particles():
    """N (E F(m^N) − F(m*)) → c."""
    problem = line(0.1)
    minimum = problem.energy(np.array([0.8 + LINE[0.1][0]]))
    c = particle_constant(problem, [(-9, 9)])
    count = 12
    found = particle_energy(problem, count, np.array([0.8]), 100.0, 30.0, Sampling(300, dt=0.25))
    low, high = (count * (bound - minimum) for bound in found.ci)
    assert high - low < 0.6 * c
    # the next term of the expansion is of the order c/N
    assert low - c / count < c < high + c / count


@pytest.mark.mpi
def test_particles_do_not_depend_on_ranks():
    arguments = (neuron(), 5, np.zeros(2), 2.0, 1.0)
    alone = particle_energy(*arguments, Sampling(150, dt=0.25))
    shared = particle_energy(*arguments, Sampling(150, dt=0.25, comm=COMM))
    assert shared.energy == alone.energy
    assert shared.ci == alone.ci
    assert alone.energy != particle_energy(*arguments, Sampling(150, 2, dt=0.25)).energy
    with pytest.raises(ValueError, match="positive"):
        particle_energy(neuron(), 0, np.zeros(2), 2.0, 1.0, Sampling(dt=0.25))
