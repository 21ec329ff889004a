"""Accuracy and cost of the Hamilton–Jacobi stage on problems with exact solutions.

    docker/run python3 benchmarks/quasi_potential.py
    docker/run mpirun -n 2 python3 benchmarks/quasi_potential.py

V is grown from the local expansion at one attractor (no other start), up to 0.98 of the pass; errors are
those at all nodes where V is at most 0.9 of the pass.  Seconds are those of expansion, growth and all
linear solves on this number of ranks, forms compiled before.  The Maier–Stein rows run every stage
(paths, both wells), those of limit cycles all but the search for the cycles.
"""

from __future__ import annotations

import time
from collections.abc import Sequence

import numpy as np
import sympy as sp
from dolfinx import fem
from mpi4py import MPI

from benchmarks.printing import memory, report
from meshes.box import Bounds, box
from meshes.form_cache import share
from meshes.refine import graded
from solver.analysis.stages import analyse
from solver.elements.discretisation import discretise
from solver.elements.region import cell_values, make_region
from solver.hamilton_jacobi.expansion import expand
from solver.hamilton_jacobi.growth import from_expansion, grow
from solver.places.search import find_places
from solver.system import System
from tests.exact import X, Y, Z, function, manufactured, system

COMM = MPI.COMM_WORLD
TURN = sp.Matrix([[0, -1], [1, 0]])
AXIS = sp.Matrix([1, 2, 3]) / sp.sqrt(14)
CROSS = sp.Matrix([[0, -AXIS[2], AXIS[1]], [AXIS[2], 0, -AXIS[0]], [-AXIS[1], AXIS[0], 0]])
D10 = (X**2 - 1) ** 2 + Y**2
SMOOTH = X**2 / 2 + X * Y / 4 + Y**2 / 2 + sp.sin(X) * Y**2 / 6 + sp.exp(X / 2) * Y**2 / 8 + X**4 / 4


def row(*columns: str) -> None:
    """Print one line of the table."""
    widths = (46, 6, 8, 9, 9, 8, 8)
    report("  ".join(c.ljust(w) for c, w in zip(columns, widths, strict=False)))


def grown(  # noqa: PLR0913  (a row of the table)
    name: str,
    potential: sp.Expr,
    case: System,
    bounds: Bounds,
    attractor: Sequence[float],
    degree: int,
    resolution: int,
    top: float,
) -> tuple[float, int, float, float]:
    """Solve one problem and print its row; returns largest error, unknowns, seconds, memory in MB."""
    COMM.Barrier()
    begin = time.perf_counter()
    dim, point = len(attractor), np.array(attractor)
    space = fem.functionspace(box(COMM, bounds, resolution), ("Lagrange", degree))
    expansion = expand(case, point, 0.1 * top)
    rough = expand(case, point, top, tolerance=2e-2)
    solution = grow(case, *from_expansion(space, rough), expansion, 0.8 * rough.level, 0.98 * top)
    seconds = COMM.allreduce(time.perf_counter() - begin, op=MPI.MAX)
    exact, value = fem.Function(space), function(potential, dim)
    exact.interpolate(lambda x: value(x[:dim]))
    there = solution.cells & (cell_values(exact).max(axis=1) <= 0.9 * top)
    gaps = np.abs(cell_values(solution.potential) - cell_values(exact))[there]
    largest = COMM.allreduce(float(np.max(gaps, initial=0.0)), op=MPI.MAX)
    total, count = COMM.allreduce(float(np.sum(gaps**2))), COMM.allreduce(gaps.size)
    inside = make_region(space.mesh, solution.cells).dofs(space)[: space.dofmap.index_map.size_local]
    unknowns = COMM.allreduce(int(inside.sum()))
    reached = f"{solution.iteration.converged_level / top:.2f}"
    errors = f"{largest:.1e}", f"{np.sqrt(total / max(count, 1)):.1e}"
    row(name, f"P{degree}", str(unknowns), *errors, f"{seconds:.1f}", f"{memory():.0f}  ({reached})")
    return largest, unknowns, seconds, memory()


def cycle(
    name: str, drift: Sequence[sp.Expr], potential: sp.Expr, extent: float, degree: int, upto: float
) -> None:
    """V with a limit cycle as attractor or as the edge of the basin; errors where V ≤ upto."""
    case, bounds = system(drift, sp.eye(2)), [(-extent, extent)] * 2
    places = find_places(case, bounds)
    begin = time.perf_counter()
    result = analyse(discretise(case, box(COMM, bounds, 48), degree), places, [])
    seconds = COMM.allreduce(time.perf_counter() - begin, op=MPI.MAX)
    well = result.wells[0]
    exact, value = fem.Function(well.potential.function_space), function(potential, 2)
    exact.interpolate(lambda x: value(x[:2]))
    there = well.valid & (cell_values(exact).max(axis=1) <= upto)
    gaps = np.abs(cell_values(well.potential) - cell_values(exact))[there]
    largest = COMM.allreduce(float(np.max(gaps, initial=0.0)), op=MPI.MAX)
    total, count = COMM.allreduce(float(np.sum(gaps**2))), COMM.allreduce(gaps.size)
    inside = make_region(well.potential.function_space.mesh, well.cells).dofs(well.potential.function_space)
    unknowns = COMM.allreduce(int(inside[: exact.function_space.dofmap.index_map.size_local].sum()))
    errors = f"{largest:.1e}", f"{np.sqrt(total / max(count, 1)):.1e}"
    height = "".join(f"  (barrier {b.barrier:.12f})" for b in result.barriers)
    row(name, f"P{degree}", str(unknowns), *errors, f"{seconds:.1f}", f"{memory():.0f}{height}")


def growth(rows: Sequence[tuple[float, int, float, float]]) -> None:
    """Print the exponents with which time and memory grow with the number of unknowns."""
    _, unknowns, seconds, megabytes = (np.log(column) for column in np.array(rows).T)
    orders = (np.polyfit(unknowns, y, 1)[0] for y in (seconds, megabytes))
    report("    time grows as N^{:.2f}, peak memory of the process as N^{:.2f}".format(*orders))


def turned(ratio: float) -> sp.Matrix:
    """A tensor with eigenvalues 1 and 1/ratio whose axes turn in space."""
    angle = X + Y
    turn = sp.Matrix([[sp.cos(angle), -sp.sin(angle)], [sp.sin(angle), sp.cos(angle)]])
    return turn * sp.diag(1, sp.Float(1 / ratio)) * turn.T


def maier_stein(beta: float, exact: float, resolution: int) -> None:
    """All stages for the Maier–Stein system; the row shows the barrier and its bracket."""
    begin = time.perf_counter()
    case = system([X - X**3 - beta * X * Y**2, -(1 + X**2) * Y], sp.eye(2))
    bounds = [(-1.6, 1.6), (-1.0, 1.0)]
    domain = graded(box(COMM, bounds, resolution), [np.zeros(2)], [3.2 / resolution / 4])
    result = analyse(discretise(case, domain, 3), find_places(case, bounds), [])
    barrier = result.barriers[0]
    bracket = f"{barrier.barrier:.8f} in [{barrier.lower:.5f}, {barrier.upper:.8f}]"
    seconds = time.perf_counter() - begin
    report(f"Maier–Stein β={beta:g}: {bracket}, error {abs(barrier.barrier - exact):.0e}, {seconds:.0f} s")


def main() -> None:
    """Print the table."""
    share()
    half = [(-1.5, 0.1), (-1.05, 1.05)]
    row("problem", "", "unknowns", "max", "RMS", "seconds", "MB  (V/V_pass reached)")
    for rho in (0, 1, 10, 50):
        case = manufactured(D10, sp.eye(2), sp.Rational(rho, 2) * TURN)
        for degree, resolution in ((3, 92), (4, 24)):
            grown(f"D10, ρ={rho}", D10, case, half, [-1.0, 0.0], degree, resolution, 1.0)
    quadratic = 2 * X**2 + Y**2
    case = system([-2 * X - 10 * Y, 20 * X - Y], sp.eye(2))
    grown("linear, ρ=10", quadratic, case, [(-1.0, 1.0), (-1.2, 1.2)], [0.0, 0.0], 2, 24, 1.0)
    for ratio in (2, 25, 100):
        case = manufactured(SMOOTH, turned(ratio), (1 + X / 2) * TURN)
        sizes = (24, 48, 96)
        errors = [
            grown(f"sin and exp, A(x) {ratio}:1", SMOOTH, case, [(-1.5, 1.5)] * 2, [0.0, 0.0], 3, n, 0.5)[0]
            for n in sizes
        ]
        report(f"    observed order {-np.polyfit(np.log(sizes), np.log(errors), 1)[0]:.2f}")
    radius = X**2 + Y**2
    drift = [Y + X * (1 - radius), -X + Y * (1 - radius)]
    for degree in (3, 4):
        cycle("stable limit cycle", drift, (radius - 1) ** 2 / 2, 1.4, degree, 0.4)
    drift = [10 * Y - X * (1 - radius), -10 * X - Y * (1 - radius)]
    for degree in (3, 4):
        # r ≤ 0.95
        cycle("basin of an unstable cycle, ρ=10", drift, radius * (1 - radius / 2), 1.1, degree, 0.49517)
    case = manufactured(D10, sp.eye(2), 5 * TURN)
    growth([grown("D10, ρ=10", D10, case, half, [-1.0, 0.0], 3, n, 1.0) for n in (32, 48, 72, 108)])
    ellipsoid = X**2 + 2 * Y**2 + 3 * Z**2
    sides = [(-1.05, 1.05), (-0.75, 0.75), (-0.62, 0.62)]
    case = manufactured(ellipsoid, sp.eye(3), 5 * CROSS)
    growth([grown("3D quadratic, ρ=10", ellipsoid, case, sides, [0.0] * 3, 2, n, 1.0) for n in (8, 12, 18)])
    quartic = ((X - 1) ** 2 - 1) ** 2 + Y**2 + 2 * Z**2
    sides = [(-0.5, 1.05), (-1.05, 1.05), (-0.75, 0.75)]
    case = manufactured(quartic, sp.eye(3), 5 * CROSS)
    for degree, resolution in ((3, 12), (4, 8)):
        grown("3D quartic, ρ=10", quartic, case, sides, [0.0] * 3, degree, resolution, 1.0)
    for beta, exact, resolution in ((1, 0.5, 48), (3, 0.5, 48), (5, 0.48306971, 64), (10, 0.34004140, 64)):
        maier_stein(beta, exact, resolution)


if __name__ == "__main__":
    main()
