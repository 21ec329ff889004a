"""Stationary densities of the mean-field Fokker–Planck equation on a mesh, and relaxation to them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from dolfinx import fem

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
NEGATIVE = 1e-3
RESOLVED = 0.05


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
    raise NotConverged(f"no stationary density within {ITERATIONS} steps: start nearer, or refine the mesh")


def relaxation_rate(flow: Flow, state: MeanFieldState) -> float:
    """Spectral gap of the equation linearised at a stationary density; negative: unstable.  Collective.

    Arnoldi's method with the inverse of the Jacobian on densities of mass zero.

    Raises:
        NotConverged: If a linear solve fails.
    """
    y = flow.mass.createVecRight()
    y.setArray(state.density.x.array[: flow.space.dofmap.index_map.size_local])
    shift = 1e-3 * flow.problem.temperature
    invert = jacobian_solver(flow, y, shift)
    weights = mass_weights(flow)
    v = y.copy()
    v.setArray(y.array_r * sum((n + 1.0) * x for n, x in enumerate(_positions(flow))))
    v.axpy(-weights.dot(v), y)
    v.scale(1 / norm(flow.mass, v))
    basis, H = [v], np.zeros((KRYLOV + 1, KRYLOV))
    product = y.duplicate()
    for n in range(KRYLOV):
        flow.mass.mult(basis[-1], product)
        w = invert(product)
        w.axpy(-weights.dot(w), y)
        for _ in range(2):
            for m, b in enumerate(basis):
                flow.mass.mult(w, product)
                overlap = b.dot(product)
                H[m, n] += overlap
                w.axpy(-overlap, b)
        H[n + 1, n] = norm(flow.mass, w)
        if H[n + 1, n] < 1e-13:
            break
        w.scale(1 / H[n + 1, n])
        basis.append(w)
    values = np.linalg.eigvals(H[: n + 1, : n + 1])
    resolved = values[np.abs(values) > RESOLVED * np.abs(values).max()]
    return float(np.min((1.0 / resolved).real) - shift)


def _positions(flow: Flow) -> Array:
    owned = flow.space.dofmap.index_map.size_local
    return np.asarray(flow.space.tabulate_dof_coordinates()[:owned, : flow.problem.dim].T)
