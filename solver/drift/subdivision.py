"""All zeros of a vector field in a box by branch and exclude, many boxes at a time.

On a box with centre c and half-widths h, the mean value theorem gives
``b(x) = b(c) + M (x - c)`` where M is a mean of Jacobians over the box.  With ``|M - J(c)| ≤ R``
(entry by entry) two tests decide the fate of a box:

exclusion
    no zero if, for some i, ``|b_i(c)| > Σ_j (|J_ij(c)| + R_ij) h_j``, or the same for ``P b`` with
    ``P = J(c)^-1``, where the bound is ``h_i + Σ_j (|P| R)_ij h_j`` (Krawczyk 1969);
uniqueness
    with ``κ = max_i Σ_j (|P| R)_ij h_j / h_i ≤ 1/3`` on the box of twice the size, ``x - P b(x)`` is
    a contraction there, so it holds at most one zero, and the iteration projected onto the box
    (which does not increase distances in the weighted maximum norm) finds it.

Every box is excluded, solved, or split into 2^d.  R comes from Jacobians sampled in the doubled box,
times a safety factor, so the search is exhaustive for drifts that the first grid of cells resolves;
it is not interval arithmetic.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from itertools import product

import numpy as np
from numpy.typing import NDArray

from solver.arrays import Array, Field
from solver.errors import DegenerateFixedPoints, NotConverged
from solver.system import System
from solver.units import Units

Mask = NDArray[np.bool_]
Inside = Callable[[Array], Mask]

SAFETY = 1.5
CONTRACTION = 1.0 / 3.0
DEPTH = 24
# Points on a zero, in units of the domain's widths: twice this apart they are the same zero.
RESOLUTION = 1e-9
FACE = 1e-9


@dataclass(frozen=True)
class Search:
    """What to search: zeros of ``drift`` in ``lower ≤ ξ ≤ upper``.

    Attributes:
        system: The system, in units in which the box is of size one.
        lower, upper: Corners of the box, ``(d,)``.
        inside: Mask of the part of it that is searched.
        budget: Largest number of points at which anything is evaluated.
        units: The units, for messages.
    """

    system: System
    lower: Array
    upper: Array
    inside: Inside | None
    budget: int
    units: Units

    @property
    def widths(self) -> Array:
        """Side lengths of the box, ``(d,)``."""
        return self.upper - self.lower


def zeros_in_box(search: Search, cells: int) -> Array:
    """Return all zeros in the box, ``(d, n)``, starting from ``cells`` cells along each axis.

    Raises:
        DegenerateFixedPoints: boxes remain that can be neither excluded nor solved because the
            Jacobian is singular at the zeros in them.
        NotConverged: the budget of points ran out for another reason.
    """
    dim = search.system.dim
    half = search.widths / (2 * cells)
    axes = [search.lower[i] + half[i] * (2 * np.arange(cells) + 1) for i in range(dim)]
    centres = np.stack([a.ravel() for a in np.meshgrid(*axes, indexing="ij")])
    offsets = np.array(list(product((-0.5, 0.5), repeat=dim))).T
    found: list[Array] = []
    spent = 0
    for _ in range(DEPTH):
        spent += centres.shape[1] * (_pattern(dim).shape[1] + 1)
        if spent > search.budget:
            break
        keep, solved, inverses = _classify(search, centres, half)
        if solved.any():
            found.append(_solve(search, centres[:, solved], inverses[:, :, solved], half))
        centres = centres[:, keep]
        if centres.shape[1] == 0:
            return _distinct(np.concatenate([np.empty((dim, 0)), *found], axis=1), search.widths)
        centres = (centres[:, :, None] + (half[:, None] * offsets)[:, None, :]).reshape(dim, -1)
        half = half / 2
    raise _unresolved(search, centres, half)


def newton(drift: Field, jacobian: Field, points: Array, steps: int = 8, sizes: Array | None = None) -> Array:
    """Polish zeros ``(d, n)`` by Newton's method, keeping a step only where it lowers |b|.

    ``sizes`` are the units of the coordinates, ``(d,)``, in which |b| is meant.
    """
    size = np.ones((len(points), 1)) if sizes is None else sizes[:, None]
    value = drift(points)
    for _ in range(steps):
        matrix = jacobian(points) * size / size[:, :, None]
        step = size * _apply(_inverse(matrix)[0], value / size)
        trial = points - step
        trial_value = drift(trial)
        better = np.linalg.norm(trial_value / size, axis=0) < np.linalg.norm(value / size, axis=0)
        points, value = np.where(better, trial, points), np.where(better, trial_value, value)
        if not better.any():
            break
    return points


def _pattern(dim: int) -> Array:
    """Sample offsets in units of h: corners of the doubled box, and points inside, off its grid."""
    corners = np.array(list(product((-2.0, 2.0), repeat=dim)))
    inner = 1.236 * np.concatenate([np.eye(dim), -np.eye(dim)])
    return np.concatenate([corners, inner]).T


def _classify(search: Search, centres: Array, half: Array) -> tuple[Mask, Mask, Array]:
    """Return which boxes to split, which to solve, and the inverse Jacobians at the centres."""
    dim, count = centres.shape
    lower, upper = search.lower[:, None], search.upper[:, None]
    pattern = _pattern(dim)
    samples = (centres[:, :, None] + (half[:, None] * pattern)[:, None, :]).reshape(dim, -1)
    # The domain's edge is the edge of what is known: nothing is evaluated beyond it.
    samples = np.clip(samples, lower, upper)
    with np.errstate(all="ignore"):
        value = search.system.drift(centres)
        jac = search.system.jacobian(centres)
        around = search.system.jacobian(samples).reshape(dim, dim, count, -1)
    finite = np.isfinite(value).all(axis=0) & np.isfinite(around).all(axis=(0, 1, 3))
    finite &= np.isfinite(jac).all(axis=(0, 1))
    jac = np.where(finite, jac, 0.0)
    radius = SAFETY * np.abs(around - jac[..., None]).max(axis=-1)
    inverse, regular = _inverse(jac)
    reach = np.einsum("ijn,j->in", np.abs(jac) + radius, half)
    spread = np.einsum("ijn,jkn,k->in", np.abs(inverse), np.where(finite, radius, 1.0), half)
    newton_step = np.abs(_apply(inverse, np.where(finite, value, 0.0)))
    # a zero on the common face of two boxes must not be rounded out of both
    excluded = (np.abs(value) > (1 + FACE) * reach).any(axis=0)
    excluded |= regular & (newton_step > (1 + FACE) * half[:, None] + spread).any(axis=0)
    excluded &= finite
    unique = finite & regular & (spread <= CONTRACTION * half[:, None]).all(axis=0) & ~excluded
    keep = ~excluded & ~unique
    if search.inside is not None:
        outside = ~search.inside(samples).reshape(count, -1).any(axis=1) & ~search.inside(centres)
        keep &= ~outside
        unique &= ~outside
    return keep, unique, inverse


def _solve(search: Search, centres: Array, inverses: Array, half: Array) -> Array:
    """Return the zeros in the doubled boxes ``centres ± 2 half`` that lie in the domain."""
    low = np.maximum(centres - 2 * half[:, None], search.lower[:, None])
    high = np.minimum(centres + 2 * half[:, None], search.upper[:, None])
    points = centres
    for _ in range(40):  # 3^-40 of a box is below rounding; Newton polishes what is left
        moved = np.clip(points - _apply(inverses, search.system.drift(points)), low, high)
        change = np.abs((moved - points) / search.widths[:, None]).max()
        points = moved
        if change < 1e-12:
            break
    left = np.abs(_apply(inverses, search.system.drift(points))) / search.widths[:, None]
    return points[:, (left < RESOLUTION).all(axis=0)]


def _distinct(points: Array, widths: Array) -> Array:
    """Drop repeated zeros (one may lie in the doubled boxes of several neighbours)."""
    kept: list[int] = []
    for n in range(points.shape[1]):
        apart = np.abs((points[:, kept] - points[:, [n]]) / widths[:, None]).max(axis=0, initial=0.0)
        if (apart > 2 * RESOLUTION).all():
            kept.append(n)
    return points[:, kept]


def _inverse(jac: Array) -> tuple[Array, Mask]:
    """Invert ``(d, d, n)`` Jacobians; return the inverses (0 where singular) and where they exist."""
    matrices = np.moveaxis(jac, -1, 0)
    scale = np.linalg.norm(matrices, axis=(1, 2), ord="fro") if matrices.size else np.zeros(len(matrices))
    dim = jac.shape[0]
    regular = np.abs(np.linalg.det(matrices)) > 1e-13 * scale**dim
    safe = np.where(regular[:, None, None], matrices, np.eye(dim))
    inverse = np.where(regular[:, None, None], np.linalg.inv(safe), 0.0)
    return np.moveaxis(inverse, 0, -1), regular


def _apply(matrices: Array, vectors: Array) -> Array:
    return np.einsum("ijn,jn->in", matrices, vectors)


def _unresolved(search: Search, centres: Array, half: Array) -> Exception:
    """Tell a degenerate zero from a search that was too small."""
    with np.errstate(all="ignore"):
        value, jac = search.system.drift(centres), search.system.jacobian(centres)
    if not np.isfinite(value).all() or not np.isfinite(jac).all():
        where = centres[:, ~(np.isfinite(value).all(axis=0) & np.isfinite(jac).all(axis=(0, 1)))][:, 0]
        return NotConverged(f"the drift or its Jacobian is not finite near {_text(search, where)}")
    scaled = np.moveaxis(jac * half[None, :, None], -1, 0)
    singular = np.linalg.svd(scaled, compute_uv=False)
    # Far from regular: over the box, the smallest singular direction moves b by less than the rest.
    near = np.linalg.norm(value, axis=0) <= 2 * singular.sum(axis=1) + np.finfo(float).tiny
    flat = near & (singular[:, -1] <= 0.1 * singular[:, 0] if search.system.dim > 1 else near)
    if flat.sum() >= 0.5 * flat.size:
        n = np.argmin(np.linalg.norm(value, axis=0))
        kind = "on a curve or a region" if flat.size > 8 * 4**search.system.dim else "at a point"
        return DegenerateFixedPoints(
            f"the drift vanishes {kind} near {_text(search, centres[:, n])} with a singular Jacobian "
            f"({flat.size} cells left): there is no isolated attractor there; restrict the domain, "
            "or add the term that selects a point (weight decay, effective loss)"
        )
    return NotConverged(
        f"the search for fixed points used its {search.budget} points with {centres.shape[1]} cells "
        f"left, near {_text(search, centres[:, 0])}: shrink the domain"
    )


def _text(search: Search, point: Array) -> str:
    return "(" + ", ".join(f"{x:.6g}" for x in search.units.outward(point)) + ")"
