"""Whether points and cells make a mesh that equations can be solved on.

In a conforming mesh of simplices every facet belongs to one cell (on the boundary) or to two, which lie on
its two sides; the cells hang together across facets, and no point is in the inside of two of them.  Whatever
else a file holds (a cell twice, a mesh laid on itself, parts that do not touch, a node in the middle of
another cell's edge) would be solved on all the same, or end in the solver's memory.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import coo_matrix
from scipy.sparse.csgraph import connected_components
from scipy.spatial import cKDTree

Points = NDArray[np.float64]
Cells = NDArray[np.int64]

#: Volume over the longest edge to the power d: flat to rounding below this; good cells have 0.1 to 1.
FLAT = 1e-10
#: Barycentric coordinates that are clearly inside.
INSIDE = 1e-6
#: A step outwards from the middle of a facet, over its distance from the opposite corner.
STEP = 1e-6
#: Cells near a point that are looked at: in a mesh of any quality all neighbours of a cell are among them.
NEAR = {1: 4, 2: 16, 3: 40}
#: Widths whose powers are numbers.
WIDEST = 1e60
BLOCK = 1 << 15


def trouble(points: Points, cells: Cells) -> str | None:
    """What keeps points ``(n, d)`` and cells ``(m, d + 1)`` from being a mesh, in words; or None."""
    if (bad := _bad_numbers(points, cells)) is not None:
        return bad
    with np.errstate(all="ignore"):
        sizes, volumes = _sizes(points, cells)
        flat = volumes <= FLAT * sizes ** points.shape[1]
    if flat.any():
        return f"has a flat cell (number {int(np.argmax(flat))}, counted from 0)"
    ordered = np.sort(cells, axis=1)
    _, first, counts = np.unique(ordered, axis=0, return_index=True, return_counts=True)
    if (counts > 1).any():
        return f"has a cell twice (number {int(first[np.argmax(counts > 1)])}, counted from 0)"
    return _bad_facets(points, cells) or _bad_places(points, cells)


def _bad_numbers(points: Points, cells: Cells) -> str | None:
    outside = (cells < 0) | (cells >= len(points))
    if outside.any():
        cell = int(np.argmax(outside.any(axis=1)))
        node = int(cells[cell][outside[cell]][0])
        return f"has a cell (number {cell}, counted from 0) with the node {node} of {len(points)}"
    odd = ~np.isfinite(points).all(axis=1)
    if odd.any():
        return f"has a node (number {int(np.argmax(odd))}, counted from 0) whose place is no number"
    with np.errstate(over="ignore"):
        width = float(np.max(points.max(axis=0) - points.min(axis=0)))
    if not 1 / WIDEST < width < WIDEST:
        return f"has a width of {width:g}"
    return None


def _sizes(points: Points, cells: Cells) -> tuple[Points, Points]:
    """The longest edge of each cell, and its volume times d!."""
    corners = points[cells]
    edges = corners[:, 1:] - corners[:, :1]
    sizes = np.max(np.linalg.norm(corners[:, :, None] - corners[:, None], axis=-1), axis=(1, 2))
    return sizes, np.abs(np.linalg.det(edges))


def _bad_facets(points: Points, cells: Cells) -> str | None:
    """Whether facets join two cells at most, on their two sides, and all cells hang together."""
    count, width = cells.shape
    left_out = np.arange(width)
    facets = np.concatenate([np.delete(cells, k, axis=1) for k in left_out])
    owners = np.tile(np.arange(count), width)
    opposite = np.concatenate([cells[:, k] for k in left_out])
    _, which, counts = np.unique(np.sort(facets, axis=1), axis=0, return_inverse=True, return_counts=True)
    which = which.ravel()
    if (counts > 2).any():
        at = facets[int(np.argmax(counts[which] > 2))]
        return f"has a facet that belongs to more than two cells, at {_at(points[at].mean(axis=0))}"
    order = np.argsort(which, kind="stable")
    inner = order[counts[which[order]] == 2].reshape(-1, 2)
    one, two = inner[:, 0], inner[:, 1]
    sides = _side(points, facets[one], opposite[one]) * _side(points, facets[one], opposite[two])
    if (sides > 0).any():
        at = facets[one[int(np.argmax(sides > 0))]]
        return f"is folded: two cells lie on the same side of a facet at {_at(points[at].mean(axis=0))}"
    links = coo_matrix((np.ones(len(one)), (owners[one], owners[two])), shape=(count, count))
    parts, part = connected_components(links, directed=False)
    if parts > 1:
        other = int(np.argmax(part != part[0]))
        return (
            f"has {parts} parts that share no facet (cell number {other} is in another one than number 0): "
            "merge nodes that are at the same place, or keep one part"
        )
    edge = order[counts[which[order]] == 1]
    return _bad_edge(points, cells, facets[edge], opposite[edge])


def _side(points: Points, facets: Cells, corners: Cells) -> Points:
    """On which side of facets corners lie, as a sign."""
    base = points[facets[:, :1]]
    edges = np.concatenate([points[facets[:, 1:]], points[corners][:, None]], axis=1) - base
    return np.asarray(np.sign(np.linalg.det(edges)))


def _bad_places(points: Points, cells: Cells) -> str | None:
    """Whether the middle of a cell is inside another one."""
    middles = points[cells].mean(axis=1)
    hit = _inside_another(points, cells, middles, middles, np.arange(len(cells)))
    if hit.any():
        return f"covers the place {_at(middles[int(np.argmax(hit))])} twice"
    return None


def _bad_edge(points: Points, cells: Cells, facets: Cells, corners: Cells) -> str | None:
    """Whether there is another cell behind a facet of the boundary; the sides of a slit are let through."""
    middles = points[facets].mean(axis=1)
    behind = middles + STEP * (middles - points[corners])
    hit = _inside_another(points, cells, behind, points[cells].mean(axis=1), np.full(len(facets), -1))
    if not hit.any():
        return None
    gaps = cKDTree(middles).query(middles[hit], k=2)[0][:, 1]
    size = np.linalg.norm(middles[hit] - points[corners[hit]], axis=1)
    lone = gaps > STEP * size
    if not lone.any():
        return None
    place = _at(middles[hit][int(np.argmax(lone))])
    return f"does not fit together at {place}: cells meet there that share no nodes"


def _inside_another(
    points: Points, cells: Cells, places: Points, middles: Points, own: Cells
) -> NDArray[np.bool_]:
    """Which places are clearly inside a cell other than their own."""
    found = np.zeros(len(places), dtype=bool)
    tree, count = cKDTree(middles), min(NEAR[points.shape[1]], len(cells))
    margin = INSIDE if (own >= 0).all() else 0.0
    for start in range(0, len(places), BLOCK):
        chunk = slice(start, start + BLOCK)
        near = np.reshape(tree.query(places[chunk], k=count)[1], (-1, count))
        corners = points[cells[near]]
        edges = np.swapaxes(corners[:, :, 1:] - corners[:, :, :1], -1, -2)
        rest = (places[chunk, None] - corners[:, :, 0])[..., None]
        shares = np.linalg.solve(edges, rest)[..., 0]
        least = np.minimum(shares.min(axis=-1), 1.0 - shares.sum(axis=-1))
        found[chunk] = ((least > margin) & (near != own[chunk, None])).any(axis=1)
    return found


def _at(place: Points) -> str:
    return "(" + ", ".join(f"{x:.6g}" for x in place) + ")"
