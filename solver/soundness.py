"""Whether drift and diffusion can be solved with: finite, and a covariance, at given points.

What is wrong is said in words, with what to do, for whoever has a file or an argument to name beside it.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from solver.arrays import Array
from solver.system import System

# asymmetry and negative eigenvalues up to this part of the largest entry are rounding
ROUNDING = 1e-12


class Fault(NamedTuple):
    """What is wrong, and what to do about it."""

    problem: str
    fix: str


def at_point(x: Array) -> str:
    """A point as people write it."""
    return "(" + ", ".join(f"{value:.6g}" for value in x) + ")"


def drift_fault(what: str, values: Array, points: Array) -> Fault | None:
    """Values ``(…, N)`` of the drift, or of its derivative, must be finite at points ``(d, N)``."""
    bad = ~np.isfinite(values).all(axis=tuple(range(values.ndim - 1)))
    if not bad.any():
        return None
    at = at_point(points[:, int(np.argmax(bad))])
    return Fault(f"the {what} is not finite at {at}", "change the expression or the domain")


def tensor_fault(
    tensors: Array, points: Array, floor: str = "", *, some_directions: bool = False
) -> Fault | None:
    """Tensors ``(d, d, N)`` must be finite, symmetric and positive definite at points ``(d, N)``.

    Args:
        tensors: A.
        points: Where.
        floor: How a multiple of the identity is added to A, to be suggested.
        some_directions: Noise that acts in some directions only will do: an A that has no full rank at any
            point, and vanishes at none.  Whether the drift hands it on is another question
            (:mod:`solver.drift.controllability`).  One that loses its rank at some points will not do.
    """
    finite = np.isfinite(tensors).all(axis=(0, 1))
    if not finite.all():
        at = at_point(points[:, int(np.argmin(finite))])
        return Fault(f"A is not finite at {at}", "change A or the domain")
    size = np.abs(tensors).max(axis=(0, 1))
    skew = np.abs(tensors - tensors.transpose(1, 0, 2)).max(axis=(0, 1))
    if (skew > ROUNDING * size).any():
        at = at_point(points[:, int(np.argmax(skew - ROUNDING * size))])
        return Fault(f"A is not symmetric at {at}", "make entry [i][j] equal to entry [j][i]")
    smallest = np.linalg.eigvalsh(np.moveaxis(tensors, 2, 0))[:, 0]
    if some_directions and (size > 0.0).all() and (np.abs(smallest) <= ROUNDING * size).all():
        return None
    if (smallest <= ROUNDING * size).any():
        k = int(np.argmin(smallest))
        return Fault(
            f"A is not positive definite at {at_point(points[:, k])}: smallest eigenvalue {smallest[k]:.3g}",
            f"change A or the domain, or add {floor or 'a floor'}",
        )
    return None


def divergence_fault(values: Array, points: Array) -> Fault | None:
    """∇·A, ``(d, N)``, must be finite at points ``(d, N)``."""
    bad = ~np.isfinite(values).all(axis=0)
    if not bad.any():
        return None
    at = at_point(points[:, int(np.argmax(bad))])
    return Fault(f"the divergence of A is not finite at {at}", "change A or the domain")


def fault(
    system: System, points: Array, *, noise: bool = True, some_directions: bool = False
) -> Fault | None:
    """The first thing that is wrong with a system at points ``(d, N)``; None if there is nothing.

    Args:
        system: The system.
        points: Where it is looked at.
        noise: Whether its diffusion matters.
        some_directions: As in :func:`tensor_fault`.
    """
    found = drift_fault("drift", system.drift(points), points)
    found = found or drift_fault("derivative of the drift", system.jacobian(points), points)
    if found is not None or not noise:
        return found
    tensors, floor = system.diffusion(points), "system.with_floor(delta)"
    found = tensor_fault(tensors, points, floor, some_directions=some_directions)
    return found or divergence_fault(system.divergence(points), points)


def box_sample(bounds: tuple[tuple[float, float], ...] | list[list[float]]) -> Array:
    """A grid over a box, its boundary included, ``(d, N)``, on which systems are looked at."""
    per_axis = {1: 401, 2: 41, 3: 21}[len(bounds)]
    axes = [np.linspace(lower, upper, per_axis) for lower, upper in bounds]
    return np.stack([axis.ravel() for axis in np.meshgrid(*axes, indexing="ij")])
