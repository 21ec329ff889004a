"""Barriers that are known exactly: on the line, for gradient drifts with isotropic noise, and with momentum.

On the line a path from x̄ to s passes every point between them; with the drift that costs nothing, and
against it 2|b|/A per length, so that

    V(s) = 2 ∫ max(−b·n, 0)/A dx,     n = ±1 the direction from x̄ to s,

a number to be had by quadrature (Freidlin and Wentzell, ch. 4, eq. 3.1).  In any dimension, for ``b = −∇U``
and ``A = a I`` with a constant a, ``Φ = 2U/a`` has ``H(x, ∇Φ) = 0`` everywhere: no path from x̄ to s costs
less than ``Φ(s) − Φ(x̄)``, also where U has kinks (Φ is Lipschitz there, which is enough) or minima whose
Hessian is singular.  So has ``Φ = (U + v²/2)/a`` in the phase space of a loss (:mod:`solver.phase_space`).
"""

from __future__ import annotations

import warnings
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import numpy as np
import scipy.integrate
from dolfinx import fem
from mpi4py import MPI

from solver.elements.discretisation import Discretisation
from solver.system import Array, Field, System

# an A that differs from a I by less than this is rounding
ROUNDING = 1e-13
# relative precision of the quadrature, and the number of intervals it may use
PRECISION, INTERVALS = 1e-12, 400

#: lower bound of the cost of going from one point ``(d,)`` to another
Bound = Callable[[Array, Array], float]


def exact_bound(discretisation: Discretisation) -> Bound | None:
    """The lower bound of barriers of a system for which it is sharp; None for all others.  Collective."""
    system = discretisation.system
    if system.dim == 1:
        return lambda start, end: line_cost(system, start, end)
    known = known_potential(discretisation)
    if known is None:
        return None

    def bound(start: Array, end: Array) -> float:
        low, high = known.value(np.stack([start, end], axis=1))
        return max(0.0, float(high - low))

    return bound


@dataclass(frozen=True)
class KnownPotential:
    """Φ with ``H(x, ∇Φ) = 0`` all over the mesh, so that V = Φ − Φ(x̄) up to the lowest pass.

    ``e^{−Φ/ε}`` is the stationary density at every ε.

    Attributes:
        value: Φ, ``(d, N) -> (N,)``.
        reversible: That density carries no current.
    """

    value: Field
    reversible: bool


def known_potential(discretisation: Discretisation) -> KnownPotential | None:
    """Φ where it is known in closed form; None for all other systems.  Collective."""
    loss, momentum = discretisation.system.loss, discretisation.system.momentum
    diffusion = discretisation.coefficients.diffusion
    if loss is not None:
        level = multiple_of(diffusion, np.eye(discretisation.system.dim))
        return None if level is None else KnownPotential(partial(_over, 2.0 / level, loss), True)
    if momentum is not None:
        level = multiple_of(diffusion, momentum.shape)
        return None if level is None else KnownPotential(partial(_over, 1.0 / level, momentum.energy), False)
    return None


def _over(factor: float, function: Field, x: Array) -> Array:
    return factor * function(x)


def energy_bound(discretisation: Discretisation) -> Bound | None:
    """A lower bound with momentum, the rise of the energy over the largest a; None without.  Collective.

    A path costs no less than under the noise of that strength everywhere.  It holds for paths in the box.
    """
    momentum = discretisation.system.momentum
    if momentum is None:
        return None
    tensors = discretisation.coefficients.diffusion.x.array.reshape(-1, 2, 2)
    largest = float(np.max(tensors[:, 1, 1], initial=0.0)) / momentum.shape[1, 1]
    largest = discretisation.comm.allreduce(largest, op=MPI.MAX)

    def bound(start: Array, end: Array) -> float:
        low, high = momentum.energy(np.stack([start, end], axis=1))
        return max(0.0, float(high - low) / largest)

    return bound


def multiple_of(diffusion: fem.Function, shape: Array) -> float | None:
    """a where ``A = a S`` with one a > 0 all over the mesh; None otherwise.  Collective.

    Args:
        diffusion: A at points of the mesh, a function with values ``(d, d)``.
        shape: S, ``(d, d)``.
    """
    comm = diffusion.function_space.mesh.comm
    # ghosts hold no other values, and those of all ranks are compared
    tensors = diffusion.x.array.reshape(-1, *shape.shape)
    sums = np.array([np.sum(tensors * shape), len(tensors) * np.sum(shape**2)])
    comm.Allreduce(MPI.IN_PLACE, sums, op=MPI.SUM)
    level = float(sums[0] / sums[1])
    apart = float(np.max(np.abs(tensors - level * shape), initial=0.0))
    apart = comm.allreduce(apart, op=MPI.MAX)
    return level if 0.0 < level < np.inf and apart <= ROUNDING * level * np.abs(shape).max() else None


def line_cost(system: System, start: Array, end: Array) -> float:
    """The cost of going from one point to another on the line, less the error of its quadrature.

    Zero where it cannot be had: A vanishes on the way.
    """
    way = float(end[0] - start[0])
    if way == 0.0:
        return 0.0

    def density(part: float) -> float:
        x = start[:, None] + part * way
        against = max(0.0, -float(system.drift(x)[0, 0]) * np.sign(way))
        return 2.0 * against * abs(way) / float(system.diffusion(x)[0, 0, 0])

    with warnings.catch_warnings(), np.errstate(all="ignore"):
        # how good the result is is in its error
        warnings.simplefilter("ignore", scipy.integrate.IntegrationWarning)
        try:
            value, error = scipy.integrate.quad(
                density, 0.0, 1.0, epsabs=0.0, epsrel=PRECISION, limit=INTERVALS
            )[:2]
        except ZeroDivisionError:
            return 0.0
    return max(0.0, value - error) if np.isfinite(value) else 0.0
