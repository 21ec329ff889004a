"""A lower bound of a barrier from a subsolution of the Hamilton–Jacobi equation.

If ``H(x, ∇U) ≤ 0`` for a Lipschitz U on a neighbourhood Ω of the attractor, then along every path in Ω
``dU/dt ≤ ½(φ̇−b)ᵀA⁻¹(φ̇−b)``, and no path leaves Ω at a cost below ``min_{∂Ω} U − U(x̄)``.  For ``U = Φ(V_h)``

    H(x, ∇U) = Φ' b·∇V_h + ½ Φ'² ∇V_hᵀA∇V_h ≤ 0    iff    0 ≤ Φ' ≤ θ(x) = −2 b·∇V_h / ∇V_hᵀA∇V_h,

so that ``Φ'(v) = min(1, inf{θ(x): V_h(x) = v})`` is the best choice.  The infimum is taken over a fine
sample, in narrow bands of v: a check, not a proof.  V_h is continued beyond the region in which it was solved
for; that is no loss of rigour, as every function will do that passes the check.
"""

from __future__ import annotations

import numpy as np
import ufl
from dolfinx import fem
from mpi4py import MPI

from solver.cellwise import continued
from solver.coefficients import Coefficients
from solver.cycle_expansion import Local
from solver.policy_iteration import CORE, edge_level
from solver.region import Mask, make_region
from solver.system import Array

BANDS = 400
MOST_LAYERS = 8
# so many neighbouring bands may be without a sample point
EMPTY = 4


def lower_bound(
    coefficients: Coefficients, potential: fem.Function, cells: Mask, expansion: Local, ceiling: float
) -> float:
    """A lower bound of the cost of leaving a well.  Collective.

    Args:
        coefficients: b, A; those on the cells around ``cells`` are used, too.
        potential: V_h.
        cells: Cells on which it was solved for.
        expansion: V near the attractor; the sample leaves out the core of its ball, where V_h is that.
        ceiling: No bound above this is looked for (the cost of an explicit path).
    """
    best = 0.0
    for layers in range(MOST_LAYERS + 1):
        function, known = continued(potential, cells, layers, ceiling)
        region = make_region(coefficients.domain, known)
        top = min(edge_level(region, function), ceiling)
        values, ratios = _sample(coefficients, function, known)
        floor = CORE**2 * expansion.level
        best = max(best, _integral(coefficients.domain.comm, values, ratios, floor, top))
    return best


def _sample(coefficients: Coefficients, potential: fem.Function, cells: Mask) -> tuple[Array, Array]:
    """V_h and θ at the quadrature points of the owned cells of a set."""
    domain = coefficients.domain
    gradient = ufl.grad(potential)
    cost = ufl.inner(ufl.dot(coefficients.diffusion, gradient), gradient)
    ratio = -2.0 * ufl.inner(coefficients.drift, gradient) / (cost + 1e-300)
    points = coefficients.drift.function_space.element.interpolation_points
    points = points() if callable(points) else points
    owned = np.flatnonzero(cells[: domain.topology.index_map(domain.topology.dim).size_local])
    expression = fem.Expression(ufl.as_vector([potential, ratio]), points)
    pairs = expression.eval(domain, owned.astype(np.int32)).reshape(-1, 2)
    return pairs[:, 0], pairs[:, 1]


def _integral(comm: MPI.Comm, values: Array, ratios: Array, floor: float, top: float) -> float:
    """``∫₀^top min(1, inf θ) dv``, with θ of the lowest sampled band below that."""
    if not top > floor:
        return 0.0
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
    if not np.isfinite(lowest).all():
        return 0.0
    slope = np.clip(lowest, 0.0, 1.0)
    return float(np.sum(slope) * width + slope[0] * floor)
