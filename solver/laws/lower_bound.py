"""A lower bound of the least action of a law, from a subsolution that was checked.

``H(x, ∇U) ≤ 0`` wherever ``U < U(s)`` on the side of a: no path from a to s in the domain costs less than
``U(s) − U(a)``.  U is the spline of :mod:`solver.laws.largest_subsolution`; on a finer sample, and along the
path of least action, it is asked by how much ∇U is too large,

    θ(x) = max {t ≤ 1 : H(x, t∇U) ≤ 0},

and with ``Φ′(v) = min {θ(x) : U(x) = v}``, in narrow bands of v, Φ(U) is a subsolution, as for the diffusion
(:mod:`solver.hamilton_jacobi.bounds.subsolution`): a check on a sample, not a proof.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from mpi4py import MPI
from scipy import ndimage

from solver.arrays import Array
from solver.hamilton_jacobi.bounds.subsolution import BANDS, climb
from solver.laws.largest_subsolution import Subsolution
from solver.laws.law import Law
from solver.laws.least_action import LeastAction
from solver.laws.spline_grid import mesh_points

#: Points in a cell along each axis, in the check, and radii of more round zeros of b.
CHECKED, RADII, ROUND = 5, (0.01, 0.03, 0.06, 0.15, 0.3, 0.5), 24
#: Points in the cells where the condition nearly binds: it may be missed in a strip round a path only, as
#: narrow as the root of what is missed.  Nearly: θ up to so much above 1 (0.1 is a tenth more of ∇U).
CLOSER, NEARLY = 24, 0.1
#: Points along the path, where the condition binds.
ALONG = 2001
BISECTIONS = 30


def checked_climb(law: Law, function: Subsolution, found: LeastAction, zeros: Sequence[Array]) -> float:
    """What a function proves of the action between the ends of a path; 0 for none.  Not collective."""
    if not function.climb > 0.0:
        return 0.0
    x = _sample(law, function, found, zeros)
    values, slopes = function(x)
    here = (values > 0.0) & (values < function.climb)
    theta = _ratios(law, x[:, here], slopes[:, here])
    rise = climb(MPI.COMM_SELF, values[here], theta, 0.0, function.climb)
    return 0.0 if rise is None else float(rise(np.array(function.climb)))


def _sample(law: Law, function: Subsolution, found: LeastAction, zeros: Sequence[Array]) -> Array:
    """Points at which it is asked: those of finer cells that are joined to the start below the climb."""
    grid = function.grid
    axes = grid.axes(CHECKED)
    x = mesh_points(axes)
    shape = tuple(len(axis) for axis in axes)

    def nearest(point: Array) -> tuple[int, ...]:
        return tuple(int(np.argmin(np.abs(axis - c))) for axis, c in zip(axes, point, strict=True))

    values, slopes = function(x)
    labels, _ = ndimage.label((values < function.climb * (1.0 - 1.0 / BANDS)).reshape(shape))
    inside = ndimage.binary_dilation(labels == labels[nearest(found.points[0])])
    x, values, slopes = (part[..., inside.reshape(-1)] for part in (x, values, slopes))
    between = (values > 0.0) & (values < function.climb)
    steeper = law.at(x[:, between]).values((1.0 + NEARLY) * slopes[:, between]).hamiltonian
    cells = grid.cells(x[:, between][:, ~(steeper <= 0.0)])
    near = [grid.round(zero, RADII, ROUND) for zero in zeros if inside[nearest(zero)]]
    along = found.path(np.linspace(-1.0, 1.0, ALONG)[1:-1])
    return np.concatenate([x, grid.inside(cells, CLOSER), along, *near], axis=1)


def _ratios(law: Law, x: Array, p: Array) -> Array:
    """θ at points ``(d, N)`` with the momenta p."""
    local = law.at(x)
    bad = ~(local.values(p).hamiltonian <= 0.0)
    theta: Array = np.ones(x.shape[1])
    if bad.any():
        part, p = local.part(bad), p[:, bad]
        low: Array = np.zeros(int(bad.sum()))
        high: Array = np.ones(int(bad.sum()))
        for _ in range(BISECTIONS):
            middle = 0.5 * (low + high)
            over = ~(part.values(middle * p).hamiltonian <= 0.0)
            low, high = np.where(over, low, middle), np.where(over, middle, high)
        theta[bad] = low
    return theta
