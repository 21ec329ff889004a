"""Simplices cut into smaller ones, and by the level sets of a linear function.

The parts of a simplex below a level are the formulas of the linear tetrahedron method for densities of states
(Lehmann and Taut 1972; Blöchl, Jepsen, Andersen 1994).
"""

from __future__ import annotations

import itertools

import numpy as np

from solver.system import Array


def subdivision(dim: int, parts: int) -> Array:
    """The reference simplex cut into ``parts**dim`` simplices of equal volume.

    Freudenthal's triangulation: in y with x_k = y_k − y_{k+1} the simplex is {1 ≥ y_1 ≥ … ≥ y_d ≥ 0}, and the
    paths along the edges of cubes, one for every order of the coordinates, cut it without a rest.

    Returns:
        Barycentric coordinates of the vertices, ``(parts**dim, d + 1, d + 1)``: simplex, vertex, coordinate.
    """
    found = []
    for corner in itertools.product(range(parts), repeat=dim):
        for order in itertools.permutations(range(dim)):
            steps = np.eye(dim, dtype=int)[list(order)].cumsum(axis=0)
            y = np.vstack([corner, np.add(corner, steps)])
            if (np.diff(y, axis=1) <= 0).all():
                found.append(y)
    lattice = np.array(found) / parts
    ends = np.concatenate([np.ones_like(lattice[..., :1]), lattice, np.zeros_like(lattice[..., :1])], axis=-1)
    return np.asarray(ends[..., :-1] - ends[..., 1:])


def fraction_below(values: Array, level: Array) -> Array:
    """The part of the volume of simplices in which linear functions are below a level, ``(N,)``.

    Args:
        values: Values at the vertices in increasing order, ``(N, d + 1)``, d from 1 to 3.
        level: The levels, ``(N,)``.
    """
    a, e, t = values[:, 0], values[:, -1], level
    with np.errstate(divide="ignore", invalid="ignore"):
        # near the lowest and near the highest vertex the part cut off is a simplex itself
        low = np.prod([(t - a) / (other - a) for other in values[:, 1:].T], axis=0)
        high = 1.0 - np.prod([(e - t) / (e - other) for other in values[:, :-1].T], axis=0)
        part = np.where(t <= values[:, 1], low, high)
        if values.shape[1] == 4:
            b, c = values[:, 1], values[:, 2]
            cubic = ((c - a) + (e - b)) / ((c - b) * (e - b)) * (t - b) ** 3
            middle = ((b - a) ** 2 + 3 * (b - a) * (t - b) + 3 * (t - b) ** 2 - cubic) / ((c - a) * (e - a))
            part = np.where((t > b) & (t < c), middle, part)
    return np.where(t <= a, 0.0, np.where(t >= e, 1.0, part))


def mass_below(values: Array, masses: Array, edges: Array) -> Array:
    """``Σ masses · fraction_below`` at every edge: the mass of simplices below it, ``(E,)``.

    Args:
        values: Values of a linear function at the vertices, ``(N, d + 1)``; simplices where one is not finite
            are left out.
        masses: ``(N,)``, each spread evenly over its simplex.
        edges: Levels in increasing order, ``(E,)``.
    """
    known = np.isfinite(values).all(axis=1)
    ordered, masses = np.sort(values[known], axis=1), masses[known]
    count = len(edges)
    first = np.searchsorted(edges, ordered[:, 0], side="right")
    last = np.searchsorted(edges, ordered[:, -1], side="left")  # from this edge on all of it lies below
    total = np.cumsum(np.bincount(last, weights=masses, minlength=count + 1))[:count]
    for k in range(int((last - first).max(initial=0))):
        cut = np.flatnonzero(first + k < last)
        at = first[cut] + k
        parts = masses[cut] * fraction_below(ordered[cut], edges[at])
        total += np.bincount(at, weights=parts, minlength=count)[:count]
    return np.asarray(total)
