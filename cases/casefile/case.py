"""Reading a case: file or built-in name, ``--set``, validation, and the effective case as text."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from cases.base import toml_text
from cases.base.errors import CaseError, suggestion
from cases.casefile.complaints import first_error
from cases.casefile.exit_table import ExitTable
from cases.casefile.marginal_table import MarginalTable
from cases.casefile.mean_field_table import MeanFieldTable
from cases.casefile.reference_table import ReferenceTable
from cases.casefile.schema import (
    CaseTable,
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

BUILTIN = Path(__file__).parent.parent / "builtin"
MAX_BYTES = 1_000_000


@dataclass(frozen=True)
class Case:
    """A validated case: the tables of the file with all defaults filled in.

    Attributes:
        name: Name of the case (of the file without its ending).
        file: The file as the user named it, for messages.
        folder: Where relative paths in the case start.
    """

    title: str
    paper: str
    system: SystemTable
    domain: DomainTable
    mesh: MeshTable
    noise: dict[str, NoiseTable]
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
        return self.stability is not None or any(table is not None and table.alone for table in tables)

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
        measured = [name for name, noise in self.noise.items() if noise.diffusion == "gradient_covariance"]
        return measured[0] if measured else self.baseline

    def error(self, key: str, problem: str, fix: str) -> CaseError:
        """A :class:`CaseError` about this case, to be raised."""
        return CaseError(self.file, key, problem, fix)


def builtin_cases() -> list[str]:
    """Names of the cases that come with the program."""
    return sorted(path.stem for path in BUILTIN.glob("*.toml"))


def find(name: str) -> Path:
    """The file of a case given by path or by built-in name.

    Raises:
        CaseError: when there is no such case.
    """
    path = Path(name)
    if path.is_file():
        return path
    if name in builtin_cases():
        return BUILTIN / f"{name}.toml"
    if path.is_dir():
        raise CaseError(name, "", "this is a folder", "give a case file or the name of a built-in case")
    if path.suffix == ".toml" or len(path.parts) != 1:
        raise CaseError(
            name, "", "no such file", "give the path of a case file; 'quasipot list' names the built-in cases"
        )
    raise CaseError(
        name,
        "",
        "no such file and no such built-in case",
        suggestion(name, builtin_cases(), "built-in cases"),
    )


def load(name: str, overrides: Sequence[str] = ()) -> tuple[Case, str]:
    """Read and validate a case; returns it with the effective case as TOML text.

    The text has all defaults filled in, a comment on every key, and loads back to an equal case.

    Args:
        name: Path of a case file, or the name of a built-in case.
        overrides: ``table.key=value`` strings of ``--set``.

    Raises:
        CaseError: for anything wrong with it.
    """
    path = find(name)
    try:
        raw = path.read_bytes()
        if len(raw) > MAX_BYTES:
            raise CaseError(name, "", "the file is larger than 1 MB", "this is no case file")
        data = tomllib.loads(raw.decode("utf-8"))
    except OSError as error:
        raise CaseError(
            name, "", f"cannot be read ({error.strerror})", "check the path and its permissions"
        ) from None
    except (UnicodeDecodeError, tomllib.TOMLDecodeError, RecursionError) as error:
        raise CaseError(name, "", f"not valid TOML ({error})", "correct the syntax there") from None
    for override in overrides:
        _override(data, override, name)
    return from_data(data, name=path.stem, file=name, folder=path.parent)


def from_data(data: Mapping[str, Any], *, name: str, file: str, folder: Path) -> tuple[Case, str]:
    """Validate a parsed case file; see :func:`load`."""
    from cases.casefile.consistency import complete

    try:
        table = CaseTable.model_validate(dict(data))
    except ValidationError as error:
        raise first_error(error, file) from None
    fields = {key: getattr(table, key) for key in CaseTable.model_fields}
    case = complete(Case(**fields, name=name, file=file, folder=folder))
    effective = table.model_copy(update={key: getattr(case, key) for key in CaseTable.model_fields})
    return case, toml_text.table(effective)


def _override(data: dict[str, Any], text: str, file: str) -> None:
    """Put one ``table.key=value`` into the parsed file: the value is TOML, or else a string."""
    name, equals, value = text.partition("=")
    bad = CaseError(
        file, f"--set {text}", "this is not table.key=value", "write for example --set mesh.resolution=32"
    )
    if not equals or "\n" in text or "\r" in text:
        raise bad
    try:
        path = tomllib.loads(f"{name} = 0")
    except tomllib.TOMLDecodeError:
        raise bad from None
    try:
        new = tomllib.loads(f"value = {value}")["value"]
    except tomllib.TOMLDecodeError:
        new = value.strip()
    target: Any = data
    while True:
        ((key, below),) = path.items()
        if not isinstance(target, dict):
            raise CaseError(file, f"--set {text}", f"the parent of '{key}' is not a table", "correct the key")
        if not isinstance(below, dict):
            target[key] = new
            return
        target, path = target.setdefault(key, {}), below
