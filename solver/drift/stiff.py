"""A step of a linearly implicit pair for many trajectories of ``ẋ = b(x)`` at once.

RODAS (:mod:`solver.rodas`) damps fast rates that are negative, however long the step.  It would damp positive
ones and turns as well, were steps not bounded by their error and, where something grows, by its rate: a
trajectory beside an unstable point must leave it.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from solver.arrays import Array, Field
from solver.rodas import COUPLINGS, GAMMA, STAGES

# a step times the rate of what grows fastest; e^{1/2} is met to 10⁻⁴ there
GROWTH = 0.5


def implicit_step(jacobian: Field) -> Callable[[Field, Array, Array, Array], tuple[Array, Array, Array]]:
    """The step of a system with this Jacobian, ``(d, n) -> (d, d, n)``.

    It takes b, points ``(d, n)``, b there and steps ``(n,)`` to the moves, their errors (infinite where the
    step is too long for what grows) and b after them.
    """

    def step(drift: Field, x: Array, slope: Array, step: Array) -> tuple[Array, Array, Array]:
        matrices = np.moveaxis(jacobian(x), -1, 0)
        sound = np.isfinite(matrices).all(axis=(1, 2)) & np.isfinite(step)
        matrices = np.where(sound[:, None, None], matrices, 0.0)
        sound &= np.linalg.eigvals(matrices).real.max(axis=1) * step <= GROWTH
        eye = np.eye(len(x))
        shifted = eye / (GAMMA * step)[:, None, None] - matrices
        inverse = np.linalg.inv(np.where(sound[:, None, None], shifted, eye))
        increments: list[Array] = []
        stage = x
        for number, couplings in enumerate(COUPLINGS):
            if number < len(STAGES):
                stage = x + sum(a * u for a, u in zip(STAGES[number], increments, strict=True))
            else:
                stage = stage + increments[-1]
            before = sum(c * u for c, u in zip(couplings, increments, strict=True)) / step
            value = slope if number == 0 else drift(stage)
            increments.append(np.einsum("nij,jn->in", inverse, value + before))
        new = stage + increments[-1]
        error = np.where(sound, increments[-1], np.inf)
        return new - x, error, drift(new)

    return step
