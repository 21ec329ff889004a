"""Units of length, time and cost in which a system is of order one.

With ``x = x₀ + Lξ`` (L diagonal), ``t = Tτ`` and ``V = κV̂``, the system of

    b̂ = T L⁻¹b,        Â = κ T L⁻¹A L⁻¹,        ε̂ = ε/κ

has the same paths, ``V̂ = V/κ`` for its quasi-potential and ``log T̂ = log T − log T`` for its times.  What is
searched or minimised in these units has tolerances that mean the same whatever the units of a case are.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import product

import numpy as np

from solver.arrays import Array, Field
from solver.system import System

# points along each axis at which the speed of the drift is looked at, by dimension
SAMPLE = {1: 64, 2: 16, 3: 8}


@dataclass(frozen=True)
class Units:
    """``x = origin + lengths ξ``, ``t = time τ``, ``V = cost V̂``."""

    origin: Array
    lengths: Array
    time: float = 1.0
    cost: float = 1.0

    def inward(self, x: Array) -> Array:
        """ξ of points ``(d, …)``."""
        shape = (-1, *[1] * (np.ndim(x) - 1))
        return np.asarray((x - self.origin.reshape(shape)) / self.lengths.reshape(shape))

    def outward(self, xi: Array) -> Array:
        """x of points ξ, ``(d, …)``."""
        shape = (-1, *[1] * (np.ndim(xi) - 1))
        return np.asarray(self.origin.reshape(shape) + self.lengths.reshape(shape) * xi)

    def matrix(self, tensor: Array) -> Array:
        """``T L⁻¹ J L`` of a Jacobian ``(d, d, …)``."""
        ratio = self.lengths[None, :] / self.lengths[:, None]
        return np.asarray(self.time * tensor * ratio.reshape(*ratio.shape, *[1] * (np.ndim(tensor) - 2)))


def nondimensional(system: System, units: Units) -> System:
    """The system in the coordinates ξ and times τ of some units."""
    length, time = units.lengths, units.time
    rate, noise = time / length, units.cost * time / np.multiply.outer(length, length)

    def of(field: Field, factor: Array) -> Field:
        return lambda xi: factor[..., None] * field(units.outward(xi))

    slope, loss = system.diffusion_slope, system.loss
    return System(
        dim=system.dim,
        drift=of(system.drift, rate),
        jacobian=lambda xi: units.matrix(system.jacobian(units.outward(xi))),
        diffusion=of(system.diffusion, noise),
        divergence=of(system.divergence, units.cost * time / length),
        loss=None if loss is None else lambda xi: loss(units.outward(xi)) / units.cost,
        diffusion_slope=None if slope is None else of(slope, noise[:, :, None] * length),
    )


def units_of_box(system: System, bounds: Sequence[tuple[float, float]]) -> Units:
    """Units in which a box is the unit cube, and the median of the largest component of the drift is one."""
    box = np.array(bounds, dtype=float)
    low, width = box[:, 0], box[:, 1] - box[:, 0]
    axis = (np.arange(SAMPLE[system.dim]) + 0.5) / SAMPLE[system.dim]
    points = low[:, None] + width[:, None] * np.array(list(product(axis, repeat=system.dim))).T
    with np.errstate(all="ignore"):
        speed = np.abs(system.drift(points) / width[:, None]).max(axis=0)
    speed = speed[np.isfinite(speed) & (speed > 0)]
    return Units(low, width, 1.0 / float(np.median(speed)) if speed.size else 1.0)
