"""Unstable limit cycles as the boundary of a basin, and the cost of leaving over one.

Near an unstable cycle the quasi-potential of the attractor within is ``V = V_c − Ṽ(x)``, with Ṽ the
quasi-potential of the reversed drift −b, for which the cycle is stable: insert V into
``b·∇V + ½∇VᵀA∇V = 0``.  The instanton winds towards the cycle for ever, but from the tube in which the
expansion of Ṽ holds the rest of the way costs Ṽ(x), so that ``V_c = V(x) + Ṽ(x)`` for any x on the inner
surface of the tube (Freidlin and Wentzell, ch. 6; Maier and Stein, Phys. Rev. Lett. 77 (1996) 4860).
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import scipy.integrate

from solver.drift.cycle_passes import CyclePass
from solver.drift.fourier import phases
from solver.drift.tube import tube
from solver.elements.evaluate import evaluate
from solver.hamilton_jacobi.cycle_expansion import CycleExpansion, Local, expand_cycle
from solver.paths.escape_path import Guide, SaddleTarget
from solver.paths.instanton import Instanton
from solver.system import Array, System

# the path ends where |z| is this, between curve and surface of the tube
SHELL = 0.9
PHASES = 64
# the tube is at most such that Ṽ in it is this part of its quadratic at the attractor
REACH = 0.3


@dataclass(frozen=True)
class Gate:
    """One side of an unstable cycle, for one diffusion tensor: Ṽ and the sign of z on this side.

    A :class:`solver.paths.escape_path.Target`: paths to it are cut off where they come near.
    """

    expansion: CycleExpansion
    side: float

    @property
    def points(self) -> Array:
        """Points on this side at which paths are made to end, ``(n, d)``."""
        theta = phases(PHASES)
        return self.expansion.tube.place(theta, np.full((1, PHASES), SHELL * self.side)).T

    def candidates(self, system: System, guide: Guide, expansion: Local) -> list[Array]:
        """First guesses to where V and the rest of the way cost least together.  Collective."""
        shell = self.points
        total = evaluate(guide.field, shell, guide.locator)[:, 0] + self.expansion(shell.T)
        best = int(np.nanargmin(total)) if np.isfinite(total).any() else 0
        return SaddleTarget(shell[best]).candidates(system, guide, expansion)

    def straight(self, expansion: Local) -> Array:
        """From the attractor to where the cycle is nearest."""
        shell = self.points
        away = [float(np.linalg.norm(x - expansion.nearest(x))) for x in shell]
        return SaddleTarget(shell[int(np.argmin(away))]).straight(expansion)

    def finish(self, system: System, path: Instanton) -> Instanton:
        """The path and its way on, with the cost of all the rest."""
        return wound_out(system, path, self)


def gate(system: System, way: CyclePass, index: int, attractor: Array) -> Gate:
    """The side of attractor ``index``, of which a point is given, of an unstable cycle.

    Raises:
        NotConverged: If Ṽ has no local expansion.
    """
    back = system.reversed()
    cycle = replace(
        way.cycle,
        nodes=np.roll(way.cycle.nodes[::-1], 1, axis=0),
        multipliers=1.0 / way.cycle.multipliers,
        kind="attractor",
    )
    reach = float(np.sum(tube(back, cycle, 1.0).coordinates(attractor[:, None])[1] ** 2))
    # the reversed curve has the reversed normal
    return Gate(expand_cycle(back, cycle, REACH * reach), -way.sides[way.between.index(index)])


def wound_out(system: System, path: Instanton, target: Gate) -> Instanton:
    """The path and its way on along ``b + A∇V = b − A∇Ṽ``, with the cost of all the rest."""
    end = path.points[-1]
    rest = float(target.expansion(end[:, None])[0])

    # in units in which the span is one: the first step of the integrator depends on them
    span = 2.0 / target.expansion.rate

    def velocity(_: float, x: Array) -> Array:
        column = x[:, None]
        slope = target.expansion.gradient(column)[:, 0]
        return np.asarray(span * (system.drift(column)[:, 0] - system.diffusion(column)[..., 0] @ slope))

    size = float(np.linalg.norm(end - path.points[0]))
    solution = scipy.integrate.solve_ivp(
        velocity, (0.0, 1.0), end, rtol=1e-6, atol=1e-9 * size, max_step=0.02
    )
    outer = solution.y.T[1:]
    total = path.action + rest
    return replace(
        path,
        action=total,
        uncertainty=path.uncertainty + target.expansion.residual * rest,
        points=np.concatenate([path.points, outer]),
        actions=np.concatenate([path.actions, total - target.expansion(outer.T)]),
    )
