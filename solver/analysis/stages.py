"""Everything about one system: densities and rates at all noise levels, V of every well, barriers, paths.

The order of the stages, for one diffusion tensor; each stage is in a module of its own.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any, Optional

import numpy as np
from dolfinx import fem

from meshes.clock import part
from meshes.serial import dealt
from solver.analysis.barriers import Barrier, barrier, direct_costs
from solver.analysis.gauge_check import lowest_gauge_gaps
from solver.analysis.noise_levels import Level, Monitor
from solver.analysis.potential_density import alone
from solver.analysis.wells import DENSITY, Wells, solve_wells
from solver.elements.coefficients import Coefficients
from solver.elements.discretisation import Discretisation
from solver.errors import NotConverged, Refused
from solver.fokker_planck.chain_exponents import weight_exponents
from solver.fokker_planck.landmarks import Landmarks
from solver.hamilton_jacobi.bounds.exact import energy_bound, exact_bound, known_potential
from solver.hamilton_jacobi.bounds.saddle_cost import SaddleCost, saddle_cost
from solver.hamilton_jacobi.jet import JetSolution
from solver.hamilton_jacobi.well import BALL, WellPotential
from solver.paths.instanton import Instanton
from solver.paths.prefactor import Asymptotics, kramers, kramers_of_gradient
from solver.places.places import Places
from solver.system import Array, System


@dataclass(frozen=True)
class Analysis:
    """Results for one system.

    Attributes:
        discretisation: The system on the mesh.
        places: Attractors and passes.
        landmarks: The same with covariances under this noise.
        levels: By noise level, as asked for.
        gauge: The start of V: that of the jet scheme, stitched, or W extrapolated to ε = 0 from the lowest
            two noise levels; zero where V was grown from the attractors alone.
        lowest_epsilon: The lowest noise level; None where V was grown.
        wells: V of every attractor.
        barriers: For every attractor and every pass next to it.
        asymptotics: Kramers / Bouchet–Reygner for each of the barriers, or why there is none.
        weights: Leading exponents of the well weights.
        gauge_gaps: Changes of log passage times at the lowest noise level when the gauge is made of V,
            ``(K, K)`` (∞: no solution with that gauge); None where there is nothing to compare.
        refused: What did not work and why, by what it was; the rest stands without it.
        jets: V of every attractor on the whole box by the jet scheme, or why there is none; empty in one
            dimension, and in space where V was found without.
    """

    discretisation: Discretisation
    places: Places
    landmarks: Landmarks
    levels: dict[float, Level]
    gauge: fem.Function
    lowest_epsilon: float | None
    wells: tuple[WellPotential, ...]
    barriers: tuple[Barrier, ...]
    asymptotics: tuple[Asymptotics | Refused, ...]
    weights: Array
    gauge_gaps: Optional[Array] = None  # noqa: UP045 - types of the reference: Sphinx < 8.2 has no `alias | None`
    refused: dict[str, Refused] = field(default_factory=dict)
    jets: tuple[JetSolution | Refused, ...] = ()

    @property
    def gauge_gap(self) -> float | None:
        """The largest of them."""
        return None if self.gauge_gaps is None else float(np.max(self.gauge_gaps))

    def gauge_gap_of(self, pair: tuple[int, int]) -> float | None:
        """That of one pair of wells."""
        return None if self.gauge_gaps is None else float(self.gauge_gaps[pair])

    @property
    def missing(self) -> list[str]:
        """What was asked for and is not there, and why: densities at noise levels."""
        return [f"{what}: {why.reason}" for what, why in self.refused.items() if what.startswith(DENSITY)]

    @property
    def system(self) -> System:
        """The system."""
        return self.discretisation.system

    @property
    def coefficients(self) -> Coefficients:
        """b, A on the whole mesh."""
        return self.discretisation.coefficients


def analyse(
    discretisation: Discretisation,
    places: Places,
    epsilons: Sequence[float],
    monitor: Monitor = lambda _: None,
    *,
    jets: Sequence[JetSolution | Refused] = (),
) -> Analysis:
    """Run all stages.  Collective.

    Args:
        discretisation: The system on the mesh.
        places: Attractors and passes in the domain.
        epsilons: Noise levels at which densities and rates are wanted; none: only V, grown from the
            attractors.
        monitor: Told what is being done, for progress.
        jets: V of every attractor by the jet scheme on this box, where it is known from another mesh.

    Raises:
        NotConverged: If a stage fails.
    """
    stage = solve_wells(discretisation, places, epsilons, monitor, jets)
    wells = [well for well, _ in stage.found]
    with part("bounds of barriers"):
        barriers = _barriers(discretisation, places, stage)
    levels, refused = _with_own_gauge(stage, places, discretisation)
    weights = weight_exponents(direct_costs(len(wells), barriers))
    with part("prefactors"):
        asymptotics = _asymptotics(discretisation, places, barriers)
    with part("densities with another gauge"):
        gaps = _gauge_gaps(discretisation, stage, levels, wells)
    for one, law in zip(barriers, asymptotics, strict=True):
        if isinstance(law, Refused):
            refused[f"Kramers' law from {one.start} over pass {one.saddle}"] = law
    return Analysis(
        discretisation=discretisation,
        places=places,
        landmarks=stage.landmarks,
        levels=levels,
        gauge=fem.Function(discretisation.space, name="W") if stage.start is None else stage.start.limit,
        lowest_epsilon=None if stage.start is None else stage.start.epsilon,
        wells=tuple(wells),
        barriers=tuple(barriers),
        asymptotics=tuple(asymptotics),
        weights=weights,
        gauge_gaps=gaps,
        refused=stage.refused | refused,
        jets=stage.jets,
    )


def _barriers(discretisation: Discretisation, places: Places, stage: Wells) -> list[Barrier]:
    """The barriers of all wells, with their bounds.  Collective."""
    found = []
    bound, rough = exact_bound(discretisation), energy_bound(discretisation)
    for k, (well, paths) in enumerate(stage.found):
        ways = places.ways_out(k)
        over = [path for (n, _), path in zip(ways, paths, strict=True) if places.passes[n].saddle is not None]
        costs = _saddle_costs(discretisation, over) if bound is None else []
        start = places.attractors[k].point
        for (n, end), path in zip(ways, paths, strict=True):
            exact, least = (
                None if one is None else one(start, places.passes[n].point) for one in (bound, rough)
            )
            one = barrier(well, end, n, path, discretisation.locator, costs, exact)
            found.append(
                one if least is None else replace(one, lower=max(one.lower, min(least, path.action)))
            )
    return found


def _saddle_costs(discretisation: Discretisation, paths: Sequence[Instanton]) -> list[SaddleCost]:
    """The costs of reaching the saddles at which paths end, where they can be expanded.  Collective."""
    system = discretisation.system

    def expanded(path: Instanton) -> dict[str, Any] | None:
        cost = saddle_cost(system, path.points[-1], path.points[-2], BALL * path.action)
        # the functions of a system do not travel between ranks
        return None if cost is None else {key: v for key, v in vars(cost).items() if key != "system"}

    found = dealt(discretisation.comm, [partial(expanded, path) for path in paths])
    return [SaddleCost(system=system, **parts) for parts in found if parts is not None]


def _gauge_gaps(
    discretisation: Discretisation,
    stage: Wells,
    levels: Mapping[float, Level],
    wells: Sequence[WellPotential],
) -> Array | None:
    """The changes of log T at the lowest noise with V for the gauge; None where it has it.  Collective."""
    if known_potential(discretisation) is not None:
        return None
    states = {epsilon: level.state for epsilon, level in levels.items()}
    parts = discretisation.locator, discretisation.options
    return lowest_gauge_gaps(states, wells, stage.landmarks, *parts)


def _with_own_gauge(
    stage: Wells, places: Places, discretisation: Discretisation
) -> tuple[dict[float, Level], dict[str, Refused]]:
    """The densities of a well that is alone with V for their gauge, and where that cannot be.  Collective."""
    levels, refused = dict(stage.levels), {}
    if known_potential(discretisation) is not None:
        return levels, {}  # they have it already
    if len(places.attractors) == 1 and not places.passes and places.attractors[0].fixed_point is not None:
        for epsilon, level in stage.levels.items():
            well = stage.found[0].well
            try:
                levels[epsilon] = alone(level, well, stage.landmarks, discretisation.options)
            except NotConverged as error:
                why = Refused(str(error))
                refused[f"V for the gauge of the density at epsilon = {epsilon:g}"] = why
    return levels, refused


def _asymptotics(
    discretisation: Discretisation, places: Places, barriers: Sequence[Barrier]
) -> list[Asymptotics | Refused]:
    """The law of Kramers and of Bouchet and Reygner for each barrier, or why there is none.  Collective."""
    exact = known_potential(discretisation) is not None

    def law(one: Barrier) -> Asymptotics | Refused:
        start, over = places.attractors[one.start], places.passes[one.saddle]
        if start.fixed_point is None or over.saddle is None:
            return Refused("it is a law for escape from a point over a saddle, and one of them is a cycle")
        try:
            if exact:
                return kramers_of_gradient(start.fixed_point, over.saddle.fixed_point, one.barrier)
            return kramers(discretisation.system, start.point, over.point, one.instanton)
        except NotConverged as error:
            return Refused(str(error))

    return dealt(discretisation.comm, [partial(law, one) for one in barriers])


def well_sizes(landmarks: Landmarks, epsilon: float) -> list[float]:
    """Cell size that resolves the density at each attractor: its smallest standard deviation."""
    return [float(np.sqrt(epsilon * np.linalg.eigvalsh(pin.covariance)[0])) for pin in landmarks.pins]
