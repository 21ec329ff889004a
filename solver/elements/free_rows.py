"""The part of a linear system that is left when the rows of fixed degrees of freedom are taken out.

On a region that is a small part of the mesh most rows only say that a value is what it is.  Their columns are
zero elsewhere (they were lifted to the right-hand side), so the rest is a system of its own, smaller.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from petsc4py import PETSc

from solver.elements.linear import Options, factorise, solve
from solver.system import Array

Dofs = NDArray[np.int32]


class FreeRows:
    """Restriction of a matrix that is assembled anew, in place, to the rows that are not fixed.  Collective.

    Args:
        matrix: The whole matrix, with unit rows and zero columns for the fixed dofs.
        fixed: Local fixed dofs (those of other ranks do not count).
    """

    def __init__(self, matrix: PETSc.Mat, fixed: Dofs) -> None:
        begin, end = matrix.getOwnershipRange()
        self.keep = np.ones(end - begin, dtype=bool)
        self.keep[fixed[fixed < end - begin]] = False
        rows = (begin + np.flatnonzero(self.keep)).astype(PETSc.IntType)
        self.whole = matrix
        self.rows = PETSc.IS().createGeneral(rows, comm=matrix.comm)
        self.matrix: PETSc.Mat | None = None

    def refreshed(self) -> PETSc.Mat:
        """The free part, with the entries that the whole matrix has now.  Collective."""
        # the pattern is known only when the whole matrix was assembled
        if self.matrix is None:
            self.matrix = self.whole.createSubMatrix(self.rows, self.rows)
        else:
            self.whole.createSubMatrix(self.rows, self.rows, self.matrix)
        return self.matrix

    def part(self, vector: PETSc.Vec) -> PETSc.Vec:
        """The free entries of a vector.  Collective."""
        result = PETSc.Vec().createMPI((int(self.keep.sum()), None), comm=vector.comm)
        result.array[:] = vector.array_r[self.keep]
        return result

    def heights(self, values: Array) -> Array:
        """The free ones of values at the owned dofs."""
        return np.asarray(values[self.keep])

    def extended(self, part: PETSc.Vec, rhs: PETSc.Vec) -> PETSc.Vec:
        """The whole solution: that of the free part, and what the other rows say.  Collective."""
        result = rhs.copy()
        result.array[self.keep] = part.array_r
        return result

    def destroy(self) -> None:
        """Free the matrix.  Collective."""
        if self.matrix is not None:
            self.matrix.destroy()
        self.rows.destroy()


class FactorisedFree:
    """The free part factorised (LU), for any number of right-hand sides.  Collective.

    Args:
        matrix: The whole matrix, with unit rows and zero columns for the fixed dofs.
        fixed: Local fixed dofs.
        name: What is solved (see :func:`solver.elements.linear.factorise`).
        options: PETSc options for the linear solver.

    Raises:
        NotConverged: If the factorisation fails.
    """

    def __init__(self, matrix: PETSc.Mat, fixed: Dofs, name: str, options: Options | None = None) -> None:
        self.free = FreeRows(matrix, fixed)
        self.name = name
        self.ksp = factorise(self.free.refreshed(), name, options)

    def solve(self, rhs: PETSc.Vec) -> Array:
        """The whole solution at the owned dofs.  Collective.

        Raises:
            NotConverged: If the linear solve fails.
        """
        found = solve(self.ksp, self.free.part(rhs), self.name)
        return np.array(self.free.extended(found, rhs).array_r)
