"""Turns of a phase: ``dθ = b(θ) dt + √ε σ(θ) dW`` on a circle of circumference P, by quadrature.

With ``φ' = −2b/(εA)`` and ``D = φ(P) − φ(0)`` (Stratonovich, *Topics in the theory of random noise* II,
ch. 9; Risken, *The Fokker–Planck equation*, sec. 11.3)

    I = ∫₀ᴾ dy e^{φ(y)} ∫_{y−P}^{y} 2/(εA) e^{−φ(z)} dz,      v = P (1 − e^D)/I,

v the mean velocity.  From any phase the next whole turn, up or down, ends after a mean time τ, and is up with
the probability p₊, where ``p₊/p₋ = e^{−D}`` exactly, for ``∫e^φ`` is the scale of the diffusion.  Turns are a
renewal process with ``v = P (p₊ − p₋)/τ``, so that the rates ``k± = p±/τ`` of turns are

    k₊ = 1/I,     k₋ = e^D/I,

at every ε.  For small ε, ``−ε log k±`` tends to the sum of what is climbed on a turn from the deepest start.
In the order ``∫du ∫dy`` with z = y − u the inner integrand is periodic, and the trapezoidal rule is exact to
rounding once peaks of width √ε are resolved.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import scipy.integrate
import scipy.optimize

from solver.arrays import Array
from solver.errors import NotConverged
from solver.system import System

#: Points on the circle and panels of the other integral, at first, and doublings of both.
POINTS, PANELS, DOUBLINGS = 512, 24, 4
#: Points of Gauss's rule in a panel.
GAUSS = 8
#: Halvings of the first and the last panel.
REFINED = 10
#: Change of log I under a doubling that is none.
SETTLED = 1e-9
#: Points at which the sign of the drift is looked at.
SCANNED = 2000


@dataclass(frozen=True)
class PhaseSlips:
    """Turns at one noise level.

    Attributes:
        epsilon: ε.
        log_up: log k₊, of turns towards growing θ.
        log_down: log k₋.
        velocity: v.
    """

    epsilon: float
    log_up: float
    log_down: float
    velocity: float


@dataclass(frozen=True)
class Rest:
    """An attractor on the circle.

    Attributes:
        phase: Where it is.
        up: V at the next zero of b above it, at which it is left towards growing θ.
        down: V at the next one below it.
    """

    phase: float
    up: float
    down: float


def phase_slips(system: System, start: float, period: float, epsilon: float) -> PhaseSlips:
    """Rates of turns and the mean velocity.

    Args:
        system: b and A in one coordinate, of the period P.
        start: A phase.
        period: P.
        epsilon: ε.

    Raises:
        NotConverged: If 8192 points do not resolve the integrals: b or A has kinks, or ε is too small.
    """
    before, change = np.inf, np.inf
    for level in range(DOUBLINGS + 1):
        found, drop = _log_integral(system, start, period, epsilon, POINTS * 2**level, PANELS * 2**level)
        change, before = abs(found - before), found
        if change < SETTLED:
            return PhaseSlips(epsilon, -found, drop - found, float(-period * np.exp(-found) * np.expm1(drop)))
    raise NotConverged(
        f"the rate of turns at epsilon = {epsilon:g} changes by {change:.1g} with the quadrature"
    )


def rests(system: System, start: float, period: float) -> list[Rest]:
    """The attractors in ``[start, start + P)``; none where the phase runs through."""
    x = start + period * np.arange(SCANNED + 1) / SCANNED
    b = system.drift(x[None])[0]

    def drift(at: float) -> float:
        return float(system.drift(np.array([[at]]))[0, 0])

    zeros = [
        (float(scipy.optimize.brentq(drift, x[k], x[k + 1], xtol=1e-14 * period)), b[k] > 0)
        for k in range(SCANNED)
        if b[k] * b[k + 1] < 0 or b[k + 1] == 0.0
    ]
    found = []
    for k, (phase, stable) in enumerate(zeros):
        if stable:
            above = zeros[k + 1][0] if k + 1 < len(zeros) else zeros[0][0] + period
            below = zeros[k - 1][0] if k > 0 else zeros[-1][0] - period
            found.append(Rest(phase, _climb(system, phase, above), _climb(system, phase, below)))
    return found


def _climb(system: System, start: float, end: float) -> float:
    """``∫ −2b/A dx`` from an attractor to a zero of b next to it."""

    def slope(at: float) -> float:
        x = np.array([[at]])
        return float(-2.0 * system.drift(x)[0, 0] / system.diffusion(x)[0, 0, 0])

    return float(scipy.integrate.quad(slope, start, end, epsabs=0.0, epsrel=1e-12, limit=200)[0])


def _log_integral(
    system: System, start: float, period: float, epsilon: float, points: int, panels: int
) -> tuple[float, float]:
    """log I and D."""
    x = (start + period * np.arange(points) / points)[None]
    spread = epsilon * system.diffusion(x)[0, 0]
    slope = -2.0 * system.drift(x)[0] / spread
    drop = float(slope.mean()) * period
    waves = 2j * np.pi * np.fft.rfftfreq(points, period / points)
    modes = np.fft.rfft(slope)
    # the periodic part of φ, and log 2/(εA), by their Fourier series: both are shifted exactly
    wavy = np.concatenate([[0.0], modes[1:] / waves[1:]])
    height = np.fft.irfft(wavy, points)
    weight = np.fft.rfft(np.log(2.0 / spread))
    nodes, weights = np.polynomial.legendre.leggauss(GAUSS)
    # where the phase runs through, all is within ε/b of one end
    ends = np.linspace(0.0, period, panels + 1)
    inner = ends[1] * 0.5 ** np.arange(REFINED, 0, -1)
    ends = np.concatenate([[0.0], inner, ends[1:-1], period - inner[::-1], [period]])
    half = 0.5 * np.diff(ends)[:, None]
    lags = ends[:-1, None] + half * (1.0 + nodes)
    parts = []
    for lag, share in zip(lags.ravel(), (half * weights).ravel(), strict=True):
        rest = np.fft.irfft((weight - wavy) * np.exp(-waves * lag), points)
        exponents = height + rest + drop / period * lag
        parts.append(np.log(share * period / points) + _log_sum(exponents))
    return _log_sum(np.array(parts)), drop


def _log_sum(exponents: Array) -> float:
    top = float(exponents.max())
    return top + float(np.log(np.sum(np.exp(exponents - top))))
