"""Hamilton's equations between two ends, by collocation and Newton's method.

On a mesh in ``s = t/T`` the states ``y = (φ, p)`` and the time T between the ends solve

    y_{k+1} − y_k = (h_k T/6) (f_k + 4 f_m + f_{k+1}),    y_m = ½(y_k + y_{k+1}) + (h_k T/8)(f_k − f_{k+1}),

Lobatto's scheme of fourth order, together with 2d + 1 conditions at the ends.  The derivative of f is that of
Hamilton's equations, ``[[K, A], [−𝓗_xx, −Kᵀ]]``, so that a step of Newton's method is one sparse solve.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import scipy.sparse as sparse
from scipy.sparse.linalg import splu

from solver.arrays import Array
from solver.errors import NotConverged

#: Steps of Newton's method, and halvings of one.
STEPS, HALVINGS = 40, 8
#: Residuals, in units of the states, that are rounding.
SETTLED = 1e-11
#: Step of the differences of the conditions at the ends, in units of the states.
DIFFERENCE = 1e-6

#: f and its derivative at states ``(2d, N)``: ``(2d, N)`` and ``(2d, 2d, N)``.
Slope = Callable[[Array], tuple[Array, Array]]
#: The conditions ``(2d + 1,)`` on the first and the last state ``(2d,)``.
Ends = Callable[[Array, Array], Array]


def collocated(slope: Slope, ends: Ends, mesh: Array, states: Array, time: float) -> tuple[Array, float]:
    """States on a mesh and the time between the ends, from a guess.

    Args:
        slope: Right-hand side in units in which states and time are of order one.
        ends: Conditions at the ends.
        mesh: s of the nodes, ``(N,)``, from 0 to 1.
        states: Guess of y, ``(2d, N)``.
        time: Guess of T.

    Raises:
        NotConverged: If Newton's method fails.
    """
    with np.errstate(all="ignore"):
        residual, matrix = _system(slope, ends, mesh, states, time)
        size = float(np.abs(residual).max())
        for _ in range(STEPS):
            if size <= SETTLED:
                return states, time
            if not np.isfinite(size):
                break
            try:
                step = splu(matrix()).solve(-residual)
            except RuntimeError:  # exactly singular
                break
            before, length = size, 1.0
            for _ in range(HALVINGS):
                trial = states + length * step[:-1].reshape(states.T.shape).T
                there = time + length * float(step[-1])
                if there > 0.0:
                    residual, matrix = _system(slope, ends, mesh, trial, there)
                    size = float(np.abs(residual).max())
                    if size < before:
                        break
                length *= 0.5
            else:
                if before <= 1e3 * SETTLED:  # no better is to be had
                    return states, time
                break
            states, time = trial, there
    raise NotConverged("the path of least action to the saddle was not found (Newton's method ends)")


def _system(
    slope: Slope, ends: Ends, mesh: Array, y: Array, time: float
) -> tuple[Array, Callable[[], sparse.csc_matrix]]:
    """The residuals, ``(2d N + 1,)``, and their derivative when it is asked for."""
    n, count = y.shape
    h = np.diff(mesh)
    f, F = slope(y)
    half = time * h
    middle = 0.5 * (y[:, :-1] + y[:, 1:]) + half / 8.0 * (f[:, :-1] - f[:, 1:])
    g, G = slope(middle)
    mean = f[:, :-1] + 4.0 * g + f[:, 1:]
    inner = y[:, 1:] - y[:, :-1] - half / 6.0 * mean
    residual = np.concatenate([inner.T.ravel(), ends(y[:, 0], y[:, -1])])

    def matrix() -> sparse.csc_matrix:
        one = np.eye(n)[:, :, None]
        left, right = F[:, :, :-1], F[:, :, 1:]
        below = np.einsum("ijn,jkn->ikn", G, 0.5 * one + half / 8.0 * left)
        above = np.einsum("ijn,jkn->ikn", G, 0.5 * one - half / 8.0 * right)
        by_left = -one - half / 6.0 * (left + 4.0 * below)
        by_right = one - half / 6.0 * (right + 4.0 * above)
        bend = np.einsum("ijn,jn->in", G, f[:, :-1] - f[:, 1:])
        by_time = -h / 6.0 * mean - half / 6.0 * 4.0 * h / 8.0 * bend
        blocks = np.concatenate([by_left, by_right], axis=1)
        rows, columns = np.indices((n, 2 * n))
        at = n * np.arange(count - 1)
        entries = [
            (
                (rows[:, :, None] + at).ravel(),
                (columns[:, :, None] + at).ravel(),
                blocks.ravel(),
            ),
            (np.arange(n * (count - 1)), np.full(n * (count - 1), n * count), by_time.T.ravel()),
            *_ends_derivative(ends, y),
        ]
        i, j, values = (np.concatenate(parts) for parts in zip(*entries, strict=True))
        size = n * count + 1
        return sparse.csc_matrix((values, (i, j)), shape=(size, size))

    return residual, matrix


def _ends_derivative(ends: Ends, y: Array) -> list[tuple[Array, Array, Array]]:
    """Rows, columns and values of the derivative of the conditions, by central differences."""
    n, count = y.shape
    first, last = y[:, 0], y[:, -1]
    found: list[tuple[Array, Array, Array]] = []
    rows = n * (count - 1) + np.arange(n + 1)
    for k in range(n):
        shift = DIFFERENCE * np.eye(n)[k]
        for values, column in (
            ((ends(first + shift, last) - ends(first - shift, last)), k),
            ((ends(first, last + shift) - ends(first, last - shift)), n * (count - 1) + k),
        ):
            found.append((rows, np.full(n + 1, column), values / (2.0 * DIFFERENCE)))
    return found


def halved(mesh: Array, states: Array, slope: Slope, time: float) -> tuple[Array, Array]:
    """The mesh with the middles of its intervals, and the states there."""
    f = slope(states)[0]
    h = np.diff(mesh)
    middle = 0.5 * (states[:, :-1] + states[:, 1:]) + time * h / 8.0 * (f[:, :-1] - f[:, 1:])
    finer = np.empty((len(states), 2 * len(mesh) - 1))
    finer[:, ::2], finer[:, 1::2] = states, middle
    nodes = np.empty(2 * len(mesh) - 1)
    nodes[::2], nodes[1::2] = mesh, 0.5 * (mesh[:-1] + mesh[1:])
    return nodes, finer
