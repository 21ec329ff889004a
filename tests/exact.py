"""Systems with exact solutions, and those solutions; the conventions are those of the solver.

Everything is in ``dX = b dt + √ε σ dW``, ``A = σσᵀ``, ``b·∇V + ½∇VᵀA∇V = 0``.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import sympy as sp
from dolfinx.mesh import Mesh
from mpi4py import MPI
from numpy.polynomial import legendre

from meshes.box import box
from solver.analysis.stages import Analysis, analyse
from solver.elements.discretisation import discretise
from solver.places.search import find_places
from solver.system import Array, Field, System

X, Y, Z = sp.symbols("x y z", real=True)


def function(expression: sp.Expr, dim: int) -> Field:
    """A scalar expression in x, y, z as a function of points, ``(d, N) -> (N,)``."""
    compiled = sp.lambdify((X, Y, Z)[:dim], expression, "numpy")
    return lambda x: np.array(np.broadcast_to(compiled(*x), x.shape[1:]), dtype=float)


def _stacked(expressions: Sequence[sp.Expr], dim: int, shape: tuple[int, ...]) -> Field:
    parts = [function(e, dim) for e in expressions]
    return lambda x: np.array([part(x) for part in parts]).reshape(*shape, x.shape[1])


def system(drift: Sequence[sp.Expr], diffusion: sp.Matrix, loss: sp.Expr | None = None) -> System:
    """A system from sympy expressions in x, y, z."""
    d = len(drift)
    names = (X, Y, Z)[:d]
    drift = [sp.sympify(b) for b in drift]
    divergence = [sum(sp.diff(diffusion[i, j], names[j]) for j in range(d)) for i in range(d)]
    return System(
        d,
        _stacked(drift, d, (d,)),
        _stacked([sp.diff(b, v) for b in drift for v in names], d, (d, d)),
        _stacked(list(sp.Matrix(diffusion)), d, (d, d)),
        _stacked(divergence, d, (d,)),
        None if loss is None else function(loss, d),
    )


def gradient_system(loss: sp.Expr, diffusion: sp.Matrix) -> System:
    """``b = −∇loss``."""
    d = diffusion.shape[0]
    return system([-sp.diff(loss, v) for v in (X, Y, Z)[:d]], diffusion, loss)


def manufactured(potential: sp.Expr, diffusion: sp.Matrix, rotation: sp.Matrix) -> System:
    """``b = −½A∇V + J∇V`` with J antisymmetric: V solves its Hamilton–Jacobi equation for any A and J."""
    d = diffusion.shape[0]
    slope = sp.Matrix([sp.diff(potential, v) for v in (X, Y, Z)[:d]])
    return system(list(-diffusion * slope / 2 + rotation * slope), diffusion)


def solved(
    case: System,
    bounds: Sequence[tuple[float, float]],
    resolution: int,
    epsilons: Sequence[float],
    degree: int = 3,
    comm: MPI.Comm = MPI.COMM_WORLD,
) -> Analysis:
    """All stages of the solver on a box.  Collective."""
    return solved_on(box(comm, bounds, resolution), case, bounds, epsilons, degree)


def solved_on(
    domain: Mesh,
    case: System,
    bounds: Sequence[tuple[float, float]],
    epsilons: Sequence[float],
    degree: int = 3,
) -> Analysis:
    """All stages of the solver on a mesh of the box.  Collective."""
    places = find_places(case, bounds, comm=domain.comm)
    return analyse(discretise(case, domain, degree), places, epsilons)


# --- quadratic losses (seeds.md, a1): HS + SH = A, V = ½ xᵀS⁻¹x ---

HESSIAN = np.array([[3.0, 1.0], [1.0, 2.0]])


def _turned(angle: float) -> Array:
    c, s = np.cos(angle), np.sin(angle)
    turn = np.array([[c, -s], [s, c]])
    return turn @ np.diag([1.6, 0.4]) @ turn.T


# name: A, min V on {loss = 1}, min V on the unit circle; tr A = 2
QUADRATIC = {
    "isotropic": (np.eye(2), 2.000000000, 1.381966011),
    "stretched": (np.diag([1.6, 0.4]), 1.290398270, 1.486875934),
    "turned": (_turned(np.pi / 6), 1.250168327, 2.255899606),
    "hessian": (2 * HESSIAN / np.trace(HESSIAN), 1.381966011, 2.500000000),
    "inverse_hessian": (
        2 * np.linalg.inv(HESSIAN) / np.trace(np.linalg.inv(HESSIAN)),
        1.381966011,
        0.954915028,
    ),
}


def quadratic(diffusion: Array) -> System:
    """``loss = ½xᵀHx`` with a constant A."""
    return gradient_system((3 * X**2 + 2 * X * Y + 2 * Y**2) / 2, sp.Matrix(diffusion))


def lyapunov_by_kronecker(jacobian: Array, diffusion: Array) -> Array:
    """``JS + SJᵀ + A = 0`` as one linear system for the entries of S."""
    one = np.eye(len(jacobian))
    matrix = np.kron(jacobian, one) + np.kron(one, jacobian)
    return np.linalg.solve(matrix, -diffusion.reshape(-1)).reshape(diffusion.shape)


# --- separable double well under turned noise (seeds.md, a2), κ = 0.6, k = 1 ---

# φ in degrees: λ₂ at ε = 0.1
TURNED_EIGENVALUES = {
    0: 1.7774181491e-2,
    30: 8.6687557857e-3,
    45: 2.7761406366e-3,
    60: 3.343796035e-4,
    90: 1.62321509e-6,
}


def turned_noise(degrees: float, kappa: float = 0.6) -> sp.Matrix:
    """``I + κ [[cos 2φ, sin 2φ], [sin 2φ, −cos 2φ]]``."""
    angle = np.radians(2 * degrees)
    c, s = kappa * np.cos(angle), kappa * np.sin(angle)
    return sp.Matrix([[1 + c, s], [s, 1 - c]])


def turned_well(degrees: float) -> System:
    """``loss = (x²−1)²/4 + y²/2``; the barrier is exactly ``1/(2 A_xx)``."""
    return gradient_system((X**2 - 1) ** 2 / 4 + Y**2 / 2, turned_noise(degrees))


# --- rotational double well (D10 of the design): V = (x²−1)² + y² in each well ---


def rotational_well(rho: float) -> System:
    """``b = (−2(x³−x) − ρy, −y + 2ρ(x³−x))``, A = I."""
    return manufactured((X**2 - 1) ** 2 + Y**2, sp.eye(2), sp.Matrix([[0, -rho / 2], [rho / 2, 0]]))


def rotational_potential(x: Array) -> Array:
    """V of the rotational double well at points ``(d, N)``."""
    return (x[0] ** 2 - 1) ** 2 + x[1] ** 2


# --- Maier and Stein, J. Stat. Phys. 83 (1996) 291 ---

# β: V at the saddle (0, 0)
MAIER_STEIN_BARRIERS = {1: 0.5, 3: 0.5, 5: 0.48306971, 10: 0.34004140}


def maier_stein(beta: float) -> System:
    """``b = (x − x³ − βxy², −(1+x²)y)``, A = I."""
    return system([X - X**3 - beta * X * Y**2, -(1 + X**2) * Y], sp.eye(2))


# --- one dimension: everything by quadrature ---


@dataclass(frozen=True)
class Line:
    """Exact solution on an interval with reflecting ends, by cumulative Gauss–Legendre quadrature.

    Attributes:
        x: Grid, ascending.
        potential: V with ``V' = −2b/A`` (up to a constant).
        low, high: The ends.
    """

    drift: Callable[[Array], Array]
    diffusion: Callable[[Array], Array]
    low: float
    high: float
    cells: int = 4000

    @property
    def edges(self) -> Array:
        return np.linspace(self.low, self.high, self.cells + 1)

    def _nodes(self) -> tuple[Array, Array]:
        """Points ``(cells, 8)`` and weights ``(8,)`` scaled to a cell."""
        nodes, weights = legendre.leggauss(8)
        half = 0.5 * (self.high - self.low) / self.cells
        return (self.edges[:-1] + half)[:, None] + half * nodes, half * weights

    def _within(self, values: Array) -> Array:
        """Integrals from the left end of its cell to every node, for values at the nodes."""
        nodes = legendre.leggauss(8)[0]
        half = 0.5 * (self.high - self.low) / self.cells
        # antiderivatives of the Legendre interpolant, exact for degree 7
        fit = np.linalg.inv(legendre.legvander(nodes, 7))
        basis = np.array([legendre.legval(nodes, legendre.legint(row, lbnd=-1)) for row in np.eye(8)]).T
        return half * values @ (basis @ fit).T

    def _cumulative(self, values: Array) -> Array:
        """Integrals from the low end to every node."""
        weights = self._nodes()[1]
        before = np.concatenate([[0.0], np.cumsum(values @ weights)[:-1]])
        return before[:, None] + self._within(values)

    def potential_at_nodes(self) -> Array:
        x = self._nodes()[0]
        return self._cumulative(-2.0 * self.drift(x) / self.diffusion(x))

    def potential(self, start: float, end: float) -> float:
        """``V(end) − V(start)``."""
        nodes, weights = legendre.leggauss(200)
        half = 0.5 * (end - start)
        x = start + half * (1 + nodes)
        return float(np.sum(half * weights * -2.0 * self.drift(x) / self.diffusion(x)))

    def log_time(self, start: float, target: float, epsilon: float) -> float:
        """Logarithm of the mean first passage time from ``start`` to ``target``.

        ``T = ∫ e^{V(y)/ε} ∫ 2/(εA(z)) e^{−V(z)/ε} dz dy`` with z between the reflecting end and y.
        """
        if target < start:
            mirror = Line(
                lambda x: -self.drift(-x), lambda x: self.diffusion(-x), -self.high, -self.low, self.cells
            )
            return mirror.log_time(-start, -target, epsilon)
        count = round(self.cells * (target - self.low) / (self.high - self.low))
        line = Line(self.drift, self.diffusion, self.low, target, count)
        x, weights = line._nodes()
        V = line.potential_at_nodes()
        well, top = V.min(), V[x >= start].max()
        inner = line._cumulative(2.0 / (epsilon * self.diffusion(x)) * np.exp(-(V - well) / epsilon))
        # the outer integral starts at a cell edge only if start is one: integrate a smooth cut exactly
        after = line._cut(np.exp(np.minimum(V - top, 0.0) / epsilon) * inner, start, weights)
        return float(np.log(after) + (top - well) / epsilon)

    def _cut(self, values: Array, start: float, weights: Array) -> float:
        """∫ from ``start`` to the high end of values at the nodes."""
        width = (self.high - self.low) / self.cells
        first = min(int((start - self.low) / width), self.cells - 1)
        whole = float(np.sum(values[first + 1 :] @ weights))
        nodes = legendre.leggauss(8)[0]
        fit = np.linalg.solve(legendre.legvander(nodes, 7), values[first])
        local = 2.0 * (start - self.edges[first]) / width - 1.0
        return whole + 0.5 * width * float(legendre.legval(1.0, legendre.legint(fit, lbnd=local)))

    def mass(self, start: float, end: float, epsilon: float) -> float:
        """Stationary probability of an interval: ``p ∝ e^{−V/ε}/A``."""
        x, weights = self._nodes()
        V = self.potential_at_nodes()
        values = np.exp(-(V - V.min()) / epsilon) / self.diffusion(x)
        upper = self._cut(values, start, weights) - self._cut(values, end, weights)
        return upper / float(np.sum(values @ weights))
