"""The case file: every key, its type, its default and what it means.

The models say what one table may contain; what involves several tables at once (dimensions, names
that refer to each other) is checked in :mod:`cases.loading.consistency`, expressions where they are compiled.
"""

from __future__ import annotations

import re
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, FiniteFloat, field_validator, model_validator

from cases.casefile.exit_table import ExitTable
from cases.casefile.marginal_table import MarginalTable
from cases.casefile.mean_field_table import MeanFieldTable
from cases.casefile.ranges import expand, flatten
from cases.casefile.reaction_table import ReactionTable
from cases.casefile.reference_table import ReferenceTable
from cases.casefile.section_table import SectionTable
from cases.casefile.stability_table import StabilityTable
from cases.casefile.trajectory_table import TrajectoryTable
from cases.casefile.transient_table import TransientTable

Finite = FiniteFloat
Positive = Annotated[FiniteFloat, Field(gt=0)]
Expression = str | Finite
#: What the generators of random numbers take, with room for what is added to it.
Seed = Annotated[int, Field(ge=0, lt=2**62)]
Point = Annotated[list[Finite], Field(min_length=1, max_length=3)]

NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,63}")
#: Noises that are made of the Hessian of the loss at the starting attractor.
OF_THE_START = frozenset({"hessian", "top_eigenvector", "loss"})
TAKEN_NAMES = frozenset({"instantons", "relaxations", "summary", "report", "run", "case"})


class Table(BaseModel):
    """A table of the case file: unknown keys are errors, a string is not a number."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True, populate_by_name=True)


class SystemTable(Table):
    """``[system]``: coordinates and drift."""

    coordinates: Annotated[list[str], Field(min_length=1, max_length=3)] | None = Field(
        None, description="1 to 3 names; a named model brings its own"
    )
    parameters: dict[str, Finite] = Field({}, description="numbers that expressions may use by name")
    loss: Expression | None = Field(None, description="b = -grad(loss)")
    drift: list[Expression] | None = Field(None, description="any drift, one expression per coordinate")
    model: str | None = Field(None, description='a named model, or "module:function" of your own')
    data: str | None = Field(None, description="tabulated loss and covariance, .npz or .h5")
    options: dict[str, object] = Field({}, description="options of the model")
    tabulate: Annotated[int, Field(ge=21, le=2001)] | None = Field(
        None, description="points per side at which a function of your own is tabulated; else called directly"
    )
    friction: Positive | None = Field(
        None,
        description="gives a loss in one coordinate momentum: dx = v dt, dv = (-dU/dx - friction v) dt "
        "+ sqrt(2 friction epsilon) sigma dW",
    )
    momentum: Annotated[FiniteFloat, Field(ge=0, lt=1)] | None = Field(
        None, description="the same by the momentum of SGD: friction = (1 - momentum)/sqrt(learning_rate)"
    )
    learning_rate: Positive | None = Field(None, description="of SGD with momentum; only with momentum")
    attractors: list[Point] | None = Field(None, description="found by the solver unless given")

    @field_validator("coordinates")
    @classmethod
    def _coordinate_names(cls, value: list[str] | None) -> list[str] | None:
        for name in value or []:
            _identifier(name, "coordinate")
        if value is not None and len(set(value)) != len(value):
            raise ValueError("coordinate names are not distinct")
        return value

    @field_validator("parameters")
    @classmethod
    def _parameter_names(cls, value: dict[str, float]) -> dict[str, float]:
        for name in value:
            _identifier(name, "parameter")
        return value

    @model_validator(mode="after")
    def _one_source(self) -> SystemTable:
        given = [key for key in ("loss", "drift", "model", "data") if getattr(self, key) is not None]
        if len(given) > 1:
            found = f"{' and '.join(given)} are given"
            raise ValueError(
                f"exactly one of loss, drift, model and data is needed but {found}|keep one of them"
            )
        if self.model is None and self.options:
            raise ValueError("options belong to a model|remove [system.options] or give model")
        own = self.model is not None and ":" in self.model
        if self.tabulate is not None and not own:
            raise ValueError('tabulate belongs to model = "module:function"|remove it')
        if (own or (self.model is None and self.data is None)) and self.coordinates is None:
            raise ValueError('coordinates are missing|give their names, for example coordinates = ["x", "y"]')
        if set(self.coordinates or []) & set(self.parameters):
            raise ValueError("a parameter has the name of a coordinate|rename one of them")
        return self

    @model_validator(mode="after")
    def _one_friction(self) -> SystemTable:
        if self.friction is not None and self.momentum is not None:
            raise ValueError("friction and momentum are both given|keep one of them")
        if (self.momentum is None) != (self.learning_rate is None):
            raise ValueError("momentum and learning_rate go together|give both, or friction in their place")
        if self.damping is not None and self.drift is not None:
            raise ValueError(
                "friction is for a loss, and there is a drift|write the drift of the phase space"
            )
        return self

    @property
    def damping(self) -> float | None:
        """The friction of a loss with momentum; None without."""
        if self.momentum is None or self.learning_rate is None:
            return self.friction
        return float((1.0 - self.momentum) / self.learning_rate**0.5)


class DomainTable(Table):
    """``[domain]``: a box, or a mesh file."""

    bounds: list[Annotated[list[Finite], Field(min_length=2, max_length=2)]] | None = Field(
        None, description="[lower, upper] per coordinate; a tabulated landscape brings its own"
    )
    mesh: str | None = Field(None, description="a mesh file instead of a box, relative to the case file")
    periodic: list[str] = Field(
        [], description="names of periodic coordinates, whose bounds are one period: one coordinate only"
    )

    @field_validator("bounds")
    @classmethod
    def _ordered(cls, value: list[list[float]] | None) -> list[list[float]] | None:
        for i, (lower, upper) in enumerate(value or []):
            if not lower < upper:
                raise ValueError(f"bounds {i} are [{lower:g}, {upper:g}]|the lower bound comes first")
            # its fourth power, as in a quartic loss, must be a number
            if not max(1e-9 * max(abs(lower), abs(upper)), 1e-60) < upper - lower < 1e60:
                raise ValueError(f"bounds {i} are [{lower:g}, {upper:g}]|choose a sensible width")
        return value

    @model_validator(mode="after")
    def _one_source(self) -> DomainTable:
        if self.bounds is not None and self.mesh is not None:
            raise ValueError("exactly one of bounds and mesh is needed but both are given|keep one of them")
        return self


class MeshTable(Table):
    """``[mesh]``: resolution and finite-element degree."""

    resolution: Annotated[int, Field(ge=4)] = Field(
        64, description="cells along the longest side; 64, more for long boxes, fewer in space"
    )
    degree: Annotated[int, Field(ge=2, le=5)] = Field(3, description="finite-element degree of V, 2 to 5")
    cell: Literal["simplex"] = Field("simplex", description="intervals, triangles, tetrahedra")
    refine: list[Point] = Field([], description="points that the mesh is graded towards")
    deviations: Positive = Field(
        1.0,
        description="cells at the attractors, in least standard deviations of the lowest-noise density; in "
        "space 1 means as small as a mesh of the default size allows",
    )
    valleys: Annotated[FiniteFloat, Field(ge=1)] = Field(
        1.0, description="how many times smaller cells are where the loss is below the highest pass"
    )
    adapt: Annotated[int, Field(ge=0, le=8)] = Field(
        0, description="how often V is solved for and the mesh refined where its residual is large"
    )


#: The keys of ``[mesh]`` that say what cells there are: with one of them the mesh is given.
LAYOUT = frozenset({"resolution", "refine", "deviations", "valleys", "adapt"})


class NoiseTable(Table):
    """``[noise.NAME]``: one diffusion tensor A."""

    diffusion: Expression | list[list[Expression]] = Field(
        description='"identity", a scalar or d×d expressions, "hessian", "top_eigenvector", "loss", '
        '"gradient_covariance" or "reactions"'
    )
    floor: Annotated[FiniteFloat, Field(ge=0)] = Field(0.0, description="added to the diagonal of A")
    law: Literal["diffusion", "minibatch", "reactions"] = Field(
        "diffusion",
        description='barriers of the process itself too, beside its diffusion: "minibatch" SGD '
        '(gradient_covariance only), or the jumps of "reactions"',
    )


class CompareTable(Table):
    """``[compare]``: which noises, levels and wells are compared, and what equal strength means."""

    normalise: Literal["trace", "det", "none"] = Field(
        "trace", description='equal "trace" or "det" of A at the starting attractor, or "none"'
    )
    epsilon: list[Positive] = Field([], description="noise levels for densities and rates; [] = only V")
    learning_rate: list[Positive] = Field(
        [], description="learning rates of SGD at which passage times are given too, to first order"
    )
    from_: int | Point | None = Field(
        None, alias="from", description="index or point of the starting attractor"
    )
    to: int | Point | None = Field(None, description="index or point of the attractor escaped to")
    sets: bool = Field(
        True,
        description="without [[exit]]: leave a sublevel set of the loss and a ball too (up to 2D)",
    )
    baseline: str | None = Field(
        None, description='noise in the denominator of ratios; "isotropic" or the first'
    )
    reference: str | None = Field(
        None, description="noise whose strength the others are scaled to; gradient_covariance or the baseline"
    )

    @field_validator("epsilon")
    @classmethod
    def _distinct(cls, value: list[float]) -> list[float]:
        if len(set(value)) != len(value):
            raise ValueError("the noise levels are not distinct|remove the repeated one")
        return value

    @field_validator("from_", "to")
    @classmethod
    def _index(cls, value: int | list[float] | None) -> int | list[float] | None:
        if isinstance(value, int) and value < 0:
            raise ValueError(f"index {value} is negative|attractors are counted from 0")
        return value


class SimulateTable(Table):
    """``[simulate]``: the optional Monte Carlo check, at the largest noise level unless it says otherwise."""

    paths: Annotated[int, Field(ge=2, le=10_000_000)] = Field(2000, description="number of paths")
    seed: Seed = Field(1, description="seed of the random numbers")
    dt: Positive | None = Field(None, description="time step; chosen by the solver unless given")
    max_time: Positive | None = Field(None, description="give up on a path after this time")
    epsilon: list[Positive] | None = Field(
        None, description="noise levels to simulate, of those compared; the largest, or all if rare"
    )
    rare: bool = Field(
        False, description="splitting where the passage is too rare for plain simulation (log T above 7)"
    )
    rare_paths: Annotated[int, Field(ge=10, le=100_000)] = Field(
        200, description="paths of a replica of the splitting"
    )
    replicas: Annotated[int, Field(ge=4, le=10_000)] = Field(24, description="independent replicas of it")
    sgd_learning_rate: Positive | None = Field(
        None, description="also run minibatch SGD with this learning rate (models with data only)"
    )


class SolverTable(Table):
    """``[solver]``: numerical options."""

    tolerance: Annotated[FiniteFloat, Field(gt=0, lt=1)] | None = Field(
        None,
        description="largest estimated error, relative for V, barriers and densities, absolute for log T: "
        "the mesh is made finer until it holds; without it, and with a [mesh], there is one mesh",
    )
    max_unknowns: Annotated[int, Field(ge=1)] | None = Field(
        None, description="with tolerance: no finer mesh has more; 20 000 on a line, else 60 000"
    )
    max_seconds: Positive | None = Field(
        None, description="with tolerance: no finer mesh is begun that would end later, for each noise"
    )
    petsc: dict[str, bool | int | Finite | str] = Field({}, description="PETSc options")
    ranks: Literal["auto", "together"] = Field(
        "auto",
        description='"auto": noises side by side, as many MPI ranks on each as its size repays; '
        '"together": all ranks on each noise in turn',
    )

    @model_validator(mode="after")
    def _budget_of_a_tolerance(self) -> SolverTable:
        for key in ("max_unknowns", "max_seconds"):
            if self.tolerance is None and getattr(self, key) is not None:
                raise ValueError(f"{key} is the budget of a tolerance|give tolerance too, or remove it")
        return self


class SweepTable(Table):
    """``[sweep]``: the same case for many values of some of its numbers."""

    vary: Annotated[dict[str, object], Field(min_length=1)] = Field(
        description="dotted key = list of values, or { from, to, count or step, scale }"
    )
    mode: Literal["product", "zip"] = Field("product", description='all combinations, or "zip": side by side')
    ranks: Annotated[int, Field(ge=1)] = Field(1, description="MPI ranks that work on one member together")
    show: list[str] = Field([], description="further columns: dotted paths into a member's summary.json")
    values: dict[str, str] = Field({}, description="the same by name, for use in columns")
    columns: dict[str, str] = Field({}, description="expressions of values and of the varied numbers")
    exact: dict[str, str] = Field({}, description="closed forms for columns, of the varied numbers")
    abscissa: str | None = Field(None, description="what columns are drawn against; the first varied number")
    tolerance: Positive = Field(1e-3, description="largest relative difference of column and closed form")
    figure: Literal["lines", "loglog", "together", "polar"] = Field(
        "lines",
        description='kind of overview figure; "together": all columns in one, on logarithmic axes, the first '
        'as points; "polar": the first key is an angle in degrees',
    )

    @field_validator("vary", mode="before")
    @classmethod
    def _flat(cls, value: object) -> object:
        return flatten(value) if isinstance(value, dict) else value

    @field_validator("vary")
    @classmethod
    def _ranges(cls, value: dict[str, object]) -> dict[str, object]:
        for name, given in value.items():
            if name.split(".")[0] == "sweep":
                raise ValueError(f"'{name}': a sweep cannot vary itself|vary keys of the other tables")
            expand(name, given)
        return value


class CaseTable(Table):
    """The whole case file."""

    title: str = Field("", description="one line that says what this is")
    paper: str = Field("", description="the paper whose claim it reproduces")
    system: SystemTable
    domain: DomainTable = DomainTable()  # type: ignore[call-arg]
    mesh: MeshTable = MeshTable()  # type: ignore[call-arg]
    noise: dict[str, NoiseTable] = {}
    reactions: list[ReactionTable] = Field(
        [], alias="reaction", description="jumps of a population process, instead of a loss or drift"
    )
    compare: CompareTable = CompareTable()  # type: ignore[call-arg]
    exits: list[ExitTable] = Field([], alias="exit", description="sets whose mean exit time is wanted")
    marginals: list[MarginalTable] = Field([], alias="marginal", description="densities of functions")
    transient: TransientTable | None = None
    mean_field: MeanFieldTable | None = None
    trajectories: TrajectoryTable | None = None
    stability: StabilityTable | None = None
    section: SectionTable | None = None
    simulate: SimulateTable | None = None
    solver: SolverTable = SolverTable()  # type: ignore[call-arg]
    sweep: SweepTable | None = None
    references: dict[str, ReferenceTable] = Field({}, alias="reference", description="values to reproduce")

    @field_validator("title", "paper")
    @classmethod
    def _one_line(cls, value: str) -> str:
        if "\n" in value:
            raise ValueError("it has several lines|keep to one line")
        return value

    @field_validator("exits")
    @classmethod
    def _distinct_exits(cls, value: list[ExitTable]) -> list[ExitTable]:
        if len({one.name for one in value}) != len(value):
            raise ValueError("two exits have the same name|rename one of them")
        return value

    @field_validator("marginals")
    @classmethod
    def _distinct_marginals(cls, value: list[MarginalTable]) -> list[MarginalTable]:
        if len({one.name for one in value}) != len(value):
            raise ValueError("two marginals have the same name|rename one of them")
        return value

    @field_validator("noise")
    @classmethod
    def _file_names(cls, value: dict[str, NoiseTable]) -> dict[str, NoiseTable]:
        for name in value:
            if not NAME.fullmatch(name) or name.casefold() in TAKEN_NAMES:
                raise ValueError(f"'{name}' cannot name a noise and its file|use letters, digits, - and _")
        if len({name.casefold() for name in value}) != len(value):
            raise ValueError("two noise names differ in case only|rename one: they name files")
        return value


def _identifier(name: str, what: str) -> None:
    from cases.expressions.parse import FUNCTIONS

    if not re.fullmatch(r"[A-Za-z][A-Za-z0-9_]{0,31}", name) or "__" in name:
        raise ValueError(f"'{name}' cannot name a {what}|use a letter, then letters, digits and _")
    if name in FUNCTIONS or name == "pi":
        raise ValueError(f"'{name}' is a function or constant|choose another name for this {what}")
