"""V on a grid as a function of position, with an estimate of its error."""

from __future__ import annotations

import itertools
from dataclasses import dataclass

import numpy as np

from solver.arrays import Array
from solver.hamilton_jacobi.jet.lattice import Grid

# V of which more than this part comes from where it is wrong by more than grids tell is not valid
MOST = 0.02
# in cells
ROUNDING = 1e-9


@dataclass(frozen=True)
class JetSolution:
    """V of one attractor from the jet scheme.

    Attributes:
        grid: The grid.
        values: V at its nodes, ∞ where it is not known, ``(N,)``.
        gradients: ∇V there, ``(N, d)``.
        errors: Estimated error of V there: its change since a grid of half as many cells, or in the last
            sweep if that is larger; NaN without such a grid.
        settled: Last change of the sweeps relative to V, 99 % of the nodes having a smaller one.
        fixed: Nodes at which V was given, ``(N,)``.
        doubt: The part of V there that comes from where it is wrong by more than grids tell
            (:mod:`solver.hamilton_jacobi.jet.validity`), ``(N,)``.
    """

    grid: Grid
    values: Array
    gradients: Array
    errors: Array
    settled: float
    fixed: Array
    doubt: Array

    def __call__(self, x: Array) -> Array:
        """V at points ``(d, N)``, NaN outside the grid and where a corner of the cell is not known, ``(N,)``.

        The mean of ``V_k + ½ p_k·(x − x_k)`` over the corners, with the weights of linear interpolation:
        exact for quadratic V, as good as the scheme for others, and stable at kinks.
        """
        result = np.zeros(x.shape[1])
        for nodes, weights, away in self._corners(x):
            along = 0.5 * np.sum(self.gradients[nodes].T * away, axis=0)
            known = np.where(np.isfinite(self.values[nodes]), self.values[nodes], np.nan)
            result += np.where(weights > 0, weights * (known + along), 0.0)
        result[self._outside(x)] = np.nan
        return result

    def gradient(self, x: Array) -> Array:
        """∇V at points ``(d, N)`` by linear interpolation, NaN where V is not known, ``(d, N)``."""
        result = np.zeros(x.shape)
        for nodes, weights, _ in self._corners(x):
            known = np.where(np.isfinite(self.values[nodes])[:, None], self.gradients[nodes], np.nan)
            result += np.where(weights > 0, weights * known.T, 0.0)
        result[:, self._outside(x)] = np.nan
        return result

    def error(self, x: Array) -> Array:
        """Estimated error of V at points ``(d, N)``, NaN where there is none, ``(N,)``."""
        result = np.zeros(x.shape[1])
        for nodes, weights, _ in self._corners(x):
            result += np.where(weights > 0, weights * self.errors[nodes], 0.0)
        result[self._outside(x)] = np.nan
        return result

    def doubt_at(self, x: Array) -> Array:
        """Largest doubt at the corners of the cells of points ``(d, N)``, NaN outside the grid, ``(N,)``."""
        corners = [
            np.where(weights > ROUNDING, self.doubt[nodes], 0.0) for nodes, weights, _ in self._corners(x)
        ]
        result = np.max(corners, axis=0)
        result[self._outside(x)] = np.nan
        return np.asarray(result)

    def valid(self, x: Array) -> Array:
        """Where V is known and its estimated error is one, at points ``(d, N)``, ``(N,)``."""
        return np.isfinite(self(x)) & (self.doubt_at(x) <= MOST)

    def _outside(self, x: Array) -> Array:
        at, last = self.grid.coordinates(x), np.array(self.grid.shape)[:, None] - 1
        # rounding must not put the end of the box outside of it
        return np.asarray(~((at >= -ROUNDING) & (at <= last + ROUNDING)).all(axis=0))

    def _corners(self, x: Array) -> list[tuple[Array, Array, Array]]:
        """Corners of the cells of points, weights of linear interpolation, offsets from them."""
        shape = np.array(self.grid.shape)
        at = self.grid.coordinates(x)
        low = np.clip(np.floor(np.nan_to_num(at)).astype(int), 0, shape[:, None] - 2)
        part = np.clip(at - low, 0.0, 1.0)
        found = []
        for corner in itertools.product((0, 1), repeat=self.grid.dim):
            step = np.array(corner)[:, None]
            weights = np.prod(np.where(step == 1, part, 1.0 - part), axis=0)
            nodes = np.ravel_multi_index(tuple(low + step), self.grid.shape)
            away = (at - low - step) * self.grid.spacing[:, None]
            found.append((nodes, weights, away))
        return found
