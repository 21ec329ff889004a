"""A validated case: what is left of the file when its tables are read and agree with each other."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from cases.base.errors import CaseError
from cases.casefile.exit_table import ExitTable
from cases.casefile.marginal_table import MarginalTable
from cases.casefile.mean_field_table import MeanFieldTable
from cases.casefile.reaction_table import ReactionTable
from cases.casefile.reference_table import ReferenceTable
from cases.casefile.schema import (
    CompareTable,
    DomainTable,
    MeshTable,
    NoiseTable,
    SimulateTable,
    SolverTable,
    SweepTable,
    SystemTable,
)
from cases.casefile.section_table import SectionTable
from cases.casefile.stability_table import StabilityTable
from cases.casefile.trajectory_table import TrajectoryTable
from cases.casefile.transient_table import TransientTable


@dataclass(frozen=True)
class Case:
    """A validated case: the tables of the file with all defaults filled in.

    Attributes:
        name: Name of the case (of the file without its ending).
        file: The file as the user named it, for messages.
        folder: Where relative paths in the case start.
        refines: Whether meshes are made finer until ``solver.tolerance`` holds: it is given and no mesh is.
    """

    title: str
    paper: str
    system: SystemTable
    domain: DomainTable
    mesh: MeshTable
    noise: dict[str, NoiseTable]
    reactions: list[ReactionTable]
    compare: CompareTable
    exits: list[ExitTable]
    marginals: list[MarginalTable]
    transient: TransientTable | None
    mean_field: MeanFieldTable | None
    trajectories: TrajectoryTable | None
    stability: StabilityTable | None
    section: SectionTable | None
    simulate: SimulateTable | None
    solver: SolverTable
    sweep: SweepTable | None
    references: dict[str, ReferenceTable]
    name: str = field(compare=False)
    file: str = field(compare=False)
    folder: Path = field(compare=False)
    refines: bool = False

    @property
    def coordinates(self) -> list[str]:
        """The names of the coordinates."""
        return list(self.system.coordinates or [])

    @property
    def dim(self) -> int:
        """The number of coordinates."""
        return len(self.coordinates)

    @property
    def numbers(self) -> dict[str, float]:
        """What expressions of results may use: parameters, and the numbers among the options of a model."""
        options = {
            name: float(value)
            for name, value in self.system.options.items()
            if isinstance(value, int | float) and not isinstance(value, bool) and name not in self.coordinates
        }
        return {**options, **self.system.parameters}

    @property
    def alone(self) -> bool:
        """Whether one table asks for something that needs no attractors: nothing else is computed then."""
        tables = (self.transient, self.trajectories)
        if self.stability is not None or self.domain.periodic:
            return True
        return any(table is not None and table.alone for table in tables)

    @property
    def baseline(self) -> str:
        """The noise in the denominator of ratios: as given, else "isotropic", else the first."""
        if self.compare.baseline is not None:
            return self.compare.baseline
        return "isotropic" if "isotropic" in self.noise else next(iter(self.noise), "")

    @property
    def reference(self) -> str:
        """The noise whose strength counts: as given, else the measured one, else the baseline."""
        if self.compare.reference is not None:
            return self.compare.reference
        own = ("gradient_covariance", "reactions")
        measured = [name for name, noise in self.noise.items() if noise.diffusion in own]
        return measured[0] if measured else self.baseline

    def error(self, key: str, problem: str, fix: str) -> CaseError:
        """A :class:`CaseError` about this case, to be raised."""
        return CaseError(self.file, key, problem, fix)
