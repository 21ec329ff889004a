"""The checks of a run see a mesh that does not resolve the density."""

from types import SimpleNamespace

from dolfinx import fem

from cases.results.checks import checks, problems
from meshes.box import box
from solver.analysis.noise_levels import continue_to_start
from solver.elements.coefficients import coefficients
from solver.elements.evaluate import Locator
from tests.solver.given_density import BOUNDS, COMM, given, marks_of


def test_a_mesh_too_coarse_for_the_density_does_not_pass():
    epsilon, degree = 0.01, 2
    domain, system = box(COMM, BOUNDS, 32), given(epsilon)
    space = fem.functionspace(domain, ("Lagrange", degree))
    levels, _ = continue_to_start(
        coefficients(domain, system, degree),
        space,
        [epsilon],
        marks_of(epsilon),
        Locator(domain),
        None,
        lambda _: None,
    )
    sound = SimpleNamespace(iteration=SimpleNamespace(residual=0.0))
    analysis = SimpleNamespace(levels=levels, barriers=(), wells=[sound], gauge_gap=None)
    found = problems("noise", checks(analysis, {}, None))
    assert any("density_refresh" in text for text in found)
    assert any("committor" in text for text in found)
