"""V of every well, by the surest of two ways, and the densities that are wanted.

V is started from the gauge of the densities (:mod:`solver.analysis.density_well`) or from the attractor alone
(:mod:`solver.analysis.grown_well`); neither way has the flaws of the other, and where one stops short of the
cheapest path the other is tried, too, and last the jet scheme on a mesh made for that
(:mod:`solver.analysis.jet_well`).  The gauge is V of the jet scheme itself
(:mod:`solver.analysis.jet_levels`), or where that is not good enough the limit of an ε-continuation.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import NamedTuple

import numpy as np

from meshes.clock import part
from meshes.serial import on_root
from solver.analysis.density_well import well_from_densities
from solver.analysis.driven_well import driven_well, unreached_direction
from solver.analysis.grown_well import grown_well
from solver.analysis.jet_estimate import without_potential
from solver.analysis.jet_levels import jet_levels
from solver.analysis.jet_well import jets_on, well_from_jet
from solver.analysis.loss_well import known_wells, nodal_potential
from solver.analysis.noise_levels import (
    Continuation,
    Continued,
    Level,
    Monitor,
    continue_levels,
    levels_from,
)
from solver.analysis.singular_noise import has_singular_noise
from solver.elements.discretisation import Discretisation
from solver.errors import NotConverged, Refused
from solver.fokker_planck.landmarks import Landmarks
from solver.hamilton_jacobi.bounds.exact import KnownPotential, known_potential
from solver.hamilton_jacobi.jet import JetSolution
from solver.hamilton_jacobi.well import TOP, WellPotential, trusted_below
from solver.paths.escape_path import Target
from solver.paths.instanton import Instanton
from solver.places.places import Places

# by this name densities that failed are known
DENSITY = "the density and the rates"
# … and those that the continuation took over
JET_DENSITIES = "densities with V of the jet scheme for their gauge"
# V this near to the cheapest path shows that there is no cheaper one by much
SURE = 0.9


class Found(NamedTuple):
    """V of one attractor, and an instanton to each of its passes."""

    well: WellPotential
    paths: list[Instanton]


@dataclass(frozen=True)
class Wells:
    """V of every well with the paths out of it, and what was needed to solve for it.

    Attributes:
        landmarks: Attractors with covariances, passes.
        found: For every attractor V, and an instanton to each of its passes.
        levels: Densities and rates by noise level, as asked for.
        start: Where V was started from the gauge of densities; None where it was grown from the attractors.
        refused: What did not work on the way, by what it was.
        jets: V of every attractor on the whole box by the jet scheme, or why there is none.
    """

    landmarks: Landmarks
    found: tuple[Found, ...]
    levels: dict[float, Level]
    start: Continuation | None
    refused: dict[str, Refused] = field(default_factory=dict)
    jets: tuple[JetSolution | Refused, ...] = ()


def solve_wells(  # noqa: C901  (three ways to V, each gone only if it is needed)
    discretisation: Discretisation,
    places: Places,
    epsilons: Sequence[float],
    monitor: Monitor = lambda _: None,
    known: Sequence[JetSolution | Refused] = (),
) -> Wells:
    """Solve for the densities that are wanted, and for V of every well.  Collective.

    Arguments and exceptions are those of :func:`solver.analysis.stages.analyse`.
    """
    system = discretisation.system
    landmarks = places.pinned(system)
    closed = known_potential(discretisation)

    @functools.cache
    def jets() -> tuple[JetSolution | Refused, ...]:
        return tuple(known) or _jets(discretisation, places, monitor)

    if closed is not None:
        whole = jets() if system.dim == 2 and closed.reversible else ()
        return replace(_known(discretisation, places, epsilons, landmarks, closed, monitor), jets=whole)
    if has_singular_noise(discretisation.coefficients.diffusion):
        return _driven(discretisation, places, epsilons, landmarks, monitor)

    reasons: dict[str, Refused] = {}

    @functools.cache
    def continuation() -> Continued:
        first = jets() if epsilons and (system.dim == 2 or known) else ()
        with part("densities and rates"):
            return _densities(discretisation, places, epsilons, first, monitor, reasons)

    targets = functools.cache(functools.partial(_targets, discretisation, places))

    def from_expansion(k: int) -> Found:
        return Found(*grown_well(discretisation, k, places.attractors[k], targets(k), monitor))

    def from_density(k: int) -> Found:
        start = continuation().start
        if start is None:
            raise NotConverged("the densities end too far above the noise from which V could be started")
        well = well_from_densities(discretisation, start, k, places.attractors[k], targets(k), monitor)
        return Found(*well)

    def from_jet(k: int) -> Found:
        jet = jets()[k]
        if isinstance(jet, Refused):
            raise NotConverged(jet.reason)
        return Found(*well_from_jet(discretisation, jet, k, places.attractors[k], targets(k), monitor))

    routes = {"from its attractor": from_expansion, "from the jet scheme": from_jet}
    if not epsilons:
        routes = {**routes, "from the gauge of the densities": from_density}
    elif continuation().start is not None:
        routes = {"from the gauge of the densities": from_density, **routes}
    try:
        found, refused = _of_all(places, routes)
    except NotConverged as error:
        raise without_potential(str(error), places, jets(), targets) from error
    done = continuation() if continuation.cache_info().currsize else Continued({}, None, {})
    # in space that takes as long as all the rest
    whole = jets() if system.dim == 2 or jets.cache_info().currsize else ()
    return Wells(landmarks, found, done.levels, done.start, refused | reasons | _missing(done), whole)


def _of_all(
    places: Places, routes: Mapping[str, Callable[[int], Found]]
) -> tuple[tuple[Found, ...], dict[str, Refused]]:
    """V of every attractor by the surest of the ways to it, and why ways failed.  Collective."""
    found: list[Found] = []
    refused: dict[str, Refused] = {}
    for k in range(len(places.attractors)):
        with part("quasi-potentials and paths"):
            one, failures = surest({name: functools.partial(route, k) for name, route in routes.items()})
        found.append(one)
        refused |= {f"V of well {k} {name}": failure for name, failure in failures.items()}
    return tuple(found), refused


def _targets(discretisation: Discretisation, places: Places, index: int) -> list[Target]:
    """What paths out of a well end at.  Collective."""
    system, attractor = discretisation.system, places.attractors[index]

    def found() -> list[Target]:
        return [places.passes[n].target(system, index, attractor) for n, _ in places.ways_out(index)]

    return on_root(discretisation.comm, found)


def _densities(
    discretisation: Discretisation,
    places: Places,
    epsilons: Sequence[float],
    jets: Sequence[JetSolution | Refused],
    monitor: Monitor,
    reasons: dict[str, Refused],
) -> Continued:
    """The wanted levels with V of the jet scheme for their gauge, or by the continuation.  Collective.

    Why the gauge is not good enough is added to the reasons.
    """
    if jets:
        try:
            return jet_levels(discretisation, places, epsilons, jets, monitor)
        except NotConverged as error:
            monitor(f"{JET_DENSITIES}: {error}; on to the continuation in epsilon")
            reasons[JET_DENSITIES] = Refused(str(error))
    return continue_levels(discretisation, epsilons, places.pinned(discretisation.system), monitor)


def _known(
    discretisation: Discretisation,
    places: Places,
    epsilons: Sequence[float],
    landmarks: Landmarks,
    closed: KnownPotential,
    monitor: Monitor,
) -> Wells:
    """V in closed form, and the densities with it for their gauge.  Collective."""
    with part("quasi-potentials and paths"):
        found = tuple(Found(*one) for one in known_wells(discretisation, places, closed.value))
    potential = nodal_potential(discretisation, closed.value)
    with part("densities and rates"):
        done = levels_from(
            discretisation, epsilons, landmarks, potential, monitor, reversible=closed.reversible
        )
    return Wells(landmarks, found, done.levels, None, _missing(done))


def _driven(
    discretisation: Discretisation,
    places: Places,
    epsilons: Sequence[float],
    landmarks: Landmarks,
    monitor: Monitor,
) -> Wells:
    """V and paths where noise acts in some directions only, and the densities.  Collective."""
    problem = unreached_direction(discretisation.system, places)
    if problem is not None:
        raise NotConverged(problem)

    def grown(k: int) -> Found:
        return Found(*driven_well(discretisation, k, places, monitor))

    found, refused = _of_all(places, {"from its attractor": grown})
    done = Continued({}, None, {})
    if epsilons:
        with part("densities and rates"):
            done = continue_levels(discretisation, epsilons, landmarks, monitor, onwards=False)
    return Wells(landmarks, found, done.levels, None, refused | _missing(done))


def _jets(
    discretisation: Discretisation, places: Places, monitor: Monitor
) -> tuple[JetSolution | Refused, ...]:
    """V of every attractor by the jet scheme, on the whole box or up to its passes.  Collective."""
    monitor("quasi-potentials on the whole box by the jet scheme")
    dim = discretisation.system.dim
    tops = [
        np.reshape([places.passes[n].point for n, _ in places.ways_out(k)], (-1, dim))
        for k in range(len(places.attractors))
    ]
    with part("quasi-potentials on the whole box"):
        return tuple(jets_on(discretisation, places.attractors, tops))


def _missing(done: Continued) -> dict[str, Refused]:
    return {f"{DENSITY} at epsilon = {e:g}": why for e, why in done.refused.items()}


def surest(routes: Mapping[str, Callable[[], Found]]) -> tuple[Found, dict[str, Refused]]:
    """V of one attractor by the first of several ways that gets far enough, or the best of all.  Collective.

    Where V stops short of the cheapest path that was found there may be a cheaper one; the lower bound of the
    barrier says how much cheaper.

    Returns:
        What was found, and why ways failed that were tried.

    Raises:
        NotConverged: If all ways fail, with all reasons.
    """
    found: Found | None = None
    refused: dict[str, Refused] = {}
    for name, route in routes.items():
        try:
            other = route()
        except NotConverged as error:
            refused[name] = Refused(str(error))
            continue
        found = other if found is None else surer(found, other)
        if reaches(*found):
            break
    if found is None:
        reasons = "; ".join(f"{name}: {failure.reason}" for name, failure in refused.items())
        raise NotConverged(f"there is no way to V of a well ({reasons})")
    return found, refused


def reaches(well: WellPotential, paths: Sequence[Instanton]) -> bool:
    """Whether V was solved for nearly up to the cheapest path, so that there is no cheaper one by much."""
    return well.trusted_level >= SURE * min((path.action for path in paths), default=0.0)


def surer(first: Found, second: Found) -> Found:
    """Of two results for one well the cheaper paths, with the V that is known further up below them.

    Above the cheapest path V is not that of its own well only, however well it settled there.
    """
    paths = [
        one if one.action <= other.action else other
        for one, other in zip(first.paths, second.paths, strict=True)
    ]
    lowest = min((path.action for path in paths), default=np.inf)
    wells = [trusted_below(well, TOP * lowest) for well, _ in (first, second)]
    return Found(max(wells, key=lambda well: well.trusted_level), paths)
