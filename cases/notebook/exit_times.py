"""Mean exit times from sets round an attractor."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TypedDict, Unpack

import numpy as np
import sympy as sp
from mpi4py import MPI
from numpy.typing import ArrayLike

from cases.base.numbers import fixed, number, with_error
from cases.notebook import arguments, tables
from cases.notebook.describe import check_sentence
from cases.notebook.parts import Check, make_checks
from cases.notebook.result import Result
from cases.results.stage_checks import exit_checks, exit_potential
from meshes.form_cache import share
from solver.analysis.evaluation import trusted_potential, values_at, way_over_pass
from solver.elements.evaluate import Locator
from solver.exits.backward import LowestExit
from solver.exits.exit_times import RegionExit, RegionExits, region_exits
from solver.exits.region import ExitRegion, region_fault
from solver.places.places import Places
from solver.system import Array, System


@dataclass(frozen=True, repr=False)
class ExitTimes:
    """Mean times from an attractor to the boundary of a set, at n noise levels; ``E τ ≍ exp(V/ε)``.

    Attributes:
        epsilon: The noise levels, as asked for.
        log_mean: Logarithms of the mean exit times, ``(n,)``; NaN where ``refused`` says why.
        error: Estimated errors of them, ``(n,)``: the flux evaluated in two ways, or flux and backward
            equation against each other; NaN where there is the backward equation alone.
        log_direct: From the backward equation, ``(n,)``; NaN where it is too rare an exit for that.
        log_flux: From the flux through the boundary, ``(n,)``; NaN where V/ε is too low for it.
        barrier: Lowest V on the boundary; NaN where no result was given, or it is not known there.
        barrier_point: Where that is, ``(d,)``; None as above.
        unknowns: Of the finite-element field.
        refused: Why there is no time, by noise level.
        checks: The checks that the command line makes too.
    """

    epsilon: tuple[float, ...]
    log_mean: Array
    error: Array
    log_direct: Array
    log_flux: Array
    barrier: float
    barrier_point: Array | None
    unknowns: int
    refused: Mapping[float, str]
    checks: tuple[Check, ...]
    _solved: RegionExits
    _dim: int

    @property
    def mean(self) -> Array:
        """The mean exit times, ``(n,)``, in the unit of the time of the drift."""
        return np.asarray(np.exp(self.log_mean))

    def mean_from(self, points: ArrayLike, epsilon: float) -> Array:
        """Mean exit times ``(n,)`` from points ``(n, d)``, by the backward equation.  Collective.

        NaN outside the set, and everywhere if the exit is too rare for that equation at this noise level.

        Raises:
            ValueError: For points of another shape, or a noise level that was not solved for.
        """
        rows, shape = arguments.check_points(points, self._dim)
        k = arguments.check_known(epsilon, self.epsilon)
        by_level = {one.epsilon: one.field for one in self._solved.times}
        field = by_level.get(self.epsilon[k])
        if field is None:
            return np.full(shape, np.nan)
        return values_at(field, rows, Locator(field.function_space.mesh)).reshape(shape)

    def __repr__(self) -> str:
        """The times with their errors, and the checks."""
        return tables.paragraphs(self._parts())

    def _repr_html_(self) -> str:
        return tables.page(self._parts())

    def _parts(self) -> list[tables.Table | str]:
        columns = zip(self.epsilon, self.log_mean, self.error, self.log_direct, self.log_flux, strict=True)
        rows = [
            [f"{e:g}", with_error(log, error), number(np.exp(log)), fixed(direct, 3), fixed(flux, 3)]
            for e, log, error, direct, flux in columns
        ]
        lowest = f"lowest V on the boundary: {number(self.barrier, 6)}" if np.isfinite(self.barrier) else ""
        heads = ("ε", "log T", "T", "direct", "flux")
        missing = [f"not given: log T at ε = {e:g}: {why}" for e, why in self.refused.items()]
        return [tables.Table(heads, rows), lowest, *missing, check_sentence(self.checks)]


class ExitOptions(TypedDict, total=False):
    """What :func:`exit_times` may be told beside its problem."""

    result: Result | None
    reflect: bool
    shells: int | None
    comm: MPI.Comm | None


def exit_times(
    system: System,
    places: Places,
    start: int,
    inside: Callable[[Array], Array] | sp.Expr,
    epsilon: float | Sequence[float],
    **options: Unpack[ExitOptions],
) -> ExitTimes:
    """Mean exit times from the part of ``{inside < 0}`` round an attractor.  Collective.

    Solves ``b·∇T + (ε/2) A:∇∇T = −1`` with T = 0 on the boundary, on a mesh that follows it; where T is
    beyond what double precision allows for that, ``T = ∫p dx / ∮ J·n ds`` with the density p that is fed at
    the attractor and vanishes on the boundary, in gauge form, ``p = q e^{−W/ε}``.  Times are those from the
    attractor.  Source: M. I. Freidlin, A. D. Wentzell, *Random Perturbations of Dynamical Systems*, ch. 4;
    Z. Schuss, *Theory and Applications of Stochastic Processes*, ch. 6 and 10.

    Args:
        system: Drift and diffusion.
        places: What :func:`quasipot.find_places` found; the set lies in its box.
        start: Number of the attractor, the only one in the set: a point, or a cycle in the plane (T is that
            from its point ``attractor.point``).
        inside: g, smooth, negative in the set: a function of points ``(n, d) -> (n,)``, or a sympy
            expression of the coordinates.
        epsilon: One noise level, or several.
        options: ``result`` (of :func:`quasipot.solve`: then the lowest V on the boundary is looked for),
            ``reflect`` (False; True: the set may reach the faces of the box, which reflect where g < 0 and
            are left by where g = 0, on the line and in the plane), ``shells`` (cells from the attractor to
            the boundary; 12, in space 5), ``comm`` (all ranks).

    Returns:
        The times; the repr is a table.

    Raises:
        ValueError: For a wrong argument, or a set that cannot be meshed in the box or holds another
            attractor.
        NotConverged: If a direct solver fails.

    Example:
        >>> import sympy as sp, quasipot as qp
        >>> x, = sp.symbols("x,")
        >>> system = qp.System.from_loss(x**2 / 2, [x])
        >>> places = qp.find_places(system, [(-2, 2)])
        >>> found = qp.exit_times(system, places, 0, x**2 - 1, epsilon=[0.5, 0.02])
        >>> print([round(float(log), 3) for log in found.log_mean])
        [1.504, 47.933]
    """
    arguments.check_system(system)
    arguments.check_places(places, system)
    first = arguments.check_index("start", start, len(places.attractors))
    level = arguments.check_function("inside", inside, system)
    levels = arguments.check_levels(epsilon)
    if not levels:
        raise arguments.complaint("epsilon", "there is no noise level", "give one, as 0.1")
    arguments.check_options(options, ExitOptions.__annotations__)
    reflect, comm = bool(options.get("reflect", False)), options.get("comm") or MPI.COMM_WORLD
    if reflect and system.dim == 3:
        raise arguments.complaint("reflect", "it needs one or two dimensions", "leave it out")
    if (shells := options.get("shells")) is not None:
        arguments.check_count("shells", shells, 3, 60)
    if (result := options.get("result")) is not None and not isinstance(result, Result):
        raise arguments.complaint("result", f"this is of type {type(result).__name__}", "give that of solve")
    assert places.bounds is not None
    arguments.check_sound(system, places.bounds)
    share()
    pin = places.pinned(system).pins[first]
    if places.attractors[first].cycle is not None and system.dim == 3:
        raise arguments.complaint("start", f"attractor {first} is a cycle in space", "name a point")
    cycle = None if places.attractors[first].cycle is None else places.attractors[first].points
    region = ExitRegion(level, pin, np.array(places.bounds), shells, reflect, cycle)
    others = [one.point for k, one in enumerate(places.attractors) if k != first]
    hint = "" if system.dim == 3 else "reflect=True"
    fault = region_fault(region, "{inside < 0}", others, max(levels), comm, reflect=hint)
    if fault is not None:
        raise arguments.complaint("inside", *fault)
    potential = None if result is None else trusted_potential(result.analysis.wells[first])
    found = region_exits(system, region, levels, potential=potential, comm=comm)
    if found.lowest is None and result is not None:
        way = way_over_pass(result.analysis, first, level, region.bounds)
        found = found if way is None else replace(found, lowest=LowestExit(*way))
    gap = None if result is None else exit_potential(result.analysis, first, found)
    return _exit_times(levels, found, system.dim, gap)


def _exit_times(levels: tuple[float, ...], found: RegionExits, dim: int, gap: float | None) -> ExitTimes:
    by_level = {one.epsilon: one for one in found.times}
    nan = float("nan")
    nothing = RegionExit(nan, nan, None, None, None, None)
    times = [by_level.get(level, nothing) for level in levels]

    def column(values: Sequence[float | None]) -> Array:
        return np.array([nan if value is None else value for value in values])

    return ExitTimes(
        epsilon=levels,
        log_mean=column([one.log_mean for one in times]),
        error=column([one.error for one in times]),
        log_direct=column([one.log_direct for one in times]),
        log_flux=column([one.log_flux for one in times]),
        barrier=nan if found.lowest is None else found.lowest.value,
        barrier_point=None if found.lowest is None else found.lowest.point,
        unknowns=found.unknowns,
        refused={level: why.reason for level, why in found.refused.items()},
        checks=make_checks(exit_checks([found], dim) | ({} if gap is None else {"exit_potential": gap})),
        _solved=found,
        _dim=dim,
    )
