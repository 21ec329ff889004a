"""What pydantic complains about, in one line of our own words."""

from __future__ import annotations

from collections.abc import Sequence

from pydantic import BaseModel, ValidationError

from cases.base.errors import CaseError, suggestion
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

TABLES: dict[str, type[BaseModel]] = {
    "system": SystemTable,
    "domain": DomainTable,
    "mesh": MeshTable,
    "noise": NoiseTable,
    "compare": CompareTable,
    "exit": ExitTable,
    "marginal": MarginalTable,
    "transient": TransientTable,
    "mean_field": MeanFieldTable,
    "trajectories": TrajectoryTable,
    "stability": StabilityTable,
    "section": SectionTable,
    "simulate": SimulateTable,
    "solver": SolverTable,
    "sweep": SweepTable,
    "reference": ReferenceTable,
}


def first_error(error: ValidationError, file: str) -> CaseError:
    """The first complaint of pydantic in our words."""
    first = error.errors()[0]
    # Names that pydantic adds for the branches of a union are no keys of the file.
    keys = [str(part) for part in first["loc"] if isinstance(part, int) or _is_key(part)]
    key = ".".join("from" if part == "from_" else part for part in keys)
    kind, context = first["type"], first.get("ctx", {})
    if kind == "extra_forbidden":
        return CaseError(
            file, key, "unknown key", suggestion(keys[-1], _known_keys(first["loc"][:-1]), "keys here")
        )
    if kind == "missing":
        return CaseError(file, key, "this is missing", "add it")
    if kind == "value_error":
        problem, _, fix = str(context["error"]).partition("|")
        return CaseError(file, key or "(top level)", problem, fix or "correct it")
    shown = repr(first["input"])
    shown = shown if len(shown) <= 40 else shown[:37] + "..."
    message = first["msg"][0].lower() + first["msg"][1:]
    meaning = _meaning(first["loc"])
    return CaseError(file, key, f"{shown} is not accepted", message + (f" ({meaning})" if meaning else ""))


def _is_key(part: str) -> bool:
    return all(char.isalnum() or char in "_-" for char in part) and part not in (
        "int",
        "float",
        "str",
        "bool",
    )


def _known_keys(location: Sequence[int | str]) -> list[str]:
    model = TABLES.get(str(location[0]), CaseTable) if location else CaseTable
    return [info.alias or name for name, info in model.model_fields.items()]


def _meaning(location: Sequence[int | str]) -> str:
    """What the schema says about the key that an error of pydantic is about."""
    model = TABLES.get(str(location[0]), CaseTable)
    for name, info in model.model_fields.items():
        if {name, info.alias} & {str(part) for part in location[1:3]}:
            return info.description or ""
    return ""
