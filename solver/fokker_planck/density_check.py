"""How good a density is: by how much it changes when its gauge is refreshed.

``p = q e^{−W/ε}`` is exact for every W, so that what depends on W is discretisation error.  The rates see
little of it: they need p at the wells and passes.  On the steep outer slopes a mesh may fail while they are
right.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from mpi4py import MPI

from solver.elements.evaluate import Locator, evaluate
from solver.fokker_planck.continuation import StationaryDensity
from solver.fokker_planck.landmarks import Landmarks
from solver.system import Array


def log_density(state: StationaryDensity) -> Array:
    """log p at the nodes; NaN where p is not positive."""
    return np.asarray(state.p.log_values() - state.log_normaliser)


def joining_level(levels: Array, between: Sequence[tuple[int | None, int | None]]) -> float:
    """The level at which the last wells join, −∞ where none do.

    Passes between wells that have joined lower down do not count; the outside (None) counts as a well.

    Args:
        levels: W at the passes, NaN where one is outside the mesh.
        between: The two wells of every pass.
    """
    group = {well: well for pair in between for well in pair}
    last = -np.inf
    for n in np.argsort(levels):
        first, second = (group[well] for well in between[n])
        if first != second and np.isfinite(levels[n]):
            last = float(levels[n])
            group = {well: first if mark == second else mark for well, mark in group.items()}
    return last


@dataclass(frozen=True)
class DensityChange:
    """By how much a density changes with its gauge.

    Attributes:
        largest: Largest difference of log p below the level at which the last wells join, 0 for one well;
            ∞ if one of the densities is not positive there.
        mass: Total variation ½ ∫ |p₁ − p₂| dx: how much of the probability moves.
        log_density_gap: |log p₁ − log p₂| at the nodes, NaN where one of them is not positive; None where
            there is nothing to compare.
    """

    largest: float
    mass: float
    log_density_gap: Array | None


def density_change(
    one: StationaryDensity, other: StationaryDensity, landmarks: Landmarks, locator: Locator
) -> DensityChange:
    """The difference of two densities.  Collective.

    Args:
        one: A density.
        other: The same with another gauge, on the same mesh; its W counts.
        landmarks: Attractors and passes.
        locator: Search tree of the mesh.
    """
    space = other.q.function_space
    levels = evaluate(other.gauge, landmarks.passes, locator)[:, 0] if len(landmarks.passes) else np.empty(0)
    top = joining_level(levels, landmarks.between)
    below = other.coefficients.region.dofs(space) & (other.gauge.x.array < top)
    gap = np.abs(log_density(one) - log_density(other))
    largest = float(np.max(np.nan_to_num(gap[below], nan=np.inf), initial=0.0))
    # e^{−(W − level)/ε} with this level is normalised
    first, second = (s.p.q * s.p.exponential(-s.epsilon * s.log_normaliser) for s in (one, other))
    return DensityChange(
        largest=float(space.mesh.comm.allreduce(largest, op=MPI.MAX)),
        mass=0.5 * other.p.integral(abs(first - second)),
        log_density_gap=gap,
    )
