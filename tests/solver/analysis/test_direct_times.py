"""Which passage times are solved for directly: none that leads over a well too deep for double precision."""

import numpy as np
import pytest
import sympy as sp
from mpi4py import MPI

from solver.analysis.direct_times import solvable
from solver.fokker_planck.markov_chain import dwelling, markov_chain
from tests.exact import Line, X, gradient_system, solved

# three equally deep wells on the line; at this noise the left barrier is 56 ε and the right one 5 ε high
THREE = X**2 * (X - 1) ** 2 * (X + 2) ** 2
EPSILON = 0.16
BOUNDS = (-2.6, 1.5)


def test_time_is_told_apart_by_the_wells_it_is_spent_in():
    # from 0 to 1 at the rate 1, or to 2 at the rate 1/99, and back from there at the rate 1e-4
    rate = np.array([[0.0, 1.0, 1.0 / 99.0], [1.0, 0.0, 0.0], [1e-4, 0.0, 0.0]])
    with np.errstate(divide="ignore"):
        rates = markov_chain(0.1, np.log(rate))
    # sojourns of 0.99 in well 0, one in a hundred of which leads to well 2, for 10⁴: 1 and 10⁴/99 in all
    parts = dwelling(rates, 0, 1)
    np.testing.assert_allclose(np.exp(rates.log_mfpt[0, 1]), 1.0 + 1e4 / 99.0)
    np.testing.assert_allclose(parts, np.array([1.0, 0.0, 1e4 / 99.0]) / (1.0 + 1e4 / 99.0), rtol=1e-9)
    assert solvable(rates, 0, 1, 1.0)
    assert solvable(rates, 0, 1, 10.0)
    assert not solvable(rates, 0, 1, 200.0)
    # well 2 is left at once for well 0 when the way is to well 0
    assert solvable(rates, 1, 0, 200.0)


def test_no_direct_time_over_a_well_that_is_lost():
    case = gradient_system(THREE, sp.eye(1))
    analysis = solved(case, [BOUNDS], 100, (EPSILON,), comm=MPI.COMM_SELF)
    level = analysis.levels[EPSILON]
    middle, right = 1, 2
    line = Line(sp.lambdify(X, -sp.diff(THREE, X)), lambda x: 1.0 + 0.0 * x, *BOUNDS)
    exact = line.log_time(0.0, 1.0, EPSILON)
    # hitting a point takes longer than entering a well of the chain
    assert level.state.rates.log_mfpt[middle, right] == pytest.approx(exact, abs=0.1)
    # the time is spent in the left well as well, to be left at e⁵⁶
    assert dwelling(level.state.rates, middle, right)[0] > 0.2
    assert (middle, right) not in level.passages
    # the way back does not lead there
    back = line.log_time(1.0, 0.0, EPSILON)
    assert np.log(level.passages[right, middle].mean) == pytest.approx(back, abs=5e-3)
