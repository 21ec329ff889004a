"""Direct solution of sparse linear systems with PETSc, with checks and option pass-through."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager

import numpy as np
from petsc4py import PETSc

from solver.errors import NotConverged

Options = Mapping[str, str | int | float | bool]

# MUMPS's ICNTL(7): approximate minimum fill, and its own choice, which is nested dissection (PORD)
MINIMUM_FILL, AUTOMATIC = 2, 7
# approximate minimum degree that sets almost dense rows apart
DENSE_ROWS = 6
# matrices on lines and in the plane have fewer entries in a row (23 at degree 4), those in space more (26 at
# degree 2)
PLANE = 25.0


def ordering(matrix: PETSc.Mat) -> int:
    """In which order MUMPS should eliminate the unknowns of a matrix, as its ICNTL(7).  Collective.

    The order is found by one rank while the others wait.  In the plane that takes longer than the
    factorisation if it is nested dissection: of 154 000 cubic unknowns 0.8 s, and 0.6 s for the factors.  By
    approximate minimum fill it takes 0.1 s, and the factors are as large and take 0.4 s.  In space they would
    take twice as long (34 000 unknowns: 1.6 s, not 0.8 s).
    """
    entries = float(matrix.getInfo(PETSc.Mat.InfoType.GLOBAL_SUM)["nz_used"])
    return MINIMUM_FILL if entries < PLANE * matrix.getSize()[0] else AUTOMATIC


@contextmanager
def options_for(ksp: PETSc.KSP, chosen: Options) -> Iterator[None]:
    """PETSc options under the prefix of a solver, for as long as it is set up.

    The database is the program's: the next solver of this name has its own options.
    """
    table = PETSc.Options(ksp.getOptionsPrefix())
    for key, value in chosen.items():
        table[key] = value
    try:
        yield
    finally:
        for key in chosen:
            table.delValue(key)


def factorise(
    matrix: PETSc.Mat, name: str, options: Options | None = None, order: int | None = None
) -> PETSc.KSP:
    """LU factorisation (MUMPS) as a solver to be applied to any number of right-hand sides.  Collective.

    Args:
        matrix: Assembled square matrix.
        name: What is solved, for error messages; also the PETSc option prefix ``name_``.
        options: PETSc options without prefix (``{"ksp_type": "gmres", …}``) that override the default.
        order: ``ICNTL(7)`` of MUMPS; default :func:`ordering`.

    Raises:
        NotConverged: If the factorisation fails (a singular matrix, too little memory).
    """
    # On several ranks what Python lets go of is only put aside until all agree: old factors would pile up.
    PETSc.garbage_cleanup(matrix.comm)
    ksp = PETSc.KSP().create(matrix.comm)
    ksp.setOperators(matrix)
    ksp.setOptionsPrefix(f"{name.replace(' ', '_')}_")
    ksp.setType("preonly")
    preconditioner = ksp.getPC()
    preconditioner.setType("lu")
    preconditioner.setFactorSolverType("mumps")
    chosen = dict(options or {})
    if chosen.get("pc_type", "lu") == "lu" and chosen.get("pc_factor_mat_solver_type", "mumps") == "mumps":
        # 80 % slack: pivoting on the saddle-point rows of the pins needs more room than predicted
        chosen.setdefault("mat_mumps_icntl_14", 80)
        chosen.setdefault("mat_mumps_icntl_7", ordering(matrix) if order is None else order)
    with options_for(ksp, chosen):
        try:
            ksp.setFromOptions()
            ksp.setUp()
        except PETSc.Error as error:
            raise NotConverged(
                f"the factorisation for the {name} failed (PETSc error {error.ierr})"
            ) from error
    return ksp


def solve(ksp: PETSc.KSP, rhs: PETSc.Vec, name: str) -> PETSc.Vec:
    """Solve for one right-hand side and refuse a result that is not one.  Collective.

    Raises:
        NotConverged: If PETSc reports failure, or the solution is not finite.
    """
    solution = rhs.duplicate()
    try:
        ksp.solve(rhs, solution)
    except PETSc.Error as error:
        raise NotConverged(f"the linear solve for the {name} failed (PETSc error {error.ierr})") from error
    reason = ksp.getConvergedReason()
    if reason < 0:
        raise NotConverged(f"the linear solve for the {name} failed (PETSc reason {reason})")
    if not np.isfinite(solution.norm()):
        raise NotConverged(f"the linear solve for the {name} gave a solution that is not finite")
    return solution


def corrected(krylov: PETSc.KSP, rhs: PETSc.Vec, guess: PETSc.Vec) -> PETSc.Vec | None:
    """``guess + d`` with ``A d = rhs − A guess``; None where the iterations do not converge.  Collective.

    The solver is used up.
    """
    matrix = krylov.getOperators()[0]
    residual, correction = rhs.duplicate(), rhs.duplicate()
    matrix.mult(guess, residual)
    residual.aypx(-1.0, rhs)
    krylov.solve(residual, correction)
    converged = krylov.getConvergedReason() > 0 and bool(np.isfinite(correction.norm()))
    krylov.destroy()
    residual.destroy()
    if not converged:
        correction.destroy()
        return None
    correction.axpy(1.0, guess)
    return correction
