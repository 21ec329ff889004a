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
from dolfinx import fem

from solver.drift.cycle_passes import (
    CyclePass,
)
from solver.drift.fourier import phases
from solver.drift.tube import tube
from solver.elements.evaluate import Locator, evaluate
from solver.hamilton_jacobi.cycle_expansion import CycleExpansion, Local, expand_cycle
from solver.paths.escape_path import escape_path
from solver.paths.instanton import Instanton, instanton
from solver.system import Array, System

# the path ends where |z| is this, between curve and surface of the tube
SHELL = 0.9
PHASES = 64
# the tube is at most such that Ṽ in it is this part of its quadratic at the attractor
REACH = 0.3


@dataclass(frozen=True)
class Gate:
    """One side of an unstable cycle, for one diffusion tensor: Ṽ and the sign of z on this side."""

    expansion: CycleExpansion
    side: float

    def shell(self) -> Array:
        """Points on this side at which paths are made to end, ``(n, d)``."""
        theta = phases(PHASES)
        return self.expansion.tube.place(theta, np.full((1, PHASES), SHELL * self.side)).T


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


def path_to_gate(
    system: System, start: fem.Function, expansion: Local, target: Gate, locator: Locator, step: float
) -> Instanton:
    """The instanton from an attractor to an unstable cycle, cut off where it comes near.  Collective.

    Raises:
        NotConverged: If no path converges.
    """
    shell = target.shell()
    rest = target.expansion(shell.T)
    total = evaluate(start, shell, locator)[:, 0] + rest
    best = int(np.nanargmin(total)) if np.isfinite(total).any() else 0
    path = escape_path(system, start, expansion, shell[best], locator, step)
    return wound_out(system, path, target)


def path_to(
    system: System,
    start: fem.Function,
    expansion: Local,
    target: Array | Gate,
    locator: Locator,
    step: float,
) -> Instanton:
    """The instanton from an attractor to a saddle ``(d,)`` or to an unstable cycle.  Collective.

    Raises:
        NotConverged: If no path converges.
    """
    if isinstance(target, Gate):
        return path_to_gate(system, start, expansion, target, locator, step)
    return escape_path(system, start, expansion, target, locator, step)


def straight_path(system: System, expansion: Local, target: Array | Gate) -> Instanton:
    """The path of least cost near a straight line.

    Raises:
        NotConverged: If its cost does not settle.
    """
    if isinstance(target, Gate):
        shell = target.shell()
        away = [float(np.linalg.norm(x - expansion.nearest(x))) for x in shell]
        end = shell[int(np.argmin(away))]
        return wound_out(
            system, instanton(system, expansion, [np.array([expansion.nearest(end), end])]), target
        )
    return instanton(system, expansion, [np.array([expansion.nearest(target), target])])


def wound_out(system: System, path: Instanton, target: Gate) -> Instanton:
    """The path and its way on along ``b + A∇V = b − A∇Ṽ``, with the cost of all the rest."""
    end = path.points[-1]
    rest = float(target.expansion(end[:, None])[0])

    def velocity(_: float, x: Array) -> Array:
        column = x[:, None]
        slope = target.expansion.gradient(column)[:, 0]
        return np.asarray(system.drift(column)[:, 0] - system.diffusion(column)[..., 0] @ slope)

    span = 2.0 / target.expansion.rate
    solution = scipy.integrate.solve_ivp(
        velocity, (0.0, span), end, rtol=1e-6, atol=1e-9, max_step=0.02 * span
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
