"""A finished run as the report sees it: its records, and its fields at the places to be drawn."""

from __future__ import annotations

import json
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from solver.output.polylines import Polyline, read_polylines
from solver.output.probe import fields
from solver.output.vtkgrid import read_dimension

Array = NDArray[np.float64]


@dataclass(frozen=True)
class RunData:
    """The records of one run folder.

    Attributes:
        folder: The folder.
        summary: What summary.json holds.
        record: What run.json holds, or nothing.
        case: The case file as tables, or nothing.
        case_text: The case file as text.
        paths: The most probable escape paths.
        relaxations: How they go on behind the saddles.
    """

    folder: Path
    summary: Mapping[str, Any]
    record: Mapping[str, Any]
    case: Mapping[str, Any]
    case_text: str
    paths: tuple[Polyline, ...]
    relaxations: tuple[Polyline, ...] = ()

    @property
    def noises(self) -> list[str]:
        """Names of the noises whose fields were written, in the order of the summary."""
        return [name for name in self.summary["noises"] if self.grid_file(name).exists()]

    @property
    def dim(self) -> int:
        """Number of coordinates."""
        if self.noises:
            return read_dimension(self.grid_file(self.noises[0]))
        points = [entry["point"] for entry in self.summary.get("attractors", [])]
        return len(points[0]) if points else len(self.coordinates)

    @property
    def coordinates(self) -> list[str]:
        """Names of the coordinates."""
        names = self.case.get("system", {}).get("coordinates")
        return list(names) if names else ["x", "y", "z"]

    @property
    def attractors(self) -> list[Array]:
        """Positions of the attractors."""
        return [np.array(entry["point"]) for entry in self.summary.get("attractors", [])]

    @property
    def saddles(self) -> list[Array]:
        """Positions of the saddles."""
        return [np.array(entry["point"]) for entry in self.summary.get("saddles", [])]

    def curves(self, kind: str) -> list[Array]:
        """Closed curves ``(n, d)`` among the attractors or the saddles (kind "attractors" or "saddles")."""
        return [np.array(entry["curve"]) for entry in self.summary.get(kind, []) if "curve" in entry]

    @property
    def epsilons(self) -> list[float]:
        """Noise levels, largest first."""
        found = {
            entry["epsilon"]
            for noise in self.summary["noises"].values()
            for entry in [*noise.get("stationary", []), *noise.get("rates", [])]
        }
        return sorted(found, reverse=True)

    @property
    def barrier_scale(self) -> float | None:
        """The highest barrier of all noises: what the colour scales are made for."""
        found = [
            entry["barrier"]
            for noise in self.summary["noises"].values()
            for entry in noise.get("barriers", [])
            if entry.get("barrier") is not None
        ]
        return max(found) if found else None

    def grid_file(self, noise: str) -> Path:
        """The file with the fields of one noise."""
        return self.folder / f"{noise}.vtkhdf"

    def has(self, noise: str, field: str) -> bool:
        """Whether a field of one noise was written."""
        return field in fields(self.grid_file(noise))

    def relaxations_of(self, noise: str) -> list[Polyline]:
        """What follows the escape paths behind the saddles."""
        return [path for path in self.relaxations if path.name == noise]

    def paths_of(self, noise: str) -> list[Polyline]:
        """Escape paths under one noise."""
        return [path for path in self.paths if path.name == noise]

    def tensor_at(self, noise: str, kind: str, index: int) -> Array | None:
        """A at an attractor or a saddle (kind "attractors" or "saddles"), if the summary has it."""
        places = self.summary["noises"][noise].get("anisotropy", {}).get(kind, [])
        if index < len(places) and places[index] and places[index].get("matrix"):
            return np.array(places[index]["matrix"], dtype=np.float64)
        return None


def load_run(folder: Path) -> RunData:
    """Read the records of a run folder.

    Raises:
        FileNotFoundError: There is no summary.json, so the run never finished.
    """
    summary = json.loads((folder / "summary.json").read_text(encoding="utf-8"))
    record_file, case_file = folder / "run.json", folder / "case.toml"
    case_text = case_file.read_text(encoding="utf-8") if case_file.exists() else ""
    paths_file, later_file = folder / "instantons.vtkhdf", folder / "relaxations.vtkhdf"
    return RunData(
        folder=folder,
        summary=summary,
        record=json.loads(record_file.read_text(encoding="utf-8")) if record_file.exists() else {},
        case=tomllib.loads(case_text),
        case_text=case_text,
        paths=tuple(read_polylines(paths_file)) if paths_file.exists() else (),
        relaxations=tuple(read_polylines(later_file)) if later_file.exists() else (),
    )
