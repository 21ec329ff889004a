"""Where V of the jet scheme says that it is not to be trusted: beside paths out of the box, at singular A."""

import numpy as np
import sympy as sp

from solver.hamilton_jacobi.jet import JetSolution, quasi_potential
from solver.places.attractors import attractor_at
from solver.system import Array, System
from tests.exact import X, Y, function, manufactured

BOX = [(-1.6, 1.6), (-1.6, 1.6)]
POTENTIAL = X**2 + Y**2 + X * Y / 2 + X**4 / 8


def turning(weak: sp.Expr) -> sp.Matrix:
    """A with the eigenvalues 1 and ``weak``, whose axes turn."""
    c, s = sp.cos(2 * X + Y), sp.sin(2 * X + Y)
    mixed = (1 - weak) * c * s
    return sp.Matrix([[c * c + weak * s * s, mixed], [mixed, s * s + weak * c * c]])


def compared(case: System, cells: int) -> tuple[JetSolution, Array, Array, Array]:
    """The solution; relative errors, exact V and what is valid at the nodes where V was solved for."""
    solution = quasi_potential(case, attractor_at(case, np.zeros(2)), BOX, 1e-5, cells=cells)
    x = solution.grid.points()
    exact = function(POTENTIAL, 2)(x)
    # at the attractor itself it is zero over zero
    off = np.where(solution.fixed, 0.0, (solution.values - exact) / np.maximum(exact, 1e-12))
    return solution, off, exact, solution.valid(x)


def test_v_behind_paths_that_would_leave_the_box_is_too_high_and_not_valid() -> None:
    rotation = 4 * sp.Matrix([[0, 1], [-1, 0]])
    case = manufactured(POTENTIAL, sp.eye(2), rotation)
    solution, off, exact, valid = compared(case, 64)
    edge = (np.abs(solution.grid.points()) > 1.6 - 1e-9).any(axis=0)
    lowest = exact[edge].min()
    behind = off > 0.02
    assert behind.sum() > 200
    # both grids have the same box: the estimate knows nothing of it
    assert np.mean(off[behind] > 2 * solution.errors[behind] / exact[behind]) > 0.5
    assert not valid[behind].any()
    assert np.abs(off[valid]).max() < 0.01
    # below the lowest V on the edge all paths stay inside; marks spread by a few cells from those that do not
    assert valid[exact < 0.8 * lowest].all()
    assert valid[exact < 0.95 * lowest].mean() > 0.97


def test_where_the_grid_does_not_resolve_a_tensor_next_to_singular_v_is_not_valid() -> None:
    case = manufactured(POTENTIAL, turning(sp.exp(-3 * (X**2 + Y**2)) + sp.Rational(1, 1000)), sp.zeros(2))
    solution, off, exact, valid = compared(case, 64)
    wrong = np.abs(off) > 0.02
    assert wrong.sum() > 200
    assert not valid[wrong].any()
    stated = np.nan_to_num(solution.errors[valid], nan=np.inf) / np.maximum(exact[valid], 1e-12)
    away = np.abs(off[valid]) - 2 * stated
    assert np.mean(away > 1e-3) < 2e-3
    near = np.linalg.norm(solution.grid.points(), axis=0) < 1.2
    assert valid[near].mean() > 0.98


def test_a_smooth_tensor_leaves_nothing_in_doubt_inside() -> None:
    case = manufactured(POTENTIAL, turning(sp.Rational(1, 2)), sp.zeros(2))
    solution, off, exact, valid = compared(case, 64)
    assert valid[exact < 2.0].all()
    assert np.abs(off[valid]).max() < 1e-3
    assert solution.doubt.max() <= 1.0
