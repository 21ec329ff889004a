"""V against the jet scheme at one place."""

import numpy as np
import pytest

from solver.analysis.evaluation import gap_to_jet
from tests.exact import rotational_potential, rotational_well, solved


def test_potentials_of_two_schemes():
    analysis = solved(rotational_well(1), [(-1.7, 1.7), (-1.5, 1.5)], 24, (0.1,))
    k = int(np.argmin([one.point[0] for one in analysis.places.attractors]))
    point = np.array([-0.7, 0.4])
    value = float(rotational_potential(point[:, None])[0])
    assert gap_to_jet(analysis, k, point, value) < 0.01
    assert gap_to_jet(analysis, k, point, 0.9 * value) == pytest.approx(1 / 9, abs=0.01)
    assert gap_to_jet(analysis, k, np.array([9.0, 0.0]), value) is None
