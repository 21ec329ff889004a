"""Linear drift and constant noise: densities in closed form, in the plane and in space."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import sympy as sp
from mpi4py import MPI

from meshes.box import box
from meshes.refine import graded
from solver.analysis.grown_well import grown_well
from solver.analysis.potential_density import density_from_potential
from solver.elements.discretisation import discretise
from solver.fokker_planck.density_check import log_density
from solver.fokker_planck.landmarks import Pin
from solver.fokker_planck.moments import mean_and_covariance
from solver.places.attractors import attractor_at
from tests.exact import X, Y, Z, lyapunov_by_kronecker, system

COMM = MPI.COMM_WORLD


@dataclass(frozen=True)
class Process:
    """``dx = J x dt + √ε σ dW`` and how it is solved.

    Attributes:
        drift: J, not normal.
        noise: A = σσᵀ, full.
        resolution: Cells along a side.
        degree: Of the elements; V is a quadratic, so that 2 will do for V.
        epsilon: Noise level.
    """

    drift: sp.Matrix
    noise: sp.Matrix
    resolution: int
    degree: int
    epsilon: float


PLANE = Process(sp.Matrix([[-2, 8], [-1, -4]]) / 2, sp.Matrix([[10, 3], [3, 5]]) / 10, 24, 3, 0.003)
SPACE = Process(
    sp.Matrix([[-10, 20, 0], [-5, -15, 5], [3, 0, -10]]) / 10,
    sp.Matrix([[10, 3, 2], [3, 8, 1], [2, 1, 6]]) / 10,
    6,
    2,
    0.0045,
)


@dataclass(frozen=True)
class Errors:
    """Largest errors of the covariance (over its largest entry) and of log p, and log₁₀ of the lowest p."""

    covariance: float
    log_density: float
    lowest: float
    unknowns: int


def errors(process: Process) -> Errors:
    """Of the density with V for a gauge, at all nodes where V is trusted.  Collective."""
    d = process.drift.shape[0]
    S = lyapunov_by_kronecker(*(np.array(m, dtype=float) for m in (process.drift, process.noise)))
    case = system(list(process.drift * sp.Matrix((X, Y, Z)[:d])), process.noise)
    sides = [(-h, h) for h in np.sqrt(3.0 * np.diag(S))]
    size = np.sqrt(process.epsilon * np.linalg.eigvalsh(S)[0])
    domain = graded(box(COMM, sides, process.resolution), [np.zeros(d)], [size])
    known = discretise(case, domain, process.degree)
    well, _ = grown_well(known, 0, attractor_at(case, np.zeros(d)), [])
    state = density_from_potential(well, process.epsilon, Pin(np.zeros(d), S))
    spread = mean_and_covariance(state)[1] / process.epsilon
    space = state.gauge.function_space
    x = space.tabulate_dof_coordinates()[:, :d]
    exact = -0.5 * np.einsum("ni,ij,nj->n", x, np.linalg.inv(S), x) / process.epsilon
    exact -= 0.5 * np.linalg.slogdet(2 * np.pi * process.epsilon * S)[1]
    inside = state.coefficients.region.dofs(space)
    gap = np.nan_to_num(np.abs(log_density(state) - exact)[inside], nan=np.inf)
    return Errors(
        float(np.abs(spread - S).max() / np.abs(S).max()),
        COMM.allreduce(float(np.max(gap, initial=0.0)), op=MPI.MAX),
        COMM.allreduce(float(np.min(exact[inside], initial=np.inf)), op=MPI.MIN) / np.log(10.0),
        space.dofmap.index_map.size_global,
    )
