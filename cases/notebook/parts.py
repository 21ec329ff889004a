"""What a result is made of: barriers, checks, and what is known at one noise level."""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
from dolfinx import fem
from numpy.typing import ArrayLike

from cases.notebook import arguments
from cases.results.checks import CHECKS
from solver.analysis.barriers import Barrier as SolvedBarrier
from solver.analysis.evaluation import asymptotic_times, density_at, finite, values_at
from solver.analysis.fields import log_density_field
from solver.analysis.noise_levels import Level as SolvedLevel
from solver.analysis.stages import Analysis
from solver.analysis.tolerance import time_error
from solver.elements.evaluate import Locator
from solver.errors import Refused
from solver.fokker_planck.moments import log_masses
from solver.paths.prefactor import Asymptotics
from solver.system import Array


@dataclass(frozen=True)
class EscapePath:
    """A most probable escape path (instanton): it minimises ``½∫ (φ̇−b)ᵀA⁻¹(φ̇−b) dt``.

    Attributes:
        points: ``(n, d)``, from the attractor to the pass.
        actions: ``(n,)``, the cost from the attractor to each of the points.
    """

    points: Array = field(repr=False)
    actions: Array = field(repr=False)

    def __repr__(self) -> str:
        """How many points, and the cost."""
        return f"EscapePath({len(self.points)} points, action {self.actions[-1]:.6g})"


@dataclass(frozen=True)
class Barrier:
    """What it costs to leave an attractor over a pass: ``E τ ≍ exp(value/ε)``.

    Attributes:
        start, end: Numbers of the attractors (end None: outside the box).
        saddle: Number of the pass; None where there is none.
        value: V at the pass, the action of the escape path; NaN where it is refused.
        lower: Lower bound, from a subsolution of the Hamilton–Jacobi equation.
        upper: Upper bound, the action of an explicit path with its numerical uncertainty.
        path: The most probable escape path; None where it is refused.
        log_prefactor: ``log E τ ≈ log_prefactor + value/ε`` (Bouchet–Reygner, which contains Eyring–Kramers);
            NaN where the law is refused.
        why: Why there is no value, or no prefactor; None where there are both.
    """

    start: int
    end: int | None
    saddle: int | None
    value: float
    lower: float
    upper: float
    path: EscapePath | None = None
    log_prefactor: float = float("nan")
    why: str | None = None

    def __repr__(self) -> str:
        """The value with its bracket."""
        end = "outside" if self.end is None else str(self.end)
        if self.saddle is None:
            return f"Barrier({self.start} → {end}: {self.why})"
        bounds = f"[{self.lower:.6g}, {self.upper:.6g}]"
        return f"Barrier({self.start} → {end} over pass {self.saddle}: {self.value:.6g} {bounds})"


@dataclass(frozen=True)
class Level:
    """Results at one noise level ε, of ``dX = b dt + √ε σ dW``.

    Matrices are ``(K, K)`` for K attractors, entry ``[i, j]`` from i to j, NaN on the diagonal and where
    there is no result.  Times are in the unit of the time of the drift.

    Attributes:
        epsilon: ε.
        log_mfpt: log of the mean first passage time, of the Markov chain with the rates below.
        log_mfpt_error: Estimated errors of it.
        log_mfpt_direct: The same from the backward equation, to the cells within a standard deviation of the
            other attractor; where the barrier is low enough for it.
        log_mfpt_kramers: By Kramers' law (Bouchet–Reygner), as ε → 0.
        log_rates: Logarithms of the rate constants ``k_ij``: stationary flux from well i to well j over the
            mass of well i.
        mass: Mass of every well, ``(K,)``: ``∫ p h_i dx`` with the committor h_i.
        mean, covariance: Of the stationary density, ``(d,)`` and ``(d, d)``.
        eigenvalues: The slow eigenvalues of the generator, where they can be had.
        why: Why there are no rates; None where there are.
    """

    epsilon: float
    log_mfpt: Array
    log_mfpt_error: Array
    log_mfpt_direct: Array
    log_mfpt_kramers: Array
    log_rates: Array
    mass: Array
    mean: Array
    covariance: Array
    eigenvalues: tuple[float, ...]
    why: str | None
    _log_density: fem.Function = field(repr=False)
    _committors: tuple[fem.Function, ...] = field(repr=False)
    _locator: Locator = field(repr=False)

    @property
    def rates(self) -> Array:
        """Rate constants ``k_ij``, ``(K, K)``; zero where they are below the smallest number there is."""
        return np.asarray(np.exp(self.log_rates))

    def density(self, points: ArrayLike) -> Array:
        """The stationary density p, ``∇·(b p) = (ε/2) ∇∇:(A p)`` with ``∫p = 1``.  Collective.

        Args:
            points: ``(n, d)``, the same on every rank.

        Returns:
            ``(n,)``: zero where p is negligible and was not computed, NaN outside the box.

        Raises:
            ValueError: For points of another shape.
        """
        rows, shape = arguments.check_points(points, self.mean.size)
        return density_at(self._log_density, rows, self._locator).reshape(shape)

    def log_density(self, points: ArrayLike) -> Array:
        """log p at points ``(n, d)``, ``(n,)``; NaN where it was not computed.  Collective.

        Raises:
            ValueError: For points of another shape.
        """
        rows, shape = arguments.check_points(points, self.mean.size)
        return values_at(self._log_density, rows, self._locator).reshape(shape)

    def committor(self, index: int, points: ArrayLike) -> Array:
        """Probability to be at attractor ``index`` before any other, from points ``(n, d)``, ``(n,)``.

        Collective.

        Raises:
            ValueError: For points of another shape, no such attractor, or a single one.
        """
        k = arguments.check_index("index", index, len(self._committors))
        rows, shape = arguments.check_points(points, self.mean.size)
        return values_at(self._committors[k], rows, self._locator).reshape(shape)

    def __repr__(self) -> str:
        """The passage times."""
        return f"Level(epsilon={self.epsilon:g}, log_mfpt={np.array2string(self.log_mfpt, precision=5)})"


@dataclass(frozen=True)
class Check:
    """One of the checks of a result: it is good where ``value ≤ limit``."""

    name: str
    value: float | None
    limit: float
    meaning: str

    @property
    def good(self) -> bool:
        """Whether it holds; what could not be checked does."""
        return self.value is None or self.value <= self.limit


def make_checks(values: Mapping[str, float | None]) -> tuple[Check, ...]:
    """The checks with these values, by their names."""
    return tuple(
        Check(name, None if value is None else float(value), *CHECKS[name]) for name, value in values.items()
    )


def make_barrier(one: SolvedBarrier, law: Asymptotics | Refused) -> Barrier:
    """A barrier with its asymptotic law, or why there is no law."""
    prefactor, why = (float("nan"), law.reason) if isinstance(law, Refused) else (law.log_prefactor, None)
    return Barrier(
        one.start,
        one.end,
        one.saddle,
        one.barrier,
        float(one.lower),
        float(one.upper),
        EscapePath(one.instanton.points, one.instanton.actions),
        float(prefactor),
        why,
    )


def make_level(analysis: Analysis, level: SolvedLevel) -> Level:
    """The results at one noise level.  Collective."""
    state = level.state
    count = len(analysis.landmarks.pins)
    direct = np.full((count, count), np.nan)
    for pair, passage in level.passages.items():
        direct[pair] = np.log(passage.mean)
    nothing = np.full((count, count), np.nan)
    rates, why = state.rates, None
    if rates is None:
        why = "there is one attractor" if count == 1 else "the wells are not separated at this noise level"
    error = nothing.copy()
    for pair in itertools.permutations(range(count), 2) if rates is not None else ():
        error[pair] = time_error(level, analysis.gauge_gap, pair)
    log_rate = nothing if rates is None else np.where(np.eye(count, dtype=bool), np.nan, rates.log_rate)
    return Level(
        epsilon=state.epsilon,
        log_mfpt=nothing if rates is None else finite(rates.log_mfpt),
        log_mfpt_error=error,
        log_mfpt_direct=direct,
        log_mfpt_kramers=nothing if rates is None else asymptotic_times(analysis, state.epsilon),
        log_rates=log_rate,
        mass=np.full(count, np.nan) if level.overlap else np.exp(log_masses(state)),
        mean=level.mean,
        covariance=level.covariance,
        eigenvalues=tuple(float(value) for value in level.spectrum.values),
        why=why,
        _log_density=log_density_field(level),
        _committors=tuple(state.committors),
        _locator=analysis.discretisation.locator,
    )
