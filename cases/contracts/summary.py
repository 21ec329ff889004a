"""``summary.json`` as a whole."""

from __future__ import annotations

from functools import cache
from typing import NotRequired, TypedDict

from pydantic import TypeAdapter, with_config

from cases.contracts.comparisons import (
    ComparisonEntry,
    DisagreementEntry,
    ExitComparisonEntry,
    ReferenceEntry,
)
from cases.contracts.escapes import (
    BarrierEntry,
    LawEntry,
    LearningRateEntry,
    PowerLawEntry,
    RateEntry,
    StationaryEntry,
)
from cases.contracts.exits import ExitEntry
from cases.contracts.further import (
    EvolutionEntry,
    MarginalEntry,
    MomentumEntry,
    NoiseSectionEntry,
    PhaseEntry,
    SectionEntry,
    StabilityEntry,
    TrajectoriesEntry,
    TransientEntry,
)
from cases.contracts.mean_field import MeanFieldEntry
from cases.contracts.places import AnisotropyEntry, AttractorEntry, FixedPointEntry, PassEntry
from cases.contracts.strict import STRICT, Number


@with_config(STRICT)
class NoiseEntry(TypedDict):
    """The results under one noise."""

    kind: str
    """what the noise is: as the case names it"""
    scale: float
    """the factor that the normalisation put on A"""
    anisotropy: AnisotropyEntry
    """A at attractors and saddles"""
    barriers: list[BarrierEntry]
    """escapes over saddles"""
    stationary: list[StationaryEntry]
    """stationary densities, from the highest noise level to the lowest"""
    rates: list[RateEntry]
    """escapes at every noise level, from the highest to the lowest"""
    checks: dict[str, Number]
    """the worst value of every check over what was asked for"""
    doubts: NotRequired[list[str]]
    """checks that failed of what was not asked for: these entries are doubtful, the others stand"""
    known: NotRequired[list[Number]]
    """for every attractor the part of the way up to its lowest pass on which V is known; null without one"""
    box: NotRequired[list[Number]]
    """for every attractor the part of the way up to its lowest pass at which V reaches the box"""
    well_weights: NotRequired[list[Number]]
    """w of the Freidlin–Wentzell graph: masses are of the order exp(-w/epsilon)"""
    trusted_levels: NotRequired[list[Number]]
    """for every attractor the level up to which V is known"""
    refused: NotRequired[dict[str, str]]
    """what was not computed, and why"""
    accuracy: NotRequired[AccuracyEntry]
    """estimated errors, and whether they are within what the case allows"""
    power_law: NotRequired[list[PowerLawEntry]]
    """the tail of the density, under noise in proportion to the loss"""
    law: NotRequired[LawEntry]
    """barriers of the process itself, where the case names its law"""
    learning_rate: NotRequired[LearningRateEntry]
    """passage times at finite learning rates"""
    momentum: NotRequired[MomentumEntry]
    """laws for escape with momentum"""
    exits: NotRequired[list[ExitEntry]]
    """exits from sets"""
    marginals: NotRequired[list[MarginalEntry]]
    """densities of functions of the coordinates"""
    section: NotRequired[NoiseSectionEntry]
    """V and the density along the curve"""
    transient: NotRequired[EvolutionEntry]
    """the evolving density"""


@with_config(STRICT)
class AccuracyEntry(TypedDict):
    """How accurate the results under one noise are, by their own estimates."""

    tolerance: Number
    """largest estimated error that the case allows; null where it says nothing"""
    met: bool
    """whether no estimated error is above it"""
    reason: str
    """why there is no finer mesh on which it is met; empty where it is"""
    errors: dict[str, Number]
    """relative for barriers (width of the bracket), V, densities, absolute for log T; null: no bound"""
    cells: int
    """cells of the mesh of this noise"""
    unknowns: int
    """unknowns of V on it"""


class SolvedPart(TypedDict, total=False):
    """What potentials, densities and rates add to the entry of a noise; keys as in :class:`NoiseEntry`."""

    barriers: list[BarrierEntry]
    stationary: list[StationaryEntry]
    rates: list[RateEntry]
    well_weights: list[Number]
    trusted_levels: list[Number]
    known: list[Number]
    box: list[Number]
    refused: dict[str, str]
    power_law: list[PowerLawEntry]


class PlacesPart(TypedDict):
    """What attractors and passes add to a summary; keys as in :class:`Summary`."""

    attractors: list[AttractorEntry]
    saddles: list[PassEntry]
    start: int
    other_fixed_points: list[FixedPointEntry]


@with_config(STRICT)
class Discretisation(TypedDict):
    """The size of the discrete problem."""

    cells: int | None
    """cells of the mesh"""
    degree: int
    """degree of the elements"""
    unknowns: int | None
    """unknowns of V"""


@with_config(STRICT)
class Summary(TypedDict):
    """What ``summary.json`` holds; null where there is no result."""

    case: str
    """name of the case"""
    title: str
    """its title"""
    convention: str
    """the equations in one line"""
    attractors: list[AttractorEntry]
    """attractors"""
    saddles: list[PassEntry]
    """what lies between them"""
    start: int
    """number of the attractor compared from"""
    other_fixed_points: list[FixedPointEntry]
    """fixed points that are neither"""
    noises: dict[str, NoiseEntry]
    """results by noise"""
    comparison: list[ComparisonEntry]
    """escapes beside those of the baseline"""
    exit_comparison: list[ExitComparisonEntry]
    """exits from sets beside those of the baseline"""
    disagreements: list[DisagreementEntry]
    """where the order of the noises depends on what is left"""
    transient: NotRequired[TransientEntry]
    """evolving densities side by side"""
    trajectories: NotRequired[TrajectoriesEntry]
    """SGD and gradient descent from one point"""
    stability: NotRequired[StabilityEntry]
    """largest stable learning rates along a curve of minima"""
    phase: NotRequired[dict[str, PhaseEntry]]
    """barriers and turns of a phase on a circle, by noise"""
    section: NotRequired[SectionEntry]
    """the loss along a curve"""
    mean_field: NotRequired[MeanFieldEntry]
    """mean-field Langevin dynamics"""
    refused: NotRequired[dict[str, str]]
    """what was not computed, and why"""
    discretisation: Discretisation
    """size of the discrete problem"""
    check_thresholds: dict[str, float]
    """largest accepted value of every check"""
    references: list[ReferenceEntry]
    """values to reproduce beside the computed ones"""
    ok: bool
    """whether nothing failed"""
    problems: list[str]
    """a line for each thing that failed"""
    timings: dict[str, float]
    """seconds by stage"""
    files: list[str]
    """names of the files in the folder"""


@cache
def adapter() -> TypeAdapter[Summary]:
    """What validates summaries and makes their JSON schema; made once, when it is needed."""
    return TypeAdapter(Summary)


def read_summary(text: str | bytes) -> Summary:
    """The summary in a file.

    Raises:
        pydantic.ValidationError: for a key or value that is not in the contract.
    """
    return adapter().validate_json(text)
