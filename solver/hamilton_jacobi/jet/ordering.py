"""Orders of the nodes: by V with a heap in the first pass, upstream first in the sweeps."""

from __future__ import annotations

import math

import numpy as np

from solver.arrays import Array
from solver.compiled import compiled
from solver.hamilton_jacobi.jet.lattice import Lattice
from solver.hamilton_jacobi.jet.local_problem import KEPT, LENGTH, VALUE
from solver.hamilton_jacobi.jet.sweeps import POPS, WORTH, State, accept, neighbour, renew


@compiled
def push(heap: Array, place: Array, count: int, jet: Array, node: int) -> int:
    """Put a node into the heap, or move it up after its value fell; returns how many there are."""
    if place[node] < 0:
        heap[count] = node
        place[node] = count
        count += 1
    i = place[node]
    while i > 0:
        j = (i - 1) >> 1
        if jet[heap[j], 0] <= jet[node, 0]:
            break
        heap[i] = heap[j]
        place[heap[i]] = i
        i = j
    heap[i] = node
    place[node] = i
    return count


@compiled
def pop(heap: Array, place: Array, count: int, jet: Array) -> int:
    """The lowest node, taken out of a heap of ``count``."""
    top = heap[0]
    place[top] = -1
    count -= 1
    if count > 0:
        node, i = heap[count], 0
        while True:
            j = 2 * i + 1
            if j >= count:
                break
            if j + 1 < count and jet[heap[j + 1], 0] < jet[heap[j], 0]:
                j += 1
            if jet[heap[j], 0] >= jet[node, 0]:
                break
            heap[i] = heap[j]
            place[heap[i]] = i
            i = j
        heap[i] = node
        place[node] = i
    return int(top)


@compiled
def on_front(grid: Lattice, state: State, node: int) -> bool:
    """Whether V is known at a node and not at all of its neighbours."""
    if not state.jet[node, 0] < math.inf:
        return False
    for r in range(len(grid.ring)):
        other = neighbour(grid.shape, node, grid.ring[r])
        if other >= 0 and state.jet[other, 0] == math.inf:
            return True
    return False


@compiled
def first_pass(grid: Lattice, state: State, top: float) -> None:
    """Values that only fall, spread from where V is known in the order of V up to ``top``: a start."""
    size = len(grid.fixed)
    heap, place = np.empty(size, np.int64), np.full(size, -1, np.int64)
    pops = np.zeros(size, np.int32)
    w, nodes = np.zeros(LENGTH), np.zeros(3, np.int64)
    jet = state.jet
    count = 0
    for node in range(size):
        if on_front(grid, state, node):
            count = push(heap, place, count, jet, node)
    while count > 0:
        node = pop(heap, place, count, jet)
        count -= 1
        if jet[node, 0] > top:
            break
        pops[node] += 1
        if pops[node] > POPS:
            continue
        for r in range(len(grid.ring)):
            x = neighbour(grid.shape, node, -grid.ring[r])
            if x < 0 or grid.fixed[x] or jet[x, 0] <= jet[node, 0]:
                continue
            face = renew(grid, state, x, r, False, nodes, w)
            if face < 0:
                continue
            old, new = jet[x, 0], w[KEPT + VALUE]
            if old == math.inf or new < old - WORTH * abs(old - jet[node, 0]):
                accept(grid.shape, state, x, face, w)
                count = push(heap, place, count, jet, x)


@compiled
def flow_order(grid: Lattice, state: State, roots: Array) -> Array:
    """The nodes that are not fixed, each after those of the face that its path comes from (but in circles).

    Args:
        grid: The grid.
        state: Paths.
        roots: All nodes in the order of V.
    """
    size, dim = len(grid.fixed), len(grid.shape)
    seen = np.zeros(size, np.int8)
    out, stack = np.empty(size, np.int64), np.empty(size + 1, np.int64)
    count = 0
    for root in roots:
        if not state.jet[root, 0] < math.inf or grid.fixed[root] or seen[root]:
            continue
        stack[0] = root
        seen[root] = 1
        depth = 1
        while depth > 0:
            node = stack[depth - 1]
            face, turn = state.face[node], seen[node] - 1
            if face < 0 or turn >= dim:
                out[count] = node
                count += 1
                depth -= 1
                continue
            seen[node] += 1
            # the corner with the largest weight first
            heaviest, most, rest = 0, -1.0, 1.0
            for m in range(dim - 1):
                rest -= state.path[node, m]
                if state.path[node, m] > most:
                    heaviest, most = m + 1, state.path[node, m]
            if rest >= most:
                heaviest = 0
            other = neighbour(grid.shape, node, grid.ring[grid.faces[face, (heaviest + turn) % dim]])
            if other >= 0 and not grid.fixed[other] and seen[other] == 0 and state.jet[other, 0] < math.inf:
                seen[other] = 1
                stack[depth] = other
                depth += 1
    return out[:count]
