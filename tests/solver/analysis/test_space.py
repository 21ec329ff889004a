"""Three dimensions: densities of a linear process, passage times of a driven one."""

import pytest

from tests.solver.ornstein_uhlenbeck import SPACE, errors
from tests.solver.sweeps import DRIVEN_SPACE, DRIVEN_SPACE_BOX, DRIVEN_SPACE_LINE, boxes, landmarks, levels_on


def test_density_of_a_linear_process():
    """Covariance, and log p down to p = 10⁻¹⁰⁰."""
    found = errors(SPACE)
    assert found.covariance < 1e-6
    assert found.log_density < 1e-6
    assert found.lowest < -100


def test_passage_times_at_low_noise():
    """Barrier/ε = 25 with a full tensor, from the coarsest mesh that carries the high noise levels."""
    marks = landmarks(DRIVEN_SPACE, DRIVEN_SPACE_BOX)
    coarse = levels_on(boxes(DRIVEN_SPACE_BOX, (5, 4, 4)), DRIVEN_SPACE, marks, [0.15])
    fine = boxes(DRIVEN_SPACE_BOX, (10, 7, 7))
    (level,) = levels_on(fine, DRIVEN_SPACE, marks, [0.04], coarse=coarse[0.15].state).values()
    wells = [float(pin.point[0]) for pin in marks.pins]
    for i, j in ((0, 1), (1, 0)):
        exact = DRIVEN_SPACE_LINE.log_time(wells[i], wells[j], 0.04)
        assert level.state.rates.log_mfpt[i, j] == pytest.approx(exact, abs=1e-2)
    assert level.gauge_refresh < 1e-2
