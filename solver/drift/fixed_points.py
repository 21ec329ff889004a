"""All fixed points of the drift in a domain, and what kind they are.

Method: branch and exclude with a Krawczyk-type uniqueness test (:mod:`solver.drift.subdivision`), Newton's
method to rounding, removal of duplicates, and a check of the whole by the topological degree on the
boundary (:mod:`solver.drift.degree`); when the two disagree the search is repeated on a finer first grid.

What is guaranteed: every zero is found when the Jacobians sampled in each cell, times a safety
factor, bound its variation there.  That holds once the first grid resolves the drift; a feature much
narrower than a cell of the first grid and invisible in the samples can be missed.  The degree catches
that unless what was missed adds up to degree zero (a saddle together with a node, say).  What is not
guaranteed: rigorous enclosures; there is no interval arithmetic.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from solver.arrays import Array
from solver.drift.degree import boundary_degree
from solver.drift.subdivision import Inside, Search, newton, zeros_in_box
from solver.errors import DegenerateFixedPoints, NotConverged
from solver.system import System
from solver.units import Units, nondimensional, units_of_box

Kind = Literal["attractor", "saddle", "repeller", "centre"]

FIRST_CELLS = {1: 64, 2: 16, 3: 8}
NEUTRAL = 1e-9
EDGE = 1e-8
SHRINK = 1.7e-3


@dataclass(frozen=True)
class FixedPoint:
    """A non-degenerate zero of the drift.

    Attributes:
        point: Coordinates, ``(d,)``.
        jacobian: ∇b there, ``(d, d)``.
        eigenvalues: Its eigenvalues, ``(d,)`` complex, by decreasing real part.
        kind: ``attractor`` (all real parts negative), ``repeller`` (all positive), ``saddle``, or
            ``centre`` (some real parts zero to rounding, none of the eigenvalues zero).  In 1D an
            unstable point is a ``saddle``: it is the barrier between two wells.
        index: Number of unstable directions m (real parts that are positive).
        on_boundary: The point lies on the boundary of the box.
        regular: The drift is smooth there, and its Jacobian regular; where it is not, the Jacobian and its
            eigenvalues are made of secants (:mod:`solver.drift.landscape`), and tell orders of magnitude.
    """

    point: Array
    jacobian: Array
    eigenvalues: NDArray[np.complex128]
    kind: Kind
    index: int
    on_boundary: bool = False
    regular: bool = True


def fixed_points(
    system: System,
    bounds: Sequence[tuple[float, float]],
    inside: Inside | None = None,
    periodic: Sequence[bool] = (),
    budget: int | None = None,
    cells: int | None = None,
) -> tuple[FixedPoint, ...]:
    """Find all zeros of the drift in a box, or in the part of it where ``inside`` holds.

    Not collective: every rank that calls it does the same work and has the same answer.

    Args:
        system: The system; only ``drift`` and ``jacobian`` are used, many points at a time.
        bounds: The box, ``((low, high), ...)``, one pair per coordinate.
        inside: ``(d, N) -> (N,)`` mask of the domain within the box; the drift need not be finite
            elsewhere.  The degree is not checked then.
        periodic: Which coordinates are periodic; zeros one period apart are one zero.
        budget: Largest number of points at which the drift or its Jacobian is evaluated in one
            search (default 10⁶, in 1D 10⁵; three searches at most, and the degree may use four times
            as many on the boundary).  Ten wells need 10⁴ in 2D and 4·10⁵ in 3D.
        cells: Cells of the first grid along each axis (default 64, 16, 8 in 1D, 2D, 3D).

    Returns:
        Attractors, then saddles by index, then centres and repellers, each by coordinates.

    Raises:
        ValueError: bounds that do not fit the system.
        DegenerateFixedPoints: zeros that are not isolated, or with a singular Jacobian.
        NotConverged: the budget did not suffice, or search and degree never agreed.
    """
    box = np.array(bounds, dtype=float)
    if box.shape != (system.dim, 2) or not np.isfinite(box).all() or (box[:, 0] >= box[:, 1]).any():
        raise ValueError(f"bounds must be {system.dim} pairs low < high, not {bounds}")
    lower, upper = box[:, 0], box[:, 1]
    budget = budget or (100_000 if system.dim == 1 else 1_000_000)
    units = units_of_box(system, bounds)
    unit, zero, one = nondimensional(system, units), np.zeros(system.dim), np.ones(system.dim)
    known = None if inside is None else lambda xi: inside(units.outward(xi))
    search = Search(unit, zero, one, known, budget, units)
    wraps = np.array([*periodic, *[False] * (system.dim - len(periodic))])
    cells = cells or FIRST_CELLS[system.dim]
    message = ""
    for refinement in range(3):
        try:
            points = zeros_in_box(search, cells << refinement)
        except NotConverged as error:
            if refinement:
                raise NotConverged(f"{message}; on a finer grid {error}") from error
            raise
        points = newton(unit.drift, unit.jacobian, points)
        signs = _orientation(unit, points, units)
        if inside is not None:
            break  # the drift need not be known on the boundary of the box
        # With zeros on the boundary itself, compare on a slightly smaller box.
        margin = SHRINK if _on_edge(points, zero, one).any() else 0.0
        signs = signs[~_on_edge(points, zero + margin, one - margin)]
        degree = boundary_degree(unit.drift, zero + margin, one - margin, 4 * budget)
        if degree == signs.sum():
            break
        message = (
            f"the search found {signs.size} fixed points of total degree {signs.sum():.0f}, but the "
            f"degree of the drift on the boundary is {degree}"
        )
    else:
        raise NotConverged(message)
    # to the precision that a coordinate has near zero
    points = newton(system.drift, system.jacobian, units.outward(points), sizes=units.lengths)
    if inside is not None:
        points = points[:, inside(points)]
    points = _one_period(points, lower, upper, wraps)
    edge = _on_edge(points[~wraps], lower[~wraps], upper[~wraps])
    found = [describe(system, points[:, n], bool(edge[n])) for n in range(points.shape[1])]
    grain = 1e-7 * (upper - lower)
    rank = {"attractor": 0, "saddle": 1, "centre": 2, "repeller": 2}
    return tuple(sorted(found, key=lambda f: (rank[f.kind], f.index, *np.round(f.point / grain))))


def describe(system: System, point: Array, on_boundary: bool) -> FixedPoint:
    """What kind of fixed point a regular zero of the drift is."""
    jacobian = system.jacobian(point[:, None])[:, :, 0]
    values = np.linalg.eigvals(jacobian).astype(complex)
    values = values[np.lexsort((values.imag, -values.real))]
    neutral = np.abs(values.real) <= NEUTRAL * np.abs(values).max()
    index = int(((values.real > 0) & ~neutral).sum())
    kind: Kind = "saddle"
    if neutral.any():
        kind = "centre"
    elif index == 0:
        kind = "attractor"
    elif index == system.dim > 1:
        kind = "repeller"
    return FixedPoint(point, jacobian, values, kind, index, on_boundary)


def _orientation(system: System, points: Array, units: Units) -> Array:
    """Return sign det ∇b at the zeros in units of the box; refuse those where it cannot be told."""
    matrices = np.moveaxis(system.jacobian(points), -1, 0)
    if not len(matrices):
        return np.zeros(0)
    singular = np.linalg.svd(matrices, compute_uv=False)
    flat = singular[:, -1] <= 1e-10 * singular[:, 0]
    if flat.any():
        where = ", ".join(f"{x:.6g}" for x in units.outward(points[:, flat][:, 0]))
        raise DegenerateFixedPoints(f"the Jacobian of the drift is singular at its zero ({where})")
    return np.sign(np.linalg.det(matrices))


def _on_edge(points: Array, lower: Array, upper: Array) -> NDArray[np.bool_]:
    slack = (EDGE * (upper - lower))[:, None]
    touching = (points <= lower[:, None] + slack) | (points >= upper[:, None] - slack)
    return np.asarray(touching.any(axis=0))


def _one_period(points: Array, lower: Array, upper: Array, wraps: NDArray[np.bool_]) -> Array:
    """Keep one of the zeros that coincide modulo the periods, moved to the lower side."""
    if not wraps.any():
        return points
    width = (upper - lower)[:, None]
    offset = points - lower[:, None]
    seam = wraps[:, None] & (offset >= (1 - EDGE) * width)
    points = np.where(seam, points - width, points)
    kept: list[int] = []
    for n in range(points.shape[1]):
        apart = np.abs((points[:, kept] - points[:, [n]]) / width).max(axis=0, initial=0.0)
        if (apart > EDGE).all():
            kept.append(n)
    return points[:, kept]
