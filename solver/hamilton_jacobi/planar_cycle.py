"""Coefficients of V near a limit cycle of the plane, power by power across the cycle.

In the coordinates (θ, z) of :mod:`solver.drift.tube`, on the tube |z| ≤ 1 of a level,

    V = level z² + Σ_{3 ≤ n ≤ N} c_n(θ) z^n.

With the velocity of the coordinates ``J⁻¹b`` and their noise ``J⁻¹AJ⁻ᵀ``, both expanded in z, the terms of
order z^n of ``H(x, ∇V) = 0`` are linear in c_n, the others being known from lower powers:

    (2π/T) c_n' + n level a(θ) c_n = −r_n(θ),      a = (J⁻¹AJ⁻ᵀ)_zz on the cycle,

whose only periodic solution is had by collocation at the nodes of the tube.  They are as many as its
covariance needs, so that nothing of c_n is cut off (a relaxation cycle has hundreds of harmonics, too many
for a fit of all c_n at once).  r_n is the coefficient of z^n in the polynomial that is nearest to ``H/z²`` on
Chebyshev points.  After a few sweeps over all n, V solves the equation on the whole tube as well as a
polynomial of degree N can.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import scipy.linalg

from solver.drift.fourier import derivative, differentiation_matrix, interpolate, phases
from solver.drift.tube import Tube
from solver.system import Array, System

DEGREE = 12
# Chebyshev points across the tube, even: none of them on the cycle
POINTS = 2 * DEGREE
# each makes every power right in turn; in wide tubes lower powers then feel the higher ones
SWEEPS = 8
# harmonics below this part of the largest are rounding
CUT = 1e-13
# a residual, relative, from which there is no way back
LOST = 1e6
# what powers that only make the residual smaller than this, relative, do is rounding as well
ROUNDING = 1e-11


@dataclass(frozen=True)
class Strip:
    """The tube at some phases and at points across it.

    Attributes:
        z: Points across, ``(M,)``.
        velocity: J⁻¹b, ``(2, n, M)``.
        noise: J⁻¹AJ⁻ᵀ, ``(2, 2, n, M)``.
        narrowest: Smallest ``det J`` over that on the cycle.
    """

    z: Array
    velocity: Array
    noise: Array
    narrowest: float

    def hamiltonian(self, coefficients: Array, slopes: Array) -> Array:
        """``H/z²`` for c_n and c_n' at the phases, ``(N+1, n)``; shape ``(n, M)``."""
        powers = self.z[None] ** np.arange(len(coefficients))[:, None]
        order = np.arange(1, len(coefficients))[:, None]
        local = np.stack([slopes.T @ powers, (order * coefficients[1:]).T @ powers[:-1]])
        pushed = np.einsum("ijnm,jnm->inm", self.noise, local)
        return np.asarray(np.sum((self.velocity + 0.5 * pushed) * local, axis=0) / self.z**2)


def strip(system: System, found: Tube, shift: float, count: int) -> Strip:
    """The tube at its own phases, shifted, and at Chebyshev points."""
    theta = phases(len(found.cycle.nodes)) + shift
    curve, frame = found.cycle.nodes, found.frame[:, :, 0]
    parts = [curve, derivative(curve), frame, derivative(frame)]
    g, g1, f, f1 = (interpolate(one, theta).T[:, :, None] if shift else one.T[:, :, None] for one in parts)
    z = np.cos(np.pi * (np.arange(count) + 0.5) / count)
    x, along, across = g + f * z, g1 + f1 * z, f + 0 * z
    matrices = np.stack([along, across], axis=1)
    det = matrices[0, 0] * matrices[1, 1] - matrices[0, 1] * matrices[1, 0]
    core = (g1[0] * f[1] - f[0] * g1[1])[:, 0]
    adjugate = np.array([[across[1], -across[0]], [-along[1], along[0]]])
    with np.errstate(all="ignore"):
        inverse = adjugate / det
        points = x.reshape(2, -1)
        # on the cycle b is along it: what is missing there is rounding, which 1/z² would make large
        rounding = system.drift(g[:, :, 0]) - 2 * np.pi / found.cycle.period * g1[:, :, 0]
        drift = system.drift(points).reshape(2, *det.shape) - rounding[:, :, None]
        diffusion = system.diffusion(points).reshape(2, 2, *det.shape)
        noise = np.einsum("ijnm,jknm,lknm->ilnm", inverse, diffusion, inverse)
        velocity = np.einsum("ijnm,jnm->inm", inverse, drift)
    return Strip(z, velocity, noise, float(np.min(det / core[:, None])))


def coefficients_across(system: System, found: Tube, level: float) -> tuple[Array, float, float]:
    """c_0 … c_N at the phases of a tube of a level, ``(N+1, n)``.

    Returns:
        The coefficients, the largest ``|H|/z²`` between the phases over that of the quadratic alone, and how
        narrow the coordinates get (:attr:`Strip.narrowest`).
    """
    count = len(found.cycle.nodes)
    tube = strip(system, found, 0.0, POINTS)
    between = strip(system, found, np.pi / count, POINTS + 2)
    narrowest = min(tube.narrowest, between.narrowest)
    found_c = np.zeros((DEGREE + 1, count))
    found_c[2] = level
    if not (narrowest > 0.0 and np.isfinite(tube.velocity).all() and np.isfinite(tube.noise).all()):
        return found_c, np.inf, narrowest
    size = 2.0 * level**2 * float(np.max(tube.noise[1, 1]))
    projection = np.linalg.pinv(tube.z[:, None] ** np.arange(DEGREE - 1))
    core = np.mean(tube.noise[1, 1][:, [POINTS // 2 - 1, POINTS // 2]], axis=1)
    rate = 2 * np.pi / found.cycle.period * differentiation_matrix(count)
    factors = [scipy.linalg.lu_factor(rate + n * np.diag(level * core)) for n in range(3, DEGREE + 1)]
    best, least = found_c, np.inf
    for _ in range(SWEEPS):
        residual = tube.hamiltonian(found_c, derivative(found_c.T).T)
        left = float(np.max(np.abs(residual))) / size
        if not left < least:
            break
        best, least = found_c.copy(), left
        for n, factor in enumerate(factors, start=3):
            # a tube that is far too wide: the powers outgrow each other
            if not np.max(np.abs(residual)) < LOST * size:
                return best, np.inf, narrowest
            found_c[n] -= scipy.linalg.lu_solve(factor, projection[n - 2] @ residual.T)
            residual = tube.hamiltonian(found_c, derivative(found_c.T).T)
    all_powers = _no_more_powers(tube, best, max(2.0 * least, ROUNDING) * size)
    shifted = interpolate(all_powers.T, phases(count) + np.pi / count).T
    slopes = interpolate(derivative(all_powers.T), phases(count) + np.pi / count).T
    checked = float(np.max(np.abs(between.hamiltonian(shifted, slopes)))) / size
    return all_powers, max(least, checked), narrowest


def _no_more_powers(tube: Strip, coefficients: Array, residual: float) -> Array:
    """The coefficients without the last powers that the residual does not need.

    They are rounding, and twice as far from the cycle z^12 is four thousand times as large.
    """
    for last in range(2, len(coefficients)):
        fewer = coefficients.copy()
        fewer[last + 1 :] = 0.0
        if np.max(np.abs(tube.hamiltonian(fewer, derivative(fewer.T).T))) <= residual:
            return fewer
    return coefficients


def as_waves(coefficients: Array) -> tuple[Array, int]:
    """Coefficients of 1, cos θ, …, cos Kθ, sin θ, …, sin Kθ, ``(m, 2K+1)``, and K, the last that counts."""
    spectrum = np.fft.rfft(coefficients, axis=1) / coefficients.shape[1]
    sizes = np.abs(spectrum).max(axis=0)
    last = max(1, int(np.flatnonzero(sizes > CUT * sizes.max()).max(initial=1)))
    waves = [spectrum[:, :1].real, 2 * spectrum[:, 1 : last + 1].real, -2 * spectrum[:, 1 : last + 1].imag]
    return np.concatenate(waves, axis=1), last
