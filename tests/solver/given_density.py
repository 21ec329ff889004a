"""A density that is given: ``p = q e^{−V/ε}`` in a double well, and the errors of what is computed for it.

The tensor is 25:1 and turns in space, the drift rotates, q is not constant.  For any V, q and A,

    b p = (ε/2) ∇·(A p) + (ε/2) ∇×p,

so that the current is a curl, and p the stationary density.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import sympy as sp
from dolfinx import mesh
from mpi4py import MPI

from meshes.box import box
from meshes.refine import refine_cells
from solver.analysis.noise_levels import Level
from solver.fokker_planck.continuation import StationaryDensity
from solver.fokker_planck.density_check import log_density
from solver.fokker_planck.landmarks import Landmarks
from solver.system import Array, Field, System
from tests.exact import X, Y, function, system
from tests.solver.sweeps import landmarks, levels_on

COMM = MPI.COMM_WORLD
BOUNDS = [(-1.6, 1.6), (-1.3, 1.3)]
V = (X**2 - 1) ** 2 + Y**2
LOG_Q = sp.sin(X) / 2 + Y / 3 + X * Y / 4
# the barrier is 1; log p is wanted where V is below this
TOP = 1.3
QUARTER_TURN = sp.Matrix([[0, -1], [1, 0]])
# cells along a side, and how much V may change over one of them
RESOLUTION, CHANGE = 72, 0.2


def given(epsilon: float) -> System:
    """The system that has p for its stationary density at this noise level."""
    turn = sp.Matrix([[sp.cos(X + Y), -sp.sin(X + Y)], [sp.sin(X + Y), sp.cos(X + Y)]])
    A = turn * sp.diag(1, sp.Rational(1, 25)) * turn.T
    divergence = sp.Matrix([sum(sp.diff(A[i, j], v) for j, v in enumerate((X, Y))) for i in range(2)])
    slope, twist = (sp.Matrix([sp.diff(e, v) for v in (X, Y)]) for e in (V, LOG_Q))
    along = -A * slope / 2 + epsilon / 2 * (divergence + A * twist)
    return system(list(along + QUARTER_TURN * (slope - epsilon * twist) / 2), A)


def log_exact(points: Array, epsilon: float) -> Array:
    """log p, not normalised, at points ``(2, n)``."""
    return function(LOG_Q, 2)(points) - function(V, 2)(points) / epsilon


def log_integrals(epsilon: float) -> tuple[float, float]:
    """``log ∫ p`` of :func:`log_exact`, and the log mass of the left well."""
    side = [np.linspace(low, high, 1601) for low, high in BOUNDS]
    fine = np.array(np.meshgrid(*side, indexing="ij")).reshape(2, -1)
    value, cell = log_exact(fine, epsilon), float(np.prod([s[1] - s[0] for s in side]))
    total = np.log(np.sum(np.exp(value)) * cell)
    return float(total), float(np.log(np.sum(np.exp(value[fine[0] < 0])) * cell) - total)


def steep_refined(domain: mesh.Mesh, potential: Field, change: float, top: float) -> mesh.Mesh:
    """Refine where the potential changes by more than that over a cell below the top.  Collective."""
    for _ in range(3):
        owned = domain.topology.index_map(2).size_local
        corners = domain.geometry.x[domain.geometry.dofmap[:owned], :2]
        values = potential(corners.reshape(-1, 2).T).reshape(-1, 3)
        marked = (np.ptp(values, axis=1) > change) & (values.min(axis=1) < top)
        if not COMM.allreduce(bool(marked.any()), op=MPI.LOR):
            break
        domain = refine_cells(domain, np.flatnonzero(marked).astype(np.int32))
    return domain


def fine_mesh() -> mesh.Mesh:
    """A mesh on which V changes little over every cell.  Collective."""
    return steep_refined(box(COMM, BOUNDS, RESOLUTION), function(V, 2), CHANGE, 1.52)


def solved(epsilons: Sequence[float]) -> Iterator[tuple[Landmarks, Level]]:
    """The densities at decreasing noise levels, each system started from the one before.  Collective."""
    domain = fine_mesh()
    coarse = None
    for epsilon in epsilons:
        case = given(epsilon)
        marks = landmarks(case, BOUNDS)
        level = levels_on(domain, case, marks, [epsilon], coarse=coarse)[epsilon]
        yield marks, level
        coarse = level.state


@dataclass(frozen=True)
class Errors:
    """Errors of a density: largest of log p where V ≤ 1.3, of the log mass of the left well.

    ``missing`` counts nodes there without a positive density.
    """

    log_density: float
    log_mass: float
    missing: int
    unknowns: int


def errors(marks: Landmarks, state: StationaryDensity) -> Errors:
    """Against the density that was given.  Collective."""
    space, epsilon = state.q.function_space, state.epsilon
    total, left = log_integrals(epsilon)
    points = space.tabulate_dof_coordinates()[:, :2].T
    inside = state.coefficients.region.dofs(space)
    gaps = np.where(inside, np.abs(log_density(state) - log_exact(points, epsilon) + total), np.nan)
    gaps = gaps[function(V, 2)(points) <= TOP]
    well = int(np.argmin([pin.point[0] for pin in marks.pins]))
    owned = space.dofmap.index_map.size_local
    return Errors(
        COMM.allreduce(float(np.nanmax(gaps, initial=0.0)), op=MPI.MAX),
        float(state.rates.log_weight[well]) - left,
        COMM.allreduce(int(np.isnan(gaps).sum())),
        COMM.allreduce(int(inside[:owned].sum())),
    )
