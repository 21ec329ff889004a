"""Every result scales with the units of length and of the loss.

With coordinates times s and a loss times c, under the same A, V and ε have the factor c, times s²/c, and p
the factor 1/s in each coordinate.
"""

from dataclasses import replace

import numpy as np
import pytest
import sympy as sp
from mpi4py import MPI

from solver.system import System
from tests.exact import X, Y, gradient_system, rotational_well, solved

TILTED = (X**2 - 1) ** 2 / 4 + X / 20
LINE = gradient_system(TILTED, sp.eye(1)), [(-2.0, 2.0)], 64, (0.1, 0.06)
PLANE = gradient_system(TILTED + Y**2 / 2 + 3 * X * Y / 10, sp.eye(2)), [(-1.9, 1.9), (-1.4, 1.4)], 12, (0.1,)
TURNING = rotational_well(0.5), [(-1.7, 1.7), (-1.3, 1.3)], 12, (0.25,)
SCALES = [(1e5, 1.0), (1e-4, 1.0), (1.0, 1e-20), (1.0, 1e20), (1e5, 1e-20), (1e-4, 1e20)]
# case, factors of the coordinates and of the loss
CASES = [
    *((LINE, s, c) for s, c in SCALES),
    (PLANE, 1e5, 1e-20),
    (PLANE, 1e-4, 1e20),
    (TURNING, 1e5, 1e-20),
    (TURNING, 1e-4, 1e20),
]


def in_units(case: System, length: float, cost: float) -> System:
    """The system of the loss ``cost · U(x/length)``, with the same A."""
    return replace(
        case,
        drift=lambda x: cost / length * case.drift(x / length),
        jacobian=lambda x: cost / length**2 * case.jacobian(x / length),
        diffusion=lambda x: case.diffusion(x / length),
        divergence=lambda x: case.divergence(x / length) / length,
        loss=None if case.loss is None else lambda x: cost * case.loss(x / length),
    )


def numbers(analysis, length=1.0, cost=1.0):
    """All numbers of a result in units of a length and a cost; logarithms of times as they are then."""
    log_time = np.log(length**2 / cost)
    found = {}
    for n, one in enumerate(analysis.barriers):
        values = np.array([one.barrier, one.lower, one.upper]) / cost
        found |= {f"barrier {n}": values, f"mismatch {n}": one.mismatch}
        found |= {f"path {n}": one.instanton.points[::40] / length}
        found |= {f"path's actions {n}": one.instanton.actions[::40] / cost}
    for n, law in enumerate(analysis.asymptotics):
        found[f"kramers {n}"] = law.log_mfpt(cost) - log_time
    for epsilon, level in analysis.levels.items():
        rates, dim = level.state.rates, analysis.system.dim
        mine = {
            "times": rates.log_mfpt - log_time,
            "weights": rates.log_weight,
            "normaliser": level.state.log_normaliser - dim * np.log(length),
            "mean": level.mean / length,
            "spread": level.covariance / length**2,
            "eigenvalue": level.spectrum.values[0] * length**2 / cost,
            "refreshed": level.gauge_refresh,
            "direct": [np.log(p.mean) - log_time for _, p in sorted(level.passages.items())],
        }
        found |= {f"{name} at {epsilon / cost:.4g}": value for name, value in mine.items()}
    found["trusted"] = np.array([well.trusted_level for well in analysis.wells]) / cost
    found["stitched"] = analysis.weights / cost
    return found


@pytest.fixture(scope="module")
def unscaled():
    """The numbers in the original units, solved for once."""
    known = {}

    def get(case):
        if id(case) not in known:
            system, bounds, resolution, epsilons = case
            known[id(case)] = numbers(solved(system, bounds, resolution, epsilons, comm=MPI.COMM_SELF))
        return known[id(case)]

    return get


@pytest.mark.parametrize(("case", "length", "cost"), CASES)
def test_every_number_scales(case, length, cost, unscaled):
    system, bounds, resolution, epsilons = case
    box = [(low * length, high * length) for low, high in bounds]
    scaled = in_units(system, length, cost)
    result = solved(scaled, box, resolution, [e * cost for e in epsilons], comm=MPI.COMM_SELF)
    found, expected = numbers(result, length, cost), unscaled(case)
    assert found.keys() == expected.keys()
    for name, value in expected.items():
        # where a cost is least is known to the square root of the precision of the cost, and with it what is
        # integrated along the path
        near = 1e-7 if name.startswith(("path", "kramers")) else 1e-9
        np.testing.assert_allclose(found[name], value, rtol=near, atol=near, err_msg=name)
