"""What a finite learning rate adds to the quasi-potential of an iteration.

The iteration ``x ← x + η f``, with ``E exp((p/ε)·η f) = exp((η/ε) H(x, p))`` in a step, obeys
``V(y) = min_x V(x) + η L(x, (y − x)/η)``: its escape paths are those of the symplectic Euler method,

    x' = x + η ∂H/∂p(x, p'),        p' = p − η ∂H/∂x(x, p'),

which conserves ``H − (η/2) ∂H/∂x·∂H/∂p + O(η²)`` (Hairer, Lubich, Wanner, *Geometric numerical integration*,
sec. IX.3).  Hence, to first order in η,

    V_η = V + η V₁,        V₁ = ½ ∫ ∂H/∂x·∂H/∂p dt = −½ ∫ ṗ·ẋ dt

along the path of least action.  With ``ε = η/B`` this multiplies escape times by ``e^{B V₁}`` at every η.  In
the quadratic well ``V₁ = −(h/2) V``: the variance is ``ε A/(2h − ηh²)``.  The modified drift
``−∇(L + (η/4)|∇L|²)`` alone (Li, Tai, E 2017) has the opposite sign there: the noise changes too.
"""

from __future__ import annotations

import numpy as np

from solver.laws.cost import momentum
from solver.laws.law import Law, dot
from solver.laws.least_action import LeastAction
from solver.paths.action import gauss_legendre


def step_change(law: Law, found: LeastAction) -> float:
    """V₁ of a path of least action: the change of its action per unit of the learning rate."""
    path = found.path
    s, w = gauss_legendre(16 * path.modes.shape[1])
    x, velocity = path(s), path.velocity(s)
    local = law.at(x)
    p, _, settled = momentum(local, velocity)
    # ∂H/∂p dt = φ' ds
    along = np.where(settled, dot(local.slope(p), velocity), 0.0)
    return float(0.5 * np.sum(w * along))
