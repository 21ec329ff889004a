"""Instantons: most probable escape paths, traced on a field and polished to a minimum of the action.

A first path is followed backwards from the saddle along ``−(b + A∇W)``.  The polish minimises

    V_loc(φ(−1)) + S[φ]

over Legendre paths (:mod:`solver.paths.action`) that end at the saddle and start on the ball in which the
local expansion V_loc holds (:mod:`solver.hamilton_jacobi.expansion`): inside it the path may wind infinitely
often round the attractor, at a cost that is known.  The action does not depend on the parametrisation, and
the sum does not depend on which point of the instanton the path starts from; penalties on uneven speed and
on leaving the ellipsoid |z|² = 0.8 single out one representative without moving the path.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import scipy.integrate
import scipy.optimize
from numpy.polynomial import legendre

from solver.errors import NotConverged
from solver.hamilton_jacobi.cycle_expansion import Local
from solver.paths.action import (
    Path,
    action,
    action_along,
    density_gradients,
    gauss_legendre,
    integrated_legendre,
)
from solver.system import Array, System

START_SHELL = 0.8
# modes of a path that is only shown
MODES_OF_A_PICTURE = 24


@dataclass(frozen=True)
class Instanton:
    """A minimum-action path from an attractor to a saddle.

    Attributes:
        path: From the ball of the local expansion to the saddle.
        expansion: V in that ball.
        action: Cost of the whole path from the attractor.
        uncertainty: Change of the action under fewer modes and under finer quadrature.
        points: ``(n, d)`` points along it, the attractor first.
        actions: ``(n,)`` cost from the attractor to each of them.
    """

    path: Path
    expansion: Local
    action: float
    uncertainty: float
    points: Array
    actions: Array


def fit_path(points: Array, modes: int) -> Path:
    """Legendre path through a polyline ``(n, d)``, by arc length, ends exact."""
    keep = np.concatenate([[True], np.linalg.norm(np.diff(points, axis=0), axis=1) > 0])
    points = points[keep]
    length = np.concatenate([[0.0], np.cumsum(np.linalg.norm(np.diff(points, axis=0), axis=1))])
    s = np.linspace(-1.0, 1.0, 20 * modes)
    even = np.array([np.interp(0.5 * (s + 1) * length[-1], length, coordinate) for coordinate in points.T])
    start, end = points[0], points[-1]
    straight = start[:, None] + 0.5 * (s + 1.0) * (end - start)[:, None]
    basis = integrated_legendre(s, modes)
    # ridge that grows with the mode: the corners of a polyline are not to be resolved
    damping = 1e-3 * np.diag(np.arange(1, modes + 1.0))
    matrix = np.concatenate([basis.T, damping])
    right = np.concatenate([(even - straight).T, np.zeros((modes, len(start)))])
    return Path(start, end, np.linalg.lstsq(matrix, right, rcond=None)[0].T)


def cost(system: System, expansion: Local, path: Path, points: int = 0) -> float:
    """``V_loc`` at the start plus the action of the path."""
    return float(expansion(path.start[:, None])[0]) + action(system, path, points)


def polish(system: System, expansion: Local, path: Path, modes: int, max_iterations: int = 3000) -> Path:
    """Minimise the cost over Legendre paths with this number of modes.

    The cost is minimised in units of that of the path to begin with, over coefficients in units of the length
    of the way: SciPy ends where both change by less than a number.
    """
    dim = system.dim
    s, w = gauss_legendre(4 * modes)
    basis, slopes = integrated_legendre(s, modes), legendre.legvander(s, modes)[:, 1:].T
    # P_m has norm √(2/(2m+1)): scaled so that every unknown changes φ' equally
    extent = float(np.linalg.norm(path.end - path.start)) or 1.0
    scale = extent * np.sqrt((2 * np.arange(1, modes + 1) + 1) / 2.0)
    unit = cost(system, expansion, path)
    unit = unit if 0.0 < unit < np.inf else expansion.level
    weight = 0.1 * unit
    lean, rise = 0.5 * (1.0 - s), 0.5 * (s + 1.0)

    def value(unknowns: Array) -> tuple[float, Array]:
        parameters, free = unknowns[:dim], unknowns[dim:]
        begin, root = expansion.place(parameters), expansion.frame(parameters)
        z = parameters.copy()
        z[: expansion.lead] = 0.0
        coefficients, chord = free.reshape(dim, modes) * scale, path.end - begin
        # as Path has them, with the polynomials made once
        x = begin[:, None] + rise * chord[:, None] + coefficients @ basis
        velocity = 0.5 * chord[:, None] + coefficients @ slopes
        density, by_position, by_velocity = density_gradients(system, x, velocity, 1e-4 * extent)
        squares = np.sum(velocity**2, axis=0)
        mean = 0.5 * np.sum(w * squares)
        uneven = squares / mean - 1.0
        off = z @ z - START_SHELL
        total = np.sum(w * density) + weight * (np.sum(w * uneven**2) + off**2)
        inner, slope_in = expansion.at(parameters)
        total += inner
        # d/dv of ∫(v²/m − 1)² with m = ½∫v²
        bend = 2.0 * uneven / mean - np.sum(w * uneven * squares) / mean**2
        by_velocity = by_velocity + weight * 2.0 * bend * velocity
        by_modes = ((w * by_position) @ basis.T + (w * by_velocity) @ slopes.T) * scale
        by_begin = (w * by_position) @ lean - 0.5 * (w * by_velocity).sum(axis=1)
        by_begin = by_begin + slope_in
        by_z = root.T @ by_begin + weight * 4.0 * off * z
        return float(total) / unit, np.concatenate([by_z, by_modes.reshape(-1)]) / unit

    initial = np.zeros((dim, modes))
    shared = min(modes, path.modes.shape[1])
    initial[:, :shared] = path.modes[:, :shared]
    result = scipy.optimize.minimize(
        value,
        np.concatenate([expansion.parameters(path.start), (initial / scale).reshape(-1)]),
        jac=True,
        method="L-BFGS-B",
        options={
            "maxcor": 60,
            "maxiter": max_iterations,
            "maxfun": 2 * max_iterations,
            "ftol": 1e-15,
            "gtol": 1e-11,
        },
    )
    return Path(expansion.place(result.x[:dim]), path.end, result.x[dim:].reshape(dim, modes) * scale)


def instanton(
    system: System, expansion: Local, candidates: Sequence[Array], tolerance: float = 1e-9
) -> Instanton:
    """The path of least cost near any of the candidate polylines ``(n, d)``, attractor first.

    Modes are doubled from 12 until the cost is steady.  Not collective: every rank does the same work and
    has the same answer.

    Raises:
        NotConverged: If the cost still depends on the number of modes by more than one per cent.
    """
    trials = [rough_path(system, expansion, candidate) for candidate in candidates]
    best = min(trials, key=lambda path: cost(system, expansion, path))
    coarse = fine = cost(system, expansion, best)
    for modes in (48, 96, 192):
        finer = polish(system, expansion, best, modes)
        coarse, fine = fine, cost(system, expansion, finer)
        best = finer
        if abs(fine - coarse) <= tolerance * abs(fine):
            break
    quadrature = cost(system, expansion, best, 16 * best.modes.shape[1] + 1)
    uncertainty = abs(fine - coarse) + abs(quadrature - fine)
    if not np.isfinite(quadrature) or uncertainty > 0.01 * fine:
        raise NotConverged(
            f"the action of the instanton is {coarse:.6g} or {quadrature:.6g}, by the number of modes"
        )
    return _with_points(system, expansion, best, quadrature, uncertainty)


def rough_path(system: System, expansion: Local, candidate: Array) -> Path:
    """The path of least cost near a polyline ``(n, d)``, with 24 modes."""
    first = _outside(fit_path(candidate, 12), expansion)
    return polish(system, expansion, polish(system, expansion, first, 12), 24)


def _outside(path: Path, expansion: Local) -> Path:
    """The path with its start moved from the attractor to the shell on which paths start."""
    s = np.linspace(-1.0, 1.0, 2001)
    radius = np.sum(expansion.coordinates(path(s)) ** 2, axis=0)
    last = int(np.flatnonzero(radius <= START_SHELL)[-1]) if (radius <= START_SHELL).any() else 0
    return fit_path(path(s[last:]).T, path.modes.shape[1])


def _with_points(system: System, expansion: Local, path: Path, total: float, uncertainty: float) -> Instanton:
    # dense at both ends, where the path is slow
    s = -np.cos(np.linspace(0.0, np.pi, 201))
    s[0], s[-1] = -1.0, 1.0
    begin = float(expansion(path.start[:, None])[0])
    outer = begin + np.concatenate([[0.0], action_along(system, path, s[1:])])
    inner = wind_in(system, expansion, path.start)
    points = np.concatenate([inner, path(s).T])
    actions = np.concatenate([expansion(inner.T), outer])
    return Instanton(path, expansion, total, uncertainty, points, actions)


def wind_in(system: System, expansion: Local, start: Array) -> Array:
    """The path inside the ball by −(b + A∇V_loc), from its start to 10⁻⁴ of the level; attractor first.

    Time is that of the slowest return: the first step of SciPy's integrators depends on its unit.
    """

    def velocity(_: float, x: Array) -> Array:
        column = x[:, None]
        gradient = expansion.gradient(column)[:, 0]
        u = system.drift(column)[:, 0] + system.diffusion(column)[..., 0] @ gradient
        return np.asarray(-u / expansion.rate)

    def small(_: float, x: Array) -> float:
        return float(np.sum(expansion.coordinates(x[:, None]) ** 2)) - 1e-4

    small.terminal = True  # type: ignore[attr-defined]
    radius = float(np.linalg.norm(start - expansion.nearest(start)))
    solution = scipy.integrate.solve_ivp(
        velocity, (0.0, 20.0), start, events=small, rtol=1e-6, atol=1e-9 * radius, max_step=0.2
    )
    inner = solution.y.T[:0:-1]
    return np.concatenate([expansion.nearest(inner[0])[None], inner])


def trace_back(
    slope: Callable[[Array], Array],
    system: System,
    start: Array,
    stop: Callable[[Array], bool],
    step: float,
    max_steps: int = 2000,
) -> Array | None:
    """Follow ``−(b + A∇W)`` at unit speed by the midpoint rule until ``stop``.

    Args:
        slope: ∇W at one point ``(d,)``; may be collective.
        system: The system.
        start: First point.
        stop: Whether the attractor is reached.
        step: Arc length of a step.
        max_steps: After which the trace is given up.

    Returns:
        The polyline ``(n, d)`` from ``start``, or None where the field ends or the attractor is not reached.
    """

    def direction(x: Array) -> Array:
        u = system.drift(x[:, None])[:, 0] + system.diffusion(x[:, None])[..., 0] @ slope(x)
        return np.asarray(-u / max(float(np.linalg.norm(u)), 1e-300))

    points = [start]
    for _ in range(max_steps):
        x = points[-1]
        x = x + step * direction(x + 0.5 * step * direction(x))
        if not np.isfinite(x).all():
            return None
        points.append(x)
        if stop(x):
            return np.array(points)
    return None
