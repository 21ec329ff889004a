"""Transport equations along the flow: GMRES with incomplete factors in the order in which values are carried.

The escape drift u carries V upwards, so that a matrix whose rows are sorted by V is nearly triangular, and
its incomplete factors without fill are nearly its inverse (sweeps along the flow).  Memory grows with the
number of unknowns only, where that of exact factors in space grows like its 4/3 power.  Every rank factorises
the rows it owns (block Jacobi).
"""

from __future__ import annotations

import numpy as np
from petsc4py import PETSc

from solver.elements.linear import corrected
from solver.system import Array

TOLERANCE = 1e-8
RESTART, MOST = 80, 400


class FlowOrder:
    """A PETSc preconditioner: ILU(0) of the owned block with rows sorted by the given values.

    Args:
        heights: V at the owned dofs.
    """

    def __init__(self, heights: Array) -> None:
        self.order = np.argsort(heights, kind="stable").astype(np.int32)

    def setUp(self, pc: PETSc.PC) -> None:
        """Factorise."""
        block = pc.getOperators()[1].getDiagonalBlock()
        rows = PETSc.IS().createGeneral(self.order, comm=PETSc.COMM_SELF)
        self.block = block.permute(rows, rows)
        self.factors = PETSc.PC().create(PETSc.COMM_SELF)
        self.factors.setOperators(self.block)
        self.factors.setType("ilu")
        self.factors.setFactorOrdering("natural")
        self.factors.setUp()
        self.given, self.found = self.block.createVecs()

    def apply(self, _: PETSc.PC, x: PETSc.Vec, y: PETSc.Vec) -> None:
        """``y = M⁻¹ x``."""
        self.given.array[:] = x.array_r[self.order]
        self.factors.apply(self.given, self.found)
        y.array[self.order] = self.found.array_r


def solve_along_flow(matrix: PETSc.Mat, rhs: PETSc.Vec, guess: PETSc.Vec, heights: Array) -> PETSc.Vec | None:
    """``guess + d`` with ``A d = rhs − A guess``; None where GMRES does not converge.  Collective.

    Args:
        matrix: Of a transport equation along a flow that climbs ``heights``.
        rhs: Right-hand side.
        guess: What is corrected.
        heights: At the owned dofs.
    """
    krylov = PETSc.KSP().create(matrix.comm)
    krylov.setOperators(matrix)
    krylov.setType("gmres")
    krylov.setGMRESRestart(RESTART)
    krylov.setTolerances(rtol=TOLERANCE, atol=0.0, max_it=MOST)
    preconditioner = krylov.getPC()
    preconditioner.setType("python")
    preconditioner.setPythonContext(FlowOrder(heights))
    return corrected(krylov, rhs, guess)
