"""Where V of the jet scheme has kinks: ∇V jumps between neighbours there, on smooth V it does not.

With D_i = p_{i+1} − p_i along one axis, of the component of p along it, a kink of a minimum of smooth
functions makes one D_i fall far below the mean of its neighbours; where V is smooth that is of third order.
"""

from __future__ import annotations

import numpy as np

from solver.arrays import Array
from solver.hamilton_jacobi.jet.solution import JetSolution

# a jump by this part of |p| is taken for a kink: it marked all of those of a well on measured noise (0.1 left
# gaps, through which Newton's method failed)
JUMP = 0.03


def kinks(solution: JetSolution, jump: float = JUMP) -> Array:
    """Midpoints of the edges of the grid across which ∇V jumps, ``(d, n)``."""
    grid = solution.grid
    h = grid.spacing
    values = solution.values.reshape(grid.shape)
    scaled = (solution.gradients * h).reshape(*grid.shape, grid.dim)
    size = np.linalg.norm(scaled, axis=-1)
    nodes = grid.points().reshape(grid.dim, *grid.shape)
    found = []
    for axis in range(grid.dim):
        p = np.moveaxis(scaled[..., axis], axis, 0)
        known = np.isfinite(np.moveaxis(values, axis, 0))
        scale = np.moveaxis(size, axis, 0)
        x = np.moveaxis(nodes, axis + 1, 1)
        change = np.diff(p, axis=0)
        below = 0.5 * (change[:-2] + change[2:]) - change[1:-1]
        whole = known[:-3] & known[1:-2] & known[2:-1] & known[3:]
        largest = np.maximum(scale[1:-2], scale[2:-1])
        hit = whole & (below > jump * largest)
        middle = 0.5 * (x[:, 1:-2] + x[:, 2:-1])
        found.append(middle[:, hit])
    return np.concatenate(found, axis=1)
