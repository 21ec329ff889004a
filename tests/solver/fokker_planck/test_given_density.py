"""Densities and their checks against a density that is given, down to p = e^{−650}."""

import numpy as np
import pytest

from meshes.box import box
from solver.fokker_planck.density_check import joining_level, log_density
from solver.fokker_planck.window import LEAST, borders, windows
from tests.exact import function
from tests.solver.given_density import (
    BOUNDS,
    COMM,
    V,
    errors,
    given,
    log_exact,
    log_integrals,
    solved,
)
from tests.solver.sweeps import landmarks, levels_on

# barrier/ε: largest error of log p that is allowed where V ≤ 1.3
BARS = {100: 2e-3, 200: 5e-3, 500: 2e-2}


def test_log_p_masses_and_sign_on_one_mesh():
    for (ratio, bar), (marks, level) in zip(BARS.items(), solved([1.0 / r for r in BARS]), strict=True):
        found = errors(marks, level.state)
        assert level.state.epsilon == pytest.approx(1.0 / ratio)
        assert found.unknowns <= 50_000
        assert found.missing == 0
        assert found.log_density <= bar
        assert abs(found.log_mass) <= 1e-3
        assert level.density_refresh < 1e-2


@pytest.mark.parametrize(("resolution", "good"), [(20, False), (40, True)])
def test_the_refreshed_gauge_tells_whether_the_mesh_resolves_the_density(resolution, good):
    epsilon = 0.02
    marks = landmarks(given(epsilon), BOUNDS)
    (level,) = levels_on(box(COMM, BOUNDS, resolution), given(epsilon), marks, [epsilon]).values()
    points = level.state.q.function_space.tabulate_dof_coordinates()[:, :2].T
    gaps = log_density(level.state) - log_exact(points, epsilon) + log_integrals(epsilon)[0]
    # below the pass
    worst = np.nanmax(np.abs(gaps)[function(V, 2)(points) < 0.99])
    if good:
        assert max(worst, level.density_refresh) < 0.05
        assert level.state.committor_error < 0.02
        assert abs(errors(marks, level.state).log_mass) < 1e-4
    else:
        assert min(worst, level.density_refresh) > 0.2


def test_window_begins_above_the_errors_of_the_committor():
    (low, high), (narrow, _) = windows(0.0)
    assert (low, high) == (LEAST, 1 - LEAST)
    assert narrow == pytest.approx(0.03, abs=1e-3)
    assert windows(0.02)[0] == pytest.approx((0.04, 0.96))


def test_borders_are_the_lowest_direct_passes():
    levels = np.array([3.0, 1.0, 2.0, np.nan])
    found = borders(3, levels, [(0, 1), (0, 1), (1, 2), (0, 2)], 0.1, 0.0)
    assert found[0, 1].level == found[1, 0].level == 1.0
    assert found[1, 2].level == 2.0
    # the pass between 0 and 2 is outside the mesh: whatever passes there are may lead from one to the other
    assert (found[0, 2].level, found[0, 2].floor) == (3.0, pytest.approx(1.0 - 0.8))


def test_wells_join_over_the_lowest_passes():
    assert joining_level(np.array([3.0, 1.0, 2.0]), [(0, 1), (0, 1), (1, 2)]) == 2.0
    # a pass between two ends of one valley, and one outside the mesh
    assert joining_level(np.array([1.0, 9.0, np.nan]), [(0, 1), (1, 1), (0, 1)]) == 1.0
    assert joining_level(np.empty(0), []) == -np.inf
