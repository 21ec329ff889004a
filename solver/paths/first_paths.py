"""Where noise acts in some directions only: paths to begin with, and systems on the way to the one wanted.

Hamilton's equations (:mod:`solver.paths.controlled`) are solved from a path that is near.  With momentum it
is the way down from the saddle turned round, exact for noise of equal strength everywhere; from there the
strength is led to what it is.  For other systems a floor is put under A, the path found by its geometric
action, and the floor taken away.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import scipy.integrate

from solver.arrays import Array
from solver.drift.connections import Saddle
from solver.drift.controllability import stable_approach
from solver.drift.lyapunov import hessian
from solver.errors import NotConverged
from solver.hamilton_jacobi.expansion import Expansion
from solver.paths.controlled import BEGIN, END, Way, followed, instanton_of
from solver.paths.driven import DrivenInstanton, Trajectory
from solver.paths.instanton import instanton
from solver.paths.prefactor import Track, evenly
from solver.phase_space import Line, Momentum, phase_parts
from solver.system import System

#: The expansion at the attractor is taken up to this part of the barrier.
BALL = 0.1
#: A way down is followed to this part of the level at which paths begin.
DOWN = 0.25
#: Steps of time of a path of the geometric action: the first nodes of the collocation.
STEPS = 200
#: The first floor, over the mean eigenvalue of A.
FLOOR = 0.1
#: Relative precision of the way down: what is left is mended.
PRECISION = 1e-9
#: Steps of it, in radians of the rotation about the attractor: they are the first nodes of the collocation.
STRIDE = 0.1
#: Longest way down, in units of 1/λ₊ and of the slowest return.
LONGEST = 200.0

#: V near the attractor under a system, up to a level.
Expand = Callable[[System, float], Expansion]


def driven_path(
    system: System, expand: Expand, attractor: Array, saddle: Saddle, sign: float
) -> DrivenInstanton:
    """The path of least action from an attractor to a saddle under a singular A.  Not collective.

    Args:
        system: The system.
        expand: V near the attractor.
        attractor: x̄, ``(d,)``.
        saddle: The saddle.
        sign: The side of it, along its unstable eigenvector, on which the attractor lies.

    Raises:
        NotConverged: If it is not found.
    """
    if system.momentum is not None:
        way, path = _from_equilibrium(system, system.momentum, expand, attractor, saddle, sign)
    else:
        way, path = _from_floor(system, expand, attractor, saddle)
    return instanton_of(way, path)


def _from_equilibrium(
    system: System, momentum: Momentum, expand: Expand, attractor: Array, saddle: Saddle, sign: float
) -> tuple[Way, Trajectory]:
    """With momentum: from noise as strong everywhere as at the attractor."""
    line = momentum.line
    ends = np.stack([attractor, saddle.point], axis=1)
    heights = momentum.balance(*sorted(ends[0]))(ends)
    here = float(line.diffusion(ends[:1, :1])[0, 0, 0])
    climbs = (float(heights[1] - heights[0]), float(np.diff(momentum.energy(ends))[0]) / here)

    def system_of(part: float) -> System:
        if part >= 1.0:
            return system

        def strength(x: Array) -> Array:
            return np.asarray(here ** (1.0 - part) * line.diffusion(x) ** part)

        between = Line(line.loss, line.drift, line.jacobian, strength)
        return System(**phase_parts(between, momentum.friction))

    top = BALL * min(climbs)
    level = BEGIN * min(expand(system_of(part), top).level for part in (0.0, 1.0))

    def tempered(part: float) -> Way:
        other = system_of(part)
        return Way(other, expand(other, top), saddle.point, level)

    level_of_energy = DOWN * level * here
    guess = _turned(system, momentum, attractor, saddle, sign, level_of_energy)
    momenta = momentum.slope(guess.points) * line.diffusion(guess.points[:1])[0, 0] / here
    return followed(tempered, replace(guess, momenta=momenta))


def _turned(
    system: System, momentum: Momentum, attractor: Array, saddle: Saddle, sign: float, level: float
) -> Trajectory:
    """The way down from a saddle to an energy above the attractor, with time and momentum turned round."""
    floor = float(momentum.energy(attractor[:, None])[0]) + level
    rate = saddle.unstable_eigenvalue
    returns = np.linalg.eigvals(system.jacobian(attractor[:, None])[..., 0])
    slowest = min(rate, float(np.min(np.abs(returns.real))))
    longest = LONGEST * rate / slowest
    dense = STRIDE * rate / float(np.max(np.abs(returns)))

    def drift(_: float, x: Array) -> Array:
        return np.asarray(system.drift(x[:, None])[:, 0] / rate)

    def low(_: float, x: Array) -> float:
        return float(momentum.energy(x[:, None])[0]) - floor

    low.terminal = True  # type: ignore[attr-defined]
    length = float(np.linalg.norm(attractor - saddle.point))
    first = saddle.point + 0.5 * END * length * sign * saddle.unstable_eigenvector
    precision = {"rtol": PRECISION, "atol": PRECISION * length, "max_step": dense}
    found = scipy.integrate.solve_ivp(drift, (0.0, longest), first, "DOP853", events=low, **precision)
    if not len(found.t_events[0]):
        raise NotConverged("the way down from the saddle does not end in the well")
    times = (found.t[-1] - found.t[::-1]) / rate
    points = momentum.reversed(found.y.T[::-1]).T
    return Trajectory(times, points, np.zeros_like(points))


def _from_floor(system: System, expand: Expand, attractor: Array, saddle: Saddle) -> tuple[Way, Trajectory]:
    """From noise with a floor, which is then taken away."""
    ends = np.stack([attractor, saddle.point], axis=1)
    floor = FLOOR * float(np.mean(np.trace(system.diffusion(ends)))) / system.dim
    first = system.with_floor(floor)
    # V is not known yet: an order of magnitude by the quadratic at the attractor
    away = saddle.point - attractor
    start = attractor[:, None]
    steep = hessian(first.jacobian(start)[..., 0], first.diffusion(start)[..., 0])
    found = instanton(first, expand(first, 0.5 * BALL * float(away @ steep @ away)), [ends.T])

    def system_of(part: float) -> System:
        return system if part >= 1.0 else system.with_floor(floor * (1.0 - part))

    # once more from as near to the attractor as all systems of the family allow
    top = BALL * found.action
    least = min(expand(system_of(part), top).level for part in (0.0, 1.0))
    found = instanton(first, expand(first, BEGIN * least), [found.points])
    track = evenly(first, found, STEPS)
    guess = _to_the_end(first, track, saddle.point)
    level = float(found.expansion(track.points[:, :1])[0])

    def floored(part: float) -> Way:
        other = system_of(part)
        return Way(other, expand(other, top), saddle.point, level)

    return followed(floored, guess)


def _to_the_end(system: System, track: Track, saddle: Array) -> Trajectory:
    """A path with the rest of its way, along the stable manifold of the saddle to leading order."""
    rate, left, _, gain = stable_approach(system, saddle)
    at = saddle[:, None]
    press = -2.0 * rate / gain * np.outer(left, left)
    values, vectors = np.linalg.eig(system.jacobian(at)[..., 0] + system.diffusion(at)[..., 0] @ press)
    parts = np.linalg.solve(vectors, track.points[:, -1] - saddle)
    count = int(np.ceil(-np.log(END) / rate / track.step))
    y = np.real(vectors @ (parts[:, None] * np.exp(np.outer(values, track.step * np.arange(1, count + 1)))))
    points = np.concatenate([track.points, at + y], axis=1)
    momenta = np.concatenate([track.momenta, press @ y], axis=1)
    return Trajectory(track.step * np.arange(points.shape[1]), points, momenta)
