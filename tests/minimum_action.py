"""Least action between two points, independent of solver/: splines and L-BFGS, NumPy and SciPy only.

A path φ of any parametrisation costs, at the speed that is best for it (Heymann, Vanden-Eijnden 2008,
Comm. Pure Appl. Math. 61, 1052),

    S[φ] = ∫ (|b|_a |φ'|_a − φ'·a b) ds,     a = A⁻¹,  |v|_a = (v·a v)^½,

which is what ``½ ∫ (φ̇−b)·a (φ̇−b) dt`` is at its least over all times.  φ is a cubic spline through n + 1
nodes of which the ends are held; S is integrated by Gauss's rule between the nodes and minimised with exact
derivatives.  Nodes lie closer at a focus, where the path spirals.  A parametrisation of constant speed is
enforced by ``c ∫ (|φ'| − L)² ds / L²``, which is zero at the least action and so does not change it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import sympy as sp
from scipy.integrate import solve_ivp
from scipy.interpolate import CubicSpline
from scipy.linalg import expm, solve_continuous_lyapunov
from scipy.optimize import minimize

Array = np.ndarray
GAUSS = 6
#: Strength of the constant speed, in units of the action at the start: enough to keep the nodes apart.
EVEN = 0.1
#: Nodes at a focus are closer by this power of e: two more turns of the spiral.
AT_A_FOCUS = 4.0
#: At a node whose rates differ a path bends like a power of the distance: closer nodes help, or not.
AT_A_NODE = (0.0, 2.0)


@dataclass(frozen=True)
class Dynamics:
    """Drift and inverse diffusion with their derivatives at points ``(d, N)``.

    Attributes:
        drift: b, ``(d, N)``.
        jacobian: ``∂b_i/∂x_k``, ``(d, d, N)``.
        inverse: a = A⁻¹, ``(d, d, N)``.
        slopes: ``∂a_ij/∂x_k``, ``(d, d, d, N)``, k last but one.
    """

    drift: Callable[[Array], Array]
    jacobian: Callable[[Array], Array]
    inverse: Callable[[Array], Array]
    slopes: Callable[[Array], Array]


def dynamics(names: Sequence[sp.Symbol], drift: sp.Matrix, diffusion: sp.Matrix) -> Dynamics:
    """From sympy expressions."""
    d = len(names)
    b = _stacked(names, list(drift), (d,))
    jacobian = _stacked(names, [sp.diff(e, x) for e in drift for x in names], (d, d))
    spread = _stacked(names, list(diffusion), (d, d))
    changes = _stacked(names, [sp.diff(e, x) for e in diffusion for x in names], (d, d, d))

    def inverse(x: Array) -> Array:
        return np.moveaxis(np.linalg.inv(np.moveaxis(spread(x), -1, 0)), 0, -1)

    def slopes(x: Array) -> Array:
        a = inverse(x)
        return -np.einsum("imn,mlkn,ljn->ijkn", a, changes(x), a)

    return Dynamics(b, jacobian, inverse, slopes)


def _stacked(
    names: Sequence[sp.Symbol], parts: Sequence[sp.Expr], shape: tuple[int, ...]
) -> Callable[[Array], Array]:
    calls = [sp.lambdify(list(names), part, "numpy") for part in parts]
    return lambda x: np.array([np.broadcast_to(call(*x), x.shape[1:]) for call in calls], float).reshape(
        *shape, x.shape[1]
    )


@dataclass(frozen=True)
class Splines:
    """Values and slopes at Gauss points of splines, as matrices that act on their nodes."""

    values: Array
    slopes: Array
    weights: Array

    @classmethod
    def through(cls, n: int, grading: float) -> Splines:
        knots = places(n, grading)
        nodes, weights = np.polynomial.legendre.leggauss(GAUSS)
        half = np.diff(knots)[:, None] / 2
        at = (knots[:-1, None] + half * (nodes + 1)).ravel()
        spline = CubicSpline(knots, np.eye(n + 1))
        return cls(spline(at), spline(at, 1), (half * weights).ravel())


def places(n: int, grading: float) -> Array:
    """n + 1 places in [0, 1], the first two closer by ``exp(−grading)`` than the last two."""
    t = np.linspace(0, 1, n + 1)
    return t if grading == 0 else np.expm1(grading * t) / np.expm1(grading)


def _action(system: Dynamics, splines: Splines, path: Array) -> tuple[float, Array]:
    """The action and its derivative with respect to the nodes."""
    x, v = (splines.values @ path).T, (splines.slopes @ path).T
    b, a = system.drift(x), system.inverse(x)
    jacobian, change = system.jacobian(x), system.slopes(x)
    ab, av = np.einsum("ijn,jn->in", a, b), np.einsum("ijn,jn->in", a, v)
    tiny = np.finfo(float).tiny
    size_b, size_v = (np.sqrt(np.maximum((p * q).sum(axis=0), tiny)) for p, q in ((b, ab), (v, av)))
    density = size_b * size_v - (v * ab).sum(axis=0)
    by_v = av * size_b / size_v - ab
    along_b = np.einsum("in,ikn->kn", ab, jacobian) + np.einsum("in,ijkn,jn->kn", b, change, b) / 2
    by_x = size_v / size_b * along_b + size_b / (2 * size_v) * np.einsum("in,ijkn,jn->kn", v, change, v)
    by_x -= np.einsum("in,ikn->kn", av, jacobian) + np.einsum("in,ijkn,jn->kn", v, change, b)
    w = splines.weights
    return float(density @ w), splines.values.T @ (by_x * w).T + splines.slopes.T @ (by_v * w).T


def _unevenness(splines: Splines, path: Array, box: Array) -> tuple[float, Array]:
    """``∫ (|φ'| − L)² ds / L²`` with lengths in units of the box, and its derivative."""
    v = splines.slopes @ (path / box)
    size, w = np.sqrt((v**2).sum(axis=1)), splines.weights
    mean, square = size @ w, size**2 @ w
    # variance over the mean squared: square/mean² − 1
    by_size = w * (2 * size / mean**2 - 2 * square / mean**3)
    return square / mean**2 - 1, splines.slopes.T @ (v * (by_size / size)[:, None]) / box


def least(
    system: Dynamics,
    path: Array,
    counts: Sequence[int] = (12, 24, 48, 96),
    grading: float = 0.0,
    iterations: int = 4000,
) -> tuple[float, Array]:
    """The least action near a path, and its path, with more and more nodes.

    Args:
        system: The dynamics.
        path: ``(m, d)`` points from the start to the end, which stay.
        counts: Numbers of pieces of the splines.
        iterations: Most of L-BFGS, for each number of pieces.
        grading: How much closer the nodes are at the start, see :func:`places`.
    """
    box = np.maximum(np.ptp(path, axis=0), 0.2 * np.ptp(path, axis=0).max())
    found = np.inf
    for n in counts:
        path, splines = redistributed(path, places(n, grading), box), Splines.through(n, grading)
        scale = abs(_action(system, splines, path)[0])

        def value(inner: Array, path: Array = path, splines: Splines = splines, scale: float = scale):
            full = np.vstack([path[:1], inner.reshape(-1, len(box)) * box, path[-1:]])
            s, slope = _action(system, splines, full)
            u, tilt = _unevenness(splines, full, box)
            return s / scale + EVEN * u, ((slope / scale + EVEN * tilt) * box)[1:-1].ravel()

        done = minimize(
            value,
            (path[1:-1] / box).ravel(),
            jac=True,
            method="L-BFGS-B",
            options={
                "maxiter": iterations,
                "maxfun": 2 * iterations,
                "maxcor": 30,
                "ftol": 1e-15,
                "gtol": 1e-10,
            },
        )
        path = np.vstack([path[:1], done.x.reshape(-1, len(box)) * box, path[-1:]])
        found = _action(system, splines, path)[0]
    return found, path


def redistributed(path: Array, along: Array, box: Array) -> Array:
    """Points of a path at fractions of its length, lengths in units of the box."""
    steps = np.sqrt((np.diff(path / box, axis=0) ** 2).sum(axis=1))
    keep = np.concatenate([[True], steps > 0])
    length = np.concatenate([[0], np.cumsum(steps)])[keep]
    return np.stack([np.interp(along * length[-1], length, c) for c in path[keep].T], axis=1)


def straight(start: Array, end: Array) -> Array:
    """The straight path."""
    return np.linspace(0, 1, 50)[:, None] * (end - start) + start


def fallen(system: Dynamics, start: Array, saddle: Array, time: float = 1000.0) -> Array | None:
    """The relaxation from a saddle to an attractor, backwards in time; None if neither side leads there."""
    rates, directions = np.linalg.eig(system.jacobian(saddle[:, None])[:, :, 0])
    direction = np.real(directions[:, np.argmax(rates.real)])
    size = np.linalg.norm(saddle - start)
    for sign in (1, -1):
        near = saddle + sign * 1e-4 * size * direction
        done = solve_ivp(
            lambda t, y: system.drift(y[:, None])[:, 0],
            (0, time / np.max(rates.real)),
            near,
            "LSODA",
            rtol=1e-8,
            atol=1e-10 * size,
        )
        if np.linalg.norm(done.y[:, -1] - start) < 1e-3 * size:
            return np.vstack([start, done.y.T[::-1], saddle])
    return None


def spiral(system: Dynamics, start: Array, end: Array, inner: float = 1e-2) -> Array:
    """The way out of a focus: ``y' = (J + A S⁻¹) y``, the linear instanton, then straight to the end."""
    at = start[:, None]
    jacobian, a = system.jacobian(at)[:, :, 0], np.linalg.inv(system.inverse(at)[:, :, 0])
    outward = jacobian + a @ np.linalg.inv(solve_continuous_lyapunov(jacobian, -a))
    rates = np.linalg.eigvals(outward).real
    times = np.linspace(0, np.log(inner) / rates.min(), 400)
    turn = [expm(t * outward) @ (0.3 * (end - start)) for t in times[::-1]]
    return np.vstack([start, start + np.array(turn), end])


def barrier(
    system: Dynamics, start: Array, saddle: Array, counts: Sequence[int] | None = None, iterations: int = 4000
) -> tuple[float, Array]:
    """The least action from an attractor to a saddle or another point.

    First guesses are the straight path and the way down reversed in time, or a spiral out of a focus.  From a
    focus six digits cannot be had by few nodes: errors of up to 2e-4 remain with the default numbers.
    """
    if turns(system, start):
        return least(
            system, spiral(system, start, saddle), counts or (24, 48, 96, 144), AT_A_FOCUS, iterations
        )
    counts = counts or (12, 24, 48, 96)
    guesses = [straight(start, saddle)]
    ends = np.abs(system.drift(np.stack([saddle, (start + saddle) / 2], axis=1))).max(axis=0)
    down = fallen(system, start, saddle) if ends[0] < 1e-6 * ends[1] else None
    guesses += [] if down is None else [down]
    found = [least(system, guess, counts, grading, iterations) for guess in guesses for grading in AT_A_NODE]
    return min(found, key=lambda one: one[0])


def round_a_cycle(system: Dynamics, start: Array, end: Array) -> Array:
    """Once along the drift from a point of a limit cycle, on until near the end, then straight to it."""
    speed = np.linalg.norm(system.drift(start[:, None]))
    done = solve_ivp(
        lambda t, y: system.drift(y[:, None])[:, 0],
        (0, 200 * np.linalg.norm(end - start) / speed),
        start,
        "LSODA",
        rtol=1e-9,
        atol=1e-10 * np.linalg.norm(end - start),
        max_step=0.02 * np.linalg.norm(end - start) / speed,
    )
    orbit = done.y.T
    far = np.linalg.norm(orbit - start, axis=1)
    left = np.argmax(far > 0.5 * far.max())
    again = left + np.argmax((far[left:-1] < 0.05 * far.max()) & (far[left + 1 :] > far[left:-1]))
    away = np.linalg.norm(orbit[again:] - end, axis=1)
    period = max(int(again), 1)
    nearest = int(again) + int(np.argmin(away[:period]))
    return np.vstack([orbit[: nearest + 1], end])


def turns(system: Dynamics, start: Array) -> bool:
    """Whether an attractor is a focus at which a path turns, by 0.3 or more while it decays by e."""
    rates = np.linalg.eigvals(system.jacobian(start[:, None])[:, :, 0])
    return bool(np.any(np.abs(rates.imag) > 0.3 * np.abs(rates.real)))
