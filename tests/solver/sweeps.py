"""Noise sweeps of the test systems, and reference values of their wells."""

from __future__ import annotations

import numpy as np
import sympy as sp
from dolfinx import mesh
from mpi4py import MPI

from meshes.box import box
from solver.analysis.noise_levels import continue_levels
from solver.elements.discretisation import discretise
from solver.places.search import find_places
from tests.exact import Line, X, Y, Z, system

# three wells round a maximum at which all borders meet
TRIANGLE = (
    2 * (X**2 + Y**2) ** 2 - 2 * (X**2 + Y**2) - (X**3 - 3 * X * Y**2) + sp.Rational(1, 10) * (X + Y / 2)
)

# in space: x is a double well by itself, which drives y and z through drift and noise
_SLOPE = 2 * X * (X**2 - 1)
DRIVEN_SPACE = system(
    [-_SLOPE, -3 * Y / 2 + Z / 2 + 3 * X / 10, -3 * Z / 2 - Y / 2 + X / 5],
    sp.Matrix([[10, 3, 2], [3, 8, 1], [2, 1, 6]]) / 10,
)
DRIVEN_SPACE_BOX = ((-1.5, 1.5), (-1.2, 1.2), (-1.1, 1.1))
DRIVEN_SPACE_LINE = Line(sp.lambdify(X, -_SLOPE), np.ones_like, *DRIVEN_SPACE_BOX[0])


def landmarks(case, bounds):
    return find_places(case, bounds).pinned(case)


def boxes(bounds, counts):
    """A mesh of tetrahedra with these numbers of cells along the sides.  Collective."""
    corners = tuple(np.array(side) for side in zip(*bounds, strict=True))
    ghosts = mesh.GhostMode.shared_facet
    return mesh.create_box(MPI.COMM_WORLD, corners, counts, mesh.CellType.tetrahedron, ghost_mode=ghosts)


def levels_on(domain, case, marks, epsilons, degree=3, coarse=None):
    """The noise levels on a mesh, by the loop of the product but without V.  Collective."""
    known = discretise(case, domain, degree)
    return continue_levels(known, epsilons, marks, coarse=coarse, onwards=False)[0]


def swept(case, bounds, resolution, epsilons, degree=3):
    """The landmarks and the noise levels on a box.  Collective."""
    marks = landmarks(case, bounds)
    return marks, levels_on(box(MPI.COMM_WORLD, bounds, resolution), case, marks, epsilons, degree)


def passage_times(rates):
    """Mean first passage times of a chain by linear algebra, ``(K, K)``."""
    count = len(rates)
    times = np.zeros((count, count))
    for goal in range(count):
        rest = [n for n in range(count) if n != goal]
        times[rest, goal] = np.linalg.solve(rates[np.ix_(rest, rest)], -np.ones(count - 1))
    return times
