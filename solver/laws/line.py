"""One coordinate: ``H(x, p) = 0`` has one root p*(x) besides 0, and ``V(x) = ∫ p* dx`` uphill.

Between an attractor and a neighbouring zero of b the path runs against b, with ``p* = V′`` of the sign
opposite to b; along b it costs nothing.  H is convex in p: from beyond the root Newton's method goes down to
it monotonically.
"""

from __future__ import annotations

import numpy as np
import scipy.integrate

from solver.arrays import Array
from solver.errors import NotConverged
from solver.laws.law import MOST_STEPS, Law

#: Relative error asked of the quadrature.
TOLERANCE = 1e-12
#: Doublings of a momentum in search of a positive H: at 2^60 times that of the diffusion there is none.
DOUBLINGS = 60


def root(law: Law, x: Array) -> Array:
    """The root p*(x) of ``H(x, p) = 0`` besides 0: ``(N,)``.

    It is 0 where b is, and infinite, with the sign opposite to that of b, where nothing moves against b.

    Args:
        law: A law in one coordinate.
        x: Points ``(1, N)``.

    Raises:
        NotConverged: If Newton's method does not settle.
    """
    local = law.at(x)
    start = local.values(np.zeros_like(x))
    drift, spread = start.velocity[0], start.curvature[0, 0]
    still = drift == 0.0
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        p = np.where(still, 0.0, -2.0 * drift / spread)
        for _ in range(DOUBLINGS):
            inside = ~still & ~(local.values(p[None]).hamiltonian >= 0.0) & np.isfinite(p)
            if not inside.any():
                break
            p = np.where(inside, 2.0 * p, p)
        endless = inside | ~np.isfinite(p)
        for _ in range(MOST_STEPS):
            found = local.values(np.where(endless, 0.0, p)[None])
            step = np.where(still | endless, 0.0, -found.hamiltonian / found.velocity[0])
            p = p + step
            if (np.abs(step) <= 1e-9 * np.abs(p)).all():  # quadratic: the error is its square
                return np.where(endless, -np.sign(drift) * np.inf, p)
    raise NotConverged("the momentum of the escape path was not found: Newton's method does not settle")


def potential_difference(law: Law, start: float, end: float) -> float:
    """V at ``end`` less V at ``start``: ``∫ p* dx``, to a relative error of 1e-12.

    Args:
        law: A law in one coordinate.
        start: The attractor, or a point between it and ``end``.
        end: A point uphill from it, at most the next zero of b.

    Returns:
        The difference; infinite where nothing moves against b.

    Raises:
        NotConverged: If the quadrature or Newton's method does not settle.
    """

    def slope(x: float) -> float:
        return float(root(law, np.array([[x]]))[0])

    inner = start + (end - start) * np.linspace(0.0, 1.0, 67)[1:-1]
    if not np.isfinite(root(law, inner[None])).all():
        return np.inf
    value, error, *rest = scipy.integrate.quad(
        slope, start, end, epsabs=0.0, epsrel=TOLERANCE, limit=200, full_output=1
    )
    if not error <= 1e-9 * abs(value):
        raise NotConverged(f"the integral of the momentum is {value:.6g} with an error of {error:.1g}")
    return float(value)
