"""Drift and diffusion on a regular grid, interpolated fast inside numba loops.

Four-point Lagrange interpolation in each coordinate (exact for cubics, error O(h⁴)), with one-sided
stencils at the edges, so that nothing is evaluated outside the box.  What is tabulated is A itself:
it stays smooth where its square root does not; the loop takes the Cholesky factor at each point.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np

from solver.compiled import compiled, inlined
from solver.system import Array, Field, System

Weights = tuple[float, float, float, float]

FIRST_POINTS = {1: 129, 2: 49, 3: 25}
PROBES = 4000


class Table(NamedTuple):
    """Fields on a regular grid, in the form that numba reads; axes beyond d have one point.

    All but ``values`` are tuples of three numbers: compiled loops read those without the reference
    counting that arrays in a tuple cost (measured: twenty times slower).

    Attributes:
        values: ``(points, fields)``, last axis fastest.
        dim: Number of coordinates d.
        shape: Grid points along three axes.
        lower: Lower corner.
        inverse_spacing: Cells per unit length.
        extent: Side lengths of the box.
        periodic: Which axes wrap.
    """

    values: Array
    dim: int
    shape: tuple[int, int, int]
    lower: tuple[float, float, float]
    inverse_spacing: tuple[float, float, float]
    extent: tuple[float, float, float]
    periodic: tuple[bool, bool, bool]


@dataclass(frozen=True)
class Tabulated:
    """A table with its measured error.

    Attributes:
        table: Fields: b (d of them), then the lower triangle of A by rows unless it is constant.
        dim: Number of coordinates d.
        constant_diffusion: A where it is the same everywhere, ``(d, d)``, else None.
        error: Largest error of any field at random points, relative to that field's root mean square
            (over all components of b, or of A).
        tolerance: What was asked for; ``error`` may exceed it where the memory cap was reached.
        system: What was tabulated; None for a scalar field.
    """

    table: Table
    dim: int
    constant_diffusion: Array | None
    error: float
    tolerance: float
    system: System | None = None


def tabulate(
    system: System,
    bounds: Sequence[tuple[float, float]],
    tolerance: float = 1e-5,
    memory: float = 64e6,
    periodic: Sequence[bool] = (),
) -> Tabulated:
    """Tabulate b and A on a box, refining until the sampled error is below ``tolerance``.

    Args:
        system: The system.
        bounds: The box ``((low, high), ...)``.
        tolerance: See :attr:`Tabulated.error`.
        memory: Largest size of the table, in bytes.
        periodic: Which coordinates wrap round.

    Raises:
        ValueError: b or A is not finite somewhere in the box.
    """
    dim = system.dim
    box = np.array(bounds, dtype=float)
    probes = box[:, :1] + (box[:, 1:] - box[:, :1]) * np.random.default_rng(1).random((dim, PROBES))
    diffusion = system.diffusion(probes)
    first = diffusion[:, :, :1]
    varies = np.abs(diffusion - first).max() > 1e-14 * np.abs(first).max()
    constant = None if varies else first[:, :, 0].copy()
    rows, columns = np.tril_indices(dim)

    def fields(x: Array) -> Array:
        drift = system.drift(x)
        return drift if constant is not None else np.concatenate([drift, system.diffusion(x)[rows, columns]])

    found = _refine(fields, Grids(box, probes, dim, tolerance, memory, tuple(periodic)))
    return replace(found, constant_diffusion=constant, system=system)


def tabulate_scalar(
    function: Field, bounds: Sequence[tuple[float, float]], tolerance: float = 1e-5, memory: float = 64e6
) -> Tabulated:
    """Tabulate one scalar field ``(d, N) -> (N,)``, as :func:`tabulate` does."""
    box = np.array(bounds, dtype=float)
    probes = box[:, :1] + (box[:, 1:] - box[:, :1]) * np.random.default_rng(1).random((len(box), PROBES))
    return _refine(lambda x: function(x)[None, :], Grids(box, probes, 1, tolerance, memory))


@dataclass(frozen=True)
class Grids:
    """What grids are tried, and how a table on one of them is judged.

    Attributes:
        box: ``(d, 2)``.
        probes: Points at which errors are measured, ``(d, n)``.
        leading: How many of the fields make the first group; errors are relative to the size of a group.
        tolerance: Largest error.
        memory: Largest size of the table, in bytes.
        periodic: Which coordinates wrap round.
    """

    box: Array
    probes: Array
    leading: int
    tolerance: float
    memory: float
    periodic: tuple[bool, ...] = ()


def _refine(fields: Field, grids: Grids) -> Tabulated:
    box, probes, tolerance = grids.box, grids.probes, grids.tolerance
    dim = len(box)
    exact = fields(probes)
    if not np.isfinite(exact).all():
        bad = probes[:, ~np.isfinite(exact).all(axis=0)][:, 0]
        raise ValueError(f"the drift or the diffusion is not finite at {bad}")
    leading = grids.leading
    groups = [slice(0, leading)] + ([slice(leading, None)] if len(exact) > leading else [])
    cap = (grids.memory / (8 * len(exact))) ** (1 / dim)
    points = min(FIRST_POINTS[dim], max(cap, 8))
    while True:
        table = _build(fields, box, int(points), grids.periodic)
        found = evaluate(table, probes)
        error = max(_relative_error(found[g], exact[g]) for g in groups)
        if error <= tolerance or points >= cap:
            return Tabulated(table, dim, None, error, tolerance)
        # The error falls as the fourth power of the spacing; at least 1.4 times finer, at most 3.
        points = min(cap, points * min(max(1.15 * (error / tolerance) ** 0.25, 1.4), 3.0))


def _relative_error(found: Array, exact: Array) -> float:
    scale = float(np.sqrt(np.mean(exact**2)))
    return float(np.abs(found - exact).max()) / max(scale, 1e-300)


def _build(fields: Field, box: Array, points: int, periodic: Sequence[bool]) -> Table:
    dim = len(box)
    axes = [np.linspace(low, high, points) for low, high in box]
    grid = np.stack([a.ravel() for a in np.meshgrid(*axes, indexing="ij")])
    chunks = np.array_split(grid, max(1, grid.shape[1] // 20_000), axis=1)
    values = np.concatenate([fields(chunk) for chunk in chunks], axis=1)
    if not np.isfinite(values).all():
        bad = grid[:, ~np.isfinite(values).all(axis=0)][:, 0]
        raise ValueError(f"the drift or the diffusion is not finite at {bad}")
    extent = [float(high - low) for low, high in box]
    return make_table(
        np.ascontiguousarray(values.T), [points] * dim, [float(low) for low in box[:, 0]], extent, periodic
    )


def make_table(
    values: Array,
    shape: Sequence[int],
    lower: Sequence[float],
    extent: Sequence[float],
    periodic: Sequence[bool] = (),
) -> Table:
    """Return the table of ``values`` ``(points, fields)`` on a regular grid of ``shape``."""
    dim = len(shape)
    spare = [1.0] * (3 - dim)
    cells = [(n - 1) / width for n, width in zip(shape, extent, strict=True)]
    wraps = [bool(p) for p in periodic] + [False] * (3 - len(periodic))
    numbers = [int(n) for n in shape] + [1] * (3 - dim)
    return Table(
        values,
        dim,
        (numbers[0], numbers[1], numbers[2]),
        _triple([*lower, *spare]),
        _triple([*cells, *spare]),
        _triple([*extent, *spare]),
        (wraps[0], wraps[1], wraps[2]),
    )


def _triple(numbers: Sequence[float]) -> tuple[float, float, float]:
    return float(numbers[0]), float(numbers[1]), float(numbers[2])


@compiled
def evaluate(table: Table, points: Array) -> Array:
    """Interpolate all fields at ``points`` ``(d, N)``; return ``(fields, N)``."""
    count = table.values.shape[1]
    result = np.empty((count, points.shape[1]))
    work = np.empty((2, max(count, 3)))
    for n in range(points.shape[1]):
        work[0, : table.dim] = points[:, n]
        interpolate(table, work, 0, 1, 0, count)
        result[:, n] = work[1, :count]
    return result


@compiled
def interpolate(table: Table, work: Array, at: int, into: int, first: int, last: int) -> None:
    """Write fields ``first`` to ``last - 1`` at the point in row ``at`` of ``work`` into row ``into``.

    A point outside the box (a stage of a step) is extrapolated from at most one cell away.
    """
    s, low, inv, wrap, values = table.shape, table.lower, table.inverse_spacing, table.periodic, table.values
    i, wi = _stencil(work[at, 0], low[0], inv[0], s[0], wrap[0])
    if table.dim == 1:
        for f in range(first, last):
            work[into, f] = _line(values, i, f, wi)
        return
    j, wj = _stencil(work[at, 1], low[1], inv[1], s[1], wrap[1])
    if table.dim == 2:
        for f in range(first, last):
            work[into, f] = _plane(values, i * s[1] + j, s[1], f, wi, wj)
        return
    k, wk = _stencil(work[at, 2], low[2], inv[2], s[2], wrap[2])
    row, stride = (i * s[1] + j) * s[2] + k, s[1] * s[2]
    for f in range(first, last):
        total = wi[0] * _plane(values, row, s[2], f, wj, wk)
        total += wi[1] * _plane(values, row + stride, s[2], f, wj, wk)
        total += wi[2] * _plane(values, row + 2 * stride, s[2], f, wj, wk)
        total += wi[3] * _plane(values, row + 3 * stride, s[2], f, wj, wk)
        work[into, f] = total


# The sums are written out because numba indexes tuples fast only by literal numbers.


@inlined
def _line(values: Array, row: int, f: int, w: Weights) -> float:
    total = w[0] * values[row, f] + w[1] * values[row + 1, f]
    return total + w[2] * values[row + 2, f] + w[3] * values[row + 3, f]


@inlined
def _plane(values: Array, row: int, stride: int, f: int, w: Weights, v: Weights) -> float:
    total = w[0] * _line(values, row, f, v) + w[1] * _line(values, row + stride, f, v)
    return total + w[2] * _line(values, row + 2 * stride, f, v) + w[3] * _line(values, row + 3 * stride, f, v)


@inlined
def _stencil(
    x: float, lower: float, inverse_spacing: float, points: int, periodic: bool
) -> tuple[int, Weights]:
    cells = points - 1
    u = (x - lower) * inverse_spacing
    if periodic:
        u -= cells * math.floor(u / cells)
    u = min(max(u, -1.0), cells + 1.0)
    start = min(max(math.floor(u) - 1, 0), cells - 3)
    t = u - start - 1
    p, q, r = t + 1, t - 1, t - 2
    return start, (-t * q * r / 6, p * q * r / 2, -p * t * r / 2, p * t * q / 6)
