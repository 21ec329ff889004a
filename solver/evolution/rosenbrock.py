"""RODAS: a linearly implicit, L-stable method of order 4 for nonlinear systems ``M y' = f(y)``.

Every step takes one factorisation of ``M/(γh) − ∂f/∂y`` and six solves with it; there is no iteration that
could fail.  Stiffly accurate, with an embedded method of order 3.
"""

from __future__ import annotations

from collections.abc import Callable

from petsc4py import PETSc

from solver.evolution.sdirk import norm
from solver.rodas import COUPLINGS, GAMMA, STAGES


def advance(
    mass: PETSc.Mat,
    rate: Callable[[PETSc.Vec], PETSc.Vec],
    jacobian_solver: Callable[[PETSc.Vec, float], Callable[[PETSc.Vec], PETSc.Vec]],
    y: PETSc.Vec,
    step: float,
) -> tuple[PETSc.Vec, float]:
    """One step; returns the new y and the estimated relative error of the step in the norm of M.  Collective.

    Args:
        mass: M.
        rate: f.
        jacobian_solver: ``(y, s) ->`` solver for ``s M − ∂f/∂y(y)``.
        y: Start.
        step: h.
    """
    invert = jacobian_solver(y, 1.0 / (GAMMA * step))
    increments: list[PETSc.Vec] = []
    weighted, combination = y.duplicate(), y.duplicate()
    stage = y
    for number, couplings in enumerate(COUPLINGS):
        if number < len(STAGES):
            stage = y.copy()
            for a, u in zip(STAGES[number], increments, strict=True):
                stage.axpy(a, u)
        else:
            stage.axpy(1.0, increments[-1])
        rhs = rate(stage)
        combination.set(0.0)
        for c, u in zip(couplings, increments, strict=True):
            combination.axpy(c / step, u)
        mass.mult(combination, weighted)
        rhs.axpy(1.0, weighted)
        increments.append(invert(rhs))
    stage.axpy(1.0, increments[-1])
    return stage, norm(mass, increments[-1]) / max(norm(mass, stage), 1e-300)
