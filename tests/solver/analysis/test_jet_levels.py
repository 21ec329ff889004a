"""Densities with V of the jet scheme for their gauge, and the continuation where that is not good enough."""

from dataclasses import replace

import numpy as np
import pytest
from mpi4py import MPI

from meshes.box import box
from solver.analysis import wells
from solver.analysis.jet_levels import jet_levels, stitched
from solver.analysis.jet_well import jets_on
from solver.analysis.noise_levels import continue_levels
from solver.analysis.tolerance import time_error
from solver.analysis.wells import JET_DENSITIES, solve_wells
from solver.elements.discretisation import discretise
from solver.errors import NotConverged, Refused
from solver.fokker_planck.density_check import density_change
from solver.places.search import find_places
from tests.exact import maier_stein, rotational_potential, rotational_well, turned_well

COMM = MPI.COMM_WORLD
EPSILONS = [0.1, 0.05]
# name: system, box, cells; the second has rotation ten times the gradient, the third kinks of V
CASES = {
    "turned noise": (turned_well(30), [(-2.0, 2.0), (-1.4, 1.4)], 40),
    "rotation": (rotational_well(10), [(-1.7, 1.7), (-1.5, 1.5)], 40),
    "kinks": (maier_stein(10), [(-1.6, 1.6), (-1.1, 1.1)], 40),
}


def prepared(name, cells=None):
    case, bounds, usual = CASES[name]
    places = find_places(case, bounds, comm=COMM)
    known = discretise(case, box(COMM, bounds, cells or usual), 3)
    tops = [
        np.array([places.passes[n].point for n, _ in places.ways_out(k)])
        for k in range(len(places.attractors))
    ]
    return known, places, jets_on(known, places.attractors, tops)


def times(level):
    found = level.state.rates.log_mfpt
    return found[~np.eye(len(found), dtype=bool)]


@pytest.mark.mpi
@pytest.mark.parametrize("name", CASES)
def test_only_wanted_levels_and_the_same_results_as_with_the_continuation(name):
    known, places, jets = prepared(name)
    marks = places.pinned(known.system)
    asked = {"jets": [], "continuation": []}
    found = jet_levels(known, places, EPSILONS, jets, asked["jets"].append).levels
    usual = continue_levels(known, EPSILONS, marks, asked["continuation"].append, onwards=False).levels
    # one above, the wanted ones, and one between that are further apart than by the factor of 0.6
    assert len(asked["jets"]) == 4
    assert len(asked["continuation"]) > 8
    for epsilon in EPSILONS:
        one, other = found[epsilon], usual[epsilon]
        # what the two differ by is less than the error that is stated
        error = max(time_error(one, None), time_error(other, None), 1e-6)
        np.testing.assert_allclose(times(one), times(other), rtol=0, atol=error)
        gap = density_change(one.state, other.state, marks, known.locator).largest
        assert gap < 4 * max(one.density_refresh, other.density_refresh, 1e-5)
        # … and the estimate is as sharp
        assert one.density_refresh < 10 * max(other.density_refresh, 1e-5)
        assert one.margin == other.margin


@pytest.mark.mpi
def test_the_stitched_gauge_is_the_global_potential():
    known, places, jets = prepared("rotation")
    gauge, cells = stitched(known, places, jets)
    x = known.space.tabulate_dof_coordinates()[:, :2].T
    exact = rotational_potential(x)
    low = exact < 1.5
    assert COMM.allreduce(int(low.sum()), op=MPI.SUM) > 500
    # V = (x² − 1)² + y² from either well
    off = np.abs(gauge.x.array - exact)[low]
    assert COMM.allreduce(float(off.max(initial=0.0)), op=MPI.MAX) < 0.02
    assert COMM.allreduce(bool(cells.all()), op=MPI.LAND)


def bent(jet, factor):
    """V that is wrong by a factor, beyond what is near the attractor."""
    return replace(jet, values=factor * jet.values, gradients=factor * jet.gradients)


def test_a_gauge_that_is_not_good_enough_is_noticed():
    known, places, jets = prepared("turned noise")
    for wrong in ([bent(jet, 0.3) for jet in jets], [bent(jet, 3.0) for jet in jets]):
        with pytest.raises(NotConverged, match=r"positive|changes by"):
            jet_levels(known, places, [0.02], wrong)
    with pytest.raises(NotConverged, match="no sweeps"):
        jet_levels(known, places, [0.1], [jets[0], Refused("no sweeps")])
    low = [replace(jet, values=np.where(jet.values < 0.6, jet.values, np.inf)) for jet in jets]
    with pytest.raises(NotConverged, match="epsilon above the passes"):
        jet_levels(known, places, [0.1], low)


def test_the_continuation_takes_over_by_itself_and_says_so(monkeypatch):
    known, places, jets = prepared("turned noise", 24)
    good, told = solve_wells(known, places, [0.1]), []
    assert JET_DENSITIES not in good.refused
    monkeypatch.setattr(wells, "jets_on", lambda *_: [Refused("no sweeps") for _ in jets])
    found = solve_wells(known, places, [0.1], told.append)
    assert "no sweeps" in found.refused[JET_DENSITIES].reason
    assert any("on to the continuation" in text for text in told)
    error = max(time_error(one.levels[0.1], None) for one in (good, found))
    np.testing.assert_allclose(times(found.levels[0.1]), times(good.levels[0.1]), rtol=0, atol=error)
    for one, other in zip(good.found, found.found, strict=True):
        assert one.paths[0].action == pytest.approx(other.paths[0].action, rel=1e-9)
