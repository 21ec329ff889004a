"""Which directions noise reaches by way of the drift."""

import numpy as np
import pytest

from solver.drift.controllability import is_singular, stable_approach, unreached
from solver.drift.lyapunov import covariance
from solver.system import System, constant_tensor

# dy = x dt, dx = (−x − y) dt + dW
CHAIN = np.array([[-1.0, -1.0], [1.0, 0.0]])
NOISE = np.diag([1.0, 0.0])


def test_noise_that_is_handed_on():
    assert unreached(CHAIN, NOISE) is None
    np.testing.assert_allclose(covariance(CHAIN, NOISE), np.diag([0.5, 0.5]), atol=1e-14)


@pytest.mark.parametrize("scale", [1e-9, 1.0, 1e9])
def test_directions_without_noise(scale):
    # two separate coordinates, in units of any size
    alone = unreached(scale * np.diag([-1.0, -2.0]), NOISE / scale)
    np.testing.assert_allclose(alone, [0.0, 1.0], atol=1e-9)
    # equal rates: the noise reaches one combination only
    turned = unreached(-scale * np.eye(2), np.array([[1.0, 1.0], [1.0, 1.0]]))
    np.testing.assert_allclose(np.abs(turned), np.sqrt(0.5), atol=1e-9)
    assert turned[0] * turned[1] < 0


def test_a_plane_without_noise():
    turning = np.array([[-1.0, 0.0, 0.0], [0.0, -0.1, 2.0], [0.0, -2.0, -0.1]])
    found = unreached(turning, np.diag([1.0, 0.0, 0.0]))
    assert abs(found[0]) < 1e-9
    assert np.linalg.norm(found) == pytest.approx(1.0)


def test_rank():
    tensors = np.stack([np.eye(2), np.diag([1.0, 0.3])], axis=-1)
    assert not is_singular(tensors)
    assert is_singular(np.concatenate([tensors, np.full((2, 2, 1), 0.5)], axis=-1))


def test_cost_of_coming_to_a_saddle_against_its_quadratic():
    """Along the way in, V − V(saddle) = ½ yᵀΣ⁻¹y with the indefinite Σ of the saddle."""
    jacobian = np.array([[0.0, 1.0], [1.0, -0.5]])
    tensor, divergence = constant_tensor(np.diag([0.0, 1.0]))
    case = System(2, lambda x: jacobian @ x, lambda x: jacobian[:, :, None] + 0 * x[:1], tensor, divergence)
    rate, left, _, gain = stable_approach(case, np.zeros(2))
    sigma = covariance(jacobian, np.diag([0.0, 1.0]))
    into = jacobian + np.diag([0.0, 1.0]) @ np.linalg.inv(sigma)
    values, vectors = np.linalg.eig(into)
    way = vectors[:, np.argmin(values)]
    assert values.min() == pytest.approx(-rate)
    assert -rate / gain * (left @ way) ** 2 == pytest.approx(0.5 * way @ np.linalg.inv(sigma) @ way)
