"""V of wells in which neither densities nor growth get through, started from the jet scheme."""

import numpy as np
import pytest
import sympy as sp
from mpi4py import MPI

from meshes.box import box
from solver.analysis.barriers import barrier
from solver.analysis.jet_well import jets_on, well_from_jet
from solver.analysis.stages import _saddle_costs
from solver.elements.discretisation import Discretisation, discretise
from solver.errors import Refused
from solver.hamilton_jacobi.jet import JetSolution
from solver.hamilton_jacobi.jet.kink_marks import kinks
from solver.hamilton_jacobi.well import trusted_part
from solver.places.places import Places
from solver.places.search import find_places
from solver.system import Array, System
from tests.exact import X, Y, gradient_system, maier_stein

BOX = [(-1.8, 1.8), (-1.0, 2.5)]
# a valley 25 times as steep across as along: at 48 cells Newton's method settles nowhere near the pass
VALLEY = gradient_system(25 * (Y - X**2) ** 2 / 2 + (X**2 - 1) ** 2 / 4, sp.eye(2))


def prepared(
    case: System, bounds: list[tuple[float, float]], resolution: int
) -> tuple[Discretisation, Places]:
    comm = MPI.COMM_WORLD
    return discretise(case, box(comm, bounds, resolution), 3), find_places(case, bounds, comm=comm)


def tops(places: Places) -> list[Array]:
    points = np.array([one.point for one in places.passes])
    return [points for _ in places.attractors]


@pytest.mark.mpi
def test_v_and_the_bracket_of_a_curved_valley_are_known_nearly_up_to_the_pass() -> None:
    setting, places = prepared(VALLEY, BOX, 48)
    jets = jets_on(setting, places.attractors, tops(places))
    assert all(isinstance(jet, JetSolution) for jet in jets)
    attractor = places.attractors[0]
    targets = [places.passes[n].target(VALLEY, 0, attractor) for n, _ in places.ways_out(0)]
    well, paths = well_from_jet(setting, jets[0], 0, attractor, targets)
    assert paths[0].action == pytest.approx(0.5, abs=1e-9)
    assert well.trusted_level > 0.9 * 0.5
    found = barrier(well, 1, 0, paths[0], setting.locator, _saddle_costs(setting, paths))
    # 0.29986 with V grown from the attractor or started from densities
    assert 0.98 * 0.5 < found.lower <= 0.5
    fine = well.fine
    assert fine is not None
    values = trusted_part(fine).x.array
    x = fine.potential.function_space.tabulate_dof_coordinates()[:, :2].T
    known = np.isfinite(values)
    off = np.abs(values[known] - 2 * VALLEY.loss(x[:, known]))
    assert setting.comm.allreduce(off.max(initial=0.0), op=MPI.MAX) < 1e-4
    assert setting.comm.allreduce(int(known.sum()), op=MPI.SUM) > 1000


def test_meshes_of_other_shapes_and_lines_have_no_jet_solution() -> None:
    line = gradient_system((X**2 - 1) ** 2, sp.eye(1))
    setting, places = prepared(line, [(-2.0, 2.0)], 16)
    (first, _) = jets_on(setting, places.attractors, tops(places))
    assert isinstance(first, Refused)


def test_kinks_are_found_on_their_line_and_not_elsewhere() -> None:
    setting, places = prepared(maier_stein(10), [(-1.5, 1.5), (-0.98, 1.02)], 16)
    left = min(range(2), key=lambda k: places.attractors[k].point[0])
    jet = jets_on(setting, places.attractors, tops(places))[left]
    assert isinstance(jet, JetSolution)
    points = kinks(jet)
    # the kink is on y = 0 between the saddle and about x = -0.6; near the attractor there is none
    near = points[:, (points[0] > -0.4) & (points[0] < -0.05) & (np.abs(points[1]) < 0.3)]
    assert near.shape[1] > 3
    assert np.abs(near[1]).max() < 2 * jet.grid.spacing[1]
