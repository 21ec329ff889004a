"""The stationary density of a function of position: how much of ``p = q e^{−W/ε} / ∫`` lies where.

The mass in the bin ``{e_j < f ≤ e_{j+1}}`` is an integral over the part of the mesh between two level sets of
f, which cut through cells.  Every cell is cut into simplices in which f spans about a bin at most.  Each has
the mass of p by quadrature, spread evenly over it, and f linear in it, so that the part below a level is
known (:mod:`solver.elements.simplices`).  There f is shifted to its mean against p by quadrature: to first
order in the size of the simplices this takes care of the slope of p, and of the curvature of f.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

import basix
import numpy as np
from mpi4py import MPI

from solver.elements.simplices import mass_below, subdivision
from solver.fokker_planck.continuation import StationaryDensity
from solver.system import Array, Field

CELLS = {1: basix.CellType.interval, 2: basix.CellType.triangle, 3: basix.CellType.tetrahedron}
#: Parts a side for every bin that f spans in a cell.
FINENESS = {1: 16.0, 2: 2.0, 3: 1.0}
#: Parts a side that a cell is cut into at most.
MOST = {1: 256, 2: 32, 3: 8}
QUADRATURE = 4
#: Points worked on at a time.
CHUNK = 2_000_000
#: Vertices are taken this far inside: f may jump, or have no value, at the corner of a cell.
INSIDE = 1e-9
#: Cells with less of the mass than this are not cut.
NEGLIGIBLE = 1e-12


@dataclass(frozen=True)
class Marginal:
    """The density of one function, over bins.

    Attributes:
        edges: ``(n + 1,)``, increasing.
        masses: Probabilities of the bins, ``(n,)``.
        outside: Probability that f is in no bin, or has no value.
        error: Estimate of the error of the cutting, ``½ Σ |error of the masses|``: a third of the change from
            cells cut half as finely, which it is where it falls with the square of the size of the parts.
    """

    edges: Array
    masses: Array
    outside: float
    error: float


def marginal(state: StationaryDensity, field: Field, edges: Array) -> Marginal:
    """The probabilities of the bins of a function under a stationary density.  Collective.

    Args:
        state: The density.
        field: f, ``(d, N) -> (N,)``.
        edges: Ends of the bins, increasing, ``(n + 1,)``.
    """
    cells = _cells(state)
    parts = _parts(cells, field, edges)
    fine, total = _masses(cells, field, edges, parts)
    coarse, coarse_total = _masses(cells, field, edges, np.maximum(parts // 2, 1))
    masses, before = np.diff(fine) / total, np.diff(coarse) / coarse_total
    error = 0.5 * float(np.abs(masses - before).sum()) / 3.0
    return Marginal(edges, masses, 1.0 - float(masses.sum()), error)


@dataclass(frozen=True)
class _Cells:
    """The owned cells of the region of a density: corners, volumes, q and W at the dofs of each."""

    corners: Array
    volume: Array
    q: Array
    gauge: Array
    state: StationaryDensity

    @property
    def dim(self) -> int:
        """Number of coordinates."""
        return int(self.corners.shape[2])

    def density(self, chosen: Array, barycentric: Array) -> Array:
        """p at the same points (barycentric, ``(P, d + 1)``) of the chosen cells, ``(cells, P)``."""
        element = self.state.q.function_space.element.basix_element
        basis = element.tabulate(0, np.ascontiguousarray(barycentric[:, 1:]))[0, :, :, 0]
        exponent = -self.gauge[chosen] @ basis.T / self.state.epsilon - self.state.log_normaliser
        return np.asarray(self.q[chosen] @ basis.T * np.exp(exponent))

    def values(self, field: Field, chosen: Array, barycentric: Array) -> Array:
        """f at these points, ``(cells, P)``."""
        x = np.einsum("pk,ckd->dcp", barycentric, self.corners[chosen])
        return np.asarray(np.broadcast_to(field(x.reshape(self.dim, -1)), x[0].size)).reshape(x.shape[1:])


def _cells(state: StationaryDensity) -> _Cells:
    domain = state.coefficients.domain
    d, owned = domain.geometry.dim, state.coefficients.region.owned_cells
    corners = domain.geometry.x[domain.geometry.dofmap[owned]][:, : d + 1, :d]
    volume = np.abs(np.linalg.det(corners[:, 1:] - corners[:, :1])) / math.factorial(d)
    dofs = state.q.function_space.dofmap.list[owned]
    return _Cells(corners, volume, state.q.x.array[dofs], state.gauge.x.array[dofs], state)


def _parts(cells: _Cells, field: Field, edges: Array) -> Array:
    """Into how many parts a side every cell is cut, by what f spans in it: powers of two, ``(cells,)``."""
    inner, _ = _rule(cells.dim)
    whole = subdivision(cells.dim, 2)
    points = np.concatenate([_inwards(whole).reshape(-1, cells.dim + 1), inner])
    chosen = np.arange(len(cells.corners))
    values = cells.values(field, chosen, points)
    span = np.ptp(np.where(np.isfinite(values), values, edges[0]), axis=1)
    parts = 2.0 ** np.ceil(np.log2(np.maximum(FINENESS[cells.dim] * span / np.diff(edges).min(), 2.0)))
    mass = np.abs(cells.density(chosen, points)).max(axis=1, initial=0.0) * cells.volume
    return np.where(mass < NEGLIGIBLE, 1, np.minimum(parts, MOST[cells.dim])).astype(int)


def _masses(cells: _Cells, field: Field, edges: Array, parts: Array) -> tuple[Array, float]:
    """Mass below every edge, and all of it; each cell is cut into its number of parts a side.  Collective."""
    # f constant at the first edge counts: a value at an edge belongs to the bin below otherwise
    ends = np.concatenate([[np.nextafter(edges[0], -np.inf)], edges[1:]])
    sums = np.zeros(len(edges) + 1)
    for n in np.unique(parts):
        pieces = subdivision(cells.dim, int(n))
        inner, weights = _rule(cells.dim)
        points = np.einsum("qv,svk->sqk", inner, pieces).reshape(-1, cells.dim + 1)
        vertices = _inwards(pieces).reshape(-1, cells.dim + 1)
        for chosen in _chunks(np.flatnonzero(parts == n), len(points)):
            share = cells.volume[chosen, None, None] / len(pieces) * weights
            mass = cells.density(chosen, points).reshape(len(chosen), len(pieces), -1) * share
            linear = cells.values(field, chosen, vertices).reshape(-1, cells.dim + 1)
            exact = cells.values(field, chosen, points).reshape(-1, len(weights))
            flat = mass.reshape(-1, len(weights))
            sums[:-1] += mass_below(_shifted(linear, exact, flat, ends), flat.sum(axis=1), ends)
            sums[-1] += mass.sum()
    total = np.empty_like(sums)
    cells.state.coefficients.domain.comm.Allreduce(sums, total, op=MPI.SUM)
    return total[:-1], float(total[-1])


def _shifted(linear: Array, exact: Array, mass: Array, ends: Array) -> Array:
    """Values at the vertices with the mean of f against p; none is moved out of the bins by that."""
    weight = np.maximum(mass, 0.0)
    weight = weight + 1e-300 + 1e-12 * weight.max(axis=1, keepdims=True)
    mean = (weight * exact).sum(axis=1) / weight.sum(axis=1)
    moved = linear + (mean - linear.mean(axis=1))[:, None]
    inside = (linear >= ends[0]).all(axis=1) & (linear <= ends[-1]).all(axis=1)
    moved = np.where(inside[:, None], np.clip(moved, np.nextafter(ends[0], np.inf), ends[-1]), moved)
    return np.where(np.isfinite(moved), moved, linear)


def _rule(dim: int) -> tuple[Array, Array]:
    """Points (barycentric) and weights (their sum is one) of the rule on a simplex."""
    points, weights = basix.make_quadrature(CELLS[dim], QUADRATURE)
    return np.column_stack([1.0 - points.sum(axis=1), points]), weights / weights.sum()


def _inwards(pieces: Array) -> Array:
    return np.asarray((1.0 - INSIDE) * pieces + INSIDE * pieces.mean(axis=1, keepdims=True))


def _chunks(chosen: Array, points: int) -> Iterator[Array]:
    size = max(1, CHUNK // points)
    for start in range(0, len(chosen), size):
        yield chosen[start : start + size]
