"""Paths of least action of a law: ``min ∫ ℓ(φ, φ') ds`` over Legendre paths with given ends.

ℓ is the cost of directions (:mod:`solver.laws.cost`).  Near its ends, zeros of the drift, an escape path is
made of powers of the distance r to them; along ``r ~ (1+s)²`` these powers are twice as high.  So a penalty
singles out the parametrisation with ``|φ'| ∝ 1 − s²``, without moving the path.  The action of *any* path
from the attractor is an upper bound of V at its end; the minimum found is one, up to its quadrature.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import scipy.optimize
from numpy.polynomial import legendre

from solver.arrays import Array
from solver.errors import NotConverged, Refused
from solver.laws.cost import cost
from solver.laws.floored import FlooredLaw
from solver.laws.law import Law
from solver.paths.action import Path, gauss_legendre, integrated_legendre

#: Modes of the first paths, from each start, and of the refinements of the best.
FIRST = 12
FINER = (24, 48, 96)
#: Paths from other starts are refined as well if they cost at most this much more: what 12 modes may miss.
CLOSE = 1.05
#: Weight of the penalty on the parametrisation, in units of the action.
PENALTY = 0.05
#: Heights of the arcs that paths are started from, in units of the distance of the ends.
ARCS = (0.0, 0.25, -0.25)
#: Floors of the noise through which a start is followed down to the law itself, over the mean eigenvalue of
#: the covariance ∂²H/∂p² at the start of the path.
FLOORS = (1.0, 0.1, 0.01, 1e-3)
#: Points along the path that is returned.
POINTS = 201


@dataclass(frozen=True)
class LeastAction:
    """A path of least action.

    Attributes:
        action: Its action, an upper bound of V at its end but for the error of the quadrature.
        error: Change of the action under twice the modes and finer quadrature.
        path: The path, from the attractor to the end.
        points: ``(n, d)`` points along it.
        momenta: ``(n, d)``, p = ∇V at the points between the ends; 0 at both.
        actions: ``(n,)``, the action up to each point.
    """

    action: float
    error: float
    path: Path
    points: Array
    momenta: Array
    actions: Array


def least_action(
    law: Law,
    start: Array,
    end: Array,
    candidates: Sequence[Array] = (),
    tolerance: float = 1e-4,
    arcs_too: bool = True,
) -> LeastAction | Refused:
    """The path of least action between two points, started from arcs and from given polylines.

    Every start is first minimised with noise added in all directions, which is then taken away
    (:mod:`solver.laws.floored`): some laws move in a cone of directions only, in which a start is not to be
    found otherwise.  Not collective.  A minimum over the starts: a path far from all of them may cost less.

    Args:
        law: The law.
        start: Where it starts, an attractor, ``(d,)``.
        end: Where it ends, ``(d,)``.
        candidates: More polylines ``(n, d)`` to start from, ``start`` first.
        tolerance: Relative change of the action at which the number of modes is enough.
        arcs_too: Whether to start from arcs as well.

    Returns:
        The path; or a refusal where every start has an infinite action, for nothing pushes that way.

    Raises:
        NotConverged: If the action of 96 modes is uncertain by a per cent.
    """
    starts = [*(arcs(start, end) if arcs_too else ()), *(fitted(line, FIRST) for line in candidates)]
    rough = []
    for one in starts:
        path = minimise(law, followed(law, one), FIRST)
        value = action(law, path)
        if np.isfinite(value):
            rough.append((value, path))
    if not rough:
        return Refused("every path that was tried has an infinite action: no noise pushes that way")
    lowest = min(value for value, _ in rough)
    rough = _distinct([one for one in sorted(rough, key=lambda one: one[0]) if one[0] <= CLOSE * lowest])
    best = min((_refined(law, value, path, tolerance) for value, path in rough), key=lambda one: one[0])
    value, error, path = best
    if error > 0.01 * value:
        raise NotConverged(
            f"the least action is {value:.6g}, but it still depends on the modes by {error:.1g}"
        )
    return _with_points(law, path, value, error)


def near_line(law: Law, line: Array, tolerance: float = 1e-4) -> LeastAction:
    """The path of least action next to a polyline ``(n, d)``, with its ends.

    Raises:
        NotConverged: If the action of 96 modes is uncertain by a per cent.
    """
    value, error, path = _refined(law, np.inf, fitted(line, FIRST), tolerance)
    if not error <= 0.01 * value:
        raise NotConverged(
            f"the least action is {value:.6g}, but it still depends on the modes by {error:.1g}"
        )
    return _with_points(law, path, value, error)


def arcs(start: Array, end: Array) -> list[Path]:
    """The straight path and arcs on its sides, ``|φ'| ∝ 1 − s²`` along the straight one."""
    lean = end - start
    frame = np.linalg.svd(lean[None])[2][1:] * np.linalg.norm(lean)
    s = np.linspace(0.0, 1.0, 101)
    lines = [start + s[:, None] * lean]
    for side in frame:
        bulge = 4.0 * (s * (1.0 - s))[:, None] * side
        lines += [lines[0] + height * bulge for height in ARCS if height]
    return [fitted(line, FIRST) for line in lines]


def followed(law: Law, path: Path) -> Path:
    """The path of least action with noise added, as the noise goes to zero, from a start of any kind."""
    there = law.at(path.start[:, None]).values(np.zeros((law.dim, 1)))
    size = float(np.trace(there.curvature[..., 0])) / law.dim
    for floor in FLOORS:
        path = minimise(FlooredLaw(law, floor * size), path, path.modes.shape[1])
    return path


def fitted(points: Array, modes: int) -> Path:
    """The Legendre path through a polyline ``(n, d)`` with ``|φ'| ∝ 1 − s²``, ends exact."""
    steps = np.linalg.norm(np.diff(points, axis=0), axis=1)
    points, steps = points[np.concatenate([[True], steps > 0])], steps[steps > 0]
    length = np.concatenate([[0.0], np.cumsum(steps)])
    s = np.linspace(-1.0, 1.0, 20 * modes)
    along = (2.0 + 3.0 * s - s**3) / 4.0 * length[-1]
    there = np.array([np.interp(along, length, coordinate) for coordinate in points.T])
    straight = points[0][:, None] + 0.5 * (s + 1.0) * (points[-1] - points[0])[:, None]
    # ridge that grows with the mode: the corners of a polyline are not to be resolved
    damping = 1e-3 * np.diag(np.arange(1, modes + 1.0))
    matrix = np.concatenate([integrated_legendre(s, modes).T, damping])
    right = np.concatenate([(there - straight).T, np.zeros((modes, points.shape[1]))])
    return Path(points[0], points[-1], np.linalg.lstsq(matrix, right, rcond=None)[0].T)


def action(law: Law, path: Path, nodes: int = 0) -> float:
    """The action of a path by Gauss–Legendre quadrature (default: 8 nodes a mode)."""
    s, w = gauss_legendre(nodes or 8 * path.modes.shape[1])
    return float(np.sum(w * cost(law, path(s), path.velocity(s)).value))


def minimise(law: Law, path: Path, modes: int, max_iterations: int = 2000) -> Path:
    """A minimum of the action over Legendre paths with this number of modes and these ends, by L-BFGS."""
    s, w = gauss_legendre(4 * modes)
    basis, slopes = integrated_legendre(s, modes), legendre.legvander(s, modes)[:, 1:].T
    # P_m has norm √(2/(2m+1)): scaled so that every unknown changes φ' equally
    scale = np.sqrt((2 * np.arange(1, modes + 1) + 1) / 2.0) * float(np.linalg.norm(path.end - path.start))
    profile = (1.0 - s**2) ** 2
    profile /= np.sum(w * profile)
    dim, shared = law.dim, min(modes, path.modes.shape[1])
    initial = np.zeros((dim, modes))
    initial[:, :shared] = path.modes[:, :shared]
    size = action(law, path)
    if not np.isfinite(size):
        return path
    last: list[Array | None] = [None]

    def value(unknowns: Array) -> tuple[float, Array]:
        trial = Path(path.start, path.end, unknowns.reshape(dim, modes) * scale)
        velocity = trial.velocity(s)
        found = cost(law, trial(s), velocity, last[0])
        total = float(np.sum(w * found.value)) / size
        if not np.isfinite(total):
            return 1e300, np.zeros_like(unknowns)
        last[0] = found.momentum
        squares = np.sum(velocity**2, axis=0)
        mean = np.sum(w * squares)
        uneven = squares / mean - profile
        # d/dv of ∫ (v²/m − w)² with m = ∫ v²
        bend = 2.0 * uneven / mean - 2.0 * np.sum(w * uneven * squares) / mean**2
        by_velocity = found.momentum / size + PENALTY * 2.0 * bend * velocity
        by_modes = ((w * found.by_position / size) @ basis.T + (w * by_velocity) @ slopes.T) * scale
        return total + PENALTY * float(np.sum(w * uneven**2)), by_modes.reshape(-1)

    result = scipy.optimize.minimize(
        value,
        (initial / scale).reshape(-1),
        jac=True,
        method="L-BFGS-B",
        options={"maxcor": 40, "maxiter": max_iterations, "ftol": 1e-13, "gtol": 1e-9},
    )
    return Path(path.start, path.end, result.x.reshape(dim, modes) * scale)


def _distinct(paths: list[tuple[float, Path]]) -> list[tuple[float, Path]]:
    """One of those that came to the same path."""
    kept: list[tuple[float, Path]] = []
    s = np.linspace(-1.0, 1.0, 101)
    for value, path in paths:
        size = float(np.linalg.norm(path.end - path.start))
        # 2 %: what 12 modes leave open
        if all(np.abs(path(s) - other(s)).max() > 0.02 * size for _, other in kept):
            kept.append((value, path))
    return kept


def _refined(law: Law, value: float, path: Path, tolerance: float) -> tuple[float, float, Path]:
    """Action, error and path with as many modes as the tolerance asks for."""
    for modes in FINER:
        path = minimise(law, path, modes)
        coarse, value = value, action(law, path)
        error = abs(value - coarse)
        if error <= tolerance * value:
            break
    again = action(law, path, 16 * path.modes.shape[1] + 1)
    return again, error + abs(again - value), path


def _with_points(law: Law, path: Path, value: float, error: float) -> LeastAction:
    # dense at both ends, where little is paid
    s = -np.cos(np.linspace(0.0, np.pi, POINTS))
    s[0], s[-1] = -1.0, 1.0
    nodes, weights = gauss_legendre(8)
    half = 0.5 * np.diff(s)
    inner = ((s[:-1] + half)[:, None] + half[:, None] * nodes).reshape(-1)
    pieces = cost(law, path(inner), path.velocity(inner)).value.reshape(len(half), -1)
    actions = np.concatenate([[0.0], np.cumsum(half * (pieces @ weights))])
    momenta = np.zeros((law.dim, POINTS))
    momenta[:, 1:-1] = cost(law, path(s[1:-1]), path.velocity(s[1:-1])).momentum
    return LeastAction(value, error, path, path(s).T, momenta.T, actions)
