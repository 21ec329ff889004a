"""Functions of V_h that are subsolutions of the Hamilton–Jacobi equation, ``H(x, ∇U) ≤ 0``.

For ``U = Φ(V_h)``

    H(x, ∇U) = Φ' b·∇V_h + ½ Φ'² ∇V_hᵀA∇V_h ≤ 0    iff    0 ≤ Φ' ≤ θ(x) = −2 b·∇V_h / ∇V_hᵀA∇V_h,

so that ``Φ'(v) = min(1, inf{θ(x): V_h(x) = v})`` is the best choice.  The infimum is taken over a fine
sample, in narrow bands of v: a check, not a proof.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import ufl
from dolfinx import fem
from mpi4py import MPI

from solver.elements.coefficients import Coefficients
from solver.elements.region import Mask
from solver.system import Array

BANDS = 400
# so many neighbouring bands may be without a sample point
EMPTY = 4


@dataclass(frozen=True)
class Climb:
    """Φ, linear in every band.

    Attributes:
        floor: Below this level Φ has the slope of the first band.
        width: Of a band.
        slopes: Φ' in the bands, ``(BANDS,)``.
    """

    floor: float
    width: float
    slopes: Array

    def __call__(self, values: Array) -> Array:
        """Φ of values, constant above the last band."""
        begin = self.slopes[0] * self.floor
        heights = begin + np.concatenate([[0.0], np.cumsum(self.slopes) * self.width])
        levels = self.floor + self.width * np.arange(len(heights))
        above = np.interp(values, levels, heights)
        return np.where(values < self.floor, self.slopes[0] * values, above)


def sample(coefficients: Coefficients, potential: fem.Function, cells: Mask) -> tuple[Array, Array]:
    """V_h and θ at the quadrature points of the owned cells of a set, ``(cells, points)`` each."""
    domain = coefficients.domain
    gradient = ufl.grad(potential)
    cost = ufl.inner(ufl.dot(coefficients.diffusion, gradient), gradient)
    ratio = -2.0 * ufl.inner(coefficients.drift, gradient) / (cost + 1e-300)
    points = coefficients.drift.function_space.element.interpolation_points
    points = points() if callable(points) else points
    owned = np.flatnonzero(cells[: domain.topology.index_map(domain.topology.dim).size_local])
    expression = fem.Expression(ufl.as_vector([potential, ratio]), points)
    pairs = expression.eval(domain, owned.astype(np.int32)).reshape(len(owned), len(points), 2)
    return pairs[:, :, 0], pairs[:, :, 1]


def climb(comm: MPI.Comm, values: Array, ratios: Array, floor: float, top: float) -> Climb | None:
    """The best Φ between two levels for the samples of all ranks; None where they leave gaps.  Collective."""
    if not top > floor:
        return None
    width = (top - floor) / BANDS
    band = np.floor((values - floor) / width).astype(int)
    inside = (band >= 0) & (band < BANDS)
    lowest: Array = np.full(BANDS, np.inf)
    np.minimum.at(lowest, band[inside], ratios[inside])
    comm.Allreduce(MPI.IN_PLACE, lowest, op=MPI.MIN)
    # points of V = v lie between the sample points of the neighbouring bands
    for _ in range(1 + EMPTY):
        padded = np.concatenate([[np.inf], lowest, [np.inf]])
        spread = np.minimum(padded[:-2], padded[2:])
        empty = ~np.isfinite(lowest)
        lowest = np.where(empty, spread, lowest) if empty.any() else np.minimum(spread, lowest)
        if not empty.any():
            break
    return Climb(floor, width, np.clip(lowest, 0.0, 1.0)) if np.isfinite(lowest).all() else None
