"""The built-in cases say what their files claim: exact stationary densities, without solving anything."""

import numpy as np
import pytest

from cases.loading.catalogue import BUILTIN, builtin_cases
from cases.loading.load import load
from cases.loading.validate import validate
from cases.noise import tensors as noise
from cases.problem import landscape

RNG = np.random.default_rng(11)


def systems(name, start, *overrides):
    case, _ = load(name, overrides)
    return noise.scaled(case, landscape.build(case), np.array(start))


def flux(system, epsilon, log_slope, x):
    """Probability flux over p, ``b − ½ε (∇·A + A ∇log p)``, and the size of its terms."""
    drift, spread = system.drift(x), 0.5 * epsilon * system.divergence(x)
    gradient = 0.5 * epsilon * np.einsum("ijn,jn->in", system.diffusion(x), log_slope)
    return drift - spread - gradient, np.abs(drift) + np.abs(spread) + np.abs(gradient)


def slope(function, x, step=1e-5):
    shift = step * np.eye(len(x))[:, :, None]
    return np.stack([(function(x + s) - function(x - s)) / (2 * step) for s in shift])


@pytest.mark.parametrize("name", builtin_cases())
def test_every_case_names_its_source(name):
    case, _ = load(name)
    assert case.title
    assert case.paper
    first = (BUILTIN / f"{name}.toml").read_text().splitlines()[0]
    assert first.startswith("# arXiv ")
    assert first.split(":")[0].removeprefix("# ") in case.paper


@pytest.mark.parametrize("name", builtin_cases())
def test_every_case_is_sound_over_its_domain(name):
    # drift and noises are finite, covariances positive; the named attractors are zeros of the drift
    case, _ = load(name)
    built = validate(case)
    for place in (case.compare.from_, case.compare.to):
        if isinstance(place, list):
            x = np.array(place)[:, None]
            jacobian = built.jacobian(x)[:, :, 0]
            rates = np.linalg.eigvals(jacobian)
            assert np.all(rates.real < 0)
            assert np.abs(np.linalg.solve(jacobian, built.drift(x))).max() < 2e-3


@pytest.mark.parametrize("kappa", [1.0, 0.5, 0.1])
@pytest.mark.parametrize("epsilon", [0.1, 0.4])
def test_projected_rings_have_the_exact_density(kappa, epsilon):
    # p = r^(kappa - 1) exp(-2 F/eps) h(angle): r^kappa in r, and h = exp(-2 angular cos/(eps kappa))
    r, angle = RNG.uniform(1.0, 3.6, 40), RNG.uniform(0, 2 * np.pi, 40)
    x = np.stack([r * np.cos(angle), r * np.sin(angle)])
    one = systems("projected-rings", [-1.0, 0.0], f"system.parameters.kappa={kappa}")["projected"]

    def log_density(x):
        r = np.hypot(*x)
        return (
            (kappa - 1) * np.log(r)
            - ((r - 2) ** 2 - 1) ** 2 / (2 * epsilon)
            - 2 * x[0] / r / (epsilon * kappa)
        )

    found, size = flux(one.system, epsilon, slope(log_density, x), x)
    # the rounded centre is felt like exp(-r^2/(2 core^2)): 4e-6 on the inner ring
    assert np.max(np.abs(found) / size.max()) < 1e-5


def test_angular_term_does_not_move_the_radius():
    r, angle = RNG.uniform(1.1, 3.6, 40), RNG.uniform(0, 2 * np.pi, 40)
    x = np.stack([r * np.cos(angle), r * np.sin(angle)])
    for one in systems("projected-rings", [-1.0, 0.0]).values():
        radial = np.sum(one.system.drift(x) * x, axis=0) / r
        np.testing.assert_allclose(radial, -(r - 2) * ((r - 2) ** 2 - 1), atol=1e-5)
        np.testing.assert_allclose(
            np.einsum("in,ijn,jn->n", x, one.system.diffusion(x), x) / r**2, 1, atol=1e-5
        )


@pytest.mark.parametrize("kappa", [0.5, 0.1])
@pytest.mark.parametrize("epsilon", [0.1, 0.2])
def test_projected_matrices_have_the_exact_density(kappa, epsilon):
    # p = (r^2 + core^2)^((kappa - 1)/2) exp(-r^2/eps), everywhere
    x = RNG.uniform(-1.6, 1.6, (2, 40))
    one = systems("projected-matrices", [0.0, 0.0], f"system.parameters.kappa={kappa}")["projected"]
    square = np.sum(x**2, axis=0)
    log_slope = ((kappa - 1) / (square + 0.05**2) - 2 / epsilon) * x
    found, size = flux(one.system, epsilon, log_slope, x)
    assert np.max(np.abs(found)) < 1e-13 * size.max()


def test_matrices_and_their_coordinates():
    # a rotation by t turns (u, v) = ((a - b)/sqrt(2), sqrt(2) c) by 2 t and keeps the gap sqrt(2) |(u, v)|
    a, b, c, t = 0.7, -0.4, 0.3, 0.37
    matrix, turn = np.array([[a, c], [c, b]]), np.array([[np.cos(t), -np.sin(t)], [np.sin(t), np.cos(t)]])

    def plane(m):
        return np.array([(m[0, 0] - m[1, 1]) / 2**0.5, 2**0.5 * m[0, 1]])

    double = np.array([[np.cos(2 * t), -np.sin(2 * t)], [np.sin(2 * t), np.cos(2 * t)]])
    np.testing.assert_allclose(plane(turn @ matrix @ turn.T), double @ plane(matrix), rtol=1e-13)
    assert np.ptp(np.linalg.eigvalsh(matrix)) == pytest.approx(2**0.5 * np.linalg.norm(plane(matrix)))


@pytest.mark.parametrize(
    ("name", "start"),
    [("radial-diabetes", [0.549, 0.308]), ("radial-diabetes-s5", [-1.036, 1.102])],
)
def test_noises_of_data_have_equal_trace(name, start):
    traces = [np.trace(one.tensor) for one in systems(name, start).values()]
    np.testing.assert_allclose(traces, traces[0], rtol=1e-12)


def test_sharp_flat_tends_to_the_sharp_ridge():
    # min(q1, q2) less the softness^2/(|q1 - q2|) of the smooth minimum, away from the ridge
    case, _ = load("sharp-flat", ["system.parameters.softness=0.01"])
    x, y = points = RNG.uniform(-3, 1.8, (2, 200))
    sharp = 5 * (x - y) ** 2 + 50 * (x + y - 2) ** 2
    flat = (x + 1) ** 2 + (y + 1) ** 2
    expected = np.minimum(sharp, flat)
    np.testing.assert_allclose(landscape.build(case).loss(points), expected, atol=0.01)
    far = np.abs(sharp - flat) > 1
    np.testing.assert_allclose(landscape.build(case).loss(points[:, far]), expected[far], atol=1e-4)
    built = landscape.build(load("sharp-flat")[0])
    sharp_curvature = np.linalg.eigvalsh(built.hessian(np.array([[0.99969], [0.99969]]))[:, :, 0])
    np.testing.assert_allclose(sharp_curvature, [20, 200], rtol=0.02)


def test_noise_of_selection_has_constant_trace():
    x = RNG.uniform(-2, 2, (2, 20))
    one = systems("selection", [-1.0, 0.0])["selective"]
    np.testing.assert_allclose(np.einsum("iin->n", one.system.diffusion(x)), 2, rtol=1e-14)
    np.testing.assert_allclose(one.system.diffusion(x)[0, 0], 1 + np.tanh(2 * x[0]) / 2, rtol=1e-14)


@pytest.mark.parametrize("kappa", [0.5, 0.1])
def test_projected_sphere_has_the_exact_density(kappa):
    # p = (x^2 + y^2 + core^2)^((kappa - 1)/2) exp(-|x|^2/eps), everywhere
    epsilon = 0.4
    x = RNG.uniform(-1.8, 1.8, (3, 40))
    one = systems("projected-sphere", [0.0, 0.0, 0.0], f"system.parameters.kappa={kappa}")["projected"]
    axis = np.array([[1.0], [1.0], [0.0]]) * x
    log_slope = (kappa - 1) * axis / (x[0] ** 2 + x[1] ** 2 + 0.2**2) - 2 * x / epsilon
    found, size = flux(one.system, epsilon, log_slope, x)
    assert np.max(np.abs(found)) < 1e-13 * size.max()
