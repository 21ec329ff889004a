"""The checks of a run see a mesh that does not resolve the density."""

from types import SimpleNamespace

from cases.results.checks import checks, problems
from meshes.box import box
from tests.solver.given_density import BOUNDS, COMM, given
from tests.solver.sweeps import landmarks, levels_on


def test_a_mesh_too_coarse_for_the_density_does_not_pass():
    epsilon, degree = 0.01, 2
    domain, system = box(COMM, BOUNDS, 32), given(epsilon)
    levels = levels_on(domain, system, landmarks(system, BOUNDS), [epsilon], degree)
    sound = SimpleNamespace(iteration=SimpleNamespace(residual=0.0))
    analysis = SimpleNamespace(levels=levels, barriers=(), wells=[sound], gauge_gap=None)
    found = problems("noise", checks(analysis, {}, None))
    assert any("density_refresh" in text for text in found)
    assert any("committor" in text for text in found)
