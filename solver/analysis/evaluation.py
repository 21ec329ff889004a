"""Values of the fields of an analysis at points, the same on every rank."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import numpy as np
from dolfinx import fem

from solver.analysis.stages import Analysis
from solver.elements.evaluate import Locator, evaluate
from solver.errors import Refused
from solver.fokker_planck.markov_chain import markov_chain
from solver.system import Array


def values_at(field: fem.Function, points: Array, locator: Locator) -> Array:
    """Values ``(n,)`` of a scalar field at points ``(n, d)``; NaN where there is none.  Collective."""
    if not len(points):
        return np.empty(0)
    return evaluate(field, points, locator)[:, 0]


def density_at(log_density: fem.Function, points: Array, locator: Locator) -> Array:
    """p, ``(n,)``, from its logarithm; zero where that was not computed because p is negligible.  Collective.

    NaN at points outside the mesh.
    """
    values = np.exp(values_at(log_density, points, locator))
    inside = locator.owners(locator.cells(points)) < locator.domain.comm.size
    return np.asarray(np.where(np.isnan(values) & inside, 0.0, values))


class EscapeLaw(Protocol):
    """An asymptotic law of the mean time to escape over one pass."""

    def log_mfpt(self, epsilon: float) -> float:
        """Its logarithm at a noise level."""
        ...


def chain_times(analysis: Analysis, laws: Sequence[EscapeLaw | None], epsilon: float) -> Array:
    """log mean first passage times of the chain with the rates of asymptotic laws, ``(K, K)``.

    NaN on the diagonal, and where a law that matters is missing.

    Args:
        analysis: What gives the wells and the barriers between them.
        laws: One law for each barrier; None where there is none.
        epsilon: Noise level.
    """
    count = len(analysis.landmarks.pins)
    log_rate = np.full((count, count), -np.inf)
    for barrier, law in zip(analysis.barriers, laws, strict=True):
        if barrier.end is not None and law is not None:
            pair = barrier.start, barrier.end
            log_rate[pair] = np.logaddexp(log_rate[pair], -law.log_mfpt(epsilon))
    with np.errstate(invalid="ignore"):
        return finite(markov_chain(epsilon, log_rate).log_mfpt)


def asymptotic_times(analysis: Analysis, epsilon: float) -> Array:
    """log mean first passage times of the chain with the rates of Kramers' law, ``(K, K)``.

    NaN on the diagonal, and where the law is refused for a barrier that matters.
    """
    laws = [None if isinstance(law, Refused) else law for law in analysis.asymptotics]
    return chain_times(analysis, laws, epsilon)


def finite(values: Array) -> Array:
    """NaN in place of what is not finite."""
    return np.asarray(np.where(np.isfinite(values), values, np.nan))
