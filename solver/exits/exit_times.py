"""Exit from the set ``{g < 0}`` round an attractor: mesh, direct solution, flux, and lowest potential.

Puts together :mod:`solver.exits.region`, :mod:`solver.exits.backward` and :mod:`solver.exits.flux`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from dolfinx import fem
from mpi4py import MPI

from meshes.serial import served
from solver.elements.coefficients import Coefficients, coefficients
from solver.elements.evaluate import Locator
from solver.elements.linear import Options
from solver.errors import NotConverged, Refused
from solver.exits.backward import (
    ExitTime,
    LowestExit,
    TooRare,
    absorbing_dofs,
    boundary_points,
    lowest_on_boundary,
    mean_exit_time,
)
from solver.exits.flux import ExitFlux, exit_times_by_flux
from solver.exits.region import ExitRegion
from solver.fokker_planck.landmarks import Pin
from solver.system import Field, System

FLUX_FROM, DIRECT_TO = 4.0, 9.0
"""log of T over the relaxation time from which the flux is computed, and to which the direct time counts.

Below, T depends on the start by more than two per cent; above, the direct time amplifies errors of the mesh.
"""
# degree of the elements; in space as high as the number of unknowns allows
DEGREE = {1: 4, 2: 4, 3: 3}


@dataclass(frozen=True)
class RegionExit:
    """Mean exit time of a region at one noise level.

    Attributes:
        epsilon: Noise level ε.
        log_mean: log T from the attractor: direct where V/ε is low, else from the flux.
        log_direct: From the backward equation; None beyond :data:`solver.exits.backward.HIGHEST_LOG`.
        log_flux: From the flux through the boundary; None where V/ε is too low for it.
        flux_difference: Error estimate of ``log_flux``.
        field: T, where solved for directly.
    """

    epsilon: float
    log_mean: float
    log_direct: float | None
    log_flux: float | None
    flux_difference: float | None
    field: fem.Function | None

    @property
    def error(self) -> float | None:
        """Estimated error of ``log_mean``; None where there is only the direct solution.

        Of the flux: the difference of two evaluations; of the direct solution: its difference from the flux.
        """
        if self.log_flux is None:
            return None
        if self.log_direct is None or self.log_mean == self.log_flux:
            return self.flux_difference
        return abs(self.log_flux - self.log_direct)


@dataclass(frozen=True)
class RegionExits:
    """Exit from a region at several noise levels.

    Attributes:
        times: One for every noise level, from large to small ε.
        lowest: Lowest value of the potential on the boundary, and where; None without a potential, or where
            it is known nowhere on the boundary.
        unknowns: Number of degrees of freedom.
        refused: Why there is no time, by noise level.
    """

    times: tuple[RegionExit, ...]
    lowest: LowestExit | None
    unknowns: int
    refused: Mapping[float, Refused] = field(default_factory=dict)


def region_exits(
    system: System,
    region: ExitRegion,
    epsilons: Sequence[float],
    *,
    potential: Field | None = None,
    degree: int | None = None,
    comm: MPI.Comm | None = None,
    options: Options | None = None,
) -> RegionExits:
    """Mean exit times of a set from its only attractor.  Collective.

    Args:
        system: The system.
        region: The set, with its attractor.
        epsilons: Noise levels.
        potential: Quasi-potential ``(d, N) -> (N,)``, if its lowest value on the boundary is wanted; not a
            number where it is not known, as long as it is larger there than where it is.  May be collective.
        degree: Degree of the elements; None: :data:`DEGREE`.
        comm: Default the world.
        options: PETSc options for the linear solvers.

    Raises:
        Unbounded: If the region leaves the box.
        NotStarShaped: If the region is not seen from the attractor, in 1D and 3D.
        NotConverged: If a direct solver fails.
    """
    comm, pin = comm or MPI.COMM_WORLD, region.pin
    domain = region.mesh(min(epsilons), comm)
    degree = degree or DEGREE[system.dim]
    known = coefficients(domain, system, degree)
    space = fem.functionspace(domain, ("Lagrange", degree))
    known = known.on(region.without_walls(known.region)) if region.walls else known
    absorbing = absorbing_dofs(known.region, space)
    locator = Locator(domain)
    direct: dict[float, ExitTime] = {}
    rare = []
    for epsilon in sorted(set(epsilons), reverse=True):
        try:
            direct[epsilon] = mean_exit_time(known, space, epsilon, pin.point, locator, absorbing, options)
        except TooRare:
            rare.append(epsilon)
        else:
            if direct[epsilon].log_relative > FLUX_FROM:
                rare.append(epsilon)
    flux, failure = _fluxes(known, space, rare, pin, locator, options)
    levels = [e for e in sorted(set(epsilons), reverse=True) if e in direct or e in flux]
    times = [_combined(e, direct.get(e), flux.get(e)) for e in levels]
    lowest = None
    if potential is not None:
        edge = boundary_points(known.region)
        lowest = served(comm, potential, lambda ask: lowest_on_boundary(ask, region.level, edge))
    missing = sorted(set(epsilons) - set(levels), reverse=True)
    refused = {e: Refused(failure or "") for e in missing}
    return RegionExits(tuple(times), lowest, int(space.dofmap.index_map.size_global), refused)


def _fluxes(
    known: Coefficients,
    space: fem.FunctionSpace,
    rare: Sequence[float],
    pin: Pin,
    locator: Locator,
    options: Options | None,
) -> tuple[dict[float, ExitFlux], str | None]:
    """The exits at these noise levels by their fluxes, and why there are no more of them.  Collective."""
    found: dict[float, ExitFlux] = {}
    try:
        if rare:
            for level, one in zip(
                rare, exit_times_by_flux(known, space, rare, pin, locator, options), strict=True
            ):
                found[level] = one
    except NotConverged as error:
        return found, str(error)
    return found, None


def _combined(epsilon: float, direct: ExitTime | None, flux: ExitFlux | None) -> RegionExit:
    """One result of two; their difference, where there are both, tells how good the mesh is."""
    log_direct = None if direct is None else direct.log_mean
    log_flux, difference = (None, None) if flux is None else (flux.log_mean, flux.flux_difference)
    trusted: ExitTime | ExitFlux | None = flux
    if direct is not None:
        # judged by the flux: where the mesh is too coarse for it, the direct time is far too low
        relative = direct.log_relative + (0.0 if flux is None else flux.log_mean - direct.log_mean)
        trusted = direct if flux is None or relative < DIRECT_TO else flux
    assert trusted is not None
    return RegionExit(
        epsilon, trusted.log_mean, log_direct, log_flux, difference, None if direct is None else direct.field
    )
