"""Exit from a limit cycle through a circle: the radius is a diffusion on a line, with an exact mean time."""

import numpy as np
import pytest
from mpi4py import MPI
from scipy.integrate import quad

from solver.exits.exit_times import region_exits
from solver.exits.region import ExitRegion
from solver.places.search import find_places
from solver.system import System
from tests.exact import X, Y

MU, EDGE = 0.2, 2.0


def exact(epsilon):
    """``b·∇T + (ε/2)ΔT = −1`` for T(r): with ``g = r e^{−V/ε}``, ``T(1) = ∫₁ᴿ (2/ε) g⁻¹ ∫₀ʳ g ds dr``."""

    def weight(r):
        return r * np.exp(-MU * (r**2 - 1) ** 2 / (2 * epsilon))

    inner = lambda r: quad(weight, 0.0, r, epsabs=0, epsrel=1e-10)[0] / weight(r)  # noqa: E731
    return float(np.log(2 / epsilon * quad(inner, 1.0, np.sqrt(EDGE), epsabs=0, epsrel=1e-8)[0]))


def test_exit_from_a_cycle():
    # QPot's second example about the origin: V = μ(r² − 1)²/2
    radial = MU * (1 - X**2 - Y**2)
    case = System.from_drift([-Y + radial * X, X + radial * Y], [X, Y])
    bounds = [(-1.8, 1.8), (-1.8, 1.8)]
    places = find_places(case, bounds, comm=MPI.COMM_SELF)
    assert [one.cycle is not None for one in places.attractors] == [True]
    pin, cycle = places.pinned(case).pins[0], places.attractors[0].points
    region = ExitRegion(lambda x: (x**2).sum(axis=0) - EDGE, pin, np.array(bounds), cycle=cycle)
    found = region_exits(
        case,
        region,
        [0.05, 0.012],
        potential=lambda x: MU * ((x**2).sum(axis=0) - 1) ** 2 / 2,
        comm=MPI.COMM_SELF,
    )
    assert found.lowest.value == pytest.approx(MU / 2, rel=1e-9)
    for one in found.times:
        assert one.log_mean == pytest.approx(exact(one.epsilon), abs=5e-4)
