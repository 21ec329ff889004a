"""Solving on meshes that are made finer until the estimated errors are below a tolerance.

What is estimated, each where there is something to estimate it from:

- a barrier ΔV by its bracket, ``(upper − lower)/ΔV``;
- V by its difference to the action along the instantons, over ΔV;
- the stationary density, relative, by its change below the passes when its gauge is refreshed;
- log T, the logarithm of a mean passage time, by what it changes by under what must not matter: the gauge
  (refreshed, and made of V at the lowest noise level) and the window of the flux.

The meshes are those of boxes, graded to the saddles and, as the lowest noise asks for, to the attractors.
Every one has cells smaller by a factor of :data:`FINER` than the last.  A mesh that brings no result at all
(a stage fails on it) counts as one that is too coarse.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np
from dolfinx import fem, mesh
from mpi4py import MPI

from meshes.box import box
from meshes.jumps import fitted_to_jumps
from meshes.refine import graded
from meshes.serial import on_root
from solver.analysis.noise_levels import Level, Monitor
from solver.analysis.stages import Analysis, analyse, well_sizes
from solver.analysis.wells import DENSITY
from solver.elements.discretisation import discretise
from solver.elements.linear import Options
from solver.elements.petsc_options import refusal
from solver.errors import NotConverged
from solver.fokker_planck.landmarks import Landmarks
from solver.places.places import Places
from solver.system import System

# cells along the longest side of the first mesh: the least on which double wells settle
COARSE = {1: 64, 2: 12, 3: 8}
FINER = 1.5
# cells at an attractor, in least standard deviations of the lowest-noise density, on the first mesh: cubic
# elements have errors of 1e-4 in log T there; in space such cells would be most of the mesh
DEVIATIONS = {1: 2.0, 2: 2.0, 3: 3.0}
# cells at a saddle are this many times smaller than elsewhere, in up to two dimensions: the last thousandth
# of a barrier lies close to its pass, and the lower bound needs it resolved
AT_SADDLE = 2.0
# unknowns beyond which no mesh is made: half a minute of one core
UNKNOWNS = {1: 20_000, 2: 60_000, 3: 60_000}
# how often cells that a kink of the loss cuts are halved
AT_KINKS = {1: 0, 2: 4, 3: 0}
# an error that falls by less than this from mesh to mesh will not be below the tolerance soon
LEAST_GAIN = 0.7
# … if it has this many times more unknowns: graded meshes go up in jumps, and errors with them
TELLING_MORE = 2.0
# an error above this, of a bracket without a lower end say, tells only that the mesh is too coarse
TELLING = 0.1


@dataclass(frozen=True)
class Mesh:
    """What meshes are made, and how systems on them are solved.

    Attributes:
        resolution: Cells along the longest side: one mesh with these, whatever the errors; None: as many as
            the tolerance asks for.
        degree: Degree of the elements, 2 to 5.
        max_unknowns: No mesh with more is made (the first is); None: :data:`UNKNOWNS`.
        max_seconds: No mesh is begun that would end later than this after the first began, taking as much
            longer than the last one as it has more unknowns; None: whatever it takes.
        petsc: PETSc options of the linear solvers.

    Raises:
        ValueError: For other values.
    """

    resolution: int | None = None
    degree: int = 3
    max_unknowns: int | None = None
    max_seconds: float | None = None
    petsc: Options | None = None

    def __post_init__(self) -> None:
        _check_whole("mesh.resolution", self.resolution, 4)
        _check_whole("mesh.max_unknowns", self.max_unknowns, 1)
        _check_whole("mesh.degree", self.degree, 2, 5)
        if self.max_seconds is not None and not self.max_seconds > 0:
            raise ValueError(f"mesh.max_seconds: {self.max_seconds!r} is no positive number; give one")
        if (found := refusal(self.petsc or {})) is not None:
            name, problem, fix = found
            raise ValueError(f"mesh.petsc.{name}: {problem}; {fix}")


def _check_whole(name: str, value: object, least: int, most: int | None = None) -> None:
    if value is None and most is None:
        return
    if not isinstance(value, int) or value < least or (most is not None and value > most):
        room = f"of {least} or more" if most is None else f"from {least} to {most}"
        raise ValueError(f"{name}: {value!r} is no whole number {room}; give one")


@dataclass(frozen=True)
class Accuracy:
    """How accurate an analysis is.

    Attributes:
        tolerance: Largest estimated error that was asked for; None: the mesh was given.
        errors: Estimated errors by what they are of: relative for barriers, V and densities, absolute for
            log T.
        reason: Why the tolerance is not met; empty where it is.
    """

    tolerance: float | None
    errors: dict[str, float]
    reason: str = ""

    @property
    def largest(self) -> float:
        """The largest estimated error; zero where nothing is estimated."""
        return max(self.errors.values(), default=0.0)

    @property
    def met(self) -> bool:
        """Whether no estimated error is above the tolerance."""
        return self.tolerance is None or self.largest <= self.tolerance


def judged(analysis: Analysis, tolerance: float | None, reason: str) -> Accuracy:
    """How accurate an analysis is; the reason is why its errors are not smaller, where they are too large."""
    found = Accuracy(tolerance, estimated_errors(analysis))
    return found if found.met else replace(found, reason=reason)


class Accurate(NamedTuple):
    """An analysis on the mesh with the smallest errors, and how accurate it is."""

    analysis: Analysis
    accuracy: Accuracy


def time_error(level: Level, gauge_gap: float | None, pair: tuple[int, int] | None = None) -> float:
    """Estimated error of log T: what it changes by under what must not matter.

    That is the gauge (refreshed, and made of V at the lowest noise level) and the window of the flux.

    Args:
        level: Results at one noise level.
        gauge_gap: Change when the gauge is made of V at the lowest level; None where there is none.
        pair: The wells from and to which the time leads; None: the largest error of all that count.
    """
    refreshed, narrowed = level.gauge_refresh, level.state.window_change
    if pair is not None:
        gauge, window = level.gauge_changes, level.state.window_changes
        refreshed = refreshed if gauge is None else gauge[pair]
        narrowed = narrowed if window is None else window[pair]
    return max(float(refreshed), float(narrowed), gauge_gap or 0.0)


def estimated_errors(analysis: Analysis) -> dict[str, float]:
    """The estimated errors of an analysis by what they are of; of what there is not it is ∞.

    So it is of a bracket without a lower end, and of densities that were asked for and are missing.
    """
    found: dict[str, float] = {}
    for one in analysis.barriers:
        name = f"barrier {one.start} → {'outside' if one.end is None else one.end}"
        width = (one.upper - one.lower) / one.barrier
        found[name] = max(found.get(name, 0.0), float(width) if np.isfinite(width) else np.inf)
    if analysis.barriers:
        found["V along the paths"] = max(one.mismatch for one in analysis.barriers)
    for epsilon, level in sorted(analysis.levels.items(), reverse=True):
        found[f"density at epsilon = {epsilon:g}"] = float(level.density_refresh)
        if level.state.rates is not None:
            found[f"log T at epsilon = {epsilon:g}"] = time_error(level, analysis.gauge_gap)
    found |= {what: np.inf for what in analysis.refused if what.startswith(DENSITY)}
    # what is no number is no small error
    return {what: np.inf if np.isnan(error) else error for what, error in found.items()}


def analyse_to(
    system: System,
    places: Places,
    epsilons: Sequence[float],
    tolerance: float,
    how: Mesh | None = None,
    *,
    comm: MPI.Comm | None = None,
    monitor: Monitor = lambda _: None,
) -> Accurate:
    """Solve on finer and finer meshes of the box until the estimated errors are small.  Collective.

    It ends as well when the next mesh would be too large, or the errors fall too slowly; the reason then says
    which.  Results are those of the mesh with the smallest errors.

    Args:
        system: Drift and diffusion.
        places: Attractors and passes, with the box in which they were found.
        epsilons: Noise levels; none: only V.
        tolerance: Largest accepted estimated error: relative for V, barriers and densities, absolute for
            log T.
        how: What meshes are made.
        comm: The ranks; default the world.
        monitor: Told what is being done.

    Raises:
        ValueError: If the places have no box.
        NotConverged: If no mesh gives a result.
    """
    if places.bounds is None:
        raise ValueError("the places have no box: find them with find_places(system, box)")
    comm, how = comm or MPI.COMM_WORLD, how or Mesh()
    marks = places.pinned(system)
    most = how.max_unknowns or UNKNOWNS[system.dim]
    # the clock of one rank: all must decide alike
    counts, clock = list[int](), [on_root(comm, time.monotonic)]
    best: Accurate | None = None
    while True:
        step = len(counts)
        resolution = how.resolution or round(COARSE[system.dim] * FINER**step)
        deviations = DEVIATIONS[system.dim] / FINER**step
        domain = fitted_box(system, places, marks, epsilons, resolution, deviations, comm)
        space = fem.functionspace(domain, ("Lagrange", how.degree))
        unknowns = int(space.dofmap.index_map.size_global)
        if reason := _over_budget(how, most, unknowns, counts, clock):
            break
        monitor(f"mesh {step + 1}: {resolution} cells along the longest side, {unknowns} unknowns")
        jets = () if best is None else best.analysis.jets
        try:
            found = analyse(
                discretise(system, domain, how.degree, how.petsc), places, epsilons, monitor, jets=jets
            )
        except NotConverged as error:
            if how.resolution is not None:
                raise
            failure = error
        else:
            one = Accurate(found, judged(found, tolerance, ""))
            if one.accuracy.met:
                return one
            last = best
            if best is None or one.accuracy.largest < best.accuracy.largest:
                best = one
            if how.resolution is not None:
                reason = f"the mesh is that of resolution = {resolution}"
                break
            if last is not None and _slow(last, one):
                reason = f"a finer mesh of {unknowns} unknowns did not make the errors much smaller"
                break
        counts.append(unknowns)
        clock.append(on_root(comm, time.monotonic))
    if best is None:
        raise failure
    return Accurate(best.analysis, replace(best.accuracy, reason=reason))


def _over_budget(how: Mesh, most: int, unknowns: int, counts: Sequence[int], clock: Sequence[float]) -> str:
    """Why no mesh of so many unknowns is begun after others; empty where it may be, as the first always is.

    Args:
        how: The budget of seconds.
        most: The budget of unknowns.
        unknowns: Of the mesh in question.
        counts: Of the meshes before.
        clock: Seconds at the start and at the end of each of them.
    """
    if not counts:
        return ""
    if unknowns > most:
        return f"a finer mesh would have {unknowns} unknowns, and max_unknowns is {most}"
    ends = clock[-1] - clock[0] + (clock[-1] - clock[-2]) * unknowns / counts[-1]
    if how.max_seconds is not None and ends > how.max_seconds:
        return f"a finer mesh would be done after {ends:.3g} s, and max_seconds is {how.max_seconds:g}"
    return ""


def _slow(best: Accurate, one: Accurate) -> bool:
    """Whether a mesh that is finer by enough to tell did not bring the errors down from the smallest ones."""
    before, after = best.accuracy.largest, one.accuracy.largest
    counts = [x.analysis.discretisation.space.dofmap.index_map.size_global for x in (best, one)]
    return counts[1] > TELLING_MORE * counts[0] and before < TELLING and after > LEAST_GAIN * before


def fitted_box(
    system: System,
    places: Places,
    marks: Landmarks,
    epsilons: Sequence[float],
    resolution: int,
    deviations: float,
    comm: MPI.Comm,
) -> mesh.Mesh:
    """The mesh of a box, graded to the saddles, and to the attractors as the lowest noise asks for.

    Fitted to the kinks of the loss, where there are any.  Collective.

    Args:
        system: The system.
        places: Attractors and passes, with the box.
        marks: The same with covariances.
        epsilons: Noise levels.
        resolution: Cells along the longest side.
        deviations: Cells at the attractors, in least standard deviations of the lowest-noise density.
        comm: The ranks.
    """
    assert places.bounds is not None
    points, sizes, bounds = [], [], places.bounds
    cell = max(high - low for low, high in bounds) / resolution
    if epsilons:
        for place, size in zip(places.attractors, well_sizes(marks, min(epsilons)), strict=True):
            points += list(place.points)
            sizes += [deviations * size] * len(place.points)
    if len(bounds) < 3:
        saddles = [way.point for way in places.passes if way.saddle is not None]
        points += saddles
        sizes += [cell / AT_SADDLE] * len(saddles)
    domain = graded(box(comm, bounds, resolution), points, sizes)
    return domain if places.smooth else fitted_to_jumps(domain, system.drift, AT_KINKS[system.dim])
