"""Mean-field Langevin dynamics: minimisers of energy plus entropy that depend on finitely many averages.

    minimise  F(m) + λ KL(m | e^{−U}/∫e^{−U}),      F(m) = f(⟨h⟩_m),      ⟨h⟩_m = ∫ h m dx ∈ R^K,

over densities m.  A stationary state of the gradient flow (:mod:`solver.mean_field.equation`) is

    m ∝ exp(−U − g·h/λ),     g = ∇f(μ),     μ = ⟨h⟩_m :

K equations for K averages, solved here by Newton's method with quadrature on a grid, without any differential
equation.  (Hu, Ren, Šiška, Szpruch, arXiv 1905.07769.)  Where f is convex there is one solution; elsewhere
:func:`stationary_states` looks for all.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np
from scipy.optimize import brentq
from scipy.special import logsumexp

from solver.errors import NotConverged
from solver.system import Array, Field

POINTS = {1: 4001, 2: 401, 3: 91}
ITERATIONS = 100
DECAYED = 1e-6


@dataclass(frozen=True)
class MeanField:
    """A mean-field problem.

    Attributes:
        dim: Number of coordinates d.
        potential: U, ``(d, N) -> (N,)``, growing so that e^{−U} has a finite integral.
        potential_slope: ∇U, ``(d, N) -> (d, N)``.
        features: h, ``(d, N) -> (K, N)``.
        feature_slopes: ∇h, ``(d, N) -> (K, d, N)``.
        energy: f, ``(K,) -> float``.
        slope: ∇f, ``(K,) -> (K,)``.
        curvature: ∇²f, ``(K,) -> (K, K)``.
        temperature: λ > 0; the noise level is ε = 2λ.
    """

    dim: int
    potential: Field
    potential_slope: Field
    features: Field
    feature_slopes: Field
    energy: Callable[[Array], float]
    slope: Callable[[Array], Array]
    curvature: Callable[[Array], Array]
    temperature: float

    def __post_init__(self) -> None:
        if not self.temperature > 0:
            raise ValueError(f"the temperature must be positive, not {self.temperature}")


def least_squares(
    dim: int,
    potential: Field,
    potential_slope: Field,
    features: Field,
    feature_slopes: Field,
    targets: Sequence[float],
    temperature: float,
) -> MeanField:
    """``F(m) = |⟨h⟩ − y|² / (2K)``: a network of infinitely many neurons fitted to K data."""
    y = np.array(targets, dtype=float)
    count = y.size
    return MeanField(
        dim,
        potential,
        potential_slope,
        features,
        feature_slopes,
        lambda mu: float(((mu - y) ** 2).sum() / (2 * count)),
        lambda mu: (mu - y) / count,
        lambda mu: np.eye(count) / count,
        temperature,
    )


def coupled(
    dim: int,
    potential: Field,
    potential_slope: Field,
    features: Field,
    feature_slopes: Field,
    coupling: float,
    temperature: float,
) -> MeanField:
    """``F(m) = −(J/2) |⟨h⟩|²``: attraction to one's own average; not convex for J > 0."""
    return MeanField(
        dim,
        potential,
        potential_slope,
        features,
        feature_slopes,
        lambda mu: -0.5 * coupling * float(mu @ mu),
        lambda mu: -coupling * mu,
        lambda mu: -coupling * np.eye(mu.size),
        temperature,
    )


@dataclass(frozen=True)
class StationaryState:
    """A stationary state, by its averages.

    Attributes:
        averages: μ = ⟨h⟩, ``(K,)``.
        slope: g = ∇f(μ), ``(K,)``; the density is ``e^{−U − g·h/λ − log_normaliser}``.
        log_normaliser: ``log ∫ e^{−U − g·h/λ} dx``.
        value: ``F(m) + λ KL(m | e^{−U}/∫e^{−U})``.
        stable: Whether the second variation of the value is positive there: a (local) minimum.
        mean: E x, ``(d,)``.
        second_moment: E x xᵀ, ``(d, d)``.
    """

    averages: Array
    slope: Array
    log_normaliser: float
    value: float
    stable: bool
    mean: Array
    second_moment: Array


@dataclass(frozen=True)
class QuadratureGrid:
    """Points ``(d, N)`` with log weights e^{−U} × volume, and the features there ``(K, N)``."""

    points: Array
    log_weight: Array
    features: Array


def make_grid(
    problem: MeanField, bounds: Sequence[tuple[float, float]], points: int | None = None
) -> QuadratureGrid:
    """Trapezoidal rule on a box: of spectral accuracy where the density has decayed at the walls."""
    count = points or POINTS[problem.dim]
    axes = [np.linspace(low, high, count) for low, high in bounds]
    x = np.stack([a.ravel() for a in np.meshgrid(*axes, indexing="ij")])
    volume = float(np.prod([a[1] - a[0] for a in axes]))
    return QuadratureGrid(x, np.log(volume) - problem.potential(x), problem.features(x))


def gibbs(problem: MeanField, grid: QuadratureGrid, slope: Array) -> tuple[Array, float]:
    """Weights ``(N,)`` of the density ``∝ e^{−U − g·h/λ}``, summing to one, and the log of its integral."""
    exponent = grid.log_weight - slope @ grid.features / problem.temperature
    log_normaliser = float(logsumexp(exponent))
    return np.exp(exponent - log_normaliser), log_normaliser


def _averages_and_covariance(problem: MeanField, grid: QuadratureGrid, slope: Array) -> tuple[Array, Array]:
    weights = gibbs(problem, grid, slope)[0]
    mean = grid.features @ weights
    centred = grid.features - mean[:, None]
    return mean, (centred * weights) @ centred.T


def newton(problem: MeanField, grid: QuadratureGrid, start: Array, tolerance: float = 1e-13) -> Array:
    """Averages μ with ``μ = ⟨h⟩`` of the Gibbs density with slope ∇f(μ), by damped Newton steps.

    Raises:
        NotConverged: If the residual stops falling.
    """
    mu = np.array(start, dtype=float)

    def residual(at: Array) -> tuple[Array, Array]:
        mean, covariance = _averages_and_covariance(problem, grid, problem.slope(at))
        return at - mean, covariance

    gap, covariance = residual(mu)
    for _ in range(ITERATIONS):
        if np.abs(gap).max() <= tolerance * max(1.0, float(np.abs(mu).max())):
            return mu
        jacobian = np.eye(mu.size) + covariance @ problem.curvature(mu) / problem.temperature
        step = np.linalg.lstsq(jacobian, -gap, rcond=None)[0]
        length = 1.0
        while True:
            proposed = residual(mu + length * step)
            if np.linalg.norm(proposed[0]) < (1 - 1e-4 * length) * np.linalg.norm(gap):
                break
            length /= 2
            if length < 1e-8:
                if np.abs(gap).max() <= 1e3 * tolerance:
                    return mu
                raise NotConverged(
                    f"Newton's method for the averages stopped at a residual of {np.abs(gap).max():.1e}"
                )
        mu, (gap, covariance) = mu + length * step, proposed
    raise NotConverged(f"Newton's method for the averages has not converged in {ITERATIONS} steps")


def describe(problem: MeanField, grid: QuadratureGrid, averages: Array) -> StationaryState:
    """The state with these averages.

    Raises:
        NotConverged: If its density has not decayed at the walls of the box.
    """
    slope = problem.slope(averages)
    weights, log_normaliser = gibbs(problem, grid, slope)
    low, high = grid.points.min(axis=1), grid.points.max(axis=1)
    at_walls = ((grid.points == low[:, None]) | (grid.points == high[:, None])).any(axis=0)
    if weights[at_walls].max() > DECAYED * weights.max():
        raise NotConverged("a stationary density has not decayed at the walls of the box")
    t = problem.temperature
    divergence = -float(slope @ averages) / t - log_normaliser + float(logsumexp(grid.log_weight))
    covariance = _averages_and_covariance(problem, grid, slope)[1]
    root = np.linalg.cholesky(covariance + 1e-300 * np.eye(len(covariance)))
    variation = np.eye(len(root)) + root.T @ problem.curvature(averages) @ root / t
    x = grid.points
    return StationaryState(
        averages,
        slope,
        log_normaliser,
        problem.energy(averages) + t * divergence,
        bool(np.linalg.eigvalsh(variation).min() > 0),
        x @ weights,
        (x * weights) @ x.T,
    )


def stationary_states(
    problem: MeanField, bounds: Sequence[tuple[float, float]], starts: int = 64, points: int | None = None
) -> list[StationaryState]:
    """All stationary states that are found, by increasing value.

    With one average (K = 1) every sign change of the equation on a fine grid of μ is followed, so only pairs
    closer than that grid can be missed; with more, Newton's method starts from ``starts`` values.

    Args:
        problem: The problem.
        bounds: A box at whose walls all densities have decayed.
        starts: Number of starts, or of cells of μ for K = 1 (times 16).
        points: Points of the quadrature along each axis.

    Raises:
        NotConverged: If none is found, or a density has not decayed at the walls.
    """
    grid = make_grid(problem, bounds, points)
    weight = np.exp(grid.log_weight - grid.log_weight.max())
    inside = grid.features[:, weight > 1e-12]
    found: list[Array] = []
    if len(inside) == 1:
        found = _all_roots(problem, grid, float(inside.min()), float(inside.max()), 16 * starts)
    else:
        rng = np.random.default_rng(1)
        centre = grid.features @ (weight / weight.sum())
        for n in range(starts):
            pick = inside[:, rng.integers(inside.shape[1], size=4)] @ rng.dirichlet(np.ones(4))
            try:
                mu = newton(problem, grid, centre if n == 0 else pick)
            except NotConverged:
                continue
            if not any(np.abs(mu - known).max() < 1e-8 for known in found):
                found.append(mu)
    if not found:
        raise NotConverged("no stationary state was found")
    return sorted((describe(problem, grid, mu) for mu in found), key=lambda state: state.value)


def _all_roots(problem: MeanField, grid: QuadratureGrid, low: float, high: float, cells: int) -> list[Array]:
    def gap(mu: float) -> float:
        at = np.array([mu])
        return mu - float(grid.features[0] @ gibbs(problem, grid, problem.slope(at))[0])

    # averages lie strictly between the extremes of h; the offset keeps symmetric roots off the grid
    edges = np.linspace(low, high, cells + 1) + 0.37 * (high - low) / cells * np.r_[0, np.ones(cells - 1), 0]
    values = [gap(mu) for mu in edges]
    roots = [np.array([mu]) for mu, value in zip(edges, values, strict=True) if value == 0.0]
    for a, b, fa, fb in zip(edges[:-1], edges[1:], values[:-1], values[1:], strict=True):
        if fa * fb < 0:
            roots.append(np.array([brentq(gap, a, b, xtol=1e-14, rtol=1e-14)]))
    return roots


def particle_constant(
    problem: MeanField, bounds: Sequence[tuple[float, float]], points: int | None = None
) -> float:
    """c in ``E F(m^N) − F(m*) = c/N + …`` for N particles: ``½ d/dt log det(I + t C_t ∇²f)`` at t = 1/λ.

    C_t is the covariance of h under the minimiser at temperature 1/t; f is quadratic and convex.
    """
    grid = make_grid(problem, bounds, points)
    mu = newton(problem, grid, gibbs(problem, grid, np.zeros(len(grid.features)))[0] @ grid.features.T)
    t = 1 / problem.temperature

    def half_log_det(at: float) -> float:
        nearby = replace(problem, temperature=1 / at)
        averages = newton(nearby, grid, mu)
        covariance = _averages_and_covariance(nearby, grid, nearby.slope(averages))[1]
        sign, log_det = np.linalg.slogdet(np.eye(len(mu)) + at * covariance @ problem.curvature(averages))
        if sign <= 0:
            raise NotConverged("the minimiser is not stable")
        return 0.5 * float(log_det)

    h = 2e-3 * t
    near = half_log_det(t + h) - half_log_det(t - h)
    far = half_log_det(t + 2 * h) - half_log_det(t - 2 * h)
    return (8 * near - far) / (12 * h)


def expectations(
    problem: MeanField,
    bounds: Sequence[tuple[float, float]],
    state: StationaryState,
    fields: Sequence[Field],
    points: int | None = None,
) -> list[float]:
    """Expectations of functions ``(d, N) -> (N,)`` in a stationary state, by quadrature."""
    grid = make_grid(problem, bounds, points)
    weights = gibbs(problem, grid, state.slope)[0]
    return [float(np.sum(field(grid.points) * weights)) for field in fields]


def state_density(problem: MeanField, state: StationaryState) -> Field:
    """The density of a stationary state, ``(d, N) -> (N,)``."""

    def density(x: Array) -> Array:
        exponent = -problem.potential(x) - state.slope @ problem.features(x) / problem.temperature
        return np.asarray(np.exp(exponent - state.log_normaliser))

    return density
