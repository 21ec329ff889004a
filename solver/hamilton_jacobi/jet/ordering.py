"""Orders of the nodes: by V with a heap in the first pass, upstream first in the sweeps."""

from __future__ import annotations

import math

import numpy as np

from solver.arrays import Array
from solver.compiled import compiled
from solver.hamilton_jacobi.jet.lattice import Lattice
from solver.hamilton_jacobi.jet.local_problem import KEPT, LENGTH, VALUE
from solver.hamilton_jacobi.jet.sweeps import POPS, WORTH, State, accept, neighbour, renew

# marks a node whose upstream nodes are all in the order
DONE = 100
# a path comes from one node alone where that has more than this of the weight
ALONE = 0.75


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
def first_pass(grid: Lattice, state: State, top: float, goals: Array, wanted: int) -> float:
    """Values that only fall, spread from where V is known in the order of V: a start.

    Args:
        grid: The grid.
        state: V where it is known; changed.
        top: Go on up to this V …
        goals: … or until of these nodes, ``(N,)``, …
        wanted: … so many are reached (0: do not look at them).

    Returns:
        V of the last node that was passed on.
    """
    size = len(grid.fixed)
    heap, place = np.empty(size, np.int64), np.full(size, -1, np.int64)
    pops = np.zeros(size, np.int32)
    w, nodes = np.zeros(LENGTH), np.zeros(3, np.int64)
    jet = state.jet
    count, last = 0, 0.0
    reached = np.zeros(size, np.bool_)
    for node in range(size):
        if on_front(grid, state, node):
            count = push(heap, place, count, jet, node)
    while count > 0:
        node = pop(heap, place, count, jet)
        count -= 1
        if jet[node, 0] > top:
            break
        last = max(last, jet[node, 0])
        if goals[node] and not reached[node] and wanted > 0:
            reached[node] = True
            wanted -= 1
            if wanted == 0:
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
    return float(last)


@compiled
def flow_order(grid: Lattice, state: State, roots: Array) -> Array:
    """The nodes that are not fixed, each after those of the face that its path comes from (but in circles).

    Where a path comes almost from one node, and that node's from here, V of these paths is infinite: the cost
    of the path that closes the circle is set to ∞, so that :func:`evaluate_policy` leaves V as it is.

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
                seen[node] = DONE
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
                heaviest, most = 0, rest
            other = neighbour(grid.shape, node, grid.ring[grid.faces[face, (heaviest + turn) % dim]])
            if other < 0 or grid.fixed[other]:
                continue
            if turn == 0 and most > ALONE and seen[other] not in (0, DONE):
                state.cost[node] = math.inf
            if seen[other] == 0 and state.jet[other, 0] < math.inf:
                seen[other] = 1
                stack[depth] = other
                depth += 1
    return out[:count]
