"""Paths (instantons, trajectories) as poly-lines in a VTKHDF file that ParaView opens directly."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path

import h5py
import numpy as np
from numpy.typing import NDArray

from solver.output.reading import opened
from solver.output.replacing import replacing

__all__ = ["Polyline", "read_polylines", "write_polylines"]

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Polyline:
    """One path.

    Attributes:
        points: Its points in order, ``(n, d)`` with d from 1 to 3 and n at least 2.
        point_data: Numbers along it, such as the action so far, each ``(n,)``.
        ids: Integers that say which path it is, such as ``{"from": 0, "to": 1}``.
        name: Which group it belongs to, such as the name of the noise.
    """

    points: Array
    point_data: Mapping[str, Array] = field(default_factory=dict)
    ids: Mapping[str, int] = field(default_factory=dict)
    name: str = ""

    def __post_init__(self) -> None:
        if self.points.ndim != 2 or len(self.points) < 2 or self.points.shape[1] not in (1, 2, 3):
            raise ValueError(f"a path needs points (n >= 2, 1 to 3), not {self.points.shape}")
        for key, values in self.point_data.items():
            if np.shape(values) != (len(self.points),):
                raise ValueError(f"{key!r} needs one number per point, not {np.shape(values)}")


def write_polylines(path: str | Path, lines: Sequence[Polyline]) -> None:
    """Write paths to a VTKHDF file of type PolyData.

    Not collective: call it on one rank.  Point data that a path lacks is NaN there, ids it lacks are -1.
    The names of the paths become the integer cell field ``name`` that counts the entries of the attribute
    ``Names``, because VTKHDF has no strings per cell.

    Args:
        path: File to write; replaced if it exists.
        lines: The paths, all with the same number of coordinates; may be empty.
    """
    dim = lines[0].points.shape[1] if lines else 1
    if any(line.points.shape[1] != dim for line in lines):
        raise ValueError("the paths have different numbers of coordinates")
    sizes = np.array([len(line.points) for line in lines], dtype=np.int64)
    points = np.zeros((int(sizes.sum()), 3))
    if lines:
        points[:, :dim] = np.concatenate([line.points for line in lines])
    names = list(dict.fromkeys(line.name for line in lines))

    with replacing(path) as beside, h5py.File(beside, "w") as file:
        root = file.create_group("VTKHDF")
        root.attrs["Version"] = np.array([2, 2], dtype=np.int64)
        root.attrs.create("Type", np.bytes_(b"PolyData"))
        root.attrs["GeometricDimension"] = dim
        root.attrs["Names"] = names or [""]
        root["NumberOfPoints"] = np.array([len(points)], dtype=np.int64)
        root["Points"] = points
        for kind in ("Vertices", "Lines", "Polygons", "Strips"):
            group = root.create_group(kind)
            ends = np.concatenate([[0], np.cumsum(sizes)]) if kind == "Lines" else np.zeros(1)
            group["Offsets"] = ends.astype(np.int64)
            group["Connectivity"] = np.arange(int(ends[-1]), dtype=np.int64)
            group["NumberOfCells"] = np.array([len(ends) - 1], dtype=np.int64)
            group["NumberOfConnectivityIds"] = np.array([int(ends[-1])], dtype=np.int64)
        point_data = root.create_group("PointData")
        for key in dict.fromkeys(key for line in lines for key in line.point_data):
            parts = [line.point_data.get(key, np.full(len(line.points), np.nan)) for line in lines]
            point_data[key] = np.concatenate(parts).astype(np.float64)
        cell_data = root.create_group("CellData")
        cell_data["name"] = np.array([names.index(line.name) for line in lines], dtype=np.int64)
        for key in dict.fromkeys(key for line in lines for key in line.ids):
            cell_data[key] = np.array([line.ids.get(key, -1) for line in lines], dtype=np.int64)


def read_polylines(path: str | Path) -> list[Polyline]:
    """Read back the paths of a file written by :func:`write_polylines`.

    Raises:
        Unreadable: If it is damaged, or none of ours.
    """
    with opened(path) as root:
        dim, names = int(root.attrs["GeometricDimension"]), [str(name) for name in root.attrs["Names"]]
        points = root["Points"][:, :dim]
        ends = root["Lines/Offsets"][:]
        point_data = {key: data[:] for key, data in root["PointData"].items()}
        ids = {key: data[:] for key, data in root["CellData"].items()}
        which = ids.pop("name")
        return [
            Polyline(
                points[start:stop],
                {key: data[start:stop] for key, data in point_data.items()},
                {key: int(data[i]) for key, data in ids.items()},
                names[which[i]],
            )
            for i, (start, stop) in enumerate(pairwise(ends))
        ]
