"""The continuation through the noise levels when densities fail."""

import numpy as np
import pytest
import sympy as sp
from mpi4py import MPI

from meshes.box import box
from solver.analysis import noise_levels
from solver.analysis.stages import analyse
from solver.elements.discretisation import discretise
from solver.errors import NotConverged
from solver.places.search import find_places
from tests.exact import X, gradient_system

WELL = gradient_system((X**2 - 1) ** 2 / 4, sp.eye(1))
BOUNDS = [(-2.0, 2.0)]
EPSILON = 0.05


def solved(monkeypatch, fails):
    """The analysis, and the noise levels at which densities were asked for; some fail."""
    asked = []
    density = noise_levels.density

    def failing(part, gauge, epsilon, *rest):
        asked.append(epsilon)
        if fails(epsilon, len(asked)):
            raise NotConverged(f"no density at {epsilon:g}")
        return density(part, gauge, epsilon, *rest)

    monkeypatch.setattr(noise_levels, "density", failing)
    known = discretise(WELL, box(MPI.COMM_WORLD, BOUNDS, 100), 3)
    return analyse(known, find_places(WELL, BOUNDS), [EPSILON]), asked


def test_a_start_that_fails_is_lowered(monkeypatch):
    usual, asked = solved(monkeypatch, lambda epsilon, n: False)
    monkeypatch.undo()
    lowered, again = solved(monkeypatch, lambda epsilon, n: n == 1)
    assert again[0] == asked[0]
    assert again[1] == pytest.approx(noise_levels.RESTART * asked[0])
    times = [found.levels[EPSILON].state.rates.log_mfpt for found in (usual, lowered)]
    np.testing.assert_allclose(times[0][~np.eye(2, dtype=bool)], times[1][~np.eye(2, dtype=bool)], atol=1e-6)


def test_no_start_succeeds(monkeypatch):
    with pytest.raises(NotConverged, match="no density at 0.05"):
        solved(monkeypatch, lambda epsilon, n: epsilon >= EPSILON)


def test_below_the_wanted_levels_v_is_grown_without_the_densities(monkeypatch):
    found, _ = solved(monkeypatch, lambda epsilon, n: epsilon < EPSILON)
    assert found.lowest_epsilon is None
    assert set(found.levels) == {EPSILON}
    assert [b.barrier for b in found.barriers] == pytest.approx([0.5, 0.5], rel=1e-9)
