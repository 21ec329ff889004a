"""Where V of the jet scheme is not to be trusted, whatever its estimated error.

Two things the comparison of two grids does not see, because both grids have them:

- Paths that would leave the box run along its edge instead, and V beyond is too high.  It begins at a node
  next to a side of the box whose path comes along that side.
- Near a node A is its Taylor polynomial of second order.  Where A is next to singular, and its axes turn,
  that may be off by much in the direction in which the noise is weak: with D³A the third differences,
  ``‖A^{−1/2} D³A A^{−1/2}‖/16`` is that error between two nodes, relative to the cost of motion.

What comes from such nodes downstream is marked with them, in proportion to the weights of a path in them.
"""

from __future__ import annotations

import itertools

import numpy as np

from solver.arrays import Array
from solver.compiled import compiled
from solver.hamilton_jacobi.jet.lattice import Grid, Lattice
from solver.hamilton_jacobi.jet.sweeps import State, neighbour

# (ξ³ − ξ)/6 at ξ = ½: error of the second-order polynomial through three nodes, in third differences
BETWEEN = 1.0 / 16.0
# largest relative error of A⁻¹ (see above) with which a node is taken for resolved
RESOLVED = 0.03
# a path that leaves a box and comes back runs along its side, or one cell from it
BESIDE = 1
# corners of a face with less than this weight do not count for where a path comes from
SLIGHT = 0.01


def doubtful(board: Lattice, grid: Grid, state: State, order: Array, given: Array) -> Array:
    """The part of V at every node that comes from where it is not to be trusted, ``(N,)``, 0 to 1.

    Args:
        board: b and A on the grid.
        grid: The grid.
        state: The paths.
        order: The nodes upstream first (:func:`solver.hamilton_jacobi.jet.ordering.flow_order`).
        given: The same where V was given.
    """
    marks = np.where(board.fixed, given, 0.0)
    marks[~board.fixed & (unresolved(board, grid) > RESOLVED)] = 1.0
    carry(board, state, order, marks)
    return marks


def unresolved(board: Lattice, grid: Grid) -> Array:
    """Relative error of the polynomials for A at every node, ``(N,)``; infinite where A is not positive."""
    dim = grid.dim
    rows, columns = np.triu_indices(dim)
    padded = board.table[:, dim:].reshape(*(n + 2 for n in grid.shape), -1)
    tensors = np.empty((*padded.shape[:-1], dim, dim))
    tensors[..., rows, columns] = tensors[..., columns, rows] = padded
    inner = (slice(1, -1),) * dim
    values, vectors = np.linalg.eigh(tensors[inner])
    positive = values[..., 0] > 0.0
    root = vectors / np.sqrt(np.maximum(values, np.finfo(float).tiny))[..., None, :]
    worst = np.zeros(grid.shape)
    for step in itertools.product((-1, 0, 1), repeat=dim):
        # one of each pair of opposite directions: the third difference of the four nodes from −1 to 2
        if step <= (0,) * dim:
            continue
        third = np.zeros_like(tensors[inner])
        for factor, times in ((-1.0, -1), (3.0, 0), (-3.0, 1), (1.0, 2)):
            at = tuple(
                np.clip(np.arange(1, n + 1) + times * one, 0, n + 1)
                for n, one in zip(grid.shape, step, strict=True)
            )
            third += factor * tensors[np.ix_(*at)]
        scaled = np.swapaxes(root, -1, -2) @ third @ root
        worst = np.maximum(worst, BETWEEN * np.abs(np.linalg.eigvalsh(scaled)).max(axis=-1))
    return np.where(positive, worst, np.inf).ravel()


@compiled
def carry(grid: Lattice, state: State, order: Array, marks: Array) -> None:
    """Marks of nodes next to a side of the box whose paths come along it, and of all from those upstream."""
    dim = len(grid.shape)
    for node in order:
        face = state.face[node]
        if face < 0:
            continue
        total, rest = 0.0, 1.0
        along = False
        for m in range(dim - 1):
            rest -= state.path[node, m]
        for n in range(dim):
            weight = rest if n == 0 else state.path[node, n - 1]
            other = neighbour(grid.shape, node, grid.ring[grid.faces[face, n]])
            if other >= 0 and weight > 0.0:
                total += weight * marks[other]
        stride = len(grid.fixed)
        left = node
        for axis in range(dim):
            stride //= grid.shape[axis]
            at = left // stride
            left -= at * stride
            low, high = at <= BESIDE, at >= grid.shape[axis] - 1 - BESIDE
            inwards = not (low or high)
            for n in range(dim):
                weight = rest if n == 0 else state.path[node, n - 1]
                step = grid.ring[grid.faces[face, n], axis]
                if weight > SLIGHT and ((low and step > 0) or (high and step < 0)):
                    inwards = True
            along = along or not inwards
        marks[node] = 1.0 if along else max(marks[node], total)
