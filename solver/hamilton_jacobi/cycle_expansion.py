"""Local expansion of the quasi-potential at a stable limit cycle, beyond second order.

In the coordinates (θ, z) of :mod:`solver.drift.tube`

    V(x) = level |z|² + Σ_{3 ≤ |α| ≤ n} Σ_k c_{αk} z^α e^{ikθ}

solves ``H(x, ∇V) = 0`` in the tube |z| ≤ 1; V = 0 on the cycle.  In the plane it is found power by power
(:mod:`solver.hamilton_jacobi.planar_cycle`), in space by a fit of all coefficients by Gauss–Newton, as for a
point (:mod:`solver.hamilton_jacobi.expansion`).  ∇V follows from the derivatives by θ and z
with the Jacobian of the coordinates.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from solver.drift.fourier import phases
from solver.drift.limit_cycles import LimitCycle
from solver.drift.tube import Tube, tube
from solver.errors import NotConverged
from solver.hamilton_jacobi.expansion import Expansion
from solver.hamilton_jacobi.monomials import monomial_gradients, monomials, multi_indices, unit_directions
from solver.hamilton_jacobi.planar_cycle import as_waves, coefficients_across
from solver.system import Array, System

# degree in z and highest harmonic, in space
DEGREE = 5
HARMONICS = (4, 8, 16, 24)
# the coordinates are good where ∂x/∂(θ, z) is at least this part of its value on the curve
FOLD = 0.3


@dataclass(frozen=True)
class CycleExpansion:
    """V near a limit cycle; has all that :class:`solver.hamilton_jacobi.expansion.Expansion` has.

    Attributes:
        tube: The coordinates.
        exponents: Multi-indices α, ``(m, d−1)``.
        harmonics: Highest harmonic K.
        values: Coefficients, ``(m, 2K+1)``, of 1, cos θ, …, cos Kθ, sin θ, …, sin Kθ.
        level: Value of the quadratic part on the surface of the tube.
        residual: Largest ``|H| / |z|²`` on the sample, relative to the terms that balance.
        rate: Slowest rate of return to the cycle.
    """

    tube: Tube
    exponents: Array
    harmonics: int
    values: Array
    level: float
    residual: float
    rate: float
    lead: int = 1

    @property
    def point(self) -> Array:
        """A point of the attractor."""
        return self.tube.cycle.point

    @property
    def points(self) -> Array:
        """Points of the attractor, ``(n, d)``."""
        return self.tube.cycle.curve(phases(256)).T

    def coordinates(self, x: Array) -> Array:
        """z of points ``(d, N)``."""
        return self.tube.coordinates(x)[1]

    def parameters(self, x: Array) -> Array:
        """(θ, z) of one point ``(d,)``."""
        theta, z = self.tube.coordinates(x[:, None])
        return np.append(theta, z[:, 0])

    def place(self, parameters: Array) -> Array:
        """The point with parameters (θ, z), ``(d,)``."""
        return self.tube.place(parameters[:1], parameters[1:, None])[:, 0]

    def frame(self, parameters: Array) -> Array:
        """Derivative of :meth:`place`, ``(d, d)``."""
        return self.tube.jacobian(parameters[:1], parameters[1:, None])[..., 0]

    def nearest(self, x: Array) -> Array:
        """The point of the attractor that is nearest to x, ``(d,)``."""
        return self.tube.cycle.curve(self.tube.coordinates(x[:, None])[0])[:, 0]

    def __call__(self, x: Array) -> Array:
        """V at points ``(d, N)``; beyond the surface by more than as much again, only the quadratic."""
        theta, z = self.tube.coordinates(x)
        square = np.sum(z * z, axis=0)
        result = self.level * square
        near = square < 4.0
        waves = _waves(theta[near], self.harmonics)
        result[near] += np.einsum("mn,mk,kn->n", monomials(z[:, near], self.exponents), self.values, waves)
        return np.asarray(result)

    def gradient(self, x: Array) -> Array:
        """∇V at points ``(d, N)``, shape ``(d, N)``; meant for points in the tube."""
        return self._gradient(*self.tube.coordinates(x))

    def at(self, parameters: Array) -> tuple[float, Array]:
        """V and ∇V at :meth:`place` of these parameters."""
        theta, z = parameters[:1], parameters[1:, None]
        waves = _waves(theta, self.harmonics)
        value = self.level * float(np.sum(z * z))
        value += float(np.einsum("mn,mk,kn->", monomials(z, self.exponents), self.values, waves))
        return value, self._gradient(theta, z)[:, 0]

    def _gradient(self, theta: Array, z: Array) -> Array:
        waves, slopes = _waves(theta, self.harmonics), _wave_slopes(theta, self.harmonics)
        along = np.einsum("mn,mk,kn->n", monomials(z, self.exponents), self.values, slopes)
        across = 2 * self.level * z
        across = across + np.einsum(
            "mdn,mk,kn->dn", monomial_gradients(z, self.exponents), self.values, waves
        )
        local = np.concatenate([along[None], across])
        jacobian = np.moveaxis(self.tube.jacobian(theta, z), -1, 0)
        return np.linalg.solve(np.swapaxes(jacobian, 1, 2), local.T[..., None])[..., 0].T


Local = Expansion | CycleExpansion


def _waves(theta: Array, harmonics: int) -> Array:
    k = np.arange(1, harmonics + 1)[:, None]
    return np.concatenate([np.ones((1, len(theta))), np.cos(k * theta), np.sin(k * theta)])


def _wave_slopes(theta: Array, harmonics: int) -> Array:
    k = np.arange(1, harmonics + 1)[:, None]
    return np.concatenate([np.zeros((1, len(theta))), -k * np.sin(k * theta), k * np.cos(k * theta)])


def expand_cycle(
    system: System, cycle: LimitCycle, max_level: float, tolerance: float = 1e-9
) -> CycleExpansion:
    """Expand V in the widest tube, up to a level of V, where the expansion is accurate.

    Raises:
        NotConverged: If even a thin tube gives no accurate expansion.
    """
    level, unit = max_level, tube(system, cycle, 1.0)
    for _ in range(40):
        expansion = (_in_plane if system.dim == 2 else _in_space)(
            system, unit.scaled(np.sqrt(level)), level, tolerance
        )
        if expansion is not None:
            return expansion
        level *= 0.5
    raise NotConverged(f"no local expansion of V at the limit cycle through {cycle.point.tolist()}")


def _in_plane(system: System, found: Tube, level: float, tolerance: float) -> CycleExpansion | None:
    """The expansion in a tube; None where it is not accurate, or the coordinates fold."""
    coefficients, residual, narrowest = coefficients_across(system, found, level)
    if narrowest < FOLD or not residual <= tolerance:
        return None
    values, harmonics = as_waves(coefficients[3:])
    exponents = multi_indices(1, 3, len(coefficients) - 1)
    return CycleExpansion(found, exponents, harmonics, values, level, residual, _rate(found))


def _in_space(system: System, found: Tube, level: float, tolerance: float) -> CycleExpansion | None:
    """The same."""
    if _folded(found):
        return None
    fits = (_fit(system, found, level, harmonics) for harmonics in HARMONICS)
    return next((one for one in fits if one.residual <= tolerance), None)


def _rate(found: Tube) -> float:
    return abs(float(-np.log(np.abs(found.cycle.multipliers)).max() / found.cycle.period))


def _sample(harmonics: int) -> tuple[Array, Array]:
    """Phases ``(n,)`` and points of the unit disk, ``(2, n)``: Chebyshev radii times directions."""
    radii = np.sin(0.5 * np.pi * (np.arange(7) + 0.5) / 7)
    z = np.concatenate([r * unit_directions(2)[::3].T for r in radii], axis=1)
    theta = phases(3 * harmonics + 4)
    return np.repeat(theta, z.shape[1]), np.tile(z, len(theta))


def _folded(found: Tube) -> bool:
    """Whether the coordinates are not one to one in |z| ≤ 1."""
    theta, z = _sample(20)
    inside = np.linalg.det(np.moveaxis(found.jacobian(theta, z), -1, 0))
    core = np.linalg.det(np.moveaxis(found.jacobian(theta, 0 * z), -1, 0))
    return bool((inside / core < FOLD).any())


def _fit(system: System, found: Tube, level: float, harmonics: int) -> CycleExpansion:
    dim = system.dim
    exponents = multi_indices(dim - 1, 3, DEGREE)
    theta, z = _sample(harmonics)
    x = found.place(theta, z)
    drift, diffusion = system.drift(x), system.diffusion(x)
    inverse = np.linalg.inv(np.moveaxis(found.jacobian(theta, z), -1, 0))
    waves, slopes = _waves(theta, harmonics), _wave_slopes(theta, harmonics)
    powers, power_slopes = monomials(z, exponents), monomial_gradients(z, exponents)
    # derivatives by (θ, z) of every basis function: (d, m, 2K+1, N), then ∇ = J⁻ᵀ of that
    local = np.concatenate(
        [
            np.einsum("mn,kn->mkn", powers, slopes)[None],
            np.einsum("mdn,kn->dmkn", power_slopes, waves),
        ]
    ).reshape(dim, -1, len(theta))
    basis = np.einsum("nji,jbn->ibn", inverse, local)
    quadratic = np.einsum("nji,jn->in", inverse, np.concatenate([0 * theta[None], 2 * level * z]))
    weight = 1.0 / np.sum(z * z, axis=0)
    size = 0.5 * np.einsum("in,ijn,jn,n->n", quadratic, diffusion, quadratic, weight)
    values = np.zeros(basis.shape[1])
    residual, best = np.inf, values
    for _ in range(12):
        gradient = quadratic + np.einsum("b,ibn->in", values, basis)
        pushed = np.einsum("ijn,jn->in", diffusion, gradient)
        hamiltonian = weight * np.sum((drift + 0.5 * pushed) * gradient, axis=0)
        relative = float(np.max(np.abs(hamiltonian)) / np.max(size))
        if not relative < residual:
            break
        residual, best = relative, values
        matrix = np.einsum("in,ibn->nb", drift + pushed, basis) * weight[:, None]
        values = values + np.linalg.lstsq(matrix, -hamiltonian, rcond=1e-13)[0]
    shape = (len(exponents), 2 * harmonics + 1)
    return CycleExpansion(found, exponents, harmonics, best.reshape(shape), level, residual, _rate(found))
