"""An L-stable one-step method of order 4 for linear systems ``M y' = K y``, with an error estimate.

The singly diagonally implicit Runge–Kutta method of Hairer and Wanner (*Solving Ordinary Differential
Equations II*, table IV.6.5): five stages with the same diagonal γ = 1/4, so one factorisation of
``M − γ h K`` serves them all, stiffly accurate (the last stage is the result), with an embedded
formula of order 3.  Stages are solved as ``(M − γ h K) Y = M r``: nothing large cancels, and
where the columns of K sum to zero the sum of ``M y`` is conserved by every stage.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from petsc4py import PETSc

from solver.elements.linear import Options, factorise, solve
from solver.errors import NotConverged

GAMMA = 0.25
STAGES = (
    (),
    (1 / 2,),
    (17 / 50, -1 / 25),
    (371 / 1360, -137 / 2720, 15 / 544),
    (25 / 24, -49 / 48, 125 / 16, -85 / 12),
)
# weights of the result minus those of the embedded formula
DEFECT = (25 / 24 - 59 / 48, -49 / 48 + 17 / 96, 125 / 16 - 225 / 32, 0.0, 1 / 4)
ORDER = 4
KEPT_FACTORISATIONS = 3


@dataclass(frozen=True)
class Pencil:
    """``M y' = K y`` with the factorisations that are in use.

    Attributes:
        mass: M.
        operator: K.
        name: What is solved, for error messages.
        options: PETSc options of the linear solver.
        kept: Factorised ``M − γ h K`` by step h, at most :data:`KEPT_FACTORISATIONS`.
    """

    mass: PETSc.Mat
    operator: PETSc.Mat
    name: str
    options: Options | None
    kept: OrderedDict[float, PETSc.KSP]

    def factorised(self, step: float) -> PETSc.KSP:
        """Solver for ``M − γ h K``.  Collective.

        Raises:
            NotConverged: If the factorisation fails.
        """
        if step not in self.kept:
            matrix = self.operator.copy()
            matrix.scale(-GAMMA * step)
            matrix.axpy(1.0, self.mass, structure=PETSc.Mat.Structure.SAME_NONZERO_PATTERN)
            while len(self.kept) >= KEPT_FACTORISATIONS:
                self.kept.popitem(last=False)[1].destroy()
            self.kept[step] = factorise(matrix, self.name, self.options)
        self.kept.move_to_end(step)
        return self.kept[step]


def pencil(mass: PETSc.Mat, operator: PETSc.Mat, name: str, options: Options | None = None) -> Pencil:
    """A pencil without factorisations; both matrices have the same sparsity."""
    return Pencil(mass, operator, name, options, OrderedDict())


def advance(system: Pencil, y: PETSc.Vec, step: float) -> tuple[PETSc.Vec, float]:
    """One step; returns the new y and the estimated relative error of the step in the norm of M.  Collective.

    Raises:
        NotConverged: If a linear solve fails.
    """
    ksp = system.factorised(step)
    weighted = y.duplicate()
    slopes: list[PETSc.Vec] = []
    stage = y
    for coefficients in STAGES:
        r = y.copy()
        for a, k in zip(coefficients, slopes, strict=True):
            r.axpy(step * a, k)
        system.mass.mult(r, weighted)
        stage = solve(ksp, weighted, system.name)
        r.aypx(-1.0, stage)
        r.scale(1.0 / (GAMMA * step))
        slopes.append(r)
    error = y.duplicate()
    error.set(0.0)
    for weight, k in zip(DEFECT, slopes, strict=True):
        error.axpy(step * weight, k)
    # filtered: the embedded formula is not L-stable, and its error in stiff components is none of the result
    system.mass.mult(error, weighted)
    error = solve(ksp, weighted, system.name)
    return stage, norm(system.mass, error) / max(norm(system.mass, stage), 1e-300)


def norm(mass: PETSc.Mat, y: PETSc.Vec) -> float:
    """``√(yᵀMy)``.  Collective."""
    weighted = y.duplicate()
    mass.mult(y, weighted)
    return float(np.sqrt(max(y.dot(weighted), 0.0)))


def integrate(
    step: Callable[[PETSc.Vec, float], tuple[PETSc.Vec, float]],
    y: PETSc.Vec,
    length: float,
    first: float,
    tolerance: float,
    order: int = ORDER,
    max_halvings: int = 40,
) -> tuple[PETSc.Vec, float, int, int, float]:
    """Advance y over an interval with steps ``length / 2^n`` chosen by the error estimate.  Collective.

    Steps are halves of halves, so that few different ones (and factorisations) occur and the
    interval is met exactly; a step is only doubled where the doubled grid has a point.

    Args:
        step: One step: ``(y, h) -> (new y, relative error)``.
        y: Start.
        length: Length of the interval.
        first: Step to try first.
        tolerance: Largest relative error of a step.
        order: Order of the method; the error of a step is taken to fall as ``h^order``.
        max_halvings: Smallest step is ``length / 2^max_halvings``.

    Returns:
        New y, last step, number of steps taken, number of steps refused, sum of the errors of the steps.

    Raises:
        NotConverged: If the smallest step does not meet the tolerance.
    """
    level = max(0, int(np.ceil(np.log2(max(length / first, 1.0)) - 1e-9)))
    done, whole = 0, 1 << max_halvings
    taken = refused = 0
    total = 0.0
    while done < whole:
        size = whole >> level
        proposed, error = step(y, length / (1 << level))
        growth = np.log2(max(error / tolerance, 1e-30)) / order
        if error > tolerance:
            refused += 1
            level += max(1, int(np.ceil(growth)))
            if level > max_halvings:
                raise NotConverged(f"a time step of {length / 2.0**max_halvings:.1e} is still too long")
            continue
        y, done, taken, total = proposed, done + size, taken + 1, total + error
        while level > 0 and growth < -1.25 and done % (whole >> (level - 1)) == 0 and done < whole:
            level, growth = level - 1, growth + 1.0
    return y, length / (1 << level), taken, refused, total
