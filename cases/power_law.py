"""The power law of a density under noise in proportion to the loss, ``A = 2 L(x) H``.

Where H = h I, ``b = −∇L`` and ``A = 2 h L I``, the density with no flux is a function of the loss alone,

    ½ε ∇(2 h L p) = −p ∇L    ⟹    p ∝ L^{−(1 + 1/θ)},    θ = ε h  (= η h/B for SGD),

a power law with an exponent that does not depend on the dimension (Mori, Ziyin, Liu, Ueda 2022; Wu, Su 2023,
arXiv 2305.17490).  Here the exponent is fitted to the computed density, as the slope of log p against log L.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from cases.noise import ScaledNoise
from solver.analysis import Analysis
from solver.evaluate import Locator, bounding_box, evaluate
from solver.noise_levels import Level
from solver.system import Array, Field

#: The fit begins where the loss is this many times its minimum, and ends well inside the box: at this part of
#: the way to its edge, where the density of the whole space is cut off.
BEGIN, END = 2.0, 0.1
POINTS = 40
ISOTROPIC = 1e-6


def power_laws(noise: ScaledNoise, analysis: Analysis) -> list[dict[str, Any]]:
    """Fitted and predicted exponent at every noise level, the largest first.  Collective.

    Empty for other noises, and where there is not one attracting point only.  The prediction is None where
    the Hessian at the minimum is no multiple of the identity.
    """
    pins, loss = analysis.landmarks.pins, noise.system.loss
    if noise.kind != "loss" or loss is None or len(pins) != 1:
        return []
    point = pins[0].point
    _, high = bounding_box(analysis.coefficients.domain)
    ray = _ray(loss, point, float(high[0]))
    if not len(ray):  # the loss at the minimum is so high that the domain has no tail of L ≫ L₀
        return []
    hessian = -noise.system.jacobian(point[:, None])[..., 0]
    mean = float(np.trace(hessian)) / noise.system.dim
    round_one = bool(np.abs(hessian - mean * np.eye(noise.system.dim)).max() < ISOTROPIC * mean)
    locator = Locator(analysis.coefficients.domain)
    return [
        _fit(level, ray, np.asarray(loss(ray.T)), locator)
        | {"predicted": 1.0 + 1.0 / (epsilon * noise.scale * mean) if round_one else None}
        for epsilon, level in sorted(analysis.levels.items(), reverse=True)
    ]


def _ray(loss: Field, point: Array, wall: float) -> Array:
    """Points ``(n, d)`` along the first coordinate, evenly spaced in its logarithm, with L well above L₀."""
    steps = np.geomspace(1e-4, END, 20 * POINTS) * (wall - point[0])
    ray = point + steps[:, None] * np.eye(len(point))[0]
    ray = ray[loss(ray.T) > BEGIN * float(loss(point[:, None])[0])]
    if not len(ray):
        return ray
    return np.asarray(ray[np.linspace(0, len(ray) - 1, POINTS).astype(int)])


def _fit(level: Level, ray: Array, loss: Array, locator: Locator) -> dict[str, Any]:
    """Least-squares slope of log p against log L, and the largest residual of log p.  Collective."""
    state = level.state
    q = evaluate(state.q, ray, locator)[:, 0]
    height = evaluate(state.gauge, ray, locator)[:, 0]
    known = np.isfinite(q) & (q > 0) & np.isfinite(height)
    if known.sum() < POINTS // 2:
        return {"epsilon": state.epsilon, "exponent": None, "residual": None}
    x, y = np.log(loss[known]), np.log(q[known]) - height[known] / state.epsilon
    slope, shift = np.polyfit(x, y, 1)
    return {
        "epsilon": state.epsilon,
        "exponent": float(-slope),
        "residual": float(np.abs(y - slope * x - shift).max()),
    }
