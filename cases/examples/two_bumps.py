"""A landscape of one's own as Python functions, read by two_bumps.toml.

One bump, 2 exp(−2 (z − c)²) + w z, is fitted to data that have two: c goes to one or to the other.
The loss and the gradients of the samples are all that is given; the gradient of the loss, its Hessian,
the covariance A and ∇·A are made from these.
"""

from collections.abc import Callable

import numpy as np

Z = np.linspace(-2.4, 2.4, 13)[:, None]
Y = 2.0 * np.exp(-2 * (Z + 1) ** 2) + 1.6 * np.exp(-2 * (Z - 1) ** 2) + 0.3 * np.sin(9 * Z)


def build(decay: float = 0.1) -> dict[str, Callable[[np.ndarray], np.ndarray]]:
    """Functions of points (2, N): one column for each pair (c, w)."""

    def loss(x: np.ndarray) -> np.ndarray:
        c, w = x
        residual = 2 * np.exp(-2 * (Z - c) ** 2) + w * Z - Y  # (samples, N)
        return 0.5 * np.mean(residual**2, axis=0) + decay / 2 * (c**2 + w**2)

    def sample_gradients(x: np.ndarray) -> np.ndarray:
        c, w = x
        bump = 2 * np.exp(-2 * (Z - c) ** 2)
        residual = bump + w * Z - Y
        return np.stack([residual * bump * 4 * (Z - c), residual * Z], axis=1)  # (samples, 2, N)

    return {"loss": loss, "sample_gradients": sample_gradients}
