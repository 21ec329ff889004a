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
from tests.exact import X, gradient_system, system

# without its loss, from which V would be known
WELL = system([X - X**3], sp.eye(1))
BOUNDS = [(-2.0, 2.0)]
EPSILON = 0.05


def solved(monkeypatch, fails, epsilons=(EPSILON,), case=WELL):
    """The analysis, and the noise levels at which densities were asked for; some fail."""
    asked = []

    def failing(density):
        def ask(part, gauge, epsilon, *rest):
            asked.append(epsilon)
            if fails(epsilon, len(asked)):
                raise NotConverged(f"no density at {epsilon:g}")
            return density(part, gauge, epsilon, *rest)

        return ask

    for name in ("density", "reversible_density"):
        monkeypatch.setattr(noise_levels, name, failing(getattr(noise_levels, name)))
    known = discretise(case, box(MPI.COMM_WORLD, BOUNDS, 100), 3)
    return analyse(known, find_places(case, BOUNDS), epsilons), asked


def test_a_start_that_fails_is_lowered(monkeypatch):
    usual, asked = solved(monkeypatch, lambda epsilon, n: False)
    monkeypatch.undo()
    lowered, again = solved(monkeypatch, lambda epsilon, n: n == 1)
    assert again[0] == asked[0]
    assert again[1] == pytest.approx(noise_levels.RESTART * asked[0])
    times = [found.levels[EPSILON].state.rates.log_mfpt for found in (usual, lowered)]
    np.testing.assert_allclose(times[0][~np.eye(2, dtype=bool)], times[1][~np.eye(2, dtype=bool)], atol=1e-6)


def test_without_densities_v_is_left(monkeypatch):
    found, _ = solved(monkeypatch, lambda epsilon, n: True)
    assert found.levels == {}
    assert [b.barrier for b in found.barriers] == pytest.approx([0.5, 0.5], rel=1e-9)
    assert found.refused["the density and the rates at epsilon = 0.05"].reason == "no density at 0.05"


def test_levels_above_the_one_that_fails_are_kept(monkeypatch):
    usual, _ = solved(monkeypatch, lambda epsilon, n: False, [0.1, 0.05])
    monkeypatch.undo()
    found, _ = solved(monkeypatch, lambda epsilon, n: epsilon < 0.06, [0.1, 0.05])
    assert set(found.levels) == {0.1}
    times = [one.levels[0.1].state.rates.log_mfpt[0, 1] for one in (usual, found)]
    assert times[0] == times[1]
    assert [b.barrier for b in found.barriers] == pytest.approx([0.5, 0.5], rel=1e-9)
    (reason,) = (why.reason for what, why in found.refused.items() if "0.05" in what)
    assert "no density at" in reason


def test_with_v_from_the_loss_every_level_stands_by_itself(monkeypatch):
    case = gradient_system((X**2 - 1) ** 2 / 4, sp.eye(1))
    found, asked = solved(monkeypatch, lambda epsilon, n: epsilon == 0.05, [0.1, 0.05, 0.03], case)
    assert set(found.levels) == {0.1, 0.03}
    # in closed form there is no gauge to refresh
    assert asked == [0.1, 0.05, 0.03]
    assert found.refused["the density and the rates at epsilon = 0.05"].reason == "no density at 0.05"


def test_below_the_wanted_levels_v_is_grown_without_the_densities(monkeypatch):
    found, _ = solved(monkeypatch, lambda epsilon, n: epsilon < EPSILON)
    assert found.lowest_epsilon is None
    assert set(found.levels) == {EPSILON}
    assert [b.barrier for b in found.barriers] == pytest.approx([0.5, 0.5], rel=1e-9)
