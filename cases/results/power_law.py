"""The power law of a density under noise in proportion to the loss, ``A = 2 L(x) H``.

Where H = h I, ``b = −∇L`` and ``A = 2 h L I``, the density with no flux is a function of the loss alone,

    ½ε ∇(2 h L p) = −p ∇L    ⟹    p ∝ L^{−(1 + 1/θ)},    θ = ε h  (= η h/B for SGD),

a power law with an exponent that does not depend on the dimension (Mori, Ziyin, Liu, Ueda 2022; Wu, Su 2023,
arXiv 2305.17490).  The exponent fitted to the computed density stands beside it.
"""

from __future__ import annotations

import numpy as np

from cases.contracts.escapes import PowerLawEntry
from cases.noise.tensors import ScaledNoise
from solver.analysis.power_tail import power_tail, tail_ray
from solver.analysis.stages import Analysis
from solver.elements.evaluate import Locator, bounding_box

ISOTROPIC = 1e-6


def power_laws(noise: ScaledNoise, analysis: Analysis) -> list[PowerLawEntry]:
    """Fitted and predicted exponent at every noise level, the largest first.  Collective.

    Empty for other noises, where there is not one attracting point only, and where the loss at the minimum is
    so high that the domain has no tail.  The prediction is None where the Hessian at the minimum is no
    multiple of the identity.
    """
    pins, loss = analysis.landmarks.pins, noise.system.loss
    if noise.kind != "loss" or loss is None or len(pins) != 1:
        return []
    domain, point = analysis.coefficients.domain, pins[0].point
    ray = tail_ray(loss, point, float(bounding_box(domain)[1][0]))
    if not len(ray):
        return []
    hessian = -noise.system.jacobian(point[:, None])[..., 0]
    mean = float(np.trace(hessian)) / noise.system.dim
    round_one = bool(np.abs(hessian - mean * np.eye(noise.system.dim)).max() < ISOTROPIC * mean)
    locator, heights = Locator(domain), np.asarray(loss(ray.T))
    laws: list[PowerLawEntry] = []
    for epsilon, level in sorted(analysis.levels.items(), reverse=True):
        fit = power_tail(level, ray, heights, locator)
        predicted = 1.0 + 1.0 / (epsilon * noise.scale * mean) if round_one else None
        laws.append(
            {
                "epsilon": epsilon,
                "exponent": fit.exponent,
                "residual": fit.residual,
                "predicted": predicted,
            }
        )
    return laws
