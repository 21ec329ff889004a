"""Passage times do not depend on where the gauge comes from."""

from dataclasses import replace

import numpy as np
import pytest
import sympy as sp
from dolfinx import fem
from mpi4py import MPI

from solver.analysis.gauge_check import fading, gauge_gaps, hamilton_jacobi_gauge
from solver.elements.evaluate import Locator
from tests.exact import Line, X, gradient_system, solved, system


def test_fading():
    np.testing.assert_array_equal(fading(np.array([0.0, 1.9, 2.0, np.nan]), 2.0), [1, 0, 0, 0])
    assert fading(np.array([0.95]), 2.0) == pytest.approx(0.5)


@pytest.mark.mpi
def test_unequal_wells_on_a_line():
    loss, noise = (X**2 - 1) ** 2 / 4, sp.Matrix([[sp.exp(X / 2)]])
    analysis = solved(gradient_system(loss, noise), [(-2.2, 2.2)], 200, (0.03, 0.015))
    assert analysis.gauge_gap is not None
    assert analysis.gauge_gap < 1e-6
    state, locator = analysis.levels[0.03].state, Locator(analysis.coefficients.domain)
    args = (analysis.wells, analysis.landmarks, locator)
    assert gauge_gaps(state, *args).max() < 1e-5
    # the two gauges differ by ε log(prefactor), which is not zero here: p ∝ e^{−V/ε}/A
    active = state.coefficients.region.dofs(state.gauge.function_space)
    other = hamilton_jacobi_gauge(state.gauge, analysis.wells, active)
    change = fem.Function(state.gauge.function_space)
    change.x.array[:] = np.abs(other.x.array - state.gauge.x.array)
    largest = analysis.coefficients.domain.comm.allreduce(float(change.x.array.max()), op=MPI.MAX)
    assert 0.01 * 0.03 < largest < 0.03


def test_a_potential_that_is_known_nowhere_says_nothing():
    """V up to a part of ε is no exponent, and a gauge that falls back from it there cannot be compared."""
    case = gradient_system((X**2 - 1) ** 2 / 4, sp.Matrix([[sp.exp(X / 2)]]))
    analysis = solved(case, [(-2.2, 2.2)], 64, (0.1,))
    state, locator = analysis.levels[0.1].state, Locator(analysis.coefficients.domain)
    assert gauge_gaps(state, analysis.wells, analysis.landmarks, locator).max() < 1e-3
    low = [replace(well, trusted_level=0.5 * state.epsilon) for well in analysis.wells]
    assert gauge_gaps(state, low, analysis.landmarks, locator) is None
    # one of them is enough
    found = gauge_gaps(state, [low[0], analysis.wells[1]], analysis.landmarks, locator)
    assert 0 < found.max() < 1e-3


def test_a_well_beside_a_wall_under_noise_of_many_sizes():
    """Schlögl's model, chemical Langevin noise: the left well is 7 cells from the wall, A is 0.55 and 83.

    log T does not depend on the mesh; the other gauge had to have a step of 5 ε beside the wall once.
    """

    def rates(x):
        return 3 * x**2 + 0.25, 0.6 * x**3 + 2.95 * x

    up, down = rates(X)
    case = system([up - down], sp.Matrix([[up + down]]))
    coarse, fine = (solved(case, [(0.01, 6.0)], n, (0.05,), comm=MPI.COMM_SELF) for n in (128, 512))
    times = [one.levels[0.05].state.rates.log_mfpt[[0, 1], [1, 0]] for one in (coarse, fine)]
    np.testing.assert_allclose(*times, atol=1e-4)
    line = Line(lambda x: np.subtract(*rates(x)), lambda x: np.add(*rates(x)), 0.01, 6.0)
    # the chain of wells, and the time between two points: apart by a part of the shorter of the two times
    exact = line.log_time(0.0934631, 3.70244, 0.05), line.log_time(3.70244, 0.0934631, 0.05)
    np.testing.assert_allclose(times[1], exact, atol=0.01)
    assert fine.gauge_gap < 1e-3
    # on the coarse mesh the step of the left well has two cells, and only the right one is compared
    assert coarse.gauge_gap < 1e-3
