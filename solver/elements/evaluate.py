"""Values and gradients of finite-element functions at points of a distributed mesh."""

from __future__ import annotations

import numpy as np
from dolfinx import fem, geometry, mesh
from mpi4py import MPI

from solver.system import Array

# of the mesh: boxes of cells are wider by this
ROUNDING = 1e-12
# in barycentric coordinates: a point on the edge of the mesh is in the mesh
NEAR = 1e-6


class Locator:
    """Finds the cells of points on a distributed mesh.

    A small class because the search tree is costly and is used many times when a path is traced.
    """

    def __init__(self, domain: mesh.Mesh) -> None:
        """Build the search tree over the owned cells.  Not collective."""
        dim = domain.topology.dim
        owned = np.arange(domain.topology.index_map(dim).size_local, dtype=np.int32)
        self.domain = domain
        size = float(np.ptp(domain.geometry.x, axis=0).max()) if len(domain.geometry.x) else 0.0
        self.tree = geometry.bb_tree(domain, dim, entities=owned, padding=ROUNDING * size)

    def cells(self, points: Array) -> Array:
        """An owned cell for every point ``(n, d)``, −1 where no owned cell contains it.

        Barycentric coordinates, and not the distances of :func:`dolfinx.geometry.compute_colliding_cells`,
        tell it: those are compared with a length of 10⁻⁶, whatever the units are.
        """
        count, dim = points.shape
        padded = np.zeros((count, 3))
        padded[:, :dim] = points
        candidates = geometry.compute_collisions_points(self.tree, padded)
        point = np.repeat(np.arange(count), np.diff(candidates.offsets))
        corners = self.domain.geometry.x[self.domain.geometry.dofmap[candidates.array]][:, : dim + 1, :dim]
        edges = np.swapaxes(corners[:, 1:] - corners[:, :1], 1, 2)
        local = np.linalg.solve(edges, (points[point] - corners[:, 0])[..., None])[..., 0]
        inside = (local >= -NEAR).all(axis=1) & (local.sum(axis=1) <= 1.0 + NEAR)
        found = np.full(count, -1, dtype=np.int32)
        # backwards, so that the first of several cells is the one that is left
        found[point[inside][::-1]] = candidates.array[inside][::-1]
        return found

    def owners(self, cells: Array) -> Array:
        """Lowest rank that found each point (the number of ranks where none did).  Collective."""
        comm = self.domain.comm
        mine = np.where(cells >= 0, comm.rank, comm.size)
        lowest = np.empty_like(mine)
        comm.Allreduce(np.ascontiguousarray(mine), lowest, op=MPI.MIN)
        return lowest


def _share(locator: Locator, cells: Array, values: Array) -> Array:
    """Give every rank the values that the owners of the points computed; NaN where there is none."""
    comm = locator.domain.comm
    owners = locator.owners(cells)
    mine = np.where((owners == comm.rank)[:, None], values, 0.0)
    total = np.zeros_like(mine)
    comm.Allreduce(np.ascontiguousarray(mine), total, op=MPI.SUM)
    total[owners == comm.size] = np.nan
    return total


def evaluate(function: fem.Function, points: Array, locator: Locator | None = None) -> Array:
    """Values at points, the same on every rank.  Collective.

    Args:
        function: Any function; a blocked one gives its components.
        points: ``(n, d)``, the same on every rank.
        locator: Search tree of the mesh, to be reused.

    Returns:
        ``(n, value size)``, NaN at points outside the mesh.
    """
    locator = locator or Locator(function.function_space.mesh)
    cells = locator.cells(points)
    size = int(np.prod(function.ufl_shape, dtype=int))
    values = np.zeros((len(points), size))
    found = cells >= 0
    if found.any():
        padded = np.zeros((found.sum(), 3))
        padded[:, : points.shape[1]] = points[found]
        values[found] = function.eval(padded, cells[found]).reshape(-1, size)
    return _share(locator, cells, values)


def evaluate_gradient(function: fem.Function, points: Array, locator: Locator | None = None) -> Array:
    """Gradient of a scalar function at points, the same on every rank.  Collective.

    On facets, where the gradient jumps, it is the one of an adjacent cell.

    Returns:
        ``(n, d)``, NaN at points outside the mesh.
    """
    domain = function.function_space.mesh
    locator = locator or Locator(domain)
    cells = locator.cells(points)
    values = np.zeros_like(points)
    found = np.flatnonzero(cells >= 0)
    if found.size:
        vertices = domain.geometry.x[domain.geometry.dofmap[cells[found]]][:, :, : points.shape[1]]
        edges = np.swapaxes(vertices[:, 1:] - vertices[:, :1], 1, 2)
        reference = np.linalg.solve(edges, (points[found] - vertices[:, 0])[..., None])[..., 0]
        space = function.function_space
        # (derivative, point, basis function); Lagrange elements need no orientation of the basis
        table = space.element.basix_element.tabulate(1, reference)[1:, :, :, 0]
        slopes = np.einsum("jnb,nb->nj", table, function.x.array[space.dofmap.list[cells[found]]])
        values[found] = np.linalg.solve(np.swapaxes(edges, 1, 2), slopes[..., None])[..., 0]
    return _share(locator, cells, values)


def bounding_box(domain: mesh.Mesh) -> tuple[Array, Array]:
    """Lowest and highest coordinates of a mesh, ``(d,)`` each.  Collective."""
    x = domain.geometry.x[:, : domain.geometry.dim]
    low, high = np.min(x, axis=0, initial=np.inf), np.max(x, axis=0, initial=-np.inf)
    domain.comm.Allreduce(MPI.IN_PLACE, low, op=MPI.MIN)
    domain.comm.Allreduce(MPI.IN_PLACE, high, op=MPI.MAX)
    return low, high
