"""Noise levels that start from a density on another mesh."""

import numpy as np
import pytest
from mpi4py import MPI

from meshes.box import box
from solver.analysis.noise_levels import continue_levels
from solver.elements.discretisation import discretise
from tests.exact import Line, turned_noise, turned_well
from tests.solver.sweeps import landmarks, swept

BOX = ((-2.0, 2.0), (-1.6, 1.6))


@pytest.mark.mpi
def test_a_fine_mesh_starts_from_a_coarse_one():
    """Turned noise: x is a double well by itself, with the noise A_xx."""
    case = turned_well(30)
    _, coarse = swept(case, BOX, 14, (0.15,))
    marks = landmarks(case, BOX)
    start = coarse[0.15].state
    domain = box(MPI.COMM_WORLD, BOX, 40)
    asked = []
    known = discretise(case, domain, 3)
    (level,) = continue_levels(known, [0.05], marks, asked.append, coarse=start, onwards=False)[0].values()
    strength = float(turned_noise(30)[0, 0])
    line = Line(lambda x: x - x**3, lambda x: strength + 0 * x, *BOX[0])
    wells = [float(pin.point[0]) for pin in marks.pins]
    times = level.state.rates.log_mfpt
    # barrier/ε = 7.7, where a rate and the time to a point differ by about e^{−7.7}
    assert times[0, 1] == pytest.approx(line.log_time(wells[0], wells[1], 0.05), abs=2e-3)
    np.testing.assert_allclose(level.state.rates.log_weight, np.log([0.5, 0.5]), atol=1e-5)
    assert level.gauge_refresh < 1e-5
    # it never filled the box
    assert [float(text.split()[-1]) for text in asked] == [0.09, 0.06708, 0.05]
    region = level.state.coefficients.region
    owned = domain.comm.allreduce(len(region.owned_cells))
    assert owned < 0.9 * domain.topology.index_map(2).size_global
