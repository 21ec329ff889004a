"""Escape of a particle with friction from weak to strong friction: Kramers' law and Mel'nikov and Meshkov's.

    k_K = (λ₊/2π) √(U''(x̄)/|U''(x_s)|) e^{−ΔV/ε},        λ₊ = √(γ²/4 + |U''(x_s)|) − γ/2

(Kramers, Physica 7 (1940) 284) holds for ε → 0 at any friction γ, but takes it for granted that the well
is in equilibrium up to the pass.  Where the energy lost on one swing at the height of the pass,
``δ = γ ∮ v dx``, is not large against the temperature aε, those with enough energy are gone, and the rate is
smaller: with ``Δ = δ/(aε)``

    k = k_K Υ(Δ)                      out of one well for good,
    k = k_K Υ(Δ) Υ(Δ')/Υ(Δ + Δ')      into the well behind the pass, which may send it back,

    log Υ(Δ) = (1/2π) ∫ log(1 − e^{−Δ(λ² + ¼)}) / (λ² + ¼) dλ

(Mel'nikov and Meshkov, J. Chem. Phys. 85 (1986) 1018).  ``Υ ≈ Δ`` for small Δ: energy diffuses, and the rate
is proportional to γ; ``Υ → 1`` for large Δ.  For large γ, ``λ₊ → |U''(x_s)|/γ``.  The interpolation is right
to a few per cent, with corrections of order ε beside.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import scipy.integrate
import scipy.optimize

from solver.arrays import Array
from solver.drift.connections import Saddle
from solver.errors import Refused
from solver.phase_space import Momentum
from solver.places.places import Places

#: Relative precision of the quadrature.
PRECISION = 1e-10
#: Points at which the other end of a swing is looked for.
SCANNED = 2000
#: A strength of the noise that changes by less than this is constant.
ROUNDING = 1e-12


@dataclass(frozen=True)
class Turnover:
    """Escape over one pass.

    Attributes:
        kramers: ``log k_K`` without ``−ΔV/ε``.
        barrier: ΔV.
        strength: a.
        losses: δ in the well and in the one behind the pass; ∞ where that is not in the box.
    """

    kramers: float
    barrier: float
    strength: float
    losses: tuple[float, float]

    def log_rate(self, epsilon: float) -> float:
        """log k by Mel'nikov and Meshkov at a noise level."""
        own, other = (loss / (self.strength * epsilon) for loss in self.losses)
        factor = log_depopulation(own)
        if np.isfinite(other):
            factor += log_depopulation(other) - log_depopulation(own + other)
        return self.kramers - self.barrier / epsilon + factor

    def log_kramers(self, epsilon: float) -> float:
        """log k by Kramers at a noise level."""
        return self.kramers - self.barrier / epsilon


def log_depopulation(delta: float) -> float:
    """log Υ of Δ."""

    def density(angle: float) -> float:
        # λ = ½ tan(angle): dλ/(λ² + ¼) = 2 d(angle)
        return 2.0 * float(np.log(-np.expm1(-0.25 * delta / np.cos(angle) ** 2)))

    # a Υ of 1 but for rounding is one
    precision = {"epsabs": 1e-3 * PRECISION, "epsrel": PRECISION, "limit": 400}
    half = scipy.integrate.quad(density, 0.0, 0.5 * np.pi, **precision)[0]
    return float(half / np.pi)


def turnover(
    momentum: Momentum, places: Places, start: int, number: int, bounds: tuple[float, float]
) -> Turnover | Refused:
    """The laws for escape from an attractor over a pass.

    Args:
        momentum: The loss and its friction.
        places: Attractors and passes of the phase space.
        start: Number of the attractor.
        number: Number of the pass.
        bounds: Of the position.
    """
    saddle, attractor = places.passes[number].saddle, places.attractors[start]
    if saddle is None or attractor.fixed_point is None:
        return Refused("it is a law for escape from a point over a saddle")
    positions = np.linspace(*bounds, SCANNED + 1)[None]
    strength = momentum.line.diffusion(positions)[0, 0]
    if np.ptp(strength) > ROUNDING * strength.max():
        return Refused("it is a law for noise of the same strength everywhere")
    points = saddle.fixed_point, attractor.fixed_point
    top, bottom = (float(np.linalg.slogdet(point.jacobian)[1]) for point in points)
    log_k = float(np.log(saddle.unstable_eigenvalue / (2.0 * np.pi)) - 0.5 * (top - bottom))
    low, high = momentum.energy(np.stack([attractor.point, saddle.point], axis=1))
    side = float(np.sign(attractor.point[0] - saddle.point[0]))
    losses = _loss(momentum, saddle, side, bounds), _loss(momentum, saddle, -side, bounds)
    return Turnover(log_k, float(high - low) / float(strength[0]), float(strength[0]), losses)


def _loss(momentum: Momentum, saddle: Saddle, side: float, bounds: tuple[float, float]) -> float:
    """``γ ∮ v dx`` of a swing on one side of a pass; ∞ where it leaves the box."""
    start, end = float(saddle.point[0]), bounds[1] if side > 0 else bounds[0]

    def deep(x: Array) -> Array:
        """How far the loss is below the pass."""
        return np.asarray(momentum.line.loss(np.array([[start]]))[0] - momentum.line.loss(np.atleast_2d(x)))

    grid = np.linspace(start, end, SCANNED + 1)[1:]
    above = np.flatnonzero(deep(grid) <= 0.0)
    # the first points may be above the pass by rounding
    above = above[above > 2]
    if not above.size:
        return float("inf")
    n = int(above[0])
    turn = float(scipy.optimize.brentq(lambda x: float(deep(np.array([x]))[0]), grid[n - 1], grid[n]))
    middle, half = 0.5 * (start + turn), 0.5 * (turn - start)

    def speed(angle: float) -> float:
        # x = middle + half sin(angle): no root at the ends
        x = np.array([middle + half * np.sin(angle)])
        return float(np.sqrt(2.0 * max(float(deep(x)[0]), 0.0)) * abs(half) * np.cos(angle))

    quarter = 0.5 * np.pi
    swing = scipy.integrate.quad(speed, -quarter, quarter, epsabs=0.0, epsrel=PRECISION, limit=400)[0]
    return float(2.0 * momentum.friction * swing)
