"""Laws whose quasi-potentials are known, or easily had in another way."""

from __future__ import annotations

import numpy as np

from solver.laws.cumulant import CumulantLaw
from solver.laws.jumps import JumpLaw
from solver.system import Array

ONE_STEP = np.array([[1.0], [-1.0]])


def births_and_deaths() -> JumpLaw:
    """Births x, deaths x²: p* = ln x, V from 1 to 0 is 1."""
    return JumpLaw(
        ONE_STEP,
        lambda x: np.stack([x[0], x[0] ** 2]),
        lambda x: np.stack([np.ones_like(x), 2 * x]),
    )


def epidemic(r: float = 2.0) -> JumpLaw:
    """Susceptible–infected–susceptible: r x (1 − x) and x, rates linear at 0."""
    return JumpLaw(
        ONE_STEP,
        lambda x: np.stack([r * x[0] * (1 - x[0]), x[0]]),
        lambda x: np.stack([r * (1 - 2 * x), np.ones_like(x)]),
    )


def schlogl() -> JumpLaw:
    """Two stable populations at 1 and 4 with a threshold at 2: b = −(x−1)(x−2)(x−4)/4."""

    def rates(x: Array) -> Array:
        return np.stack([7 * x[0] ** 2 / 4 + 2.0, x[0] ** 3 / 4 + 14 * x[0] / 4])

    def slopes(x: Array) -> Array:
        return np.stack([14 * x / 4, 3 * x**2 / 4 + 14 / 4])

    return JumpLaw(ONE_STEP, rates, slopes)


def double_well_sample(steep: Array, shift: Array, delta: float = 1.0) -> CumulantLaw:
    """n samples in one coordinate, ``f_i = −s_i (x³ − x) + c_i``, scaled by δ about their mean.

    The noise level is scaled back by δ², so that the diffusion is the same for every δ.
    """
    steep, shift = steep - steep.mean(), shift - shift.mean()

    def fields(x: Array) -> Array:
        bend = x[0] ** 3 - x[0]
        return (-bend + delta * (-steep[:, None] * bend + shift[:, None]))[:, None]

    def jacobian(x: Array, w: Array) -> Array:
        slopes = -(1 + delta * steep[:, None]) * (3 * x[0] ** 2 - 1)
        return np.asarray(np.sum(w * slopes, axis=0)[None, None])

    return CumulantLaw(1, fields, jacobian, delta**-2)


def turned_product(angle: float, width: float = 1.5) -> CumulantLaw:
    """Four samples: a double well along one axis and a spring across it, noises ±1 and ±width, turned.

    H = (x − x³)p + log cosh p − yq + log cosh(width q): V from (−1, 0) to (0, 0) is that of the first alone.
    """
    turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    kicks = np.array([[a, b] for a in (-1.0, 1.0) for b in (-width, width)])

    def fields(x: Array) -> Array:
        u, v = turn.T @ x
        own = np.stack([u - u**3, -v])[None] + kicks[:, :, None]
        return np.asarray(np.einsum("ij,mjn->min", turn, own))

    def jacobian(x: Array, w: Array) -> Array:
        u = (turn.T @ x)[0]
        own = np.zeros((2, 2, len(u)))
        own[0, 0], own[1, 1] = 1 - 3 * u**2, -1.0
        return np.einsum("ij,jkn,lk->iln", turn, own, turn)

    return CumulantLaw(2, fields, jacobian)
