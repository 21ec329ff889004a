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

#: Steps after which it is asked whether the law moves in that direction at all: it does not where ``v·B⁻¹v``
#: has grown by such a factor, which is that of a diffusion without noise.
PATIENCE = 6
#: Relative size of a step that late which is rounding, for Newton's method would have squared it: near zeros
#: of b the sums that make H lose digits.  The cost is wrong by as much, the momentum by the root of it.
ROUNDING = 1e-8
VANISHED = 1e12
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
    count = velocity.shape[1]
    p = np.zeros_like(velocity) if guess is None else guess.copy()
    rate, settled, dearest = np.zeros(count), np.zeros(count, bool), 0.0
    active, here, v, q = np.arange(count), local, velocity, p
    found, round_ = here.values(q), None
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        for n in range(MOST_STEPS):
            step, rate[active], weak = _step(found, v)
            size = dot(step, np.einsum("ijn,jn->in", found.curvature, step))
            scale = np.abs(dot(q + step, found.velocity)) + np.abs(found.hamiltonian)
            spent = np.abs(dot(q + step, v))
            dearest = max(dearest, float(np.nanmax(spent, initial=0.0)))
            done = (size <= SETTLED**2 * scale) | (size == 0.0)
            done |= (spent <= FREE * dearest) & (size <= 1e-4 * scale)
            lost = ~np.isfinite(size)
            if n >= PATIENCE:
                done |= size <= ROUNDING * scale
                if round_ is None:
                    round_ = _step(here.values(np.zeros_like(q)), v)[2]
                lost |= weak > VANISHED * round_
            p[:, active] = np.where(done & ~lost, q + step, q)
            settled[active] = done & ~lost
            keep = ~(done | lost)
            if not keep.any():
                break
            if keep.sum() < 0.7 * len(keep):
                active, here, v, q = active[keep], here.part(keep), v[:, keep], q[:, keep]
                round_ = None if round_ is None else round_[keep]
                step, keep, found = step[:, keep], np.ones(len(active), bool), here.values(q)
            q, found = _damped(here, q, found, v, np.where(keep, step, 0.0), rate[active])
    return p, rate, settled


def _step(found: Values, velocity: Array) -> tuple[Array, Array, Array]:
    """Newton's step, λ, and ``v·B⁻¹v``."""
    across, along = solve(found.curvature, found.velocity), solve(found.curvature, velocity)
    weak = dot(velocity, along)
    square = (dot(found.velocity, across) - 2.0 * found.hamiltonian) / weak
    # below zero: the expansion is positive everywhere; then to its minimum
    rate = np.sqrt(np.maximum(square, 0.0))
    return rate * along - across, rate, weak


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
