"""The checks of a run see a mesh that does not resolve the density."""

import itertools
from collections.abc import Callable
from dataclasses import dataclass
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
    found = findings(analysis, Wanted((0, 1), named=True))
    assert any("committor" in text for text in failed(found, asked=True))
    assert any("density_refresh" in text for text in failed(found, asked=False))
    # without an escape to ask for the density is what counts
    assert any(
        "density_refresh" in text for text in failed(findings(analysis, Wanted(None, False)), asked=True)
    )


@dataclass(frozen=True)
class Law:
    """What Kramers' law says of one rate: log T, less what it is off by."""

    start: int
    end: int
    off: Callable[[float], float]

    def log_mfpt(self, epsilon):
        return -rates_of(epsilon).log_rate[self.start, self.end] - self.off(epsilon)


def chain_analysis(epsilons, stretch=1.0, off=lambda _: 0.0):
    """Three wells on the line, solved by quadrature; the barrier from 1 to 2 is stretched."""
    _, _, costs = three_wells()
    costs[1, 2] *= stretch
    barriers = [
        SimpleNamespace(start=i, end=j, barrier=costs[i, j], upper=costs[i, j], mismatch=0.0)
        for i, j in itertools.permutations(range(3), 2)
        if np.isfinite(costs[i, j])
    ]
    well = SimpleNamespace(iteration=SimpleNamespace(residual=0.0))
    laws = [Law(one.start, one.end, off) for one in barriers]
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
    pins = SimpleNamespace(pins=[None] * 3)
    return SimpleNamespace(
        levels=levels, barriers=barriers, wells=[well] * 3, gauge_gap=None, places=smooth, asymptotics=laws,
        landmarks=pins,
    )  # fmt: skip


def test_a_power_of_the_noise_is_allowed_where_the_law_is_not_reached():
    """From 1 to 0, where the slope is that of one barrier; other powers than ½ are for no one direction."""
    pair, epsilons = (1, 2), [0.04, 0.02]
    plain = arrhenius(chain_analysis(epsilons), pair)["arrhenius_slope"]
    slow = arrhenius(chain_analysis(epsilons, off=lambda e: 3.0 * e**0.5), pair)["arrhenius_slope"]
    assert slow < plain <= 1
    # log T and the law come apart as the noise falls: a wrong barrier
    for stretch in (1.0, 1.1):
        same = arrhenius(chain_analysis(epsilons, stretch), pair)["arrhenius_slope"]
        apart = arrhenius(chain_analysis(epsilons, stretch, lambda e: 0.01 / e), pair)["arrhenius_slope"]
        assert apart == same


def test_times_that_lead_over_another_well_are_held_against_the_chain():
    """Between the outer wells there is no direct pass; other ways may lead back through a deep well."""
    for pair in itertools.permutations(range(3), 2):
        assert not failures(arrhenius(chain_analysis([0.08, 0.04, 0.02]), pair))
        wrong = arrhenius(chain_analysis([0.08, 0.04, 0.02], 1.1), pair)
        assert bool(failures(wrong)) == (2 in pair and pair[0] != 2)
