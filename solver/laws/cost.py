"""The cost of directions: ``ℓ(x, v) = max {p·v : H(x, p) ≤ 0} = inf over speeds s > 0 of L(x, s v)/s``.

It is homogeneous in v, so that ``S[φ] = ∫ ℓ(φ, φ') ds`` does not depend on how the path is parametrised, and
V is its infimum over paths from the attractor (Heymann and Vanden-Eijnden, Comm. Pure Appl. Math. 61 (2008),
sec. 2; Grafke, Schäfer, Vanden-Eijnden 2017).  At the maximum ``H = 0`` and ``∂H/∂p = λ v``, and

    ∂ℓ/∂v = p,        ∂ℓ/∂x = −(1/λ) ∂H/∂x.

Newton's method solves the problem with H replaced by its second-order expansion, exactly:

    p ← p + B⁻¹(λ v − ∂H/∂p),   λ² = (∂H/∂p·B⁻¹∂H/∂p − 2H)/(v·B⁻¹v),   B = ∂²H/∂p²,

and is damped by the exact penalty function ``−p·v + (2/λ) max(H, 0)``, which each of its steps decreases for
a convex H.  From p = 0 the first step gives the momentum of the diffusion with the same b and A.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from solver.arrays import Array
from solver.laws.law import HALVINGS, MOST_STEPS, SETTLED, Law, Local, Values, dot, solve

#: Points that cost this much less than the dearest one need no digits: near zeros of b all is rounding.
FREE = 1e-12


@dataclass(frozen=True)
class Cost:
    """The cost of directions at N points, and its derivatives.

    Attributes:
        value: ℓ, ``(N,)``; infinite where the law has no motion in the direction v.
        momentum: p = ∂ℓ/∂v, ``(d, N)``.
        by_position: ∂ℓ/∂x, ``(d, N)``.
    """

    value: Array
    momentum: Array
    by_position: Array


def cost(law: Law, x: Array, velocity: Array, guess: Array | None = None) -> Cost:
    """ℓ and its derivatives.

    Args:
        law: The law.
        x: Points ``(d, N)``.
        velocity: v, ``(d, N)``, not zero.
        guess: Momenta to start from; default 0.
    """
    local = law.at(x)
    p, rate, settled = momentum(local, velocity, guess)
    value = np.where(settled, dot(p, velocity), np.inf)
    with np.errstate(divide="ignore", invalid="ignore"):
        by_position = np.where(rate > 0, -local.slope(p) / rate, 0.0)
    return Cost(value, p, by_position)


def momentum(local: Local, velocity: Array, guess: Array | None = None) -> tuple[Array, Array, Array]:
    """The momentum of directions.

    Args:
        local: The Hamiltonian at N points.
        velocity: v, ``(d, N)``.
        guess: Momenta to start from; default 0.

    Returns:
        p, ``(d, N)``, λ, ``(N,)``, and where Newton's method settled, ``(N,)``; where it did not, no tilt of
        the law moves in that direction.
    """
    p = np.zeros_like(velocity) if guess is None else guess
    found = local.values(p)
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        for _ in range(MOST_STEPS):
            step, rate = _step(found, velocity)
            size = dot(step, np.einsum("ijn,jn->in", found.curvature, step))
            scale = np.abs(dot(p + step, found.velocity)) + np.abs(found.hamiltonian)
            settled = (size <= SETTLED**2 * scale) | (size == 0.0)
            spent = np.abs(dot(p + step, velocity))
            settled |= (spent <= FREE * np.nanmax(spent)) & (size <= 1e-4 * scale)
            lost = ~np.isfinite(size)
            if (settled | lost).all():
                break
            p, found = _damped(local, p, found, velocity, np.where(lost, 0.0, step), rate)
    return p + np.where(lost, 0.0, step), rate, settled & ~lost


def _step(found: Values, velocity: Array) -> tuple[Array, Array]:
    """Newton's step and λ."""
    across, along = solve(found.curvature, found.velocity), solve(found.curvature, velocity)
    square = (dot(found.velocity, across) - 2.0 * found.hamiltonian) / dot(velocity, along)
    # below zero: the expansion is positive everywhere; then to its minimum
    rate = np.sqrt(np.maximum(square, 0.0))
    return rate * along - across, rate


def _damped(
    local: Local, p: Array, found: Values, velocity: Array, step: Array, rate: Array
) -> tuple[Array, Values]:
    """The step, halved where it does not decrease the penalty function."""

    def merit(q: Array, values: Values) -> Array:
        over = np.maximum(values.hamiltonian, 0.0)
        return np.asarray(np.where(rate > 0, 2.0 * over - rate * dot(q, velocity), over))

    before = merit(p, found)
    slack = 1e-13 * (np.abs(before) + np.abs(found.hamiltonian) + np.abs(dot(p, found.velocity)))
    move: Array = np.ones(len(before))
    for _ in range(HALVINGS):
        trial = p + move * step
        there = local.values(trial)
        worse = ~(merit(trial, there) <= before + slack)
        if not worse.any():
            break
        move = np.where(worse, 0.5 * move, move)
    return trial, there
