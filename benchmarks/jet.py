"""Accuracy and cost of the jet scheme: errors, estimated errors and CPU seconds, beside published solvers.

    docker/run python3 benchmarks/jet.py            # plane: two minutes
    docker/run python3 benchmarks/jet.py space      # three dimensions as well
    docker/run python3 benchmarks/jet.py data       # the cases with noise measured on data
    docker/run python3 benchmarks/jet.py tolerance  # meshes made finer until a bracket is narrow
    docker/run python3 benchmarks/jet.py validity   # a diffusion next to singular whose axes turn

Errors are those at all nodes where V is at most 0.9 of the pass, or of V at a saddle.  Seconds are CPU time
on one core with everything from the expansion on, the coarser grids included, machine code compiled before.
Barriers on data are least actions of curves given by sines (the references of the cases).
"""

from __future__ import annotations

import sys
import time
from collections.abc import Sequence

import numpy as np
import sympy as sp

from benchmarks.printing import memory, report
from benchmarks.quasi_potential import CROSS, SMOOTH, TURN
from cases.loading.load import load
from cases.noise.tensors import scaled
from cases.problem.landscape import build
from meshes.box import Bounds
from solver.analysis.tolerance import analyse_to
from solver.arrays import Array, Field
from solver.hamilton_jacobi.jet import JetSolution, quasi_potential
from solver.places.attractors import attractor_at
from solver.places.search import find_places
from solver.system import System
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
)
from tests.solver.hamilton_jacobi.jet.test_validity import BOX as WIDE
from tests.solver.hamilton_jacobi.jet.test_validity import POTENTIAL as DISTANT
from tests.solver.hamilton_jacobi.jet.test_validity import turning

PLANE = [(-2.0, 2.0), (-1.5, 1.5)]
VALLEY = 25 * (Y - X**2) ** 2 / 2 + (X**2 - 1) ** 2 / 4
# σ = [[1 + x/2, 0], [3y/10, 3/5 − y/5]], the tensor of the published rows
SIGMA = sp.Matrix([[1 + X / 2, 0], [3 * Y / 10, sp.Rational(3, 5) - Y / 5]])
# published solvers on D10, rho = 10, run on one core of a like machine: points, max, RMS, CPU seconds
PEERS = [
    ("efficient jet marcher, 257²", 3.4e-4, 2.5e-4, 2.0),
    ("efficient jet marcher, 1025²", 2.5e-5, 2.1e-5, 31.0),
    ("ordered line integrals, 1025²", 2.5e-4, 8.2e-5, 2.0),
    ("ordered upwind (QPot), 1025²", 6.5e-2, 4.2e-2, 32.0),
]


def line(name: str, grid: str, *numbers: float | None) -> None:
    cells = ["–".rjust(9) if n is None else f"{n:9.1e}" for n in numbers[:-1]]
    report(f"{name:44} {grid:12} {'  '.join(cells)}  {numbers[-1] or 0.0:7.2f}")


def timed(
    case: System, start: Sequence[float], box: Bounds, cells: int, tolerance: float, top: float = np.inf
) -> tuple[JetSolution, float]:
    begin = time.process_time()
    attractor = attractor_at(case, np.array(start, dtype=float))
    solution = quasi_potential(case, attractor, box, tolerance, cells=cells, top=top)
    return solution, time.process_time() - begin


def field_row(
    name: str,
    case: System,
    exact: Field,
    start: Sequence[float],
    box: Bounds,
    cells: int,
    heights: tuple[float, float],
) -> None:
    """Errors where the exact V is below the first height, on its side of x = 0; V up to the second."""
    level, top = heights
    solution, seconds = timed(case, start, box, cells, 1e-5, top)
    x = solution.grid.points()
    values = exact(x)
    part = (values < level) & (x[0] * start[0] >= 0)
    off = np.abs(solution.values[part] - values[part])
    estimate = float(np.sqrt(np.nanmean(solution.errors[part] ** 2)))
    line(name, _shape(solution), float(off.max()), float(np.sqrt(np.mean(off**2))), estimate, seconds)


def point_row(
    name: str, case: System, start: Sequence[float], box: Bounds, cells: int, at: Array, value: float
) -> None:
    """Error of V at one point."""
    solution, seconds = timed(case, start, box, cells, 1e-4)
    there = float(solution(at[:, None])[0])
    line(name, _shape(solution), abs(there - value), None, float(solution.error(at[:, None])[0]), seconds)


def _shape(solution: JetSolution) -> str:
    return "x".join(str(n) for n in solution.grid.shape)


def plane() -> None:
    for rho in (0.0, 1.0, 10.0, 50.0):
        for cells in (64, 128, 256, 512) if rho == 10.0 else (128, 256):
            case = rotational_well(rho)
            field_row(f"D10, rho = {rho:g}", case, rotational_potential, [-1, 0], PLANE, cells, (0.9, 1.2))
    for name, *numbers in PEERS:
        line("  " + name, "published", *numbers[:2], None, numbers[2])
    for cells in (64, 128, 256):
        case, box = maier_stein(10), [(-1.5, 1.47), (-1.02, 0.98)]
        value = MAIER_STEIN_BARRIERS[10]
        point_row("Maier–Stein, beta = 10: V(0, 0), on a kink", case, [-1, 0], box, cells, np.zeros(2), value)
    for cells in (64, 128, 256):
        case = manufactured(SMOOTH, SIGMA * SIGMA.T, 5 * TURN)
        box = [(-1.0, 1.0), (-1.0, 1.0)]
        field_row("A(x), rotation 5", case, function(SMOOTH, 2), [0, 0], box, cells, (0.35, np.inf))
    for cells in (128, 256, 512):
        case = gradient_system(VALLEY, sp.eye(2))
        point_row(
            "curved valley 25 : 1, V(0, 0)", case, [-1, 1], [(-1.8, 1.8), (-1, 2.5)], cells, np.zeros(2), 0.5
        )


def space() -> None:
    potential = (X**2 - 1) ** 2 + Y**2 + Z**2
    box = [(-2.0, 0.5), (-1.2, 1.2), (-1.2, 1.2)]
    for rho in (0, 10):
        for cells in (24, 48):
            case = manufactured(potential, sp.eye(3), rho * CROSS / 2)
            exact = function(potential, 3)
            field_row(f"3D quartic, rho = {rho}", case, exact, [-1, 0, 0], box, cells, (0.9, 1.2))


# the case with its measured noise, cells, and for each barrier: attractor, pass, least action
IRIS = [
    ((-2.0013, 0.5119), (-1.3877, 0.9965), 0.676681),
    ((2.339, 0.1138), (1.5378, -0.258), 0.3417445),
    ((0.0483, -0.03), (1.5378, -0.258), 0.91192),
    ((0.0483, -0.03), (-1.3877, 0.9965), 1.91535),
]
BIAS = [((-2.22, 0.718, -0.105), None, 0.508332), ((1.1545, 0.0873, -0.4895), None, 0.334863)]


def data() -> None:
    """Barriers of built-in cases under noise measured on the data: V of the pass on the whole box."""
    measured = ['noise.measured.diffusion="gradient_covariance"', 'compare.reference="measured"']
    for name, sizes, rows in (("radial-iris", (64, 128, 256), IRIS), ("radial-bias", (24, 48), BIAS)):
        case, _ = load(name, measured)
        landscape = build(case)
        system = scaled(case, landscape, np.array(rows[0][0]))["measured"].system
        places = find_places(system, case.domain.bounds)
        for start, over, value in rows:
            attractor = min(places.attractors, key=lambda one: float(np.linalg.norm(one.point - start)))
            middle = np.array(over) if over else places.passes[0].point
            at = min(
                (one.point for one in places.passes), key=lambda one: float(np.linalg.norm(one - middle))
            )
            for cells in sizes:
                point_row(f"{name}, measured", system, attractor.point, case.domain.bounds, cells, at, value)


def tolerance() -> None:
    """Unknowns and width of the bracket on every mesh that a tolerance of 1e-3 asks for: D10, rho = 10."""
    case = rotational_well(10.0)
    begin = time.process_time()
    found = analyse_to(case, find_places(case, PLANE), [], 1e-3, monitor=report)
    unknowns = found.analysis.discretisation.space.dofmap.index_map.size_global
    largest, seconds = found.accuracy.largest, time.process_time() - begin
    report(f"D10, rho = 10, V only: {unknowns} unknowns, {largest:.1e}, {seconds:.0f} CPU s")
    report(found.accuracy.reason or "the tolerance is met")


def validity() -> None:
    """Errors relative to V on all nodes and on the valid ones; how many are beyond twice the stated error."""
    case = manufactured(DISTANT, turning(sp.exp(-3 * (X**2 + Y**2)) + sp.Rational(1, 1000)), sp.zeros(2))
    for cells in (64, 128):
        solution, seconds = timed(case, [0, 0], WIDE, cells, 1e-5)
        x = solution.grid.points()
        exact = function(DISTANT, 2)(x)
        solved, valid = ~solution.fixed, solution.valid(x) & ~solution.fixed
        off = np.abs(solution.values[solved] / exact[solved] - 1)
        stated = solution.errors[valid] / exact[valid]
        right = np.abs(solution.values[valid] / exact[valid] - 1)
        beyond = float(np.mean(right > 2 * stated + 1e-3))
        report(
            f"turning, 1 : 0.001, {_shape(solution)}: largest error {off.max():.1e}, where valid "
            f"({valid.sum() / solved.sum():.0%}) {right.max():.1e}, "
            f"beyond twice the stated one {beyond:.2%}, {seconds:.1f} s"
        )


if __name__ == "__main__":
    line("compiling", "", 0.0, 0.0, 0.0, timed(rotational_well(1.0), [-1, 0], PLANE, 32, 1e-2)[1])
    report(f"{'case':44} {'grid':12} {'max':>9}  {'RMS':>9}  {'estimate':>9}  {'CPU s':>7}")
    if not {"tolerance", "validity"} & set(sys.argv):
        plane()
    if "space" in sys.argv:
        space()
    if "data" in sys.argv:
        data()
    if "tolerance" in sys.argv:
        tolerance()
    if "validity" in sys.argv:
        validity()
    report(f"peak memory {memory():.0f} MB")
