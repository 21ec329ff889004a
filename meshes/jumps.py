"""Copies of a mesh with vertices moved onto the jumps of a field.

A polynomial in a cell does not follow a kink, and a rule of integration not a jump.  Where the field jumps
along an edge (found by halving it, towards the half in which the field changes more) the nearer of its ends
is moved there.  Then nearly every cell lies on one side, exactly so for jumps along straight lines; vertices
on a side of the box move along it only, its corners do not move, and none does that would flatten a cell.
"""

from __future__ import annotations

from collections.abc import Callable
from itertools import combinations

import numpy as np
from dolfinx import mesh
from mpi4py import MPI
from numpy.typing import NDArray

from meshes.fitted import moved_copy
from meshes.refine import refine_cells

Array = NDArray[np.float64]
Mask = NDArray[np.bool_]
Indices = NDArray[np.int32]
Field = Callable[[Array], Array]

# an edge is halved down to rounding; if then at least this part of the change of the field is left, it jumps
HALVINGS, JUMP = 45, 1e-3
# of an edge: a jump this near to an end is at it
AT_END = 1e-9
# where a vertex cannot move the other end of an edge is tried
ROUNDS = 4
# of the box: vertices this near to its sides are on them
ON_SIDE = 1e-10
# a cell must keep this part of its volume
LEAST = 0.02


def fitted_to_jumps(domain: mesh.Mesh, field: Field, refinements: int = 0) -> mesh.Mesh:
    """Fit a copy of a simplex mesh of a box to the jumps of a field.  Collective.

    Args:
        domain: The mesh; it is not changed, and returned if there is nothing to move.
        field: ``(d, N) -> (m, N)``.
        refinements: How often cells that are still cut by a jump are halved, to fit the smaller ones.
    """
    for _ in range(refinements):
        domain = _fitted(domain, field)
        cut = cut_cells(domain, field)
        if not domain.comm.allreduce(len(cut), op=MPI.SUM):
            return domain
        domain = refine_cells(domain, cut)
    return _fitted(domain, field)


def cut_cells(domain: mesh.Mesh, field: Field) -> Indices:
    """The owned cells of which an edge is crossed by a jump between its ends."""
    x, cells = np.array(domain.geometry.x[:, : domain.geometry.dim]), _corners(domain)
    cut = np.zeros(len(cells), dtype=bool)
    for pair in combinations(range(cells.shape[1]), 2):
        at, part = _crossings(x, cells[:, list(pair)], field)
        cut[at[np.minimum(part, 1.0 - part) > AT_END]] = True
    return np.flatnonzero(cut).astype(np.int32)


def _corners(domain: mesh.Mesh) -> Indices:
    """Nodes of the corners of the owned cells."""
    dim = domain.geometry.dim
    return domain.geometry.dofmap[: domain.topology.index_map(dim).size_local, : dim + 1]


def _fitted(domain: mesh.Mesh, field: Field) -> mesh.Mesh:
    """A copy with vertices moved onto the jumps.  Collective."""
    dim, comm = domain.geometry.dim, domain.comm
    x, cells = np.array(domain.geometry.x[:, :dim]), _corners(domain)
    pairs = [cells[:, list(pair)] for pair in combinations(range(dim + 1), 2)]
    edges = np.unique(np.sort(np.concatenate(pairs), axis=1), axis=0)
    walls = _walls(domain, x)
    held = np.zeros(len(x), dtype=bool)
    moved = x
    for n in range(ROUNDS):
        goal = _nearest(domain, moved, *_moves(moved, edges, walls, held, field, either=n > 0))
        back = _flattened(domain, x, goal, moved, cells)
        held |= back
        moved = np.where(back[:, None], moved, goal)
    changed = comm.allreduce(bool((moved != x).any()), op=MPI.LOR)
    return moved_copy(domain, moved) if changed else domain


def _nearest(domain: mesh.Mesh, x: Array, node: Indices, gap: Array, place: Array) -> Array:
    """The nodes at the nearest of the places that any rank has for them.  Collective."""
    numbers = domain.geometry.index_map()
    mine = numbers.local_to_global(node), gap, place
    number, gap, place = (np.concatenate(part) for part in zip(*domain.comm.allgather(mine), strict=True))
    order = np.lexsort((gap, number))
    number, first = np.unique(number[order], return_index=True)
    local = numbers.global_to_local(number)
    here = local >= 0
    goal = x.copy()
    goal[local[here]] = place[order][first][here]
    return goal


def _flattened(domain: mesh.Mesh, first: Array, goal: Array, before: Array, cells: Indices) -> Mask:
    """Nodes that must not move, because a cell of some rank would be flattened.  Collective."""
    numbers = domain.geometry.index_map()
    back = np.zeros(len(first), dtype=bool)
    while True:
        here = np.where(back[:, None], before, goal)
        bad = np.unique(cells[~_sound(first, here, cells)].reshape(-1)).astype(np.int32)
        bad = bad[(here[bad] != before[bad]).any(axis=1)]
        told = np.unique(np.concatenate(domain.comm.allgather(numbers.local_to_global(bad))))
        if not len(told):
            return back
        local = numbers.global_to_local(told)
        back[local[local >= 0]] = True


def _walls(domain: mesh.Mesh, x: Array) -> Mask:
    """On which sides of the box the nodes lie, ``(n, 2d)``.  Collective."""
    ends = domain.comm.allgather((x.min(axis=0, initial=np.inf), x.max(axis=0, initial=-np.inf)))
    low: Array = np.min([low for low, _ in ends], axis=0)
    high: Array = np.max([high for _, high in ends], axis=0)
    room = ON_SIDE * (high - low)
    return np.concatenate([x <= low + room, x >= high - room], axis=1)


def _moves(
    x: Array, edges: Indices, walls: Mask, held: Mask, field: Field, either: bool
) -> tuple[Indices, Array, Array]:
    """Nodes that could move, how far relative to the edge, and where to; the nearer ends, or either."""
    jumps, part = _crossings(x, edges, field)
    edges = edges[jumps]
    place = x[edges[:, 0]] + part[:, None] * (x[edges[:, 1]] - x[edges[:, 0]])
    # along all the sides that a node is on, and not out of a corner
    free = [~held[edges[:, n]] & ~(walls[edges[:, n]] & ~walls[edges[:, 1 - n]]).any(axis=1) for n in (0, 1)]
    # the nearer end if that may move; not the other where the jump is at the nearer one
    side = np.where(part <= 0.5, 0, 1)
    inner = np.minimum(part, 1.0 - part) > AT_END
    if either:
        side = np.where(np.choose(side, free), side, 1 - side)
    usable = np.choose(side, free) & inner
    gap = np.where(side == 0, part, 1.0 - part)
    node = edges[np.arange(len(edges)), side]
    return node[usable], gap[usable], place[usable]


def _crossings(x: Array, edges: Indices, field: Field) -> tuple[Indices, Array]:
    """Which edges are crossed by a jump, and at which part of their length."""
    start, way = x[edges[:, 0]].T, (x[edges[:, 1]] - x[edges[:, 0]]).T
    at_start, at_end = field(start), field(start + way)
    whole = np.linalg.norm(at_end - at_start, axis=0)
    low: Array = np.zeros(len(edges))
    high: Array = np.ones(len(edges))
    for _ in range(HALVINGS):
        middle = 0.5 * (low + high)
        value = field(start + middle * way)
        first = np.linalg.norm(value - at_start, axis=0) >= np.linalg.norm(at_end - value, axis=0)
        high, at_end = np.asarray(np.where(first, middle, high)), np.where(first, value, at_end)
        low, at_start = np.asarray(np.where(first, low, middle)), np.where(first, at_start, value)
    jumps = np.flatnonzero((np.linalg.norm(at_end - at_start, axis=0) > JUMP * whole) & (whole > 0.0))
    return jumps.astype(np.int32), 0.5 * (low + high)[jumps]


def _sound(before: Array, after: Array, cells: Indices) -> Mask:
    """Cells that were not turned inside out or flattened."""
    volumes = [np.linalg.det(x[cells[:, 1:]] - x[cells[:, :1]]) for x in (before, after)]
    return np.asarray(volumes[1] * np.sign(volumes[0]) > LEAST * np.abs(volumes[0]))
