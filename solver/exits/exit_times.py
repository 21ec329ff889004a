"""Exit from the set ``{g < 0}`` round an attractor: mesh, direct solution, flux, and lowest potential.

Puts together :mod:`meshes.star`, :mod:`meshes.cut`, :mod:`solver.exits.backward` and
:mod:`solver.exits.flux`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
from dolfinx import fem, mesh
from mpi4py import MPI
from numpy.typing import NDArray

from meshes.box import line
from meshes.cut import NothingToMesh, cut_out
from meshes.spacing import between_ends
from meshes.star import NotStarShaped, Unbounded, boundary_sample, star
from solver.elements.coefficients import Coefficients, coefficients
from solver.elements.evaluate import Locator
from solver.elements.linear import Options
from solver.elements.region import Region
from solver.errors import NotConverged, Refused
from solver.exits.backward import (
    ExitTime,
    LowestExit,
    TooRare,
    absorbing_dofs,
    boundary_points,
    facet_middles,
    lowest_on_boundary,
    mean_exit_time,
)
from solver.exits.flux import ExitFlux, exit_times_by_flux
from solver.fokker_planck.landmarks import Pin
from solver.system import Array, Field, System

FLUX_FROM, DIRECT_TO = 4.0, 9.0
"""log of T over the relaxation time from which the flux is computed, and to which the direct time counts.

Below, T depends on the start by more than two per cent; above, the direct time amplifies errors of the mesh.
"""
LAYER, THINNEST = 1.0, 0.1
SURVEY, ON_WALL = 4000, 1e-9
AT_LEVEL = 1e-9
"""g relative to that at the attractor that is zero on a side of the box: rounding of an expression."""


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


def region_exits(  # noqa: PLR0913  (six of them have defaults)
    system: System,
    level: Field,
    pin: Pin,
    bounds: Array,
    epsilons: Sequence[float],
    *,
    potential: Field | None = None,
    shells: int = 12,
    degree: int = 4,
    walls: bool = False,
    ring: bool = False,
    comm: MPI.Comm | None = None,
    options: Options | None = None,
) -> RegionExits:
    """Mean exit times of ``{level < 0}`` from its only attractor.  Collective.

    Args:
        system: The system.
        level: g, ``(d, N) -> (N,)``, smooth; the region is the part of ``{g < 0}`` round the attractor, seen
            from there or, in 2D, of any shape.
        pin: The attractor, with its Lyapunov covariance.
        bounds: Box ``(d, 2)`` that contains the region.
        epsilons: Noise levels.
        potential: Quasi-potential ``(d, N) -> (N,)``, if its lowest value on the boundary is wanted; not a
            number where it is not known, as long as it is larger there than where it is.
        shells: Number of cells from the attractor to the boundary.
        degree: Degree of the elements.
        walls: The region may reach the box, which reflects where g < 0; in 1D and 2D.
        ring: The attractor is a cycle in the plane, and the pin one of its points: T is that from there.
        comm: Default the world.
        options: PETSc options for the linear solvers.

    Raises:
        Unbounded: If the region leaves the box.
        NotStarShaped: If the region is not seen from the attractor, in 1D and 3D.
        NotConverged: If a direct solver fails.
    """
    comm = comm or MPI.COMM_WORLD
    box_ = np.asarray(bounds, dtype=float)
    domain = region_mesh(level, pin, box_, min(epsilons), shells, comm, walls, ring)
    known = coefficients(domain, system, degree)
    space = fem.functionspace(domain, ("Lagrange", degree))
    if walls:
        known = known.on(without_walls(known.region, level, pin.point, box_))
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
        lowest = lowest_on_boundary(potential, level, boundary_points(known.region))
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


def region_mesh(  # noqa: PLR0913  (two of them have defaults)
    level: Field,
    pin: Pin,
    bounds: Array,
    epsilon: float,
    shells: int,
    comm: MPI.Comm,
    walls: bool = False,
    ring: bool = False,
) -> mesh.Mesh:
    """Mesh of the part of ``{level < 0}`` round an attractor: shells, or cut out of a grid.  Collective.

    With ``walls`` it may end at the box (1D and 2D).  Shells round one point of a ``ring`` would be coarse at
    the others: it is cut out of a grid.

    Raises:
        Unbounded: If the set leaves the box.
        NotStarShaped: If the set is not seen from the attractor, in 1D and 3D.
        NothingToMesh: If the attractor is not in the set.
    """
    if walls and len(bounds) == 1:
        ends = np.array(_segment(level, float(pin.point[0]), bounds[0]))
        thin = level(ends[None]) >= -AT_LEVEL * abs(float(level(pin.point[:, None])[0]))
        return line(comm, between_ends(ends, 4 * shells, thin))
    if walls:
        return cut_out(comm, level, pin.point, bounds, 4 * shells, _sides_left_by(level, pin.point, bounds))
    if ring:
        return cut_out(comm, level, pin.point, bounds, 4 * shells)
    try:
        layer = boundary_layer(level, pin, bounds, epsilon, shells, comm)
        return star(comm, level, pin.point, bounds, shells, layer=layer)
    except NotStarShaped as error:
        if len(bounds) != 2 or isinstance(error, Unbounded):
            raise
    return cut_out(comm, level, pin.point, bounds, 4 * shells)


def without_walls(region: Region, level: Field, centre: Array, bounds: Array) -> Region:
    """The region of which no boundary is known but that which absorbs: a box that reflects is none.

    Where the set ends inside the box its boundary absorbs; on a side of the box that it reaches, what
    absorbs is ``g = 0``.  So ``g = a − x`` in a box from a on is left through that side of it: noise that
    vanishes at x = 0, as that of a population does, has no density or path beyond a, and a is extinction.

    Args:
        region: The region as it was meshed.
        level: g.
        centre: A point inside, whose g says what is zero.
        bounds: The box ``(d, 2)``.
    """
    if not len(region.facets):
        return region
    middles = facet_middles(region)
    inside = level(middles) < -AT_LEVEL * abs(float(level(centre[:, None])[0]))
    return replace(region, facets=region.facets[~(on_walls(middles, bounds) & inside)])


def on_walls(x: Array, bounds: Array) -> Array:
    """Which of the points ``(d, N)`` lie on the boundary of a box ``(d, 2)``."""
    width = (bounds[:, 1] - bounds[:, 0])[:, None]
    away = np.minimum(x - bounds[:, :1], bounds[:, 1:] - x) / width
    return np.asarray(away.min(axis=0) < ON_WALL)


def _sides_left_by(level: Field, centre: Array, bounds: Array) -> NDArray[np.bool_]:
    """The sides of a plane box on which somewhere g is zero beside points inside: ``(2, 2)``."""
    zero = AT_LEVEL * abs(float(level(centre[:, None])[0]))
    found = np.zeros((2, 2), dtype=bool)
    for k, end in np.ndindex(2, 2):
        side = np.empty((2, SURVEY))
        side[1 - k] = np.linspace(bounds[1 - k, 0], bounds[1 - k, 1], SURVEY)
        side[k] = bounds[k, end]
        beside = side.copy()
        beside[k] += (bounds[k, 1 - end] - bounds[k, end]) / SURVEY
        found[k, end] = ((level(side) >= -zero) & (level(beside) < -zero)).any()
    return found


def _segment(level: Field, centre: float, ends: Array) -> tuple[float, float]:
    """The interval round the centre in which g < 0, or up to where the domain ends."""
    found = []
    for end in ends:
        fractions = np.linspace(0.0, 1.0, SURVEY + 1)
        outside = level((centre + fractions * (end - centre))[None]) >= 0
        if outside[0]:
            raise NothingToMesh(f"the centre {centre:g} does not lie in the set")
        if not outside.any():
            found.append(float(end))
            continue
        n = int(np.argmax(outside))
        low, high = fractions[n - 1], fractions[n]
        for _ in range(60):
            middle = 0.5 * (low + high)
            beyond = level(np.array([[centre + middle * (end - centre)]]))[0] >= 0
            low, high = (low, middle) if beyond else (middle, high)
        found.append(float(centre + 0.5 * (low + high) * (end - centre)))
    return found[0], found[1]


def boundary_layer(
    level: Field, pin: Pin, bounds: Array, epsilon: float, shells: int, comm: MPI.Comm
) -> float:
    """Thickness of the outermost shell over an even one, to resolve a layer of width ε/|∇V|.  Collective.

    With V ≈ ½yᵀΣ⁻¹y the width is ε/(2V) of the way from the attractor.

    Raises:
        NotStarShaped: As :func:`meshes.star.star`.
    """
    ends = boundary_sample(level, pin.point, bounds, comm) - pin.point[:, None]
    potential = 0.5 * np.einsum("in,in->n", ends, np.linalg.solve(pin.covariance, ends))
    return float(np.clip(LAYER * shells * epsilon / np.median(potential), THINNEST, 1.0))
