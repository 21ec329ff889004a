import numpy as np
import pytest

from cases.landscapes.models.catalogue import MODELS
from cases.landscapes.models.datasets import feature_and_target

RNG = np.random.default_rng(5)


def build(name, **options):
    chosen = MODELS[name]
    return chosen.build(chosen.options.model_validate(options), {})


def numerical(function, x, step=1e-5):
    """Derivatives of a function of points ``(d, N)`` by central differences, last but one axis."""
    d = x.shape[0]
    shift = step * np.eye(d)[:, :, None]
    return np.stack(
        [(function(x + shift[j]) - function(x - shift[j])) / (2 * step) for j in range(d)], axis=-2
    )


def normal_moments(x, s):
    """E (x + ξ)^k, ξ ~ N(0, s²), k = 0 to 4."""
    return [1, x, x**2 + s**2, x**3 + 3 * x * s**2, x**4 + 6 * x**2 * s**2 + 3 * s**4]


@pytest.mark.parametrize(("s1", "s2"), [(0.3, 0.3), (0.5, 0.25)])
def test_factorization_has_the_exact_mean_and_covariance(s1, s2):
    # Seeds: S11 = X2 Y4 - 2 X1 Y3 + Y2 - (X1 Y2 - Y1)², and so on; the mean loss in closed form
    landscape = build("factorization", s1=s1, s2=s2)
    x, y = points = RNG.uniform(-2, 2, (2, 9))
    X, Y = normal_moments(x, s1), normal_moments(y, s2)
    gx, gy = X[1] * Y[2] - Y[1], X[2] * Y[1] - X[1]
    s11 = X[2] * Y[4] - 2 * X[1] * Y[3] + Y[2] - gx**2
    s12 = X[3] * Y[3] - 2 * X[2] * Y[2] + X[1] * Y[1] - gx * gy
    s22 = Y[2] * X[4] - 2 * Y[1] * X[3] + X[2] - gy**2
    np.testing.assert_allclose(landscape.samples.covariance(points), [[s11, s12], [s12, s22]], rtol=1e-11)
    mean = (x * y - 1) ** 2 / 2 + s2**2 * x**2 / 2 + s1**2 * y**2 / 2 + s1**2 * s2**2 / 2
    np.testing.assert_allclose(landscape.loss(points), mean, rtol=1e-12)


def test_rectangular_factorization_has_the_exact_mean_and_the_sampled_covariance():
    s1, s2 = 0.4, 0.2
    landscape = build("factorization_rectangular", s1=s1, s2=s2)
    x1, x2, y = points = RNG.uniform(-2, 2, (3, 6))
    mean = ((x1 * y - 1) ** 2 + (x2 * y) ** 2 + s2**2 * (x1**2 + x2**2) + 2 * s1**2 * y**2) / 2
    np.testing.assert_allclose(landscape.loss(points), mean + s1**2 * s2**2, rtol=1e-12)
    u1, u2, v = RNG.normal(size=(3, 1_000_000)) * np.array([[s1], [s1], [s2]])
    a, b, c = points[0, 0] + u1, points[1, 0] + u2, points[2, 0] + v
    gradients = np.stack([(a * c - 1) * c, b * c**2, (a * c - 1) * a + b**2 * c])
    np.testing.assert_allclose(
        landscape.samples.covariance(points[:, :1])[:, :, 0], np.cov(gradients), atol=0.02
    )


@pytest.mark.parametrize(("s1", "s2"), [(0.3, 0.3), (0.5, 0.25)])
def test_noise_in_the_factors_selects_one_factorization(s1, s2):
    # |x|² = (m - g) sqrt(l_y/l_x), |y|² = (m - g) sqrt(l_x/l_y), l_x = s2², l_y = s1², g = s1 s2
    landscape = build("factorization", s1=s1, s2=s2)
    best = np.sqrt((1 - s1 * s2) * np.array([[s1 / s2], [s2 / s1]]))
    np.testing.assert_allclose(landscape.drift(best), 0, atol=1e-14)
    assert np.linalg.eigvalsh(landscape.hessian(best)[:, :, 0])[0] > 0.1
    gap = landscape.loss(np.zeros((2, 1))) - landscape.loss(best)
    assert gap[0] == pytest.approx((1 - s1 * s2) ** 2 / 2, rel=1e-12)


# Stationary points and losses as found independently (seeds.md) to three digits
@pytest.mark.parametrize(
    ("feature", "points", "losses"),
    [
        ("bmi", [(-1.001, 1.162), (0.549, 0.308), (-0.155, 0.765)], [0.4969, 0.5486, 0.5997]),
        ("s5", [(-1.036, 1.102), (0.901, 0.110), (-0.351, 0.842)], [0.5736, 0.4933, 0.6318]),
        ("petal_length", [(-2.081, 0.459), (0.049, -0.032), (2.656, 0.167)], None),
    ],
)
def test_radial_unit_has_the_known_stationary_points(feature, points, losses):
    landscape = build("radial", feature=feature, l2=0.005)
    x = np.array(points).T
    np.testing.assert_allclose(landscape.drift(x), 0, atol=2e-3)
    if losses is not None:
        np.testing.assert_allclose(landscape.loss(x), losses, atol=6e-5)
        smallest = np.linalg.eigvalsh(np.moveaxis(landscape.samples.covariance(x), 2, 0)).min()
        assert smallest > 0.8


def test_free_bias_contains_the_fixed_one():
    free, fixed = build("radial_bias", l2=0.0), build("radial", l2=0.0)
    x = RNG.uniform(-1, 1, (2, 5))
    x3 = np.vstack([x, -np.ones(5)])
    np.testing.assert_allclose(free.loss(x3), fixed.loss(x), rtol=1e-13)
    np.testing.assert_allclose(free.drift(x3)[:2], fixed.drift(x), rtol=1e-12)


def test_free_bias_against_the_data():
    z, y = feature_and_target("s5")
    landscape = build("radial_bias", feature="s5", l2=0.01)
    c, w, b = point = np.array([0.7, 0.2, -0.4])
    bump = 2 * np.exp(-2 * (z - c) ** 2)
    residual = bump + b + w * z - y
    assert landscape.loss(point[:, None])[0] == pytest.approx(
        np.mean(residual**2) / 2 + 0.01 * point @ point, rel=1e-13
    )
    gradients = residual * np.stack([4 * (z - c) * bump, z, np.ones_like(z)])
    np.testing.assert_allclose(
        landscape.samples.covariance(point[:, None])[:, :, 0], np.cov(gradients, bias=True), rtol=1e-11
    )


def test_iris_is_what_it_says():
    z, y = feature_and_target("petal_length")
    assert z.shape == y.shape == (150,)
    assert sorted(set(y)) == [-1.0, 1.0]
    assert (y == 1).sum() == 50
    assert z.mean() == pytest.approx(0, abs=1e-12)
    assert z.std() == pytest.approx(1)
    # versicolor lies between the two other species
    assert z[y == 1].min() > z[y == -1].min()
    assert z[y == 1].max() < z[y == -1].max()


def test_noise_of_the_symmetric_neuron_vanishes_at_its_saddle():
    landscape = build("symmetric_neuron")
    origin = np.zeros((2, 1))
    np.testing.assert_array_equal(landscape.samples.covariance(origin), np.zeros((2, 2, 1)))
    low, high = np.linalg.eigvalsh(landscape.hessian(origin)[:, :, 0])
    assert low < -0.1 < 0.1 < high
    x = RNG.uniform(-1, 1, (2, 4))
    np.testing.assert_allclose(landscape.loss(x), landscape.loss(-x), rtol=1e-14)
    # A ~ distance² along the way out, so that the action diverges like log(1/distance)
    way = np.linalg.eigh(landscape.hessian(origin)[:, :, 0])[1][:, :1]
    sizes = [np.trace(landscape.samples.covariance(r * way)[:, :, 0]) for r in (1e-3, 1e-4)]
    assert sizes[0] / sizes[1] == pytest.approx(100, rel=1e-2)


@pytest.mark.parametrize(
    "name", ["radial_bias", "symmetric_neuron", "factorization", "factorization_rectangular"]
)
def test_derivatives_belong_together(name):
    landscape = build(name)
    x = RNG.uniform(-1, 1, (landscape.dim, 4))
    np.testing.assert_allclose(-landscape.drift(x), numerical(landscape.loss, x), atol=1e-7)
    np.testing.assert_allclose(
        landscape.jacobian(x), np.moveaxis(numerical(landscape.drift, x), 1, 1), atol=1e-7
    )
    slopes = numerical(landscape.samples.covariance, x)
    small = 1e-6 * np.abs(slopes).max() + 1e-7
    np.testing.assert_allclose(landscape.samples.covariance_slope(x), slopes, atol=small)
    np.testing.assert_allclose(
        landscape.samples.divergence(x),
        np.einsum("ijjn->in", slopes),
        atol=small,
    )
