"""The polynomials of a finite-element function cell by cell: their values anywhere, transfer, continuation.

A polynomial is defined outside its cell, too.  That is how a function is taken from a mesh to a copy with
slightly moved vertices (:mod:`meshes.fitted`), and how it is continued beyond the region in which it was
solved for.  All of it is local to the cells and their neighbours.
"""

from __future__ import annotations

import numpy as np
from dolfinx import fem, mesh
from dolfinx.la import InsertMode
from mpi4py import MPI
from numpy.typing import NDArray

from meshes.fitted import reference_points
from solver.elements.region import Mask
from solver.system import Array

CHUNK = 200_000
STEEP = 30.0
# in units of the cell
FAR = 1.2


def corners_of(domain: mesh.Mesh) -> Array:
    """Corners of all local cells, ``(cells, d+1, d)``."""
    return np.asarray(domain.geometry.x[domain.geometry.dofmap][:, :, : domain.geometry.dim])


def evaluate_in(function: fem.Function, cells: NDArray[np.int32], reference: Array) -> tuple[Array, Array]:
    """Value ``(n,)`` and gradient ``(n, d)`` of the polynomials of n cells at a reference point each."""
    space = function.function_space
    if len(cells) == 0:
        return np.zeros(0), np.zeros(reference.shape)
    corners = corners_of(space.mesh)[cells]
    table = space.element.basix_element.tabulate(1, reference)[:, :, :, 0]
    weights = function.x.array[space.dofmap.list[cells]]
    edges = np.swapaxes(corners[:, 1:] - corners[:, :1], 1, 2)
    slopes = np.einsum("jnb,nb->nj", table[1:], weights)
    gradients = np.linalg.solve(np.swapaxes(edges, 1, 2), slopes[..., None])[..., 0]
    return np.einsum("nb,nb->n", table[0], weights), np.asarray(gradients)


def _values_at_nodes(source: fem.Function, cells: NDArray[np.int32], nodes: Array) -> tuple[Array, Array]:
    """Values of the polynomials of n cells at m points each, ``(n, m, d) -> (n, m)``, and their weights.

    The weight is 1 for points in the cell and falls steeply outside, so that where several cells have a say
    the one that has to reach least far decides.
    """
    space = source.function_space
    corners = corners_of(space.mesh)
    size, dim = nodes.shape[1], nodes.shape[2]
    result, weight = np.empty(nodes.shape[:2]), np.empty(nodes.shape[:2])
    step = max(1, CHUNK // size)
    for begin in range(0, len(cells), step):
        part = slice(begin, begin + step)
        many = np.repeat(cells[part], size)
        local = reference_points(corners[many], nodes[part].reshape(-1, dim))
        table = space.element.basix_element.tabulate(0, local)[0, :, :, 0]
        weights = source.x.array[space.dofmap.list[many]]
        result[part] = np.einsum("nb,nb->n", table, weights).reshape(-1, size)
        outside = np.maximum(0.0, np.maximum(-local.min(axis=1), local.sum(axis=1) - 1.0))
        weight[part] = np.exp(-STEEP * np.minimum(outside, 1.0)).reshape(-1, size)
    return result, weight


def _average(
    space: fem.FunctionSpace, cells: NDArray[np.int32], values: Array, weights: Array
) -> tuple[Array, Mask]:
    """Average over owned cells of the values they have at their dofs, and which dofs got any.  Collective."""
    sums = []
    for column in (weights * values, weights):
        function = fem.Function(space)
        np.add.at(function.x.array, space.dofmap.list[cells].reshape(-1), column.reshape(-1))
        function.x.scatter_reverse(InsertMode.add)
        function.x.scatter_forward()
        sums.append(function.x.array.copy())
    return np.asarray(sums[0] / np.maximum(sums[1], 1e-300)), sums[1] > 0


def within_reach(source: mesh.Mesh, target: mesh.Mesh, cells: Mask) -> Mask:
    """The cells whose corners on one mesh lie in, or not far outside, the same cell of the other.

    The polynomial of a cell that was much flattened says nothing about where the cell was before.
    """
    chosen = np.flatnonzero(cells)
    before, after = corners_of(source)[chosen], corners_of(target)[chosen]
    size, dim = before.shape[1], before.shape[2]
    local = reference_points(np.repeat(before, size, axis=0), after.reshape(-1, dim))
    outside = (
        np.maximum(-local.min(axis=1), local.sum(axis=1) - 1.0).reshape(-1, size).max(axis=1, initial=0.0)
    )
    result = np.zeros(cells.size, dtype=bool)
    result[chosen[outside <= FAR]] = True
    return result


def transfer(source: fem.Function, space: fem.FunctionSpace, cells: Mask) -> fem.Function:
    """A function on a mesh with moved vertices, from the polynomials of the given cells.  Collective.

    Args:
        source: A scalar Lagrange function.
        space: The same element on a mesh of the same topology.
        cells: Local cells whose polynomials count; dofs that touch none of them are zero.
    """
    owned = space.mesh.topology.index_map(space.mesh.topology.dim).size_local
    mine = np.flatnonzero(cells[:owned]).astype(np.int32)
    values = source.x.array[space.dofmap.list[mine]]
    before, after = corners_of(source.function_space.mesh)[mine], corners_of(space.mesh)[mine]
    changed = (before != after).any(axis=(1, 2))
    nodes = space.tabulate_dof_coordinates()[space.dofmap.list[mine[changed]]][:, :, : before.shape[2]]
    weights = np.ones_like(values)
    values[changed], weights[changed] = _values_at_nodes(source, mine[changed], nodes)
    result = fem.Function(space, name=source.name)
    result.x.array[:] = _average(space, mine, values, weights)[0]
    return result


def continued(
    function: fem.Function, known: Mask, layers: int, below: float = np.inf
) -> tuple[fem.Function, Mask]:
    """Continue a function outwards by its polynomials into layers of cells, as long as it rises.  Collective.

    Cells in which it is on average below its lowest value on the facet through which they are reached are
    left out: a potential is not continued beyond a pass.

    Args:
        function: Given on the known cells.
        known: Local cells, consistent between ranks.
        layers: How many layers of neighbours (across facets) are added at most.
        below: Only cells with values below this get neighbours.

    Returns:
        The function (zero where it is not known) and the cells on which it is.
    """
    space = function.function_space
    domain = space.mesh
    dim = domain.topology.dim
    owned = domain.topology.index_map(dim).size_local
    first, second = neighbours(domain)
    from_cell, to_cell = np.concatenate([first, second]), np.concatenate([second, first])
    marker = fem.Function(fem.functionspace(domain, ("DG", 0)))
    result = fem.Function(space, name=function.name)
    mine = np.flatnonzero(known[:owned]).astype(np.int32)
    values = function.x.array[space.dofmap.list[mine]]
    result.x.array[:], has_value = _average(space, mine, values, np.ones_like(values))
    x = space.tabulate_dof_coordinates()[:, :dim]
    for _ in range(layers):
        low = known & (result.x.array[space.dofmap.list].min(axis=1) < below)
        new = low[from_cell] & ~known[to_cell] & (to_cell < owned)
        target = to_cell[new].astype(np.int32)
        nodes = x[space.dofmap.list[target]]
        values, weights = _values_at_nodes(result, from_cell[new].astype(np.int32), nodes)
        given = has_value[space.dofmap.list[target]]
        count = (~given).sum(axis=1)
        mean = np.where(given, 0.0, values).sum(axis=1) / np.maximum(count, 1)
        rising = (count == 0) | (mean >= np.where(given, values, np.inf).min(axis=1))
        target, values, weights = target[rising], values[rising], weights[rising]
        average, reached = _average(space, target, values, weights)
        fresh = reached & ~has_value
        result.x.array[fresh] = average[fresh]
        has_value |= fresh
        marker.x.array[:] = known
        marker.x.array[target] = 1.0
        marker.x.scatter_forward()
        known = marker.x.array > 0.5
        if not domain.comm.allreduce(int(target.size), op=MPI.SUM):
            break
    return result, known


def neighbours(domain: mesh.Mesh) -> tuple[NDArray[np.int32], NDArray[np.int32]]:
    """The two local cells of every interior facet."""
    dim = domain.topology.dim
    domain.topology.create_connectivity(dim - 1, dim)
    to_cells = domain.topology.connectivity(dim - 1, dim)
    inner = np.flatnonzero(np.diff(to_cells.offsets) == 2)
    return to_cells.array[to_cells.offsets[inner]], to_cells.array[to_cells.offsets[inner] + 1]
