"""Refining the mesh where the residual of the Hamilton–Jacobi equation says so.

With ``η_T² = ∫_T H(x, ∇V_h)² dx``, the cells with the largest η that carry a given part of ``Σ η_T²``
together are bisected (W. Dörfler, *A convergent adaptive algorithm for Poisson's equation*, SIAM J. Numer.
Anal. 33, 1996), for every well and every tensor; the residual is taken relative to the mean of ``½∇VᵀA∇V`` in
the well.  Cells in which V did not settle (kinks) have large residuals, and are refined first.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import ufl
from dolfinx import fem, mesh
from mpi4py import MPI

from meshes.refine import refine_cells
from solver.analysis.wells import solve_wells
from solver.elements.discretisation import Discretisation, discretise
from solver.elements.linear import Options
from solver.elements.region import Mask
from solver.hamilton_jacobi.equation import hamiltonian
from solver.hamilton_jacobi.well import WellPotential
from solver.places.places import Places
from solver.system import Array, System

# part of Σ η² in the cells that are refined
BULK = 0.9
BISECTIONS = 60


def residual_squares(well: WellPotential, cells: Mask) -> tuple[Array, Array]:
    """``η_T²``, relative to the mean of ½∇VᵀA∇V over the cells, and the volumes of owned cells.  Collective.

    Zero in cells in which V was not solved for.
    """
    coefficients = well.coefficients
    domain = coefficients.domain
    owned = domain.topology.index_map(domain.topology.dim).size_local
    test = ufl.TestFunction(fem.functionspace(domain, ("DG", 0)))
    gradient = ufl.grad(well.potential)
    cost = 0.5 * ufl.inner(ufl.dot(coefficients.diffusion, gradient), gradient)
    squares, scale, volume = (
        fem.assemble_vector(fem.form(f * test * coefficients.dx)).array[:owned].copy()
        for f in (hamiltonian(coefficients, well.potential) ** 2, cost, fem.Constant(domain, 1.0))
    )
    mine = cells[:owned]
    total, room = (domain.comm.allreduce(float(np.sum(part[mine])), op=MPI.SUM) for part in (scale, volume))
    return np.maximum(squares, 0.0) / max((total / max(room, 1e-300)) ** 2, 1e-300), volume


def largest(squares: Array, part: float, comm: MPI.Comm) -> Mask:
    """The largest entries, over all ranks, that together are at least this part of the sum.  Collective.

    The smallest of them is found by bisection of its logarithm, so that no rank needs all entries.
    """
    total = comm.allreduce(float(np.sum(squares)), op=MPI.SUM)
    top = comm.allreduce(float(np.max(squares, initial=0.0)), op=MPI.MAX)
    if not total > 0.0:
        return np.zeros(squares.size, dtype=bool)
    high, low = np.log(top), np.log(top) - 100.0
    for _ in range(BISECTIONS):
        middle = 0.5 * (high + low)
        chosen = float(np.sum(squares[squares >= np.exp(middle)]))
        if comm.allreduce(chosen, op=MPI.SUM) >= part * total:
            low = middle
        else:
            high = middle
    return np.asarray(squares >= np.exp(low))


def adapted(
    systems: Sequence[System],
    domain: mesh.Mesh,
    places: Places,
    rounds: int,
    degree: int,
    options: Options | None = None,
    monitor: Callable[[str], None] = lambda _: None,
) -> mesh.Mesh:
    """A mesh refined to the quasi-potentials of all systems.  Collective.

    Args:
        systems: Same drift, different diffusion.
        domain: The mesh to start from; it is not changed.
        places: Attractors and passes in the domain.
        rounds: How often V is solved for and the mesh refined.
        degree: Degree of the elements.
        options: PETSc options for the linear solvers.
        monitor: Told what is being done.

    Raises:
        NotConverged: If V of some well is not found.
    """
    for n in range(rounds):
        cells = domain.topology.index_map(domain.topology.dim)
        marked = np.zeros(cells.size_local, dtype=bool)
        shared: Discretisation | None = None
        for system in systems:
            monitor(f"adapting the mesh, round {n + 1} of {rounds}: {cells.size_global} cells")
            shared = discretise(system, domain, degree, options) if shared is None else shared.under(system)
            for well, _ in solve_wells(shared, places, []).found:
                marked |= largest(residual_squares(well, well.cells)[0], BULK, domain.comm)
        domain = refine_cells(domain, np.flatnonzero(marked).astype(np.int32))
    return domain
