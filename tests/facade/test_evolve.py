"""Densities in time through the Python interface: the Ornstein–Uhlenbeck process stays normal."""

import h5py
import numpy as np
import pytest
import scipy.linalg
import sympy as sp
from mpi4py import MPI

import quasipot as qp
from tests.facade.problems import x, y

EPSILON, MEAN, SPREAD = 0.2, np.array([0.5, -0.3]), np.diag([0.09, 0.12])
# non-normal: the covariance is far from A, and turns
B, A = np.array([[-1.0, 1.2], [-0.3, -0.8]]), np.array([[1.0, 0.4], [0.4, 0.5]])


def exact(t):
    """Mean and covariance at time t."""
    limit = EPSILON * scipy.linalg.solve_continuous_lyapunov(B, -A)
    flow = scipy.linalg.expm(B * t)
    return flow @ MEAN, limit + flow @ (SPREAD - limit) @ flow.T


@pytest.mark.mpi
def test_ornstein_uhlenbeck_on_a_line(shared_tmp_path):
    system = qp.System.from_drift([-x], [x])
    box, times = [(-2.5, 2.5)], [0.0, 0.5, 2.0]
    found = qp.evolve(system, box, (0.8, 0.09), EPSILON, times, qp.Mesh(resolution=40))
    t = np.array(times)
    np.testing.assert_allclose(found.mean[:, 0], 0.8 * np.exp(-t), rtol=0, atol=1e-7)
    variance = 0.1 - 0.01 * np.exp(-2 * t)
    np.testing.assert_allclose(found.covariance[:, 0, 0], variance, rtol=0, atol=1e-7)
    s = np.linspace(-2.5, 2.5, 1001)
    normal = np.exp(-((s - found.mean) ** 2) / (2 * variance[:, None]))
    normal /= np.sqrt(2 * np.pi * variance)[:, None]
    gaps = 0.5 * np.trapezoid(np.abs(found.density(s) - normal), s)
    assert (gaps < found.error).all()
    assert found.error.max() < 1e-2
    assert np.isnan(found.density(np.array([3.0]))).all()
    # the generator has the eigenvalues 0, −1, −2, …; the distance is that of two normal densities
    assert found.rate == pytest.approx(1.0, abs=1e-6)
    limit = np.exp(-(s**2) / 0.2) / np.sqrt(0.2 * np.pi)
    far = 0.5 * np.trapezoid(np.abs(normal[1] - limit), s)
    assert found.distance[1] == pytest.approx(far, abs=1e-3)
    np.testing.assert_allclose(
        found.expectation(lambda points: points[:, 0] ** 2), variance + found.mean[:, 0] ** 2, atol=1e-9
    )
    assert found.ok
    assert {check.name for check in found.checks} >= {"transient_mass", "transient_negative"}
    assert "decay rate 1.0000" in repr(found)
    assert "Var x" in found._repr_html_()
    path = found.to_vtk(shared_tmp_path / "density.vtkhdf")
    MPI.COMM_WORLD.Barrier()
    with h5py.File(path) as file:
        assert file["VTKHDF/Steps/Values"][:].tolist() == times
    MPI.COMM_WORLD.Barrier()


@pytest.mark.mpi
def test_ornstein_uhlenbeck_in_the_plane():
    system = qp.System.from_functions(lambda points: points @ B.T, A, bounds=[(-2.6, 2.6)] * 2)
    found = qp.evolve(
        system, [(-2.6, 2.6)] * 2, (MEAN, SPREAD), EPSILON, [1.0], qp.Mesh(resolution=20), tolerance=1e-6
    )
    mean, covariance = exact(1.0)
    np.testing.assert_allclose(found.mean[0], mean, rtol=0, atol=1e-5)
    np.testing.assert_allclose(found.covariance[0], covariance, rtol=0, atol=1e-5)
    points = mean + np.array([[0.0, 0.0], [0.2, 0.1], [-0.3, 0.2]])
    quadratic = np.einsum("ni,ij,nj->n", points - mean, np.linalg.inv(covariance), points - mean)
    normal = np.exp(-quadratic / 2) / np.sqrt(np.linalg.det(2 * np.pi * covariance))
    np.testing.assert_allclose(found.density(points)[0], normal, atol=1e-2 * normal.max())


def test_starts_of_all_kinds_and_the_scheme_that_is_never_negative():
    system = qp.System.from_drift([-x], [x])
    places = qp.find_places(system, [(-2.5, 2.5)])
    mesh = qp.Mesh(resolution=60)
    expression = sp.exp(-((x - sp.Rational(4, 5)) ** 2) / sp.Rational(18, 100))
    of_points = lambda points: 7.0 * np.exp(-((points[:, 0] - 0.8) ** 2) / 0.18)  # noqa: E731
    first = qp.evolve(system, places, (0.8, 0.09), EPSILON, [0.5], mesh)
    for start in (expression, of_points):
        other = qp.evolve(system, places, start, EPSILON, [0.5], mesh)
        np.testing.assert_allclose(other.mean, first.mean, rtol=0, atol=1e-12)
    positive = qp.evolve(system, places, (0.8, 0.09), EPSILON, [0.5], mesh, step=0.01)
    assert positive.mean[0, 0] == pytest.approx(0.8 * np.exp(-0.5), abs=2e-3)
    assert positive.density(np.linspace(-2.5, 2.5, 301)).min() >= -1e-30  # rounding between nodes
    assert np.isnan(positive.rate)
    assert "with controlled steps only" in repr(positive)


@pytest.mark.mpi
@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"times": [1.0, 0.5]}, r"^times: \[1.0, 0.5\] do not increase; give them in order"),
        ({"times": [-1.0]}, r"^times: \[-1.0\] are no times from 0 on; give them in order"),
        ({"start": ([0, 0], [[1, 0], [0, 0]])}, r"^start: this is no covariance; make it symmetric and pos"),
        ({"start": ([0], [[1, 0], [0, 1]])}, r"^start: the shapes are \(1,\) and \(2, 2\); give \(mean, cov"),
        ({"start": ([0, 0],)}, r"^start: these are 1 things; give \(mean, covariance\)"),
        ({"start": x}, r"^start: the density is negative or not finite at \(-1, -1\); use one, as"),
        ({"start": sp.exp(-(sp.Symbol("z") ** 2))}, r"^start: the symbol z is no coordinate"),
        ({"epsilon": 0}, r"^epsilon: 0 are no noise levels"),
        ({"box": [(-1, 1)]}, r"^box: its shape is \(1, 2\) for 2 coordinates"),
        ({"tolerance": -1}, r"^tolerance: -1 is no positive number; give one$"),
        ({"stepp": 1}, r"^options: there is no 'stepp'; did you mean 'step'\?$"),
    ],
)
def test_wrong_arguments(changes, sentence):
    given = {"box": [(-1, 1)] * 2, "start": ([0, 0], [[1, 0], [0, 1]]), "epsilon": 0.1, "times": [1.0]}
    with pytest.raises(ValueError, match=sentence):
        qp.evolve(qp.System.from_drift([-x, -y], [x, y]), **(given | changes))


def test_what_the_mesh_does_not_resolve():
    with pytest.raises(qp.NotConverged, match="refine the mesh where it is steep, or start from a wider"):
        qp.evolve(
            qp.System.from_drift([-x], [x]), [(-2.5, 2.5)], (0.8, 1e-5), 1e-4, [0.01], qp.Mesh(resolution=8)
        )
