"""A finished run as the report sees it: its records, and its fields at the places to be drawn."""

from __future__ import annotations

import json
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from cases.contracts.places import PlaceEntry, TensorEntry
from cases.contracts.summary import Summary
from solver.output.polylines import Polyline, read_polylines
from solver.output.probe import fields
from solver.output.vtkgrid import read_dimension

Array = NDArray[np.float64]
Kind = Literal["attractors", "saddles"]


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
    summary: Summary
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

    def places(self, kind: Kind) -> Sequence[PlaceEntry]:
        """Attractors or saddles."""
        return self.summary["attractors"] if kind == "attractors" else self.summary["saddles"]

    def marked(self) -> list[tuple[Kind, int, Array]]:
        """All attractors, then all saddles, each with its number."""
        kinds: tuple[Kind, ...] = ("attractors", "saddles")
        return [(kind, i, np.array(p["point"])) for kind in kinds for i, p in enumerate(self.places(kind))]

    def curves(self, kind: Kind) -> list[Array]:
        """Closed curves ``(n, d)`` among the attractors or the saddles."""
        return [np.array(entry["curve"]) for entry in self.places(kind) if "curve" in entry]

    def tensor(self, noise: str, kind: Kind, index: int) -> TensorEntry | None:
        """What the summary says of A at an attractor or a saddle."""
        entry = self.summary["noises"][noise]
        if "anisotropy" not in entry:
            return None
        found = entry["anisotropy"]
        known = found["attractors"] if kind == "attractors" else found["saddles"]
        return known[index] if index < len(known) and known[index] else None

    @property
    def epsilons(self) -> list[float]:
        """Noise levels, largest first."""
        noises = self.summary["noises"].values()
        densities = {entry["epsilon"] for noise in noises for entry in noise.get("stationary", [])}
        rates = {entry["epsilon"] for noise in noises for entry in noise.get("rates", [])}
        return sorted(densities | rates, reverse=True)

    @property
    def barrier_scale(self) -> float | None:
        """The highest barrier of all noises: what the colour scales are made for."""
        found = [
            height
            for noise in self.summary["noises"].values()
            for entry in noise.get("barriers", [])
            if (height := entry.get("barrier")) is not None
        ]
        return max(found, default=None)

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

    def tensor_at(self, noise: str, kind: Kind, index: int) -> Array | None:
        """A at an attractor or a saddle, if the summary has it."""
        found = self.tensor(noise, kind, index)
        return np.array(found["matrix"], dtype=np.float64) if found and found.get("matrix") else None


def load_run(folder: Path) -> RunData:
    """Read the records of a run folder.

    Raises:
        FileNotFoundError: There is no summary.json, so the run never finished.
    """
    summary: Summary = json.loads((folder / "summary.json").read_text(encoding="utf-8"))
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
