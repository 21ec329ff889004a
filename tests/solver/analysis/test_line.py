"""One-dimensional double wells: times, masses and prefactors against quadrature."""

import numpy as np
import pytest
import sympy as sp
from mpi4py import MPI
from scipy.integrate import cumulative_trapezoid

from solver.fokker_planck.moments import log_masses
from tests.exact import Line, X, gradient_system, solved

QUARTIC = (X**2 - 1) ** 2 / 4
BOUNDS = (-2.2, 2.2)

# name: loss, A, noise levels at which barrier/ε of the shallower well is about 12, 20, 30
WELLS = {
    "symmetric": (QUARTIC, sp.Integer(1), (0.5 / 12, 0.5 / 20, 0.5 / 30)),
    "tilted": (QUARTIC + X / 20, sp.Integer(1), (0.4 / 12, 0.4 / 20, 0.4 / 30)),
    "state-dependent": (QUARTIC, sp.exp(X / 2), (0.4 / 12, 0.4 / 20, 0.4 / 30)),
}
LOW = {"symmetric": (0.15, 0.07), "tilted": (0.13, 0.06), "state-dependent": (0.13, 0.06)}


def exact_line(name):
    loss, A, _ = WELLS[name]
    slope, tensor = (sp.lambdify(X, e, "numpy") for e in (-sp.diff(loss, X), A))
    return Line(slope, lambda x: tensor(x) + 0 * x, *BOUNDS)


def computed(name, epsilons, resolution=400):
    loss, A, _ = WELLS[name]
    return solved(gradient_system(loss, sp.Matrix([[A]])), [BOUNDS], resolution, epsilons)


@pytest.mark.mpi
@pytest.mark.parametrize("name", WELLS)
def test_times_masses_barriers_prefactors(name):
    epsilons = WELLS[name][2]
    analysis, line = computed(name, epsilons), exact_line(name)
    wells = [float(pin.point[0]) for pin in analysis.landmarks.pins]
    top = float(analysis.landmarks.passes[0, 0])
    for b in analysis.barriers:
        assert b.barrier == pytest.approx(line.potential(wells[b.start], top), rel=1e-10)
        assert b.lower <= b.barrier <= b.upper
    shallow = min(b.barrier for b in analysis.barriers)
    for epsilon in epsilons:
        rates = analysis.levels[epsilon].state.rates
        for i, j in ((0, 1), (1, 0)):
            exact = line.log_time(wells[i], wells[j], epsilon)
            bound = TIME_BOUND if shallow / epsilon < 17 else SHARP_BOUND
            assert rates.log_mfpt[i, j] == pytest.approx(exact, abs=bound)
            assert rates.log_rate[i, j] == -rates.log_mfpt[i, j]
        left = line.mass(BOUNDS[0], top, epsilon)
        # a well ends at the saddle up to a width √ε, in which the mass is e^{−barrier/ε}
        np.testing.assert_allclose(rates.log_weight, np.log([left, 1 - left]), atol=1e-4)
    lowest = min(epsilons)
    for b, law in zip(analysis.barriers, analysis.asymptotics, strict=True):
        # the asymptotic law is off by O(ε)
        exact = [line.log_time(wells[b.start], wells[b.end], e) for e in (lowest, lowest / 2)]
        gaps = [law.log_mfpt(e) - t for e, t in zip((lowest, lowest / 2), exact, strict=True)]
        assert 2 * gaps[1] - gaps[0] == pytest.approx(0.0, abs=5e-3)


# the rate constant itself is one up to e^{−barrier/ε} times powers of it
TIME_BOUND, SHARP_BOUND = 1e-4, 1e-6


@pytest.mark.mpi
@pytest.mark.parametrize("name", WELLS)
def test_direct_passage_times_to_the_same_target(name):
    analysis, line = computed(name, LOW[name]), exact_line(name)
    wells = [float(pin.point[0]) for pin in analysis.landmarks.pins]
    for epsilon in LOW[name]:
        passages = analysis.levels[epsilon].passages
        assert set(passages) == {(0, 1), (1, 0)}
        for (i, j), passage in passages.items():
            edge = float(passage.target_low[0] if j > i else passage.target_high[0])
            exact = line.log_time(wells[i], edge, epsilon)
            assert np.log(passage.mean) == pytest.approx(exact, abs=1e-6)


@pytest.mark.mpi
def test_eigenvalue_is_twice_the_rate_of_symmetric_wells():
    level = computed("symmetric", (0.05,)).levels[0.05]
    assert level.spectrum.values[0] == pytest.approx(2 * np.exp(level.state.rates.log_rate[0, 1]), rel=1e-3)
    assert MPI.COMM_WORLD.allreduce(level.spectrum.values[0], op=MPI.MAX) == pytest.approx(
        level.spectrum.values[0], rel=1e-14
    )


@pytest.mark.mpi
@pytest.mark.parametrize("name", ["tilted", "state-dependent"])
def test_masses_at_high_noise_are_shared_at_the_pass(name):
    """∫ p h dx with ``h' ∝ exp(−∫ 2b/(εA))`` between the attractors, by quadrature on a fine grid."""
    analysis, (loss, A, _) = computed(name, LOW[name]), WELLS[name]
    wells = [float(pin.point[0]) for pin in analysis.landmarks.pins]
    x = np.linspace(*BOUNDS, 400_001)
    slope, tensor = (np.broadcast_to(sp.lambdify(X, e, "numpy")(x), x.shape) for e in (-sp.diff(loss, X), A))
    for epsilon in LOW[name]:
        work = cumulative_trapezoid(2 * slope / tensor, x, initial=0) / epsilon
        density = np.exp(work - work.max()) / tensor
        between = (x >= min(wells)) & (x <= max(wells))
        scale = np.where(between, np.exp(-np.where(between, work, work[between].max())), 0.0)
        right = cumulative_trapezoid(scale, x, initial=0)
        share = np.trapezoid(density * right / right[-1], x) / np.trapezoid(density, x)
        exact = np.log([share, 1 - share] if wells[0] > wells[1] else [1 - share, share])
        found = log_masses(analysis.levels[epsilon].state)
        assert np.exp(found).sum() == pytest.approx(1, abs=1e-12)
        np.testing.assert_allclose(found, exact, atol=2e-3)


def test_masses_of_wells_that_hardly_matter_are_those_of_the_chain():
    (epsilon,) = levels = (0.012,)
    state = computed("state-dependent", levels).levels[epsilon].state
    assert np.exp(state.rates.log_weight).min() < 1e-8
    np.testing.assert_array_equal(log_masses(state), state.rates.log_weight)
