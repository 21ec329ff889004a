"""RODAS: a linearly implicit, L-stable method of order 4 for nonlinear systems ``M y' = f(y)``.

Every step takes one factorisation of ``M/(γh) − ∂f/∂y`` and six solves with it; there is no iteration that
could fail.  Stiffly accurate, with an embedded method of order 3.  Coefficients: E. Hairer and G. Wanner,
*Solving Ordinary Differential Equations II*, 2nd edition, section VI.4 (method RODAS, first set).
"""

from __future__ import annotations

from collections.abc import Callable

from petsc4py import PETSc

from solver.evolution.sdirk import norm

GAMMA = 0.25
ORDER = 4
STAGES = (
    (),
    (1.544,),
    (0.9466785280815826, 0.2557011698983284),
    (3.314825187068521, 2.896124015972201, 0.9986419139977817),
    (1.221224509226641, 6.019134481288629, 12.53708332932087, -0.6878860361058950),
)
COUPLINGS = (
    (),
    (-5.6688,),
    (-2.430093356833875, -0.2063599157091915),
    (-0.1073529058151375, -9.594562251023355, -20.47028614809616),
    (7.496443313967647, -10.24680431464352, -33.99990352819905, 11.70890893206160),
    (8.083246795921522, -7.981132988064893, -31.52159432874371, 16.31930543123136, -6.058818238834054),
)


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
