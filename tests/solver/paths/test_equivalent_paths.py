"""Mirror images of instantons: two for Maier–Stein with β = 10, and the law that counts both."""

import numpy as np
import pytest

from solver.errors import NotConverged
from solver.hamilton_jacobi.expansion import expand
from solver.paths.equivalent_paths import equivalent_paths, mirrored
from solver.paths.instanton import instanton
from solver.paths.prefactor import kramers
from tests.exact import maier_stein
from tests.solver.sweeps import swept

LEFT, SADDLE = np.array([-1.0, 0.0]), np.zeros(2)


def path_of(case, bend):
    s = np.linspace(0.0, 1.0, 41)
    guess = np.column_stack([s - 1.0, bend * np.sin(np.pi * s)])
    expansion = expand(case, LEFT, 0.05)
    return expansion, instanton(case, expansion, [guess])


def test_mirror_image():
    points = np.array([[0.0, 0.0], [1.0, 2.0], [2.0, 0.0]])
    np.testing.assert_allclose(mirrored(points), [[0.0, 0.0], [1.0, -2.0], [2.0, 0.0]])
    turned = points @ np.array([[0.6, 0.8], [-0.8, 0.6]])
    np.testing.assert_allclose(
        mirrored(turned), mirrored(points) @ np.array([[0.6, 0.8], [-0.8, 0.6]]), atol=1e-15
    )


@pytest.mark.parametrize(("beta", "count"), [(1, 1), (3, 1), (5, 2), (10, 2)])
def test_maier_stein(beta, count):
    case = maier_stein(beta)
    expansion, path = path_of(case, 0.0 if beta < 4 else 0.3)
    assert equivalent_paths(case, expansion, path) == count


def test_no_law_for_a_path_that_is_not_the_cheapest():
    # from β = 4 on the path along the axis has a focal point
    _, straight = path_of(maier_stein(3.9), 0.0)
    assert np.isfinite(kramers(maier_stein(3.9), LEFT, SADDLE, straight).log_prefactor)
    _, straight = path_of(maier_stein(4.1), 0.0)
    assert straight.action == pytest.approx(0.5, abs=1e-9)
    with pytest.raises(NotConverged, match="focal point"):
        kramers(maier_stein(4.1), LEFT, SADDLE, straight)


def test_law_of_two_paths_against_rates():
    case = maier_stein(10)
    law = kramers(case, LEFT, SADDLE, path_of(case, 0.3)[1])
    assert law.paths == 2
    _, sweep = swept(case, [(-1.5, 1.5), (-1.0, 1.0)], 48, [0.01])
    # what is left is of the order of ε; one path alone would be off by log 2
    assert sweep[0.01].state.rates.log_mfpt[0, 1] == pytest.approx(law.log_mfpt(0.01), abs=0.02)
