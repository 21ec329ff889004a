"""The Maier–Stein system without detailed balance: passage times against the Bouchet–Reygner law."""

import numpy as np
import pytest

from solver.hamilton_jacobi.expansion import expand
from solver.paths.instanton import instanton
from solver.paths.prefactor import kramers
from tests.exact import maier_stein
from tests.solver.sweeps import swept

LEFT, SADDLE = np.array([-1.0, 0.0]), np.zeros(2)


def law_of(beta):
    case = maier_stein(beta)
    path = instanton(case, expand(case, LEFT, 0.05), [np.array([LEFT, SADDLE])])
    return kramers(case, LEFT, SADDLE, path)


def test_prefactor_of_the_reversible_system():
    # V = u⁴/2 − u² + (1+u²)v² + ½: determinants −4 at the saddle, 16 at the attractor
    assert law_of(1).log_prefactor == pytest.approx(np.log(np.pi), abs=2e-5)


@pytest.mark.mpi
@pytest.mark.parametrize(("beta", "slope"), [(1, 1.25), (3, 6.5)])
def test_the_law_is_off_by_a_multiple_of_the_noise(beta, slope):
    law = law_of(beta)
    sweep = swept(maier_stein(beta), [(-1.5, 1.5), (-0.9, 0.9)], 40, (0.01, 0.005))[1]
    for epsilon, level in sweep.items():
        times = level.state.rates.log_mfpt
        assert times[0, 1] == pytest.approx(times[1, 0], abs=2e-4)
        assert (times[0, 1] - law.log_mfpt(epsilon)) / epsilon == pytest.approx(slope, rel=0.05)
        assert level.gauge_refresh < 1e-4
