"""At what level a well reaches the box, which ends what can be known of V."""

import pytest
import sympy as sp

from solver.analysis.evaluation import level_at_box
from tests.exact import X, Y, gradient_system, solved


@pytest.mark.mpi
@pytest.mark.parametrize(("height", "level"), [(0.5, 0.125), (1.2, 0.72)])
def test_a_well_that_reaches_the_box(height, level):
    """V = (x² − 1)²/2 + y²/2 for A = diag(1, 2), lowest on a side at (±1, ±height); the pass is at 0.5.

    Finite elements reach the first box, the jet scheme the second.
    """
    case = gradient_system((X**2 - 1) ** 2 / 4 + Y**2 / 2, sp.diag(1, 2))
    analysis = solved(case, [(-1.7, 1.7), (-height, height)], 24, (0.1,))
    for k in range(2):
        assert level_at_box(analysis, k) == pytest.approx(level, rel=0.02)
