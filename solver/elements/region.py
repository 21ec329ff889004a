"""Parts of a mesh: the cells in which an equation is solved, and their outer boundary.

The solvers work on sublevel sets of a (quasi-)potential.  A :class:`Region` is a set of cells of one mesh
with the measures over it; degrees of freedom outside are kept fixed.  Working on parts of one mesh, rather
than on submeshes, lets fields of different regions share one numbering and one output file.
"""

from __future__ import annotations

import functools
from dataclasses import dataclass
from typing import Any

import numpy as np
import scipy.sparse as sp
import ufl
from dolfinx import fem, mesh
from dolfinx.la import InsertMode
from mpi4py import MPI
from numpy.typing import NDArray
from scipy.sparse.csgraph import connected_components

from solver.system import Array

Dofs = NDArray[np.int32]

Mask = NDArray[np.bool_]

# in units of the cell: points on facets are in the cells on both sides
ROUNDING = 1e-10


@dataclass(frozen=True)
class Region:
    """A set of cells.

    Attributes:
        domain: The mesh.
        active: Which local cells (owned, then ghosts) belong to the region, consistent between ranks.
        facets: ``(n, 2)``: owned cells and their local facets that bound the region.
        cell_sets: The owned cells inside (1) and outside (2); one list, because UFL wants the measures of
            one form to share their data.
    """

    domain: mesh.Mesh
    active: Mask
    facets: NDArray[np.int32]
    cell_sets: list[tuple[int, NDArray[np.int32]]]

    @property
    def owned_cells(self) -> NDArray[np.int32]:
        """Indices of the owned cells of the region."""
        return self.cell_sets[0][1]

    def dx(self, metadata: dict[str, Any]) -> ufl.Measure:
        """Volume measure over the region."""
        return ufl.Measure("dx", domain=self.domain, metadata=metadata, subdomain_data=self.cell_sets)(1)

    def dx_outside(self, metadata: dict[str, Any]) -> ufl.Measure:
        """Volume measure over the other cells."""
        return ufl.Measure("dx", domain=self.domain, metadata=metadata, subdomain_data=self.cell_sets)(2)

    def ds(self, metadata: dict[str, Any]) -> ufl.Measure:
        """Surface measure over the outer boundary of the region; integrands are taken from inside."""
        entities = self.facets.reshape(-1).astype(np.int32)
        return ufl.Measure("ds", domain=self.domain, metadata=metadata, subdomain_data=[(1, entities)])(1)

    def interior_facets(self, cells: Mask, metadata: dict[str, Any]) -> ufl.Measure:
        """Measure over the facets between two cells of the region of which one is in ``cells``."""
        dim = self.domain.topology.dim
        to_cells = self.domain.topology.connectivity(dim - 1, dim)
        of_cell = self.domain.topology.connectivity(dim, dim - 1).array.reshape(-1, dim + 1)
        owned = self.domain.topology.index_map(dim - 1).size_local
        inner = np.flatnonzero(np.diff(to_cells.offsets[: owned + 1]) == 2)
        first, second = to_cells.array[to_cells.offsets[inner]], to_cells.array[to_cells.offsets[inner] + 1]
        keep = self.active[first] & self.active[second] & (cells[first] | cells[second])
        facets, first, second = inner[keep], first[keep], second[keep]
        columns = []
        for side in (first, second):
            columns += [side, np.argmax(of_cell[side] == facets[:, None], axis=1)]
        entities = np.column_stack(columns).reshape(-1).astype(np.int32)
        return ufl.Measure("dS", domain=self.domain, metadata=metadata, subdomain_data=[(1, entities)])(1)

    def dofs(self, space: fem.FunctionSpace) -> Mask:
        """Which local (blocked) dofs of a space touch the region.  Collective."""
        touched = fem.Function(space if space.dofmap.bs == 1 else space.sub(0).collapse()[0])
        touched.x.array[np.unique(space.dofmap.list[self.active])] = 1.0
        # a dof on a shared facet may see its active cell on another rank only
        touched.x.scatter_reverse(InsertMode.add)
        touched.x.scatter_forward()
        return np.asarray(touched.x.array > 0.5)


def make_region(domain: mesh.Mesh, active: Mask) -> Region:
    """Region of the given cells (values on ghosts are taken from their owners).  Collective."""
    active = _consistent(domain, active)
    dim = domain.topology.dim
    domain.topology.create_connectivity(dim - 1, dim)
    domain.topology.create_connectivity(dim, dim - 1)
    to_facets = domain.topology.connectivity(dim, dim - 1)
    to_cells = domain.topology.connectivity(dim - 1, dim)
    facets_of = to_facets.array.reshape(-1, dim + 1)
    # number of active cells at every facet
    cells_at = np.repeat(np.arange(to_cells.num_nodes), np.diff(to_cells.offsets))
    count = np.bincount(cells_at, weights=active[to_cells.array].astype(float), minlength=to_cells.num_nodes)
    owned = domain.topology.index_map(dim).size_local
    bounding = (count[facets_of[:owned]] == 1) & active[:owned, None]
    cell, local = np.nonzero(bounding)
    sets = [(1, np.flatnonzero(active[:owned])), (2, np.flatnonzero(~active[:owned]))]
    return Region(
        domain,
        active,
        np.column_stack([cell, local]).astype(np.int32),
        [(tag, cells.astype(np.int32)) for tag, cells in sets],
    )


def whole(domain: mesh.Mesh) -> Region:
    """All cells.  Collective."""
    cell_map = domain.topology.index_map(domain.topology.dim)
    return make_region(domain, np.ones(cell_map.size_local + cell_map.num_ghosts, dtype=bool))


@functools.lru_cache(maxsize=4)
def cell_space(domain: mesh.Mesh) -> fem.FunctionSpace:
    """One value a cell.  Kept for the last few meshes: a space is made in 4 ms, and asked for often."""
    return fem.functionspace(domain, ("DG", 0))


def _consistent(domain: mesh.Mesh, active: Mask) -> Mask:
    marker = fem.Function(cell_space(domain))
    marker.x.array[:] = active
    marker.x.scatter_forward()
    return np.asarray(marker.x.array > 0.5)


def component(domain: mesh.Mesh, active: Mask, seeds: Mask) -> Mask:
    """The active cells that are connected through facets to an active seed cell.  Collective."""
    dim = domain.topology.dim
    domain.topology.create_connectivity(dim - 1, dim)
    to_cells = domain.topology.connectivity(dim - 1, dim)
    inner = np.flatnonzero(np.diff(to_cells.offsets) == 2)
    first, second = to_cells.array[to_cells.offsets[inner]], to_cells.array[to_cells.offsets[inner] + 1]
    active = _consistent(domain, active)
    both = active[first] & active[second]
    graph = sp.coo_matrix((np.ones(both.sum()), (first[both], second[both])), shape=(active.size,) * 2)
    labels = connected_components(graph, directed=False)[1]
    reached = _consistent(domain, active & seeds)
    while True:
        hit = np.zeros(labels.max(initial=-1) + 1, dtype=bool)
        hit[labels[reached]] = True
        grown = _consistent(domain, _spread(domain, active & hit[labels]))
        changed = domain.comm.allreduce(int((grown & ~reached).any()), op=MPI.MAX)
        reached = grown
        if not changed:
            return reached & active


def _spread(domain: mesh.Mesh, marks: Mask) -> Mask:
    """Bring marks set on ghosts to the owners of the cells."""
    marker = fem.Function(cell_space(domain))
    marker.x.array[:] = marks
    marker.x.scatter_reverse(InsertMode.add)
    marker.x.scatter_forward()
    return np.asarray(marker.x.array > 0.5)


def cells_near(domain: mesh.Mesh, points: Array) -> Mask:
    """Cells that contain one of the points ``(n, d)`` (within rounding).  Not collective."""
    d = domain.geometry.dim
    # the corners come first, also where cells are curved
    vertices = domain.geometry.x[domain.geometry.dofmap][:, : d + 1, :d]
    low, high = vertices.min(axis=1), vertices.max(axis=1)
    room = ROUNDING * (high - low)
    low, high = low - room, high + room
    found = np.zeros(len(vertices), dtype=bool)
    for point in np.atleast_2d(points):
        near = np.flatnonzero((low <= point).all(axis=1) & (point <= high).all(axis=1))
        edges = np.swapaxes(vertices[near, 1:] - vertices[near, :1], 1, 2)
        local = np.linalg.solve(edges, (point - vertices[near, 0])[..., None])[..., 0]
        found[near[(local >= -ROUNDING).all(axis=1) & (local.sum(axis=1) <= 1 + ROUNDING)]] = True
    return found


def restricted(function: fem.Function, cells: Mask) -> fem.Function:
    """A scalar Lagrange function on local cells, NaN at dofs that touch none of them."""
    result = fem.Function(function.function_space)
    result.x.array[:] = np.nan
    inside = np.unique(function.function_space.dofmap.list[cells])
    result.x.array[inside] = function.x.array[inside]
    return result


def cell_values(function: fem.Function) -> Array:
    """Values of a scalar Lagrange function at the dofs of every local cell, ``(cells, dofs per cell)``."""
    return np.asarray(function.x.array[function.function_space.dofmap.list])


def edge_dofs(region: Region, space: fem.FunctionSpace) -> Dofs:
    """Local dofs on the outer boundary of a region (those on facets of owned cells).  Collective."""
    domain = region.domain
    dim = domain.topology.dim
    domain.topology.create_connectivity(dim, dim - 1)
    of_cell = domain.topology.connectivity(dim, dim - 1).array.reshape(-1, dim + 1)
    facets = np.unique(of_cell[region.facets[:, 0], region.facets[:, 1]]).astype(np.int32)
    return np.asarray(fem.locate_dofs_topological(space, dim - 1, facets, remote=False))


def edge_level(region: Region, potential: fem.Function) -> float:
    """Lowest value on the outer boundary of a region.  Collective."""
    values = potential.x.array[edge_dofs(region, potential.function_space)]
    return float(region.domain.comm.allreduce(float(np.min(values, initial=np.inf)), op=MPI.MIN))
