"""Escape paths as solutions of Hamilton's equations, independent of solver/: SciPy's collocation only.

    x' = ∂H/∂p,   p' = −∂H/∂x,   x(0) = attractor,   x(T) = saddle,

whose action ∫ p·x' dt − ∫ H dt tends to the quasi-potential at the saddle, from above, as T grows, with an
error that falls as e^{−cT}.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from scipy.integrate import solve_bvp

Array = np.ndarray
#: H, ∂H/∂x and ∂H/∂p at points and momenta ``(d, N)``.
Hamiltonian = Callable[[Array, Array], tuple[Array, Array, Array]]


def escape_action(
    hamiltonian: Hamiltonian, line: Array, momenta: Array, time: float, tolerance: float = 1e-5
) -> float:
    """The action of the path next to a guess.

    Args:
        hamiltonian: The law.
        line: ``(n, d)`` points from the attractor to the saddle.
        momenta: ``(n, d)``, a guess.
        time: T.
        tolerance: Relative residual of the collocation.
    """
    dim = line.shape[1]
    t = np.linspace(0.0, time, len(line))

    def rates(_: Array, y: Array) -> Array:
        _, by_x, by_p = hamiltonian(y[:dim], y[dim:])
        return np.concatenate([by_p, -by_x])

    def ends(first: Array, last: Array) -> Array:
        return np.concatenate([first[:dim] - line[0], last[:dim] - line[-1]])

    done = solve_bvp(rates, ends, t, np.concatenate([line.T, momenta.T]), tol=tolerance, max_nodes=20000)
    assert done.success, done.message
    nodes, weights = np.polynomial.legendre.leggauss(5)
    half = 0.5 * np.diff(done.x)
    at = (done.x[:-1] + half)[:, None] + half[:, None] * nodes
    y = done.sol(at.ravel())
    value, _, by_p = hamiltonian(y[:dim], y[dim:])
    cost = np.sum(y[dim:] * by_p, axis=0) - value
    return float(np.sum((half[:, None] * weights).ravel() * cost))
