import numpy as np
import pytest

from cases.expressions.parse import parse
from cases.landscapes import sample_loss
from cases.landscapes.landscape import domain_sample, from_drift
from cases.landscapes.models.radial import diabetes
from cases.loading.catalogue import builtin_cases
from cases.loading.load import load
from cases.loading.validate import validate
from cases.problem import landscape

MINIMA = np.array([[-1.001, 0.549], [1.162, 0.308]])
SADDLE = np.array([[-0.155], [0.765]])


@pytest.fixture(scope="module")
def radial():
    return landscape.build(load("radial-diabetes")[0])


def differences(function, x, h=1e-4):
    """Central differences of fourth order: a new axis for the direction, before the points."""
    return np.stack(
        [
            (8 * (function(x + s) - function(x - s)) - function(x + 2 * s) + function(x - 2 * s)) / (12 * h)
            for s in h * np.eye(len(x))[:, :, None]
        ],
        axis=-2,
    )


def check_derivatives(system, x, tol=1e-8):
    np.testing.assert_allclose(system.jacobian(x), differences(system.drift, x), atol=tol, rtol=10 * tol)
    if system.loss is not None:
        np.testing.assert_allclose(-system.drift(x), differences(system.loss, x), atol=tol)
        np.testing.assert_allclose(system.hessian(x), -system.jacobian(x), atol=1e-13)


@pytest.mark.parametrize("name", builtin_cases())
def test_builtin_cases_are_valid(name):
    case, _ = load(name)
    built = validate(case)
    assert built.dim == case.dim
    points = domain_sample(case)
    check_derivatives(built, 0.97 * points[:, ::7] + 0.01, tol=1e-6)
    assert built.drift(np.zeros((case.dim, 0))).shape == (case.dim, 0)
    assert built.jacobian(np.zeros((case.dim, 0))).shape == (case.dim, case.dim, 0)


def test_drift_that_is_no_gradient():
    exprs = [parse(text, ["x", "y"], {"r": 3.0}) for text in ("x - x**3 - r*y", "-y + r*x")]
    built = from_drift(exprs, ["x", "y"], {"r": 3.0})
    assert built.loss is None
    check_derivatives(built, np.random.default_rng(1).uniform(-1, 1, (2, 9)))


def test_radial_losses(radial):
    np.testing.assert_allclose(radial.loss(MINIMA), [0.4969, 0.5486], atol=5e-5)
    np.testing.assert_allclose(radial.loss(SADDLE), [0.5997], atol=5e-5)


def test_radial_fixed_points(radial):
    for point, signs in [(MINIMA[:, 0], [1, 1]), (MINIMA[:, 1], [1, 1]), (SADDLE[:, 0], [-1, 1])]:
        x = point.reshape(2, 1)
        for _ in range(8):
            x = x - np.linalg.solve(radial.jacobian(x)[:, :, 0], radial.drift(x)[:, 0]).reshape(2, 1)
        assert np.abs(radial.drift(x)).max() < 1e-12
        np.testing.assert_allclose(x[:, 0], point, atol=6e-4)
        assert list(np.sign(np.linalg.eigvalsh(radial.hessian(x)[:, :, 0]))) == signs


def test_radial_covariance_eigenvalues(radial):
    tensors = radial.samples.covariance(np.hstack([MINIMA, SADDLE]))
    found = np.linalg.eigvalsh(np.moveaxis(tensors, 2, 0))
    assert 0.84 < found.min() < 0.86
    assert 2.45 < found.max() < 2.55


def test_radial_against_plain_numpy(radial):
    z, y = diabetes("bmi")
    assert abs(z.mean()) < 1e-12
    assert z.std() == pytest.approx(1)
    rng = np.random.default_rng(3)
    x = rng.uniform(-2, 2, (2, 20))
    for k in range(20):
        c, w = x[:, k]
        bump = 2 * np.exp(-2 * (z - c) ** 2)
        residual = bump - 1 + w * z - y
        grads = residual * np.array([bump * 4 * (z - c), z])
        assert radial.loss(x[:, [k]])[0] == pytest.approx(
            np.mean(residual**2) / 2 + 0.005 * (c**2 + w**2), rel=1e-13
        )
        np.testing.assert_allclose(
            radial.drift(x[:, [k]])[:, 0], -grads.mean(axis=1) - 0.01 * x[:, k], atol=1e-13
        )
        np.testing.assert_allclose(
            radial.samples.covariance(x[:, [k]])[:, :, 0], np.cov(grads, bias=True), atol=1e-12
        )
        out = np.empty(2)
        radial.samples.sample_gradient(x[:, k], 17, out)
        np.testing.assert_allclose(out, grads[:, 17] + 0.01 * x[:, k], atol=1e-13)


def test_mean_sample_gradient_is_the_gradient(radial):
    theta, out = np.array([0.3, -0.4]), np.empty(2)
    total = np.zeros(2)
    for i in range(radial.samples.size):
        radial.samples.sample_gradient(theta, i, out)
        total += out
    np.testing.assert_allclose(
        total / radial.samples.size, -radial.drift(theta.reshape(2, 1))[:, 0], atol=1e-13
    )


def test_radial_divergence(radial):
    x = np.random.default_rng(4).uniform(-2, 2, (2, 15))
    slopes = differences(radial.samples.covariance, x)
    np.testing.assert_allclose(radial.samples.divergence(x), np.einsum("ijjn->in", slopes), atol=1e-7)


def test_sample_loss_in_three_parameters():
    rng = np.random.default_rng(5)
    data = {"u": rng.normal(size=50), "v": rng.normal(size=50)}
    names = ["a", "b", "c"]
    loss = parse("(a*tanh(b*u + c) - v)**2/2 + abs(a)*sign(u)", [*names, "u", "v"])
    samples = sample_loss.build(loss, parse("a**2 + b*c", names), names, data)
    x = rng.uniform(0.1, 1, (3, 6))
    np.testing.assert_allclose(samples.gradient(x), differences(samples.loss, x), atol=1e-8)
    np.testing.assert_allclose(samples.hessian(x), differences(samples.gradient, x), atol=1e-8)
    slopes = differences(samples.covariance, x)
    np.testing.assert_allclose(samples.divergence(x), np.einsum("ijjn->in", slopes), atol=1e-7)
    assert samples.covariance(np.zeros((3, 0))).shape == (3, 3, 0)


def test_results_do_not_share_memory(radial):
    x = np.array([[0.1], [0.2]])
    first = radial.samples.divergence(x)
    kept = first.copy()
    first += 1
    radial.loss(x)[:] = 7
    np.testing.assert_array_equal(radial.samples.divergence(x), kept)
    assert radial.loss(x)[0] != 7
