"""Scalar fields at several times on one mesh, in one VTKHDF file that ParaView plays as an animation.

Layout as in :mod:`solver.output.vtkhdf`, with the group ``Steps``: the grid is stored once, and the rows of
a field at all times follow one another in its data set, found through ``PointDataOffsets``.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import h5py
import numpy as np
from dolfinx import fem

from solver.output import fieldvalues, h5rows
from solver.output.vtkhdf import CellGrid, make_grid, make_root, write_topology
from solver.system import Array


def write_series(
    path: str | Path,
    times: Sequence[float] | Array,
    fields: Mapping[str, Sequence[fem.Function]],
    degree: int,
) -> None:
    """Write scalar fields at several times (collective).

    Args:
        path: File to write; replaced if it exists.  The folder must exist on rank 0.
        times: The times, increasing.
        fields: By name, one Lagrange function for every time, all on one mesh.
        degree: Degree of the grid, at least that of the functions.

    Raises:
        ValueError: If there is no field, or a field has not as many functions as there are times.
    """
    if not fields or any(len(series) != len(times) for series in fields.values()):
        raise ValueError("a time series needs one function for every time")
    domain = next(iter(fields.values()))[0].function_space.mesh
    grid = make_grid(domain, degree)
    with h5rows.writing(path, domain.comm) as file:
        root = make_root(file, grid)
        write_topology(root, grid)
        steps = _write_steps(root, np.asarray(times, dtype=float), grid)
        points = root.create_group("PointData")
        root.create_group("CellData")
        offsets = steps.create_group("PointDataOffsets")
        rows = grid.space.dofmap.index_map.size_global
        for name, series in fields.items():
            values = [fieldvalues.at_nodes(function, grid.space)[0] for function in series]
            dataset = h5rows.write_steps(points, name, values, domain.comm)
            dataset.attrs["ValueShape"] = np.array((), dtype=np.int64)
            starts = rows * np.arange(len(times), dtype=np.int64)
            h5rows.write_replicated(offsets, name, starts, domain.comm)


def _write_steps(root: h5py.Group, times: Array, grid: CellGrid) -> h5py.Group:
    """The group of the steps: one grid, of one partition, for all of them."""
    steps = root.create_group("Steps")
    steps.attrs["NSteps"] = len(times)
    none = np.zeros(len(times), dtype=np.int64)
    h5rows.write_replicated(steps, "Values", times, grid.comm)
    for name, values in (
        ("PartOffsets", none),
        ("NumberOfParts", none + 1),
        ("PointOffsets", none),
        ("CellOffsets", none[:, None]),
        ("ConnectivityIdOffsets", none[:, None]),
    ):
        h5rows.write_replicated(steps, name, values, grid.comm)
    return steps
