"""Values of the fields of an analysis at points, the same on every rank."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import numpy as np
from dolfinx import fem
from mpi4py import MPI

from solver.analysis.stages import Analysis
from solver.drift.way_out import way_out
from solver.elements.evaluate import Locator, bounding_box, evaluate
from solver.elements.region import edge_dofs, whole
from solver.errors import Refused
from solver.fokker_planck.markov_chain import markov_chain
from solver.hamilton_jacobi.jet import JetSolution
from solver.hamilton_jacobi.well import WellPotential, trusted_part
from solver.system import Array, Field

# part of a pass up to which V is known where it is known to the end: it is reported up to 0.999 of it
NEARLY = 0.998


def values_at(field: fem.Function, points: Array, locator: Locator) -> Array:
    """Values ``(n,)`` of a scalar field at points ``(n, d)``; NaN where there is none.  Collective."""
    if not len(points):
        return np.empty(0)
    return evaluate(field, points, locator)[:, 0]


def trusted_potential(well: WellPotential) -> Field:
    """V where it is a result, which is a set that no path leaves below its trusted level.

    The function ``(d, N) -> (N,)`` is collective, as is this one.
    """
    field = trusted_part(well)
    locator = Locator(field.function_space.mesh)
    return lambda x: values_at(field, np.ascontiguousarray(x.T), locator)


def way_over_pass(analysis: Analysis, start: int, level: Field, box: Array) -> tuple[Array, float] | None:
    """Where a set is left over the lowest pass of its well, and the barrier there.

    None where V is not known up to that pass, or the way down from it does not leave the set.

    Args:
        analysis: The results for the system.
        start: Number of the attractor in the set.
        level: g, ``(d, N) -> (N,)``, negative in the set.
        box: The domain, ``(d, 2)``.
    """
    ways = [b for b in analysis.barriers if b.start == start]
    lowest = min(ways, key=lambda way: way.barrier, default=None)
    if lowest is None or analysis.wells[start].trusted_level < NEARLY * lowest.barrier:
        return None
    saddle = analysis.places.passes[lowest.saddle].saddle
    if saddle is None:
        return None
    point = way_out(analysis.system.drift, level, saddle, box)
    return None if point is None else (point, lowest.barrier)


def level_at_box(analysis: Analysis, index: int) -> float:
    """The lowest V of one attractor on the boundary of the domain.  Collective.

    That of finite elements or of the jet scheme where they reach it, else of the quadratic at the attractor.
    """
    well = analysis.wells[index]
    space = well.potential.function_space
    edge = edge_dofs(whole(space.mesh), space)
    known = [well.potential.x.array[edge[well.coefficients.region.dofs(space)[edge]]]]
    jet = analysis.jets[index] if analysis.jets else None
    if isinstance(jet, JetSolution):
        points = space.tabulate_dof_coordinates()[edge, : space.mesh.geometry.dim].T
        known.append(jet(points)[jet.valid(points)])
    lowest = min(float(np.min(values, initial=np.inf)) for values in known)
    lowest = float(space.mesh.comm.allreduce(lowest, op=MPI.MIN))
    if np.isfinite(lowest):
        return lowest
    return analysis.landmarks.pins[index].level_at(*bounding_box(space.mesh))


def gap_to_jet(analysis: Analysis, index: int, point: Array, value: float) -> float | None:
    """``|V − V_jet|/V`` at a point ``(d,)``, for one attractor; None where the jet scheme gives no V.

    The two come from different schemes on different meshes.  Infinite where V is not positive.
    """
    jet = analysis.jets[index] if analysis.jets else None
    if not isinstance(jet, JetSolution) or not jet.valid(point[:, None])[0]:
        return None
    return abs(float(jet(point[:, None])[0]) - value) / value if value > 0.0 else np.inf


def density_at(log_density: fem.Function, points: Array, locator: Locator) -> Array:
    """p, ``(n,)``, from its logarithm; zero where that was not computed because p is negligible.  Collective.

    NaN at points outside the mesh.
    """
    values = np.exp(values_at(log_density, points, locator))
    inside = locator.owners(locator.cells(points)) < locator.domain.comm.size
    return np.asarray(np.where(np.isnan(values) & inside, 0.0, values))


class EscapeLaw(Protocol):
    """An asymptotic law of the mean time to escape over one pass."""

    def log_mfpt(self, epsilon: float) -> float:
        """Its logarithm at a noise level."""
        ...


def chain_times(analysis: Analysis, laws: Sequence[EscapeLaw | None], epsilon: float) -> Array:
    """log mean first passage times of the chain with the rates of asymptotic laws, ``(K, K)``.

    NaN on the diagonal, and where a law that matters is missing.

    Args:
        analysis: What gives the wells and the barriers between them.
        laws: One law for each barrier; None where there is none.
        epsilon: Noise level.
    """
    count = len(analysis.landmarks.pins)
    log_rate = np.full((count, count), -np.inf)
    for barrier, law in zip(analysis.barriers, laws, strict=True):
        if barrier.end is not None and law is not None:
            pair = barrier.start, barrier.end
            log_rate[pair] = np.logaddexp(log_rate[pair], -law.log_mfpt(epsilon))
    with np.errstate(invalid="ignore"):
        return finite(markov_chain(epsilon, log_rate).log_mfpt)


def asymptotic_times(analysis: Analysis, epsilon: float) -> Array:
    """log mean first passage times of the chain with the rates of Kramers' law, ``(K, K)``.

    NaN on the diagonal, and where the law is refused for a barrier that matters.
    """
    laws = [None if isinstance(law, Refused) else law for law in analysis.asymptotics]
    return chain_times(analysis, laws, epsilon)


def finite(values: Array) -> Array:
    """NaN in place of what is not finite."""
    return np.asarray(np.where(np.isfinite(values), values, np.nan))
