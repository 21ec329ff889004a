"""How fast an evolving density approaches the stationary one.

With λ₂ the smallest non-zero eigenvalue of the generator, ``‖p(t) − p_∞‖ ~ e^{−λ₂ t}``: 1/λ₂ is the
relaxation time.  The distance is measured, in total variation, from the stationary density of the same
discrete equation,

    K p_∞ = 0,  ∫ p_∞ = 1,    by  (M − δK) p ← M p,  δ → ∞,

so that it falls to rounding.  Its decay between the last snapshots is an independent estimate of λ₂, unless
the initial density does not contain the slowest mode (a symmetry) and it decays faster.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from dolfinx import fem

from solver.elements.coefficients import Coefficients
from solver.elements.integrals import total_variation
from solver.elements.linear import Options
from solver.errors import NotConverged
from solver.evolution.sdirk import GAMMA, norm
from solver.evolution.transient import Evolution, evolution_pencil, mass_weights
from solver.fokker_planck.spectrum import slowest_eigenvalues
from solver.system import Array

FAR = 1e6
"""δ over the last time: modes that take so much longer to decay are taken for stationary, and refused."""
SETTLED, ITERATIONS = 1e-10, 6
FAINTEST = 1e-9
"""Distances below this are rounding."""


@dataclass(frozen=True)
class Equilibration:
    """Approach to the stationary density.

    Attributes:
        distances: ``½∫|p(t) − p_∞| dx`` at the times of the snapshots, ``(m,)``; empty if refused.
        decay: Rate at which the distance falls between the last two snapshots where it is above rounding.
        eigenvalue: λ₂.
        refusal: Why all of this is missing; None if it is not.
    """

    distances: Array
    decay: float | None
    eigenvalue: float | None
    refusal: str | None = None


def equilibration(
    coefficients: Coefficients,
    space: fem.FunctionSpace,
    epsilon: float,
    evolution: Evolution,
    options: Options | None = None,
) -> Equilibration:
    """Distances from the stationary density, their decay, and λ₂.  Collective.

    Args:
        coefficients: b, A, ∇·A on the region of the evolution.
        space: Its Lagrange space.
        epsilon: Noise level ε.
        evolution: The snapshots, at one positive time at least.
        options: PETSc options of the linear solver.
    """
    try:
        last = stationary_limit(coefficients, space, epsilon, evolution, options)
    except NotConverged as reason:
        return Equilibration(np.zeros(0), None, None, str(reason))
    distances = np.array([total_variation(coefficients, p, last) for p in evolution.densities])
    decay = _decay(evolution.times, distances)
    try:
        guess = decay if decay is not None and decay > 0 else 1.0 / float(evolution.times[-1])
        eigenvalue = float(slowest_eigenvalues(coefficients, space, epsilon, 1, guess)[0])
    except NotConverged as reason:
        # below rounding: the iteration may have settled within a well, which is not the stationary density
        return Equilibration(np.zeros(0), None, None, str(reason))
    return Equilibration(distances, decay, eigenvalue)


def stationary_limit(
    coefficients: Coefficients,
    space: fem.FunctionSpace,
    epsilon: float,
    evolution: Evolution,
    options: Options | None = None,
) -> fem.Function:
    """p_∞ of the discrete equation, from the last snapshot.  Collective.

    Raises:
        NotConverged: If it does not settle (a mode that decays slower than 10⁻⁶ over the last time), or a
            linear solve fails.
    """
    system = evolution_pencil(coefficients, space, epsilon, options)
    weights = mass_weights(system)
    owned = space.dofmap.index_map.size_local
    y = system.mass.createVecRight()
    y.setArray(evolution.densities[-1].x.array[:owned])
    ksp = system.factorised(FAR * max(float(evolution.times[-1]), 1e-300) / GAMMA)
    for _ in range(ITERATIONS):
        rhs = y.duplicate()
        system.mass.mult(y, rhs)
        following = rhs.duplicate()
        ksp.solve(rhs, following)
        following.scale(1.0 / weights.dot(following))
        change = following.copy()
        change.axpy(-1.0, y)
        y = following
        if not np.isfinite(y.norm()):
            break
        if norm(system.mass, change) <= SETTLED * norm(system.mass, y):
            result = fem.Function(space, name="stationary")
            result.x.array[:owned] = y.array_r
            result.x.scatter_forward()
            return result
    raise NotConverged("the stationary density is not reached: a mode decays too slowly, or there is none")


def _decay(times: Array, distances: Array) -> float | None:
    """``−d log(distance)/dt`` between the last two positive times with distances above rounding."""
    known = [(t, d) for t, d in zip(times, distances, strict=True) if t > 0 and d > FAINTEST]
    if len(known) < 2:
        return None
    (first, high), (second, low) = known[-2:]
    return float(np.log(high / low) / (second - first))
