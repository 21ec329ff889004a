"""A lower bound of a barrier from a subsolution of the Hamilton–Jacobi equation.

If ``H(x, ∇U) ≤ 0`` for a Lipschitz U on a neighbourhood Ω of the attractor, then along every path in Ω
``dU/dt ≤ ½(φ̇−b)ᵀA⁻¹(φ̇−b)``, and no path leaves Ω at a cost below ``min_{∂Ω} U − U(x̄)``.  U is a function
of V_h (:mod:`solver.hamilton_jacobi.bounds.subsolution`), next to the passes that of the cost of reaching
them (:mod:`solver.hamilton_jacobi.bounds.pass_cover`).  V_h is continued beyond the region in which it was
solved for; that is no loss of rigour, as every function will do that passes the check.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import product

import numpy as np
from dolfinx import fem

from solver.elements.cellwise import continued
from solver.elements.coefficients import Coefficients
from solver.elements.evaluate import Locator
from solver.elements.region import Mask, edge_level, make_region
from solver.hamilton_jacobi.bounds.pass_cover import covered_bound
from solver.hamilton_jacobi.bounds.saddle_cost import SaddleCost
from solver.hamilton_jacobi.bounds.subsolution import climb, sample
from solver.hamilton_jacobi.cycle_expansion import Local
from solver.hamilton_jacobi.policy_iteration import CORE

MOST_LAYERS = 8
# parts of the levels of the balls round the passes that are tried
PARTS = (1.0, 0.5, 0.25, 0.125)
# θ below which cells next to the passes are left out
GOOD = (0.999, 0.99)
# a bound that is this near is not looked to be improved
NEAR = 1e-4


def lower_bound(
    coefficients: Coefficients,
    potential: fem.Function,
    cells: Mask,
    expansion: Local,
    ceiling: float,
    costs: Sequence[SaddleCost] = (),
    locator: Locator | None = None,
) -> float:
    """A lower bound of the cost of leaving a well.  Collective.

    Args:
        coefficients: b, A; those on the cells around ``cells`` are used, too.
        potential: V_h.
        cells: Cells on which it was solved for.
        expansion: V near the attractor; the sample leaves out the core of its ball, where V_h is that.
        ceiling: No bound above this is looked for (the cost of an explicit path).
        costs: The costs of reaching the saddles out of the well.
        locator: Search tree of the mesh, to be reused.
    """
    domain = coefficients.domain
    locator = locator or Locator(domain)
    floor = CORE**2 * expansion.level
    best = 0.0
    for layers in range(MOST_LAYERS + 1):
        function, known = continued(potential, cells, layers, ceiling)
        samples = sample(coefficients, function, known)
        top = min(edge_level(make_region(domain, known), function), ceiling)
        rise = climb(domain.comm, *samples, floor, top)
        if rise is not None:
            best = max(best, float(rise(np.array(top))))
        for part, good in product(PARTS, GOOD) if costs and best < (1.0 - NEAR) * ceiling else ():
            balls = [cost.inner(part) for cost in costs]
            given = function, known, expansion.points, samples, (floor, ceiling), balls, locator
            best = max(best, covered_bound(*given, good, best))
    return best
