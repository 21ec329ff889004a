"""The built-in cases say what their files claim: exact stationary densities, without solving anything."""

import numpy as np
import pytest

from cases import landscape, noise
from cases.casefile import BUILTIN, builtin_cases, load

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
    text = (BUILTIN / f"{name}.toml").read_text()
    assert "arXiv" in text or "Phys. Rev." in text


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
