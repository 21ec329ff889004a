"""The large-deviation law of minibatch SGD from a function of one's own that returns per-sample gradients.

What all samples share, such as a penalty, may be missing in it: the fields are

    f_i = −(∇U + g_i − ḡ),

so that their mean is the drift whatever ḡ is.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache

import numpy as np

from solver.derivatives import derivative
from solver.laws.cumulant import CumulantLaw
from solver.system import Array, Field


def sampled_law(
    samples: Field, gradient: Field, hessian: Field, widths: Sequence[float], points: Array
) -> CumulantLaw:
    """The law of minibatches.

    Args:
        samples: g, ``(d, N) -> (n, d, N)``.
        gradient: ∇U, ``(d, N) -> (d, N)``.
        hessian: ∇∇U, ``(d, N) -> (d, d, N)``.
        widths: Widths of the domain, the scale of differences of g.
        points: Points ``(d, m)`` at which ways to differentiate are compared.
    """

    def off(x: Array) -> Array:
        g = samples(x)
        return np.asarray(g - g.mean(axis=0))

    @cache
    def bend() -> Field:
        # when it is needed: trying steps takes hundreds of calls
        return derivative(off, widths, points[:, :8]).function

    def jacobian(x: Array, weights: Array) -> Array:
        total = weights.sum(axis=0)
        return np.asarray(-total * hessian(x) - np.einsum("mn,mikn->ikn", weights, bend()(x)))

    return CumulantLaw(len(points), lambda x: -(gradient(x) + off(x)), jacobian)
