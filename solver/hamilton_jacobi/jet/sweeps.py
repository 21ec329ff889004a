"""The jet scheme on a grid: first pass, sweeps in the order of the flow, evaluation of a policy.

State of a node: V and ∇V, the face of its ring from which its path comes, θ and w of the path, its action.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

from solver.arrays import Array
from solver.compiled import compiled
from solver.hamilton_jacobi.jet.faces import controls, flat, on_face
from solver.hamilton_jacobi.jet.lagrangian import FIELDS, POINT_FIELDS, expand_fields, fields_at, onto_zero
from solver.hamilton_jacobi.jet.lattice import Lattice
from solver.hamilton_jacobi.jet.local_problem import (
    ANSWER,
    CONTROLS,
    CORNER,
    FACE,
    GRADIENT,
    KEPT,
    LENGTH,
    NOW,
    ORIGIN,
    VALUE,
    minimise,
    normals,
)

# a face is not tried where its lowest value exceeds the best by more than this part of its own range
HOPELESS = 0.25
# the minimum lies at a corner of its face where all but this belongs to one vertex
AT_CORNER = 0.98
# a value is changed in the first pass where that lowers it by this part of its height above its neighbour
WORTH = 1e-3
# … and so often a node is passed on at most: round a strong rotation values may fall for ever
POPS = 5


class State(NamedTuple):
    """What the scheme knows at every node.

    Attributes:
        jet: V (∞ where nothing is known) and ∇V in units of the grid, ``(N, 1 + d)``.
        face: Number of the face from which the path comes, −1 for none, ``(N,)``.
        path: θ and w, ``(N, 2(d−1))``.
        cost: Action from the face, ∞ where the path comes from a single node, ``(N,)``.
    """

    jet: Array
    face: Array
    path: Array
    cost: Array


def unknown(count: int, dim: int) -> State:
    """Nothing known anywhere."""
    jet = np.zeros((count, 1 + dim))
    jet[:, 0] = np.inf
    paths = np.zeros((count, 2 * dim - 2))
    return State(jet, np.full(count, -1, dtype=np.int64), paths, np.full(count, np.inf))


@compiled
def neighbour(shape: tuple[int, ...], node: int, steps: Array) -> int:
    """Number of the node some steps away, −1 outside the grid."""
    result, stride, rest = 0, 1, node
    for axis in range(len(shape) - 1, -1, -1):
        at = rest % shape[axis] + steps[axis]
        if at < 0 or at >= shape[axis]:
            return -1
        rest //= shape[axis]
        result += at * stride
        stride *= shape[axis]
    return result


@compiled
def put_face(grid: Lattice, state: State, node: int, face: int, nodes: Array, w: Array) -> bool:
    """Corners and controls of a face of the ring of a node; False if it is not in the grid, or not known."""
    dim = len(grid.shape)
    edges = w[CORNER : CORNER + 9].reshape(3, 3)
    for n in range(dim):
        nodes[n] = neighbour(grid.shape, node, grid.ring[grid.faces[face, n]])
        if nodes[n] < 0:
            return False
    known = True
    for n in range(dim):
        known = known and state.jet[nodes[n], 0] < math.inf
        for k in range(dim):
            edges[n, k] = grid.ring[grid.faces[face, n], k]
            if n > 0:
                edges[n, k] -= grid.ring[grid.faces[face, 0], k]
    if known:
        controls(grid.shape, state.jet, nodes, edges, w, CONTROLS)
    return known


@compiled
def worth_trying(grid: Lattice, state: State, node: int, face: int, quick: bool) -> bool:
    """Whether a face is the last one or next to it (round a corner only where the path comes from there)."""
    last = state.face[node]
    if not quick or last < 0 or face == last:
        return True
    dim = len(grid.shape)
    shared = 0
    for n in range(dim):
        for m in range(dim):
            if grid.faces[face, n] == grid.faces[last, m]:
                shared += 1
    if shared >= dim - 1:
        return True
    if shared == 0:
        return False
    rest, most = 1.0, 0.0
    for m in range(dim - 1):
        rest -= state.path[node, m]
        most = max(most, state.path[node, m])
    return max(rest, most) > AT_CORNER


@compiled
def contains(faces: Array, face: int, step: int) -> bool:
    """Whether a step of the ring is a corner of a face."""
    found = False
    for n in range(faces.shape[1]):
        found = found or faces[face, n] == step
    return found


@compiled
def try_face(grid: Lattice, state: State, node: int, face: int, nodes: Array, w: Array, best: float) -> bool:
    """Find the cheapest path from a face; False if there is none, or it cannot be cheaper than ``best``."""
    dim = len(grid.shape)
    if not put_face(grid, state, node, face, nodes, w):
        return False
    low, high = math.inf, -math.inf
    for n in range(dim):
        low, high = min(low, state.jet[nodes[n], 0]), max(high, state.jet[nodes[n], 0])
    if low > best + HOPELESS * (high - low):
        return False
    last = state.face[node] == face
    for m in range(dim - 1):
        w[NOW + m] = state.path[node, m] if last else 1.0 / dim
        w[NOW + dim - 1 + m] = state.path[node, dim - 1 + m] if last else 0.0
    normals(grid.shape, w)
    return minimise(grid.shape, w, False)


@compiled
def try_corner(
    grid: Lattice, state: State, node: int, face: int, nodes: Array, w: Array, best: float
) -> bool:
    """Find the cheapest path from the lowest corner of a face of which not all is known."""
    dim = len(grid.shape)
    put_face(grid, state, node, face, nodes, w)
    low, where = math.inf, -1
    for n in range(dim):
        if nodes[n] >= 0 and state.jet[nodes[n], 0] < low:
            low, where = state.jet[nodes[n], 0], n
    for n in range(dim):
        if nodes[n] < 0:
            return False
    if not low < best:
        return False
    for m in range(dim - 1):
        w[NOW + m] = 1.0 if where == m + 1 else 0.0
        w[NOW + dim - 1 + m] = 0.0
    flat(grid.shape, low, w, CONTROLS)
    normals(grid.shape, w)
    return minimise(grid.shape, w, True)


@compiled
def renew(grid: Lattice, state: State, node: int, only: int, quick: bool, nodes: Array, w: Array) -> int:
    """The cheapest path to a node over the faces of its ring, into ``w[KEPT:]``.

    Args:
        grid: b and A.
        state: Values at the neighbours.
        node: The node.
        only: Try the faces with this step as a corner only; −1: all.
        quick: Try the last face and those next to it only.
        nodes: Work.
        w: Work.

    Returns:
        The face, −1 if there is no path.
    """
    expand_fields(grid.shape, grid.table, node, w)
    for k in range(3):
        w[ORIGIN + k] = 0.0
    fields_at(grid.shape, w, ORIGIN, FIELDS + 2 * POINT_FIELDS)
    best, found, last = math.inf, -1, state.face[node]
    for single in range(2):
        for turn in range(-1, len(grid.faces)):
            # the last face first: it makes most of the others hopeless
            face = last if turn < 0 else turn
            if (
                face < 0
                or (turn >= 0 and face == last)
                or (only >= 0 and not contains(grid.faces, face, only))
            ):
                continue
            if single == 0:
                if not worth_trying(grid, state, node, face, quick):
                    continue
                fine = try_face(grid, state, node, face, nodes, w, best)
            else:
                fine = try_corner(grid, state, node, face, nodes, w, best)
            if fine and 0.0 <= w[ANSWER + VALUE] < best:
                best, found = w[ANSWER + VALUE], face
                for n in range(8):
                    w[KEPT + n] = w[ANSWER + n]
        if found >= 0:
            break
    if found >= 0:
        onto_zero(grid.shape, w, FIELDS + 2 * POINT_FIELDS, KEPT + GRADIENT)
    return found


@compiled
def accept(shape: tuple[int, ...], state: State, node: int, face: int, w: Array) -> None:
    """Take over ``w[KEPT:]``."""
    dim = len(shape)
    state.face[node] = face
    for m in range(2 * dim - 2):
        state.path[node, m] = w[KEPT + m]
    state.jet[node, 0] = w[KEPT + VALUE]
    for k in range(dim):
        state.jet[node, 1 + k] = w[KEPT + GRADIENT + k]


@compiled
def sweep(grid: Lattice, state: State, order: Array, quick: bool, top: float) -> None:
    """Renew all nodes in an order, also where that raises their values; those above ``top`` are left."""
    w, nodes = np.zeros(LENGTH), np.zeros(3, np.int64)
    for node in order:
        if state.jet[node, 0] > top:
            continue
        face = renew(grid, state, node, -1, quick, nodes, w)
        if face < 0:
            continue
        accept(grid.shape, state, node, face, w)
        state.cost[node] = math.inf
        if put_face(grid, state, node, face, nodes, w):
            for m in range(len(grid.shape) - 1):
                w[NOW + m] = state.path[node, m]
            on_face(grid.shape, w, CONTROLS, NOW, FACE)
            state.cost[node] = state.jet[node, 0] - w[FACE]


@compiled
def evaluate_policy(grid: Lattice, state: State, order: Array, most: int, tolerance: float) -> int:
    """Solve ``V = V_face(θ) + S`` for the paths as they are, by Gauss and Seidel in an order.

    Weights of V in its values on a face are not negative and sum to one: the matrix is an M-matrix.

    Returns:
        Number of passes.
    """
    w, nodes = np.zeros(LENGTH), np.zeros(3, np.int64)
    count = 0
    for _ in range(most):
        count += 1
        change = 0.0
        for node in order:
            if not state.cost[node] < math.inf:
                continue
            if not put_face(grid, state, node, state.face[node], nodes, w):
                continue
            for m in range(len(grid.shape) - 1):
                w[NOW + m] = state.path[node, m]
            on_face(grid.shape, w, CONTROLS, NOW, FACE)
            value = w[FACE] + state.cost[node]
            change = max(change, abs(value - state.jet[node, 0]) / abs(value) if value != 0.0 else 0.0)
            state.jet[node, 0] = value
        if change <= tolerance:
            break
    return count
