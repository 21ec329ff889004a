"""The sets that are left beside the passes where a case names none: a sublevel set of the loss, and a ball.

With L₀ the loss at the starting attractor x₀, L₁ the least loss at a saddle next to it, and x₁ the nearest of
these saddles,

    {loss < L₀ + 0.8 (L₁ − L₀)},    {|x − x₀| < 0.5 |x₁ − x₀|}.

They take part in the comparison only: a set that cannot be meshed, reaches the boundary of the domain or
holds another attractor is left out.
"""

from __future__ import annotations

import numpy as np

from cases.base.errors import CaseError
from cases.base.numbers import point
from cases.casefile.exit_table import BallTable
from cases.contracts.values import vector
from cases.landscapes.landscape import Landscape
from cases.stages.base.stage import Setting
from cases.stages.exits.sets import ExitSet, ball_level, check_set
from solver.system import Array

LEVEL, REACH = 0.8, 0.5
NAMES = ("level", "ball")


def default_sets(setting: Setting) -> list[ExitSet]:
    """Those of the two sets that can be had; none unless noises are compared in one or two dimensions.

    Collective.
    """
    case, landscape, places = setting.case, setting.landscape, setting.places
    wanted = case.compare.sets and not case.exits and len(setting.noises) > 1 and case.compare.epsilon
    if not wanted or case.dim > 2 or landscape.loss is None or not places.attractors:
        return []
    start = places.attractors[places.start]
    near = [s.point for s in places.saddles if s.saddle is not None and places.start in s.between]
    if start.fixed_point is None or not near:
        return []
    found = []
    for one in (
        _level(landscape, places.start, start.point, near),
        _ball(places.start, start.point, near),
    ):
        try:
            check_set(setting, f"exit '{one.name}'", one)
        except CaseError:
            continue
        found.append(one)
    return found


def _level(landscape: Landscape, index: int, start: Array, near: list[Array]) -> ExitSet:
    loss = landscape.loss
    assert loss is not None
    bottom = float(loss(start[:, None])[0])
    bound = bottom + LEVEL * (float(np.min(loss(np.array(near).T))) - bottom)
    return ExitSet(
        NAMES[0],
        f"loss < {bound:.5g}",
        lambda x: loss(x) - bound,
        None,
        None,
        index,
        False,
        False,
    )


def _ball(index: int, start: Array, near: list[Array]) -> ExitSet:
    radius = REACH * min(float(np.linalg.norm(saddle - start)) for saddle in near)
    centre = "x" if not start.any() else f"x − {point(vector(start))}"
    return ExitSet(
        NAMES[1],
        f"|{centre}| < {radius:.4g}",
        ball_level(start, radius),
        None,
        BallTable(centre=vector(start), radius=radius),
        index,
        False,
        False,
    )
