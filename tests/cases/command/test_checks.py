"""The checks of a run see a mesh that does not resolve the density."""

import itertools
from types import SimpleNamespace

import numpy as np

from cases.results.checks import arrhenius, failures
from cases.results.findings import Wanted, failed, findings
from meshes.box import box
from tests.solver.chain_of_wells import rates_of, three_wells
from tests.solver.given_density import BOUNDS, COMM, given
from tests.solver.sweeps import landmarks, levels_on


def test_a_mesh_too_coarse_for_the_density_does_not_pass():
    epsilon, degree = 0.01, 2
    domain, system = box(COMM, BOUNDS, 32), given(epsilon)
    marks = landmarks(system, BOUNDS)
    levels = levels_on(domain, system, marks, [epsilon], degree)
    sound = SimpleNamespace(residual=0.0)
    wells = [SimpleNamespace(index=k, iteration=sound) for k in range(len(marks.pins))]
    kinked = SimpleNamespace(smooth=False)  # no prefactors to be compared
    analysis = SimpleNamespace(levels=levels, barriers=(), wells=wells, gauge_gaps=None, places=kinked)
    found = failed(findings(analysis, Wanted((0, 1), named=True)), asked=True)
    assert any("density_refresh" in text for text in found)
    assert any("committor" in text for text in found)


def chain_analysis(epsilons, stretch=1.0):
    """Three wells on the line, solved by quadrature; the barrier from 1 to 2 is stretched."""
    _, _, costs = three_wells()
    costs[1, 2] *= stretch
    barriers = [
        SimpleNamespace(start=i, end=j, barrier=costs[i, j], upper=costs[i, j], mismatch=0.0)
        for i, j in itertools.permutations(range(3), 2)
        if np.isfinite(costs[i, j])
    ]
    well = SimpleNamespace(iteration=SimpleNamespace(residual=0.0))
    levels = {
        epsilon: SimpleNamespace(
            state=SimpleNamespace(rates=rates_of(epsilon), committor_errors=None, window_change=0.0),
            gauge_refresh=0.0,
            density_refresh=0.0,
            margin=50.0,
        )
        for epsilon in epsilons
    }
    smooth = SimpleNamespace(smooth=True)
    return SimpleNamespace(levels=levels, barriers=barriers, wells=[well] * 3, gauge_gap=None, places=smooth)


def test_times_that_lead_over_another_well_are_held_against_the_chain():
    """Between the outer wells there is no direct pass; other ways may lead back through a deep well."""
    for pair in itertools.permutations(range(3), 2):
        assert not failures(arrhenius(chain_analysis([0.08, 0.04, 0.02]), pair))
        wrong = arrhenius(chain_analysis([0.08, 0.04, 0.02], 1.1), pair)
        assert bool(failures(wrong)) == (2 in pair and pair[0] != 2)
