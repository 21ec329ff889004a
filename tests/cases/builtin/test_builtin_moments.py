"""Moments of the stationary densities of built-in cases, solved on coarse meshes, against exact ones."""

import numpy as np
import pytest
from dolfinx import fem
from mpi4py import MPI
from scipy.integrate import quad

from cases.loading.load import load
from cases.loading.validate import validate
from cases.noise.tensors import scaled
from cases.problem.places import grade, make_mesh, structure
from solver.analysis.stages import well_sizes
from solver.elements.coefficients import coefficients
from solver.elements.evaluate import Locator
from solver.elements.integrals import expectations
from solver.elements.region import whole
from solver.fokker_planck.continuation import density, next_gauge, schedule
from solver.fokker_planck.landmarks import first_epsilon

EPSILON = 0.1


def second_moments(name, noise, *overrides):
    """E x xᵀ by ε-continuation of the stationary density, on the mesh of the case."""
    case, _ = load(name, [f"compare.epsilon=[{EPSILON}]", *overrides])
    landscape = validate(case)
    domain = make_mesh(case, landscape, MPI.COMM_WORLD)
    places = structure(case, landscape, domain)
    system = scaled(case, landscape, places.attractors[places.start].point)[noise].system
    marks = places.found.pinned(system)
    domain = grade(case, domain, [pin.point for pin in marks.pins], well_sizes(marks, EPSILON))
    base, locator = coefficients(domain, system, case.mesh.degree), Locator(domain)
    corners = np.array(np.meshgrid(*case.domain.bounds)).reshape(case.dim, -1).T
    part, gauge = (
        base.on(whole(domain)),
        fem.Function(fem.functionspace(domain, ("Lagrange", case.mesh.degree))),
    )
    plan = schedule(first_epsilon(corners, marks.pins), [EPSILON])
    for epsilon, following in zip(plan, [*plan[1:], None], strict=True):
        state = density(part, gauge, epsilon, marks, locator, None)
        if following is not None:
            gauge, part = next_gauge(state, marks, locator, following)
    p = fem.Function(gauge.function_space)
    p.x.array[:] = state.q.x.array * np.exp(-(state.gauge.x.array - state.gauge.x.array.min()) / EPSILON)
    rows, columns = np.triu_indices(case.dim)
    values = expectations(base, p, lambda x: np.concatenate([np.ones((1, x.shape[1])), x[rows] * x[columns]]))
    result = np.empty((case.dim, case.dim))
    result[rows, columns] = result[columns, rows] = values[1:] / values[0]
    return result


def test_loss_noise_has_the_moments_that_decide_stability():
    # E L = L0/(1 - eps tr H/2), Cov x = eps E[L] I, with H = [[2, 1/2], [1/2, 1]] and L0 = 0.1
    found = second_moments("loss-noise", "loss", "mesh.resolution=20")
    expected = EPSILON * 0.1 / (1 - EPSILON * 3 / 2) * np.eye(2)
    np.testing.assert_allclose(found, expected, atol=2e-3 * expected[0, 0])


@pytest.mark.parametrize("kappa", [1.0, 0.5])
def test_projected_matrices_repel_their_levels_less(kappa):
    found = second_moments(
        "projected-matrices", "projected", f"system.parameters.kappa={kappa}", "mesh.resolution=24"
    )

    def weight(r):
        return r * (r**2 + 0.05**2) ** ((kappa - 1) / 2) * np.exp(-(r**2) / EPSILON)

    exact = quad(lambda r: r**2 * weight(r), 0, 2.2)[0] / quad(weight, 0, 2.2)[0]
    assert np.trace(found) == pytest.approx(exact, rel=1e-3)
    assert found[0, 0] == pytest.approx(found[1, 1], rel=1e-3)


def test_additive_noise_balances_the_factors():
    # s2² E x² = s1² E y² exactly, and the values of seeds by quadrature in the plane
    found = second_moments(
        "factorization", "isotropic", "mesh.resolution=24", "system.options.s1=0.3", "system.options.s2=0.3",
        "domain.bounds=[[-4.0, 4.0], [-4.0, 4.0]]",
    )  # fmt: skip
    assert found[0, 0] == pytest.approx(1.130560721, rel=5e-3)
    assert found[0, 1] == pytest.approx(0.882723527, rel=5e-3)
    assert found[0, 0] == pytest.approx(found[1, 1], rel=5e-3)
