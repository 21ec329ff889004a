"""Noise sweeps of the test systems, and reference values of their wells."""

from __future__ import annotations

import numpy as np
from mpi4py import MPI

from meshes.box import box
from solver.analysis import landmarks_of
from solver.connections import connections
from solver.fixed_points import fixed_points
from solver.noise_sweep import noise_sweep


def landmarks(case, bounds):
    points = fixed_points(case, bounds)
    attractors = [p for p in points if p.kind == "attractor"]
    return landmarks_of(case, attractors, connections(case, points, bounds))


def swept(case, bounds, resolution, epsilons, degree=3):
    """The landmarks and the sweep on a box.  Collective."""
    marks = landmarks(case, bounds)
    return marks, noise_sweep(case, box(MPI.COMM_WORLD, bounds, resolution), marks, epsilons, degree)


def passage_times(rates):
    """Mean first passage times of a chain by linear algebra, ``(K, K)``."""
    count = len(rates)
    times = np.zeros((count, count))
    for goal in range(count):
        rest = [n for n in range(count) if n != goal]
        times[rest, goal] = np.linalg.solve(rates[np.ix_(rest, rest)], -np.ones(count - 1))
    return times
