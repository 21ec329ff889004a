"""The subsolution that climbs most: V as the maximum of a convex problem.

For a convex Hamiltonian the least action from a to s over paths in a domain is

    V(a, s) = max { U(s) − U(a) : H(x, ∇U(x)) ≤ 0 in the domain },

the maximum over Lipschitz functions U (Fathi, *Weak KAM theorem in Lagrangian dynamics*, ch. 4; Ishii,
Mitake, Indiana Univ. Math. J. 56 (2007) 2159).  It is attained by V itself, but by many others as well, for
the condition binds on the paths of least action only: elsewhere there is room, and a smooth U will do where V
has kinks.  Here U is a spline, and the condition is imposed at points of every cell; what was found is
checked on more points in :mod:`solver.laws.lower_bound`.

Primal–dual interior-point method (Nocedal and Wright, *Numerical optimization*, ch. 19): with slacks s and
multipliers λ of the conditions ``H_j + m h_j + s_j = 0``, Newton's method for

    Σ_j λ_j ∇H_j = ∇(U(s) − U(a)),     s_j λ_j = μ,

as μ goes down, not to 0 but to where U climbs a little less than it could and keeps off all conditions.  It
starts from U = 0, where they hold with equality.  ``h = ½ b·A⁻¹b`` is their scale: −H of the diffusion at its
lowest.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import scipy.sparse as sp
import scipy.sparse.linalg

from solver.arrays import Array
from solver.laws.law import Law, Local, Values
from solver.laws.spline_grid import SplineGrid, mesh_points

#: Points in a cell along each axis: with two a cubic spline swings between them.
POINTS = 3
#: Radii of more points round the zeros of b, in units of a cell, and how many on each.
RADII, ROUND = (0.02, 0.1, 0.25, 0.5, 0.8, 1.2), 24
#: μ goes down by such factors, to the sum ``Σ s λ`` of this part of the barrier.
FASTER, SLACK = 0.15, 5e-3
#: m: room for what happens between the points; it costs a quarter of it of the barrier.
MARGIN = 2e-3
#: Newton steps; some 20 to 35 are needed.
MOST_STEPS = 80
#: Relative changes of the climb after which it is steady: the check decides, not these digits.
STEADY = 1e-5
#: Part of the way to the edge of what is allowed.
PART = 0.99
#: Part of the mean variances added to A, where it is singular, for the scale h.
ADDED = 1e-3
#: Levels of U at which the path of least action is looked for.
LEVELS = 20


@dataclass(frozen=True)
class Subsolution:
    """A function of which ``H(x, ∇U) ≤ 0`` at the points that were asked.

    Attributes:
        grid: Its cells.
        coefficients: Of its splines; U is 0 at the start.
        climb: U at the end.
        line: Points ``(n, d)`` from the start to the end, in the middle of where the conditions bind: the
            multipliers are the times that paths of least action spend near the points.
    """

    grid: SplineGrid
    coefficients: Array
    climb: float
    line: Array

    def __call__(self, x: Array) -> tuple[Array, Array]:
        """U, ``(N,)``, and ∇U, ``(d, N)``, at points ``(d, N)``."""
        values, slopes = self.grid.matrices(x)
        return values @ self.coefficients, np.array([slope @ self.coefficients for slope in slopes])


@dataclass(frozen=True)
class _Problem:
    """The conditions, and what is to be maximised."""

    points: Array
    local: Local
    slopes: list[sp.csr_matrix]
    scale: Array
    objective: Array
    fixed: sp.csr_matrix

    def at(self, u: Array) -> Values:
        return self.local.values(np.array([slope @ u for slope in self.slopes]))

    def across(self, field: Array) -> Array:
        """``Σ_j ∇_u(∇U(x_j))·field_j``."""
        return np.asarray(sum(slope.T @ part for slope, part in zip(self.slopes, field, strict=True)))


def largest_subsolution(
    law: Law, grid: SplineGrid, start: Array, end: Array, zeros: Sequence[Array], size: float
) -> Subsolution:
    """A subsolution with nearly the largest climb from ``start`` to ``end``.  Not collective.

    Where Newton's method does not settle what it had last is returned: a check has to follow anyway.

    Args:
        law: The law.
        grid: Cells of the domain.
        start: An attractor, ``(d,)``.
        end: Where U is to be large, ``(d,)``.
        zeros: Zeros of the drift in the domain, where ∇U has to vanish.
        size: An upper bound of the climb, its unit.
    """
    problem = _problem(law, grid, start, end, zeros)
    count = len(problem.scale)
    u: Array = np.zeros(len(problem.objective))
    y: Array = np.zeros(problem.fixed.shape[0])
    values = problem.at(u)
    s: Array = problem.scale.copy()
    weight: Array = size / (count * s)
    before = np.inf
    for _ in range(MOST_STEPS):
        rest = values.hamiltonian + MARGIN * problem.scale + s
        gap, climb = float(s @ weight), float(problem.objective @ u)
        done = gap < 1.5 * SLACK * size and weight @ np.abs(rest) < 10 * STEADY * size
        if done and abs(climb - before) < STEADY * size:
            break
        before = climb
        found = _step(problem, values, (u, y, s, weight), rest, max(FASTER * gap, SLACK * size) / count)
        if found is None:
            break
        (du, dy, ds, dw), move = found, 1.0
        move = min(1.0, _longest(s, ds))
        for _ in range(30):
            there = problem.at(u + move * du)
            left = there.hamiltonian + MARGIN * problem.scale + s + move * ds
            # what is missed of the conditions, in units of what is maximised
            if weight @ np.abs(left) <= max(weight @ np.abs(rest), gap):
                break
            move *= 0.5
        u, values = u + move * du, there
        s = np.maximum(s + move * ds, -there.hamiltonian - MARGIN * problem.scale)
        back = min(1.0, _longest(weight, dw))
        weight, y = weight + back * dw, y + back * dy
    best = Subsolution(grid, u, float(problem.objective @ u), np.stack([start, end]))
    return replace(best, line=_line(best, problem.points, weight * problem.scale))


def _line(found: Subsolution, x: Array, weight: Array) -> Array:
    """The mean of points at many levels of U, with the squares of weights, so that the largest decide."""
    levels = np.floor(found(x)[0] / max(found.climb, 1e-300) * LEVELS).astype(int)
    inner = []
    for level in range(1, LEVELS - 1):
        here = levels == level
        if here.any():
            share = (weight[here] / weight[here].max()) ** 2
            inner.append(x[:, here] @ share / share.sum())
    return np.stack([found.line[0], *inner, found.line[1]])


def _problem(law: Law, grid: SplineGrid, start: Array, end: Array, zeros: Sequence[Array]) -> _Problem:
    points = [mesh_points(grid.axes(POINTS)), *(grid.round(zero, RADII, ROUND) for zero in zeros)]
    x = np.concatenate(points, axis=1)
    local = law.at(x)
    still = local.values(np.zeros_like(x))
    tensor = np.moveaxis(still.curvature, -1, 0)
    tensor = tensor + ADDED * np.diag(np.diag(tensor.mean(axis=0)))
    scale = 0.5 * np.einsum("in,nij,jn->n", still.velocity, np.linalg.inv(tensor), still.velocity)
    # a point on a zero itself says nothing
    used = scale > 1e-14 * scale.max()
    ends, _ = grid.matrices(np.stack([start, end], axis=1))
    _, flat = grid.matrices(np.stack([*zeros], axis=1))
    _, slopes = grid.matrices(x[:, used])
    objective = np.asarray((ends[1] - ends[0]).todense())[0]
    fixed = sp.vstack([*flat, ends[:1]]).tocsr()
    return _Problem(x[:, used], local.part(used), slopes, scale[used], objective, fixed)


def _step(
    problem: _Problem, values: Values, state: tuple[Array, Array, Array, Array], rest: Array, mu: float
) -> tuple[Array, Array, Array, Array] | None:
    """Newton's step for u, y, s and λ; None where its matrix is singular."""
    u, y, s, weight = state
    along, slopes, dim = values.velocity, problem.slopes, len(values.velocity)
    metric = weight * values.curvature + weight / s * along[:, None] * along[None]
    hessian = sum(slopes[i].T @ sp.diags(metric[i, j]) @ slopes[j] for i in range(dim) for j in range(dim))
    # splines that no condition sees are left where they are
    hessian = hessian + 1e-13 * abs(hessian.diagonal()).max() * sp.eye(len(u))
    right = problem.objective - problem.fixed.T @ y - problem.across((mu / s + weight / s * rest) * along)
    matrix = sp.bmat([[hessian, problem.fixed.T], [problem.fixed, None]]).tocsc()
    try:
        found = scipy.sparse.linalg.splu(matrix).solve(np.concatenate([right, -(problem.fixed @ u)]))
    except RuntimeError:
        return None
    du, dy = found[: len(u)], found[len(u) :]
    if not np.isfinite(du).all():
        return None
    ds = -rest - sum(part * (slope @ du) for part, slope in zip(along, slopes, strict=True))
    return du, dy, ds, -weight + mu / s - weight / s * ds


def _longest(value: Array, step: Array) -> float:
    """How far a positive quantity may go along a step."""
    down = step < 0
    return float(np.min(-PART * value[down] / step[down], initial=np.inf))
