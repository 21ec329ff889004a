"""The reactive current: the same through every line between the wells, reversed where time is reversible."""

import numpy as np
import pytest
import sympy as sp
from mpi4py import MPI

from solver.elements.evaluate import Locator, evaluate
from solver.fokker_planck.reactive_current import reactive_current
from tests.exact import X, Y, gradient_system, manufactured, turned_well
from tests.solver.sweeps import TRIANGLE, swept

TURN = sp.Matrix([[0, -1], [1, 0]])
GIBBS = (X**2 - 1) ** 2 / 2 + (Y - sp.Rational(7, 10) * X) ** 2
CASES = {
    "turned noise": (turned_well(30), [(-2.0, 2.0), (-1.4, 1.4)]),
    "rotation": (manufactured(GIBBS, sp.eye(2), sp.Rational(3, 2) * TURN), [(-2.1, 2.1), (-2.4, 2.4)]),
}


def through(current, place, side):
    """``∫ j_x dy`` along x = place.  Collective."""
    y = np.linspace(*side, 1501)
    locator = Locator(current.function_space.mesh)
    values = evaluate(current, np.column_stack([np.full_like(y, place), y]), locator)[:, 0]
    return float(np.nansum(values) * (y[1] - y[0]))


@pytest.mark.mpi
@pytest.mark.parametrize("name", CASES)
def test_one_transition_through_every_line(name):
    case, bounds = CASES[name]
    marks, sweep = swept(case, bounds, 40, [0.1, 0.05])
    for level in sweep.values():
        for start, end in ((0, 1), (1, 0)):
            current = reactive_current(level.state, start, end)
            sign = np.sign(marks.pins[end].point[0] - marks.pins[start].point[0])
            for place in (-0.2, 0.0, 0.2):
                assert sign * through(current, place, bounds[1]) == pytest.approx(1.0, abs=6e-3)


def test_on_a_line_it_is_constant():
    system = gradient_system((X**2 - 1) ** 2 / 4 + X / 20, sp.Matrix([[sp.exp(X / 2)]]))
    errors = []
    for cells in (200, 400):
        _, sweep = swept(system, [(-2.2, 2.2)], cells, [0.05, 0.005])
        for level in sweep.values():
            current = reactive_current(level.state, 0, 1)
            between = np.abs(current.function_space.tabulate_dof_coordinates()[:, 0]) < 0.4
            known = current.x.array[between & np.isfinite(current.x.array)]
            assert known.size > 20
            errors.append(np.abs(np.abs(known) - 1.0).max())
            assert len(set(np.sign(known))) == 1
    assert max(errors[2:]) < 3e-3
    # the order of the gradients of cubics
    assert np.log2(errors[1] / errors[3]) > 2.8


def test_it_goes_back_as_it_came_where_time_can_be_reversed():
    loss = (X**2 - 1) ** 2 / 4 + (Y - X**2 / 2) ** 2
    _, sweep = swept(gradient_system(loss, sp.eye(2)), [(-2.0, 2.0), (-1.5, 2.0)], 40, [0.05])
    state = sweep[0.05].state
    there, back = (reactive_current(state, *pair).x.array for pair in ((0, 1), (1, 0)))
    both = np.isfinite(there) & np.isfinite(back)
    assert MPI.COMM_WORLD.allreduce(int(both.sum())) > 500
    assert np.abs(there + back)[both].max() < 0.02 * np.abs(there[both]).max()
    # a rotating drift takes another way back
    _, sweep = swept(
        manufactured(GIBBS, sp.eye(2), sp.Rational(3, 2) * TURN), CASES["rotation"][1], 40, [0.1]
    )
    state = sweep[0.1].state
    there, back = (reactive_current(state, *pair).x.array for pair in ((0, 1), (1, 0)))
    both = np.isfinite(there) & np.isfinite(back)
    assert np.abs(there + back)[both].max() > 0.3 * np.abs(there[both]).max()


def test_none_where_nothing_flows():
    _, sweep = swept(manufactured(TRIANGLE, sp.eye(2), TURN), [(-1.45, 1.55), (-1.5, 1.5)], 40, [0.08])
    rates = sweep[0.08].state.rates.log_rate
    for pair in ((0, 1), (1, 2), (2, 0)):
        current = reactive_current(sweep[0.08].state, *pair)
        assert (current is None) == (not np.isfinite(rates[pair]))
