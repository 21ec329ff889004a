"""A density followed in time: snapshots with moments and expectations, and its way to the stationary one.

Puts together :mod:`solver.evolution.transient` or :mod:`solver.evolution.positive_transient`, and
:mod:`solver.evolution.equilibration`.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from dolfinx import fem, mesh

from solver.elements.coefficients import Coefficients, coefficients
from solver.elements.integrals import expectations, mean_and_covariance, total_variation
from solver.evolution.equilibration import Equilibration, equilibration
from solver.evolution.positive_transient import evolve_positive
from solver.evolution.transient import Evolution, TimeOptions, evolve
from solver.system import Array, Field, System

# cells along the longest side of a box where nobody says how many: with cubic elements a density of a width
# of a tenth of the box is right to 1e-5 on the line, 1e-4 in the plane
CELLS = {1: 128, 2: 32, 3: 12}


@dataclass(frozen=True)
class InitialValueProblem:
    """``∂ₜp = −∇·(b p) + (ε/2) ∇∇:(A p)`` from a density at time 0.

    Attributes:
        system: b and A.
        epsilon: Noise level ε.
        start: Density at time 0, ``(d, N) -> (N,)``, not negative; need not be normalised.
        times: Times of the snapshots, increasing, not negative.
    """

    system: System
    epsilon: float
    start: Field
    times: tuple[float, ...]


@dataclass(frozen=True)
class Followed:
    """A density at m times.

    Attributes:
        evolution: Densities and how they were computed.
        coefficients: Drift and diffusion on the mesh.
        expectations: ``(K, m)``, of each of the observed functions.
        means: ``(m, d)``.
        covariances: ``(m, d, d)``.
        approach: How it approaches the stationary density; None with the scheme that is never negative, and
            without a positive time.
        errors: Estimated errors of the densities, total variation, ``(m,)``; None where not asked for, and
            with the scheme that is never negative.
    """

    evolution: Evolution
    coefficients: Coefficients
    expectations: Array
    means: Array
    covariances: Array
    approach: Equilibration | None = None
    errors: Array | None = None

    def expectation(self, function: Field) -> Array:
        """``∫ f p dx`` at all times, ``(m,)``, of a function ``(d, N) -> (N,)``.  Collective."""
        densities = self.evolution.densities
        return np.array([float(expectations(self.coefficients, p, _row(function))[0]) for p in densities])


def gaussian(mean: Array, covariance: Array) -> Field:
    """``exp(−½ (x−m)ᵀS⁻¹(x−m))``, not normalised, ``(d, N) -> (N,)``."""
    precision = np.linalg.inv(covariance)

    def density(x: Array) -> Array:
        y = x - np.asarray(mean)[:, None]
        return np.asarray(np.exp(-0.5 * np.einsum("in,ij,jn->n", y, precision, y)))

    return density


def follow(
    problem: InitialValueProblem,
    domain: mesh.Mesh,
    degree: int,
    *,
    observed: Sequence[Field] = (),
    options: TimeOptions | None = None,
    positive: bool = False,
    estimate: bool = False,
) -> Followed:
    """Densities at all times, with no flux through the boundary.  Collective.

    Args:
        problem: The equation and the density at time 0.
        domain: The mesh.
        degree: Degree of the elements (1 for the scheme that is never negative, whatever is asked for).
        observed: Functions ``(d, N) -> (N,)`` whose expectations are wanted.
        options: Tolerance of the time steps, or (for that scheme) their length.
        positive: By flux-corrected transport, never negative and of second order.
        estimate: Estimate the errors too.

    Raises:
        ValueError: If the times do not increase, or the density at time 0 has no mass.
        NotConverged: If a density becomes negative, mass is lost, or a linear solve fails.
    """
    how, epsilon = options or TimeOptions(), problem.epsilon
    degree = 1 if positive else degree
    space = fem.functionspace(domain, ("Lagrange", degree))
    known = coefficients(domain, problem.system, degree)
    if positive:
        step = math.inf if how.step is None else how.step
        evolution = evolve_positive(known, space, epsilon, problem.start, problem.times, step, how.linear)
    else:
        evolution = evolve(known, space, epsilon, problem.start, problem.times, how)
    moments = [mean_and_covariance(known, density) for density in evolution.densities]
    settles = not positive and problem.times[-1] > 0
    found = Followed(
        evolution,
        known,
        np.empty((0, len(problem.times))),
        np.array([mean for mean, _ in moments]),
        np.array([covariance for _, covariance in moments]),
        equilibration(known, space, epsilon, evolution, how.linear) if settles else None,
        _errors(problem, domain, degree, evolution, how) if estimate and not positive else None,
    )
    if not observed:
        return found
    return replace(found, expectations=np.array([found.expectation(function) for function in observed]))


def _errors(
    problem: InitialValueProblem, domain: mesh.Mesh, degree: int, found: Evolution, how: TimeOptions
) -> Array:
    """Distance to the densities of elements of one degree less, whose error is by far the larger one.

    Collective.
    """
    space = fem.functionspace(domain, ("Lagrange", degree - 1))
    known = coefficients(domain, problem.system, degree - 1)
    # negative where the coarser elements do not resolve the density: that is the error
    how = replace(how, negative=math.inf)
    coarse = evolve(known, space, problem.epsilon, problem.start, problem.times, how)
    pairs = zip(found.densities, coarse.densities, strict=True)
    return np.array([total_variation(known, fine, other) for fine, other in pairs])


def _row(f: Field) -> Field:
    return lambda x: np.broadcast_to(f(x), x.shape[1:])[None]
