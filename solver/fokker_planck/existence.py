"""Whether there is a stationary density at all: its tail, and collapse onto an attractor.

On a box with reflecting walls there always is one.  Whether it is a part of a density on the whole space is
seen from its octaves: with ρ(x) the size of the box round a centre on whose boundary x lies (1: the box),

    m_n = ∫_{2^{−n−1} < ρ ≤ 2^{−n}} p dx,        p ~ r^{−a}:  m_0/m_1 = 2^{d−a}.

Only if the masses fall outwards, ``m_0 < m_1``, can they have a finite sum; ``E r^k`` is finite if in
addition ``m_0/m_1 < 2^{−k}``.

At the other end, where A vanishes at an attractor the point itself is absorbing: the paths collapse onto it,
and next to the point mass there is no stationary density.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import ufl
from dolfinx import fem, mesh
from mpi4py import MPI

from solver.elements.coefficients import coefficients
from solver.elements.evaluate import bounding_box
from solver.elements.linear import Options
from solver.errors import NotConverged
from solver.fokker_planck.landmarks import Pin
from solver.fokker_planck.well_density import well_densities
from solver.system import Array, System

# a ratio above this is taken for one: octaves that fall more slowly are not told from those that do not
FALLING = 0.97
# the noise at a point, over that around it, at this part of the size of the domain
VANISHING, NEARBY = 1e-10, 1e-3


class NotNormalisable(NotConverged):
    """There is no stationary probability density; the message says why."""


@dataclass(frozen=True)
class Tail:
    """The outermost octaves of a density.

    Attributes:
        masses: m_0, m_1, …, from the outermost inwards, relative to their sum.
        ratio: ``m_0/m_1``.
        exponent: a in ``p ~ r^{−a}``, from the ratio; ∞ where the outermost mass is rounding.
        dim: d.
    """

    masses: Array
    ratio: float
    exponent: float
    dim: int

    @property
    def normalisable(self) -> bool:
        """Whether the masses of the octaves fall outwards."""
        return self.ratio < FALLING

    def finite_moment(self, order: float) -> bool:
        """Whether ``E r^order`` is finite."""
        return self.ratio * 2.0**order < FALLING


def collapse_onto(system: System, point: Array, size: float = 1.0) -> str | None:
    """Why there is no density round a zero of the drift: the noise vanishes there.  None if it does not.

    Args:
        system: The system.
        point: A zero of b, ``(d,)``.
        size: Of the domain: at a thousandth of it the noise is looked at for comparison.
    """
    steps = NEARBY * size * np.concatenate([np.eye(system.dim), -np.eye(system.dim)]).T
    around = np.linalg.norm(system.diffusion(point[:, None] + steps), axis=(0, 1)).max()
    at = float(np.linalg.norm(system.diffusion(point[:, None])))
    if not at <= VANISHING * max(float(around), 1e-300):  # NaN is no zero either
        return None
    return (
        f"the noise vanishes at the attractor {np.round(point, 6).tolist()}: all paths collapse onto it, and "
        "there is no stationary density"
    )


def tail(
    system: System,
    domain: mesh.Mesh,
    epsilon: float,
    degree: int,
    centre: Array,
    octaves: int = 3,
    options: Options | None = None,
) -> Tail:
    """The tail of the density on a box with reflecting walls, solved for at one (not small) ε.  Collective.

    It needs no attractor: minima may fill a curve.

    Raises:
        NotConverged: If the linear solve fails.
    """
    known = coefficients(domain, system, degree)
    gauge = fem.Function(fem.functionspace(domain, ("Lagrange", degree)))
    low, high = bounding_box(domain)
    pin = Pin(np.asarray(centre, dtype=float), np.diag((0.05 * (high - low)) ** 2) / epsilon)
    density = well_densities(known, gauge, epsilon, [pin], options, edge="walls")[0].q
    rho = _size(ufl.SpatialCoordinate(domain), domain, pin.point)
    return _octaves(density, rho, known.dx, domain, octaves)


def require_density(
    system: System, attractors: Sequence[Array], tails: Tail | None, size: float = 1.0
) -> None:
    """Refuse a density that is none; ``size`` is that of the domain.

    Raises:
        NotNormalisable: With the reason.
    """
    for point in attractors:
        reason = collapse_onto(system, point, size)
        if reason is not None:
            raise NotNormalisable(reason)
    if tails is not None and not tails.normalisable:
        raise NotNormalisable(
            "the density cannot be normalised: its mass does not fall towards the boundary (outermost octave "
            f"{tails.ratio:.3f} times the next, p ~ r^-{tails.exponent:.2f} in {tails.dim}D); what is "
            "computed depends on the box"
        )


def _size(x: ufl.core.expr.Expr, domain: mesh.Mesh, centre: Array) -> ufl.core.expr.Expr:
    low, high = bounding_box(domain)
    ratios = [
        ufl.max_value((x[i] - centre[i]) / (high[i] - centre[i]), (centre[i] - x[i]) / (centre[i] - low[i]))
        for i in range(domain.geometry.dim)
    ]
    result = ratios[0]
    for ratio in ratios[1:]:
        result = ufl.max_value(result, ratio)
    return result


def _octaves(
    density: ufl.core.expr.Expr, rho: ufl.core.expr.Expr, dx: ufl.Measure, domain: mesh.Mesh, count: int
) -> Tail:
    masses = []
    for n in range(count):
        inside = ufl.And(ufl.gt(rho, 0.5 ** (n + 1)), ufl.le(rho, 0.5**n))
        if n == 0:
            inside = ufl.gt(rho, 0.5)
        local = fem.assemble_scalar(fem.form(ufl.conditional(inside, density, 0.0) * dx))
        masses.append(float(domain.comm.allreduce(local, op=MPI.SUM)))
    total = float(np.sum(np.abs(masses)))
    shares = np.array(masses) / total
    # below rounding an octave is empty
    ratio = float(shares[0] / shares[1]) if shares[0] > 1e-12 else 0.0
    dim = domain.geometry.dim
    exponent = dim - float(np.log2(ratio)) if ratio > 0.0 else float("inf")
    return Tail(shares, ratio, exponent, dim)
