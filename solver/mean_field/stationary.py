"""Stationary densities of the mean-field Fokker–Planck equation on a mesh, and relaxation to them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from dolfinx import fem
from petsc4py import PETSc
from slepc4py import SLEPc

from solver.errors import NotConverged
from solver.evolution.sdirk import norm
from solver.evolution.transient import Density
from solver.mean_field.equation import (
    Flow,
    as_function,
    averages,
    conserved,
    density_vector,
    free_energy,
    jacobian_solver,
    lowest_value,
    mass_weights,
    rate,
)
from solver.system import Array

ITERATIONS = 60
LONGEST_STEP = 1e3
"""Longest pseudo-time step times λ: longer ones are decided by rounding, shorter ones converge slower."""
KRYLOV = 24
WANTED = 2
"""Eigenvalues asked for: those nearest to zero, and the partner of a complex pair."""
EIGEN_TOLERANCE = 1e-8
"""Relative residual of an eigenvalue: far below what the mesh leaves."""
NEGATIVE = 1e-3


@dataclass(frozen=True)
class MeanFieldState:
    """A stationary density on the mesh.

    Attributes:
        density: m.
        averages: ⟨h⟩, ``(K,)``.
        energy: ``F(m) + λ KL``.
        residual: Norm of the last Newton step relative to m.
        lowest: Lowest nodal value over the highest.
        iterations: Number of steps.
    """

    density: fem.Function
    averages: Array
    energy: float
    residual: float
    lowest: float
    iterations: int


def stationary(flow: Flow, initial: Density | fem.Function, tolerance: float = 1e-9) -> MeanFieldState:
    """A stationary density by Newton's method from an initial one.  Collective.

    Implicit Euler steps that lengthen as the residual falls: Newton's method in the limit, with the mass
    conserved by every step, and convergence to unstable states too when started near them.

    Raises:
        ValueError: If the initial density has no mass.
        NotConverged: If it does not converge, or to a density that is negative somewhere.
    """
    weights = mass_weights(flow)
    y = density_vector(flow, initial)
    residual = rate(flow, y)
    size = first = residual.norm()
    length = 1.0 / flow.problem.temperature
    for iteration in range(1, ITERATIONS + 1):
        change = jacobian_solver(flow, y, 1.0 / length)(residual)
        y.axpy(1.0, change)
        y = conserved(y, weights, 1e-6)
        residual, before = rate(flow, y), size
        size = residual.norm()
        length = min(
            max(length * before / max(size, 1e-300), 1e-2 * length), LONGEST_STEP / flow.problem.temperature
        )
        moved = norm(flow.mass, change) / norm(flow.mass, y)
        if moved < tolerance and size < 1e-6 * max(first, 1e-300):
            lowest = lowest_value(y)
            if lowest < -NEGATIVE:
                raise NotConverged(f"the stationary density has the value {lowest:.1e} of its maximum")
            return MeanFieldState(
                as_function(flow, y), averages(flow, y), free_energy(flow, y), moved, lowest, iteration
            )
    raise NotConverged(f"no stationary density within {ITERATIONS} steps")


def spectral_gap(flow: Flow, state: MeanFieldState) -> float:
    """Spectral gap of the equation linearised at a stationary density; negative: unstable.  Collective.

    The eigenvalues nearest to zero by SLEPc's Krylov–Schur method (G. W. Stewart, SIAM J. Matrix Anal. Appl.
    23 (2002) 601) with the inverse of the shifted Jacobian on densities of mass zero, until their residuals
    are small.

    Raises:
        NotConverged: If a linear solve fails, or SLEPc does not find them.
    """
    y = flow.mass.createVecRight()
    y.setArray(state.density.x.array[: flow.space.dofmap.index_map.size_local])
    shift = 1e-3 * flow.problem.temperature
    operator = PETSc.Mat().createPython(flow.mass.getSizes(), comm=flow.mass.comm)
    operator.setPythonContext(_Inverse(flow, y, shift))
    operator.setUp()
    start = y.copy()
    start.setArray(y.array_r * sum((n + 1.0) * x for n, x in enumerate(_positions(flow))))
    solver = SLEPc.EPS().create(flow.mass.comm)
    solver.setOperators(operator)
    solver.setProblemType(SLEPc.EPS.ProblemType.NHEP)
    solver.setWhichEigenpairs(SLEPc.EPS.Which.LARGEST_MAGNITUDE)
    solver.setDimensions(WANTED, KRYLOV)
    solver.setTolerances(EIGEN_TOLERANCE, 100)
    solver.setInitialSpace([start])
    solver.solve()
    found = [complex(solver.getEigenvalue(n)) for n in range(solver.getConverged())]
    if not found:
        raise NotConverged("SLEPc finds no eigenvalue of the linearised equation")
    return min((1.0 / value).real for value in found) - shift


class _Inverse:
    """The inverse of the shifted Jacobian on densities of mass zero, for a PETSc shell matrix."""

    def __init__(self, flow: Flow, density: PETSc.Vec, shift: float) -> None:
        self._flow, self._density = flow, density
        self._invert, self._weights = jacobian_solver(flow, density, shift), mass_weights(flow)
        self._product = density.duplicate()

    def mult(self, matrix: PETSc.Mat, x: PETSc.Vec, y: PETSc.Vec) -> None:
        """``y = P J⁻¹ M P x`` with P x = x − (mass of x) · density."""
        x.copy(y)
        y.axpy(-self._weights.dot(y), self._density)
        self._flow.mass.mult(y, self._product)
        self._invert(self._product).copy(y)
        y.axpy(-self._weights.dot(y), self._density)


def _positions(flow: Flow) -> Array:
    owned = flow.space.dofmap.index_map.size_local
    return np.asarray(flow.space.tabulate_dof_coordinates()[:owned, : flow.problem.dim].T)
