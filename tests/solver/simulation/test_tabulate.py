"""Tables: exact for cubics, error estimate, periodic axes, values that are not finite."""

from __future__ import annotations

import numpy as np
import pytest

from solver.simulation.tabulate import evaluate, tabulate, tabulate_scalar
from solver.system import System
from tests.solver.double_wells import BOX, double_well, identity


def test_table_reproduces_cubics_and_converges() -> None:
    table = tabulate(double_well(3), BOX * 3)
    assert table.error < 1e-13
    assert table.constant_diffusion is not None
    system = System(
        2,
        lambda x: np.stack([np.sin(3 * x[0]) * x[1], np.cos(2 * x[1])]),
        identity,
        lambda x: (1.5 + np.sin(x[0])) * identity(x),
        np.zeros_like,
    )
    found = tabulate(system, BOX * 2, tolerance=1e-6)
    assert found.error <= 1e-6
    points = np.random.default_rng(2).uniform(-2.5, 2.5, (2, 500))
    values = evaluate(found.table, points)
    np.testing.assert_allclose(values[:2], system.drift(points), atol=2e-6)
    np.testing.assert_allclose(values[[2, 4]], system.diffusion(points)[[0, 1], [0, 1]], atol=4e-6)
    small = tabulate(system, BOX * 2, tolerance=1e-14, memory=1e5)
    assert small.error > small.tolerance


def test_periodic_table_and_bad_values() -> None:
    ring = System(1, lambda x: np.sin(x), lambda x: np.cos(x)[None], identity, np.zeros_like)
    table = tabulate(ring, ((0.0, 2 * np.pi),), periodic=(True,), tolerance=1e-8).table
    np.testing.assert_allclose(evaluate(table, np.array([[-1.0, 7.0]]))[0], np.sin([-1.0, 7.0]), atol=1e-7)
    with pytest.raises(ValueError, match="not finite"), np.errstate(all="ignore"):
        tabulate_scalar(lambda x: np.log(x[0]), BOX)
