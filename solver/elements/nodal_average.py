"""Expressions with jumps between cells (gradients of finite-element functions) as continuous functions."""

from __future__ import annotations

import numpy as np
import ufl
from dolfinx import fem, la
from numpy.typing import NDArray

from solver.elements.region import Mask


def nodal_average(
    expression: ufl.core.expr.Expr, space: fem.FunctionSpace, active: Mask, name: str
) -> fem.Function:
    """The mean over the cells at every node of a vector expression, zero at other nodes.  Collective.

    Errors of gradients on the two sides of a node have opposite signs, and their mean is better than either.

    Args:
        expression: A vector, ``(d,)``, without coefficients on quadrature elements.
        space: Scalar Lagrange space that says where the nodes are.
        active: The local cells that count, ghosts included.
        name: Of the result.
    """
    domain = space.mesh
    d = domain.geometry.dim
    points = space.element.interpolation_points
    points = points() if callable(points) else points
    owned = domain.topology.index_map(domain.topology.dim).size_local
    cells: NDArray[np.int32] = np.flatnonzero(active[:owned]).astype(np.int32)
    values = fem.Expression(expression, points).eval(domain, cells).reshape(len(cells), len(points), d)
    vector = fem.functionspace(domain, ("Lagrange", space.ufl_element().degree, (d,)))
    result, count = fem.Function(vector, name=name), fem.Function(space)
    dofs = space.dofmap.list[cells]
    np.add.at(result.x.array.reshape(-1, d), dofs, values)
    np.add.at(count.x.array, dofs, 1.0)
    for part in (result, count):
        part.x.scatter_reverse(la.InsertMode.add)
        part.x.scatter_forward()
    result.x.array.reshape(-1, d)[:] /= np.maximum(count.x.array, 1.0)[:, None]
    return result
