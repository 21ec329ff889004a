"""Noise in proportion to the loss: A(x) = 2 L(x) H.

For least squares the covariance of the per-sample gradients near a minimum x̄ is about twice the loss
times its Hessian, ``Cov g ≈ 2 L(x) H`` (Mori, Ziyin, Liu, Ueda 2022; Wu, Su 2023, arXiv 2305.17490),
because the residuals of the samples are hardly correlated with their gradients.  H is the Hessian at the
starting attractor, constant in space; ``∇·A = 2 H ∇L = −2 H b``.
"""

from __future__ import annotations

import numpy as np

from solver.system import Array, Field


def loss_noise(loss: Field, drift: Field, hessian: Array) -> tuple[Field, Field]:
    """A and ∇·A from the loss, ``b = −∇loss`` and the Hessian ``(d, d)`` that shapes A."""

    def diffusion(x: Array) -> Array:
        return np.asarray(2.0 * hessian[:, :, None] * loss(x))

    def divergence(x: Array) -> Array:
        return np.asarray(-2.0 * hessian @ drift(x))

    return diffusion, divergence
