"""Cut Lagrange cells into straight pieces between their nodes, for drawing."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from solver.output.vtkgrid import VtkGrid


def linear_pieces(grid: VtkGrid) -> NDArray[np.int64]:
    """Segments ``(m, 2)`` in 1D or triangles ``(m, 3)`` in 2D that join neighbouring nodes of each cell.

    A cell of degree k gives k segments, k² triangles (triangle) or 2k² triangles (quadrilateral).
    """
    k = grid.degree
    lattice = np.rint(grid.element.points * k).astype(int)
    index = {tuple(node): i for i, node in enumerate(lattice.tolist())}
    pieces: list[tuple[int, ...]] = []
    if grid.cell_name == "interval":
        pieces = [(index[i,], index[i + 1,]) for i in range(k)]
    elif grid.cell_name in ("triangle", "quadrilateral"):
        for i in range(k):
            for j in range(k):
                corners = [(i, j), (i + 1, j), (i, j + 1), (i + 1, j + 1)]
                for triangle in (corners[:3], corners[1:]):
                    if all(corner in index for corner in triangle):
                        pieces.append(tuple(index[corner] for corner in triangle))
    else:
        raise ValueError(f"cells of type {grid.cell_name} are drawn as slices, not as pieces")
    return grid.nodes[:, np.array(pieces)].reshape(-1, len(pieces[0]))
