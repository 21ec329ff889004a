"""A sequence of linear systems with slowly changing matrices, as Newton's method has them.

The LU factors of an earlier matrix are a good preconditioner for the next ones: GMRES for the correction of
the last solution needs a few iterations, each much cheaper than a factorisation.  Where it needs more than
that, the matrix at hand is factorised.
"""

from __future__ import annotations

from petsc4py import PETSc

from solver.elements.flow_order import solve_along_flow
from solver.elements.free_rows import Dofs, FreeRows
from solver.elements.linear import Options, corrected, factorise, solve
from solver.system import Array

# more iterations than this cost as much as a factorisation
MOST = 10
TOLERANCE = 1e-8
# from here on exact factors of matrices from space cost more memory and time than iterations
LARGE = 20_000


class Lagged:
    """Solver for a matrix that is assembled anew, in place, between solves.

    Args:
        matrix: The matrix; its entries may change between calls of :meth:`solve`, its pattern may not.
        name: What is solved, for error messages; also the prefix of PETSc's options.
        options: PETSc options without prefix; where they choose the Krylov method, every matrix gets a
            preconditioner of its own.
        heights: At the owned dofs, what the flow climbs if this is a transport equation (it may change
            between solves): with it, large systems are solved by :mod:`solver.elements.flow_order`.
        fixed: Local dofs with unit rows and zero columns; the system without them is solved.
    """

    def __init__(
        self,
        matrix: PETSc.Mat,
        name: str,
        options: Options | None = None,
        heights: Array | None = None,
        fixed: Dofs | None = None,
    ) -> None:
        self.free = None if fixed is None else FreeRows(matrix, fixed)
        self.matrix = matrix
        self.name, self.options, self.heights = name, options, heights
        self.direct = "ksp_type" not in (options or {}) and "pc_type" not in (options or {})
        self.ksp: PETSc.KSP | None = None

    def solve(self, rhs: PETSc.Vec, guess: PETSc.Vec, near: bool) -> PETSc.Vec:
        """Solve; ``near`` says that the matrix differs little from the one before.  Collective.

        Raises:
            NotConverged: If the factorisation or the solve fails.
        """
        if self.free is None:
            return self._solve(rhs, guess, near)
        self.matrix = self.free.refreshed()
        short, begin = self.free.part(rhs), self.free.part(guess)
        found = self._solve(short, begin, near)
        solution = self.free.extended(found, rhs)
        for vector in (short, begin, found):
            vector.destroy()
        return solution

    def _solve(self, rhs: PETSc.Vec, guess: PETSc.Vec, near: bool) -> PETSc.Vec:
        if self.direct and self.heights is not None and self.matrix.getSize()[0] > LARGE:
            heights = self.heights if self.free is None else self.free.heights(self.heights)
            solution = solve_along_flow(self.matrix, rhs, guess, heights)
            if solution is not None:
                return solution
            self.heights = None  # the next ones would fail, too
        if near and self.direct and self.ksp is not None:
            solution = self._corrected(rhs, guess)
            if solution is not None:
                return solution
        if self.ksp is not None:
            self.ksp.destroy()
        self.ksp = factorise(self.matrix, self.name, self.options)
        return solve(self.ksp, rhs, self.name)

    def _corrected(self, rhs: PETSc.Vec, guess: PETSc.Vec) -> PETSc.Vec | None:
        """``guess + d`` with ``A d = rhs − A guess`` by GMRES; None where that takes too long."""
        krylov = PETSc.KSP().create(self.matrix.comm)
        krylov.setType("gmres")
        factors = self.ksp.getPC()  # type: ignore[union-attr]
        factors.setReusePreconditioner(True)
        krylov.setPC(factors)
        krylov.setOperators(self.matrix)
        krylov.setTolerances(rtol=TOLERANCE, atol=0.0, max_it=MOST)
        return corrected(krylov, rhs, guess)

    def destroy(self) -> None:
        """Free the factors.  Collective."""
        if self.ksp is not None:
            self.ksp.destroy()
            self.ksp = None
        if self.free is not None:
            self.free.destroy()
