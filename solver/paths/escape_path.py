"""The instanton from an attractor to a saddle, first guesses traced back on an approximation of V."""

from __future__ import annotations

import numpy as np
from dolfinx import fem

from solver.elements.evaluate import Locator, evaluate, evaluate_gradient
from solver.hamilton_jacobi.cycle_expansion import Local
from solver.hamilton_jacobi.monomials import unit_directions
from solver.paths.action import Path, action
from solver.paths.instanton import Instanton, instanton, trace_back
from solver.system import Array, System


def escape_path(
    system: System,
    start: fem.Function,
    expansion: Local,
    saddle: Array,
    locator: Locator,
    step: float,
) -> Instanton:
    """The instanton from an attractor to a saddle.  Collective.

    First guesses: traced back on the start from those points y of a small sphere round the saddle at which
    ``V(y) + S[y → saddle]`` is least among their neighbours (paths may come in from several sides, and the
    symmetric one between them may be a maximum), and the straight line.

    Raises:
        NotConverged: If no path converges.
    """

    def slope(x: Array) -> Array:
        return evaluate_gradient(start, x[None], locator)[0]

    def arrived(x: Array) -> bool:
        return bool(np.sum(expansion.coordinates(x[:, None]) ** 2) < 0.5)

    near = expansion.nearest(saddle)
    gap = float(np.linalg.norm(saddle - near))
    candidates = [np.array([near, saddle])]
    for entry in _entries(system, start, saddle, 0.2 * gap, locator):
        traced = trace_back(slope, system, entry, arrived, step, max_steps=int(20 * gap / step))
        if traced is not None:
            candidates.append(
                np.concatenate([saddle[None], traced, expansion.nearest(traced[-1])[None]])[::-1]
            )
    return instanton(system, expansion, candidates)


def _entries(
    system: System, start: fem.Function, saddle: Array, radius: float, locator: Locator, most: int = 3
) -> list[Array]:
    """Points of a sphere round a saddle through which instantons come in.  Collective."""
    directions = unit_directions(system.dim)
    points = saddle + radius * directions
    straight = [action(system, Path(point, saddle, np.zeros((system.dim, 1)))) for point in points]
    total = evaluate(start, points, locator)[:, 0] + np.array(straight)
    total[np.isnan(total)] = np.inf
    close = directions @ directions.T > 0.9
    best = [n for n in np.argsort(total) if np.isfinite(total[n]) and total[n] <= total[close[n]].min()]
    return [points[n] for n in best[:most]]
