"""The jet scheme against exact V: gradient systems, strong rotation, kinks, curved valleys, cycles, space."""

import numpy as np
import pytest
import sympy as sp
from mpi4py import MPI

from solver.drift.fixed_points import fixed_points
from solver.drift.limit_cycles import limit_cycles
from solver.errors import NotConverged
from solver.hamilton_jacobi.jet import JetSolution, quasi_potential, quasi_potentials
from solver.places.attractors import CycleAttractor, attractor_at
from solver.system import Array, System
from tests.exact import (
    MAIER_STEIN_BARRIERS,
    X,
    Y,
    Z,
    function,
    gradient_system,
    maier_stein,
    manufactured,
    rotational_potential,
    rotational_well,
    system,
)

D10_BOX = [(-2.0, 2.0), (-1.5, 1.5)]
TILTED = sp.Matrix([[1 + X / 4, Y / 5], [Y / 5, sp.Rational(3, 5) + X**2 / 8]])


def solved(case: System, start: list[float], box: list[tuple[float, float]], **options: float) -> JetSolution:
    return quasi_potential(case, attractor_at(case, np.array(start)), box, **options)


def errors(solution: JetSolution, exact: Array, below: float) -> tuple[float, float]:
    """Largest and root mean square error where V is not given and below a level."""
    part = ~solution.fixed & (exact < below) & (solution.values < np.inf)
    off = np.abs(solution.values[part] - exact[part])
    assert off.size > 40
    return float(off.max()), float(np.sqrt(np.mean(off**2)))


@pytest.mark.parametrize(
    ("rho", "largest", "mean"), [(0.0, 2e-5, 1e-5), (1.0, 2e-5, 1e-5), (10.0, 5e-4, 2e-5)]
)
def test_the_rotational_double_well_is_solved_to_the_bound(rho: float, largest: float, mean: float) -> None:
    solution = solved(rotational_well(rho), [-1, 0], D10_BOX, tolerance=1e-4, cells=128, top=1.2)
    x = solution.grid.points()
    exact = np.where(x[0] < 0, rotational_potential(x), np.inf)
    found = errors(solution, exact, 0.9)
    assert found[0] < largest
    assert found[1] < mean


def test_a_gradient_system_has_twice_its_loss_on_the_whole_box_also_beyond_the_pass() -> None:
    case = gradient_system((X**2 - 1) ** 2 / 4 + Y**2 / 2, sp.eye(2))
    solution = solved(case, [-1, 0], D10_BOX, cells=128)
    x = solution.grid.points()
    assert np.isfinite(solution.values).all()
    # beyond the pass at V = 1/2: downhill for nothing, and uphill again
    behind = np.where(x[0] > 0, 0.5, 0.0) + 2 * case.loss(x)
    inside = (x[0] < 0) & (behind < 0.5)
    assert np.abs(solution.values - behind)[inside].max() < 1e-4
    axis = np.array([np.linspace(0.1, 1.0, 10), np.zeros(10)])
    assert solution(axis) == pytest.approx(0.5, abs=1e-4)
    far = np.array([[1.5], [0.0]])
    assert solution(far) == pytest.approx(0.5 + 2 * case.loss(far), abs=2e-4)


def test_the_error_falls_with_the_cube_of_the_spacing_without_rotation() -> None:
    case = rotational_well(1.0)
    means = []
    for cells in (32, 64, 128):
        solution = solved(case, [-1, 0], D10_BOX, tolerance=1e-6, cells=cells, top=1.2)
        x = solution.grid.points()
        means.append(errors(solution, np.where(x[0] < 0, rotational_potential(x), np.inf), 0.9)[1])
    assert np.log2(means[0] / means[1]) > 2.5
    assert np.log2(means[1] / means[2]) > 2.5


def test_a_curved_valley_is_solved_up_to_its_pass() -> None:
    case = gradient_system(25 * (Y - X**2) ** 2 / 2 + (X**2 - 1) ** 2 / 4, sp.eye(2))
    pass_errors = []
    for cells in (64, 128):
        solution = solved(case, [-1, 1], [(-1.6, 1.6), (-0.7, 2.0)], tolerance=1e-4, cells=cells, top=1.0)
        pass_errors.append(abs(float(solution(np.zeros((2, 1)))[0]) - 0.5))
    assert pass_errors[1] < 2e-3
    assert np.log2(pass_errors[0] / pass_errors[1]) > 1.5


def test_a_kink_that_ends_at_the_saddle_needs_no_grid_along_it() -> None:
    # the line y = 0 of the kink is no line of the grid
    solution = solved(maier_stein(10), [-1, 0], [(-1.5, 1.47), (-1.02, 0.98)], tolerance=1e-4, cells=128)
    assert float(solution(np.zeros((2, 1)))[0]) == pytest.approx(MAIER_STEIN_BARRIERS[10], abs=1e-4)


def test_full_tensors_with_rotation_are_solved() -> None:
    potential = X**2 / 2 + X * Y / 4 + Y**2 / 2 + X**4 / 4
    case = manufactured(potential, TILTED, 5 * sp.Matrix([[0, -1], [1, 0]]))
    solution = solved(case, [0, 0], [(-1.0, 1.0), (-1.0, 1.0)], tolerance=1e-4, cells=128)
    exact = function(potential, 2)(solution.grid.points())
    # V at which the sublevel set touches the edge: below it no path leaves the box
    assert errors(solution, exact, 0.35)[0] < 1e-4


def test_estimated_errors_are_about_the_true_ones() -> None:
    solution = solved(rotational_well(10), [-1, 0], D10_BOX, tolerance=1e-4, cells=64, top=1.2)
    x = solution.grid.points()
    part = ~solution.fixed & (x[0] < 0) & (rotational_potential(x) < 0.9)
    true = np.abs(solution.values - rotational_potential(x))[part]
    assert np.quantile(true, 0.9) < np.quantile(solution.errors[part], 0.9)


def test_v_scales_with_the_units() -> None:
    small = gradient_system((X**2 - 1) ** 2 / 4 + 2 * Y**2 + X * Y / 3, sp.eye(2))
    a, b = 1e5, 1e-6
    loss = b * ((X / a) ** 2 - 1) ** 2 / 4 + 2 * b * (Y / a) ** 2 + b * X * Y / (3 * a * a)
    large = gradient_system(loss, sp.eye(2))
    box = [(-2.0, 2.0), (-1.0, 1.0)]
    start = np.array([-1.0, 0.0])
    for _ in range(50):
        start = start - np.linalg.solve(
            small.jacobian(start[:, None])[..., 0], small.drift(start[:, None])[:, 0]
        )
    one = quasi_potential(small, attractor_at(small, start), box, cells=64)
    wide = [(low * a, high * a) for low, high in box]
    other = quasi_potential(large, attractor_at(large, a * start), wide, cells=64)
    assert other.values / b == pytest.approx(one.values, rel=1e-4)  # sweeps end at 3e-5


def test_v_of_a_limit_cycle_is_that_of_the_distance_from_it() -> None:
    square = X**2 + Y**2
    case = system([X - X * square - Y, Y - Y * square + X], sp.eye(2))
    box = [(-1.6, 1.6), (-1.6, 1.6)]
    (cycle,) = limit_cycles(case, fixed_points(case, box), box)
    solution = quasi_potential(case, CycleAttractor(cycle), box, cells=128)
    x = solution.grid.points()
    r2 = np.sum(x**2, axis=0)
    # rotation is along the level sets: V = 2U
    exact = (r2 - 1) ** 2 / 2
    assert errors(solution, exact, 0.45)[0] < 1e-3


def test_three_dimensions() -> None:
    turn = sp.Matrix([[0, -1, 0], [1, 0, -1], [0, 1, 0]])
    potential = (X**2 - 1) ** 2 + Y**2 + Z**2
    case = manufactured(potential, sp.eye(3), turn / 2)
    box = [(-2.0, 0.5), (-1.2, 1.2), (-1.2, 1.2)]
    solution = solved(case, [-1, 0, 0], box, cells=24, top=1.2)
    x = solution.grid.points()
    found = errors(solution, np.where(x[0] < 0, function(potential, 3)(x), np.inf), 0.9)
    assert found[0] < 1.5e-3
    assert found[1] < 4e-4


def test_points_outside_are_nan_and_gradients_are_those_of_v() -> None:
    solution = solved(rotational_well(1), [-1, 0], D10_BOX, cells=128, top=1.2)
    x = np.array([[-0.7, -1.3, 5.0], [0.3, -0.2, 0.0]])
    exact = np.array([4 * x[0] * (x[0] ** 2 - 1), 2 * x[1]])
    assert solution.gradient(x)[:, :2] == pytest.approx(exact[:, :2], abs=5e-3)
    assert np.isnan(solution(x)[2])
    assert np.isnan(solution.gradient(x)[:, 2]).all()


def test_one_dimension_and_attractors_on_the_edge_are_refused() -> None:
    line = gradient_system(X**2 / 2, sp.eye(1))
    with pytest.raises(ValueError, match="two and three dimensions"):
        solved(line, [0.0], [(-1.0, 1.0)])
    with pytest.raises(NotConverged, match="on the edge of the box"):
        solved(rotational_well(1), [-1, 0], [(-1.0, 1.0), (-1.0, 1.0)])


@pytest.mark.mpi
def test_wells_are_dealt_to_the_ranks_and_all_ranks_have_them() -> None:
    comm = MPI.COMM_WORLD
    case = rotational_well(1)
    attractors = [attractor_at(case, np.array([x, 0.0])) for x in (-1.0, 1.0)]
    found = quasi_potentials(comm, case, attractors, D10_BOX, tolerance=1e-2, cells=64)
    values = [solution(np.zeros((2, 1)))[0] for solution in found]
    # (x, y) → (−x, −y) is a symmetry
    assert values == pytest.approx([1.0, 1.0], abs=2e-3)
    everywhere = comm.allgather([solution.values.tobytes() for solution in found])
    assert all(other == everywhere[0] for other in everywhere)
