"""Values of Lagrange fields at the nodes of another Lagrange space on the same mesh.

The degrees of freedom of a cell are, in DOLFINx, in the order of the reference cell, so the change of
nodes is one small matrix for all cells.  Done here cell by cell, because interpolation in DOLFINx lets the
cell that comes last win: where part of the mesh is invalid (NaN), that could be the wrong one.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeAlias

import basix
import dolfinx
import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
_BLOCK = 1 << 14  # cells handled at a time: bounds the memory


@dataclass(frozen=True)
class OnSubmesh:
    """A function on a submesh of full dimension; outside it the field is NaN.

    Attributes:
        function: Lagrange function on the submesh.
        parent_cells: For every cell of the submesh on this rank, its cell in the parent mesh.
    """

    function: dolfinx.fem.Function
    parent_cells: NDArray[np.integer[Any]]


Source: TypeAlias = dolfinx.fem.Function | OnSubmesh | Callable[[Array], Array]


def validate(name: str, source: Source, mesh: dolfinx.mesh.Mesh, degree: int) -> None:
    """Raise ValueError unless the field can be represented exactly on a grid of this degree (local)."""
    if callable(source) and not isinstance(source, dolfinx.fem.Function):
        return
    function = source.function if isinstance(source, OnSubmesh) else source
    element = function.function_space.ufl_element()
    if (
        element.element_family != basix.ElementFamily.P
        or element.embedded_superdegree == 0
        or element.discontinuous
    ):
        raise ValueError(f"field {name!r} is not a continuous Lagrange function; write it as a cell field")
    if _scalar_element(function.function_space).degree > degree:
        raise ValueError(f"field {name!r} has a higher degree than the output grid ({degree})")
    if len(function.ufl_shape) > 2:
        raise ValueError(f"field {name!r} has shape {function.ufl_shape}: write scalars, vectors or tensors")
    on_mesh = function.function_space.mesh.topology._cpp_object is mesh.topology._cpp_object
    if isinstance(source, OnSubmesh) == on_mesh:
        raise ValueError(f"field {name!r} lives on another mesh: wrap it in OnSubmesh if it is a submesh")


def at_nodes(source: Source, space: dolfinx.fem.FunctionSpace) -> tuple[Array, tuple[int, ...]]:
    """Values of a field at the owned nodes of a scalar Lagrange space (collective).

    A node takes its value from a cell in which the field is finite, if there is one on any rank.

    Returns:
        Values ``(nodes, components)`` or ``(nodes,)`` for a scalar, and the shape of one value.
    """
    owned = space.dofmap.index_map.size_local
    if callable(source) and not isinstance(source, dolfinx.fem.Function):
        return _sample(source, space, owned)
    function = source.function if isinstance(source, OnSubmesh) else source
    columns = _from_cells(source, function, space)
    values = np.stack([_complete(column, space, owned) for column in columns.T], axis=1)
    shape = tuple(int(n) for n in function.ufl_shape)
    return (values if shape else values[:, 0]), shape


def _sample(function: Callable[[Array], Array], space: dolfinx.fem.FunctionSpace, owned: int) -> Any:
    points = space.tabulate_dof_coordinates()[:owned, : space.mesh.geometry.dim].T
    values = np.asarray(function(np.ascontiguousarray(points)), dtype=np.float64)
    return np.moveaxis(values, -1, 0).reshape(owned, *_flat(values.shape[:-1])), values.shape[:-1]


def _flat(shape: tuple[int, ...]) -> tuple[int, ...]:
    return (int(np.prod(shape)),) if shape else ()


def _scalar_element(space: dolfinx.fem.FunctionSpace) -> Any:
    element = space.ufl_element()
    return element.sub_elements[0] if element.block_size > 1 else element


def _from_cells(source: Source, function: dolfinx.fem.Function, space: dolfinx.fem.FunctionSpace) -> Array:
    """Values at this rank's nodes from this rank's cells; NaN where no cell here has a finite value."""
    old, new = function.function_space, space
    block = old.dofmap.index_map_bs
    coefficients = function.x.array.reshape(-1, block)
    nodes = _scalar_element(new).basix_element.points
    matrix = _scalar_element(old).basix_element.tabulate(0, nodes)[0, :, :, 0].copy()
    matrix[np.abs(matrix) < 1e-15] = 0.0
    topology = old.mesh.topology
    cells = topology.index_map(topology.dim).size_local
    target = np.arange(cells) if not isinstance(source, OnSubmesh) else source.parent_cells[:cells]

    index_map = new.dofmap.index_map
    result = np.full((index_map.size_local + index_map.num_ghosts, block), np.nan)
    for start in range(0, cells, _BLOCK):
        chunk = slice(start, min(start + _BLOCK, cells))
        local = coefficients[old.dofmap.list[chunk]]
        finite = np.isfinite(local).all(axis=(1, 2))
        values = np.einsum("ij,cjb->cib", matrix, local[finite])
        result[new.dofmap.list[target[chunk][finite]]] = values
    return result


def _complete(column: Array, space: dolfinx.fem.FunctionSpace, owned: int) -> Array:
    """Fill owned nodes that only another rank has a finite cell at (collective)."""
    value, count = dolfinx.fem.Function(space), dolfinx.fem.Function(space)
    known = np.isfinite(column)
    count.x.array[:] = known
    value.x.array[:] = np.where(known, column, 0.0)
    own = known[:owned]
    for function in (value, count):
        function.x.array[:owned][own] = 0.0  # the owner's value stands as it is
        function.x.scatter_reverse(dolfinx.la.InsertMode.add)
    total, number = value.x.array[:owned], count.x.array[:owned]
    received = np.divide(total, number, out=np.full(owned, np.nan), where=number > 0)
    return np.where(own, column[:owned], received)
