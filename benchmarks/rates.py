"""Stationary densities and escape rates against exact and independent answers, at any noise level.

    docker/run python3 benchmarks/rates.py [row ...]        rows: line ou manufactured skew maier-stein gibbs
                                                            wells three-wells space gauge ranks fplanck
    docker/run mpirun -n 2 python3 benchmarks/rates.py ranks skew

Every row prints the measured errors beside barrier/ε, the unknowns in use at the lowest noise level, the
seconds of the row (compilation of forms included, the first time), those of them that were computed in (fewer
on a machine with other work to do) and the peak memory so far.  The row ``fplanck`` runs that package, if it
is installed, on problems of the same kind.
"""

from __future__ import annotations

import itertools
import sys
import time
from collections.abc import Callable, Sequence

import numpy as np
import sympy as sp
import ufl
from dolfinx import fem
from mpi4py import MPI

from benchmarks.fplanck_rows import fplanck_row
from benchmarks.printing import memory, report
from meshes.box import box
from meshes.form_cache import share
from solver.analysis.gauge_check import gauge_gaps
from solver.analysis.noise_levels import Level
from solver.analysis.stages import Analysis
from solver.elements.coefficients import coefficients
from solver.elements.evaluate import Locator
from solver.errors import NotConverged
from solver.fokker_planck.spectrum import slowest_eigenvalues
from solver.hamilton_jacobi.expansion import expand
from solver.paths.instanton import instanton
from solver.paths.prefactor import kramers
from solver.system import Array, System
from tests.exact import (
    Line,
    X,
    Y,
    function,
    gradient_system,
    maier_stein,
    manufactured,
    solved,
    solved_on,
    system,
    turned_noise,
    turned_well,
)
from tests.solver.given_density import BOUNDS as GIVEN_BOX
from tests.solver.given_density import errors, fine_mesh, given
from tests.solver.given_density import solved as solved_densities
from tests.solver.hermite import chain, slow_modes
from tests.solver.ornstein_uhlenbeck import PLANE, SPACE
from tests.solver.ornstein_uhlenbeck import errors as linear_errors
from tests.solver.sweeps import (
    DRIVEN_SPACE,
    DRIVEN_SPACE_BOX,
    DRIVEN_SPACE_LINE,
    TRIANGLE,
    boxes,
    landmarks,
    levels_on,
    passage_times,
    swept,
)

COMM = MPI.COMM_WORLD
TURN = sp.Matrix([[0, -1], [1, 0]])
HALF = sp.Rational(1, 2)
QUARTIC = (X**2 - 1) ** 2 / 4
GIBBS = (X**2 - 1) ** 2 / 2 + (Y - sp.Rational(7, 10) * X) ** 2
LINE = [(-2.2, 2.2)]
SHEARED = QUARTIC + (Y - sp.Rational(7, 10) * X) ** 2 / 2
SHEARED_BOX = [(-2.2, 2.2), (-2.8, 2.8)]
# x and the y that it drives share a noise
DRIVEN = sp.Matrix([[1, sp.Rational(3, 5)], [sp.Rational(3, 5), 1]])
ROW_SLOPE = sp.diff(4 * X**2 * (X**2 - 1) ** 2 + X / 10 - X**2 / 10, X)
ROW = system([-ROW_SLOPE / 2, -2 * Y + X + X**2 - HALF], DRIVEN)
ROW_BOX = [(-1.4, 1.4), (-1.8, 1.8)]
MAIER_STEIN_BOX = [(-1.5, 1.5), (-1.0, 1.0)]


def worst(values: Sequence[float] | Array) -> str:
    """Largest modulus."""
    return f"{np.max(np.abs(values)):.1e}"


def unknowns(sweep: dict[float, Level]) -> int:
    """Degrees of freedom of the region at the lowest level.  Collective."""
    state = sweep[min(sweep)].state
    space = state.q.function_space
    owned = space.dofmap.index_map.size_local
    return int(COMM.allreduce(int(state.coefficients.region.dofs(space)[:owned].sum())))


def against_line(
    name: str, line: Line, wells: Sequence[float], sweep: dict[float, Level], height: float
) -> None:
    """Errors of all passage times of the x-coordinate against quadrature."""
    pairs = list(itertools.permutations(range(len(wells)), 2))
    for epsilon, level in sweep.items():
        times = level.state.rates.log_mfpt
        errors = [times[i, j] - line.log_time(wells[i], wells[j], epsilon) for i, j in pairs]
        checks = f"refresh {level.gauge_refresh:.0e}, window {level.state.window_change:.0e}"
        report(f"    {name:24} barrier/ε {height / epsilon:5.0f}   log MFPT {worst(errors)}   ({checks})")
    report(f"    {'':24} {unknowns(sweep)} unknowns")


def line_row() -> None:
    """1D double wells."""
    bounds = LINE
    for name, loss, A, height in (
        ("symmetric", QUARTIC, sp.Integer(1), 0.5),
        ("tilted", QUARTIC + X / 20, sp.Integer(1), 0.4),
        ("A = exp(x/2)", QUARTIC, sp.exp(X / 2), 0.4),
    ):
        marks, sweep = swept(
            gradient_system(loss, sp.Matrix([[A]])),
            bounds,
            400,
            [height / r for r in (17, 50, 100, 200, 500)],
        )
        slope, tensor = (sp.lambdify(X, e, "numpy") for e in (-sp.diff(loss, X), A))
        line = Line(slope, lambda x, tensor=tensor: tensor(x) + 0 * x, *bounds[0])
        against_line(name, line, [float(p.point[0]) for p in marks.pins], sweep, height)


def ou_row() -> None:
    """Ornstein–Uhlenbeck processes with a drift that is not normal and a full A, V for a gauge."""
    for name, process in (("2D", PLANE), ("3D", SPACE)):
        found = linear_errors(process)
        report(
            f"    {name}: covariance {found.covariance:.1e}, log p {found.log_density:.1e} down to "
            f"p = 1e{found.lowest:.0f}; {found.unknowns} unknowns"
        )


def manufactured_row() -> None:
    """``p = q e^{−V/ε}`` given, tensor 25:1 turning in space, rotating drift, q not constant."""
    for marks, level in solved_densities([0.01, 0.005, 0.002]):
        found, state = errors(marks, level.state), level.state
        report(
            f"    barrier/ε {1 / state.epsilon:4.0f}   log p {found.log_density:.1e} where V ≤ 1.3 (refresh "
            f"below the pass {level.density_refresh:.0e}), negative or missing {found.missing}, "
            f"log mass {found.log_mass:+.1e}; {found.unknowns} unknowns"
        )


def skew_row() -> None:
    """2D skew product: x is a double well by itself, and drives y through drift and noise."""
    V = (X**2 - 1) ** 2
    case = system([-sp.diff(V, X) / 2, -Y + X], DRIVEN)
    bounds = [(-1.6, 1.6), (-2.2, 2.2)]
    marks, sweep = swept(case, bounds, 96, [1 / r for r in (50, 100, 200, 500)])
    line = Line(sp.lambdify(X, -sp.diff(V, X) / 2), np.ones_like, *bounds[0])
    against_line("skew product", line, [float(p.point[0]) for p in marks.pins], sweep, 1.0)


def maier_stein_row() -> None:
    """Maier–Stein: the trend of the law for β = 1 and 3, mesh convergence for β = 10."""
    left, saddle, bounds = np.array([-1.0, 0.0]), np.zeros(2), MAIER_STEIN_BOX
    for beta in (1, 3):
        case = maier_stein(beta)
        path = instanton(case, expand(case, left, 0.05), [np.array([left, saddle])])
        law = kramers(case, left, saddle, path)
        _, sweep = swept(case, bounds, 72, [0.01, 0.005, 0.0025])
        trend = [(v.state.rates.log_mfpt[0, 1] - law.log_mfpt(e)) / e for e, v in sweep.items()]
        values = ", ".join(f"{t:.3f}" for t in trend)
        report(
            f"    β = {beta}: (log MFPT − Bouchet–Reygner)/ε = {values} at ε = 0.01, 0.005, 0.0025 "
            f"(spread {np.ptp(trend) / np.mean(trend):.1%}); {unknowns(sweep)} unknowns"
        )
    for resolution in (48, 64, 96):
        _, sweep = swept(maier_stein(10), bounds, resolution, [0.02, 0.01])
        values = ", ".join(f"{v.state.rates.log_mfpt[0, 1]:.6f}" for v in sweep.values())
        report(
            f"    β = 10, {resolution} cells: log MFPT {values} at ε = 0.02, 0.01; {unknowns(sweep)} unknowns"
        )


def second_eigenvalue(
    case: System, bounds: Sequence[tuple[float, float]], resolution: int, epsilon: float
) -> float:
    """λ₂ on a box."""
    domain = box(COMM, bounds, resolution)
    space = fem.functionspace(domain, ("Lagrange", 3))
    return float(slowest_eigenvalues(coefficients(domain, case, 3), space, epsilon, 1, 1e-3)[0])


def gibbs_row() -> None:
    """Irreversible Gibbs dynamics: λ₂ against Hermite–Galerkin."""
    V = GIBBS
    for gamma in (0, 1, 3, 10):
        exact = -slow_modes(V, gamma / 2, 0.2, 2, [(-1, -0.7), (1, 0.7)], count=60, width=0.45)[0][1].real
        value = second_eigenvalue(
            manufactured(V, sp.eye(2), sp.Rational(gamma, 2) * TURN), [(-2.1, 2.1), (-2.4, 2.4)], 40, 0.2
        )
        report(f"    γ = {gamma:2}: λ₂ = {value:.8f}, relative error {value / exact - 1:+.1e}")


def wells_row() -> None:
    """seeds a2, a3 (λ₂) and a4 (masses): relative errors against reference values."""
    reference = {
        0: 1.7774181491e-2,
        30: 8.6687557857e-3,
        45: 2.7761406366e-3,
        60: 3.343796035e-4,
        90: 1.62321509e-6,
    }
    sides = [(-2.0, 2.0), (-1.8, 1.8)]
    errors = [second_eigenvalue(turned_well(d), sides, 48, 0.1) / v - 1 for d, v in reference.items()]
    report(f"    turned noise, five orientations: λ₂ {worst(errors)}")
    table = {
        45: (4.601631702e-2, 7.614981713e-3),
        0: (4.326073499e-2, 5.604376158e-3),
        90: (1.055521609e-2, 4.725780302e-4),
        None: (2.480607040e-2, 2.120511767e-3),
    }
    errors = []
    for degrees, values in table.items():
        noise = sp.eye(2) if degrees is None else turned_noise(degrees, 0.5)
        for epsilon, value in zip((0.2, 0.1), values, strict=True):
            case = gradient_system(SHEARED, noise)
            errors.append(second_eigenvalue(case, SHEARED_BOX, 48, epsilon) / value - 1)
    report(f"    sheared well, four noises, two ε: λ₂ {worst(errors)}")
    g = 1 + sp.tanh(2 * X) / 2
    case = gradient_system(QUARTIC + Y**2 / 2, sp.diag(g, 2 - g))
    _, sweep = swept(case, [(-2.2, 2.2), (-1.6, 1.6)], 48, [0.2, 0.1])
    errors = []
    for epsilon, exact in ((0.2, 0.068122256), (0.1, 0.007901691)):
        state = sweep[epsilon].state
        errors.append(right_mass(state) / exact - 1)
    report(f"    equal minima, A by tanh: P(x > 0) {worst(errors)}")


def right_mass(state) -> float:
    """``∫_{x>0} p``."""
    domain = state.coefficients.domain
    x = ufl.SpatialCoordinate(domain)
    p = state.q * ufl.exp(-state.gauge / state.epsilon - state.log_normaliser)
    form = fem.form(ufl.conditional(ufl.gt(x[0], 0.0), p, 0.0) * state.coefficients.dx)
    return float(COMM.allreduce(fem.assemble_scalar(form)))


def three_wells_row() -> None:
    """Three unequal wells with rotation, against Hermite–Galerkin, and in a row, against quadrature."""
    V = TRIANGLE
    marks, sweep = swept(
        manufactured(V, sp.eye(2), TURN), [(-1.45, 1.55), (-1.5, 1.5)], 64, [0.08, 0.06, 0.05, 0.02, 0.01]
    )
    points = [pin.point for pin in marks.pins]
    height = float(np.min(function(V, 2)(marks.passes.T)) - np.max(function(V, 2)(np.array(points).T)))
    pairs = list(itertools.permutations(range(3), 2))
    for epsilon, level in sweep.items():
        text = ""
        if epsilon > 0.04:
            times = np.log(
                passage_times(chain(V, 1.0, epsilon, points, count=100, width=0.18)[0]) + np.eye(3)
            )
            text = f"six log MFPT {worst([level.state.rates.log_mfpt[p] - times[p] for p in pairs])}, "
        weights = []
        for point in points:
            side = np.linspace(-0.45, 0.45, 901)
            x = np.array(np.meshgrid(point[0] + side, point[1] + side)).reshape(2, -1)
            low = function(V, 2)(point[:, None])[0]
            weights.append(np.log(np.exp(-(function(V, 2)(x) - low) / epsilon).sum()) - low / epsilon)
        exact = np.array(weights) - np.logaddexp.reduce(weights)
        report(
            f"    triangle   lowest barrier/ε {height / epsilon:4.0f}   {text}"
            f"log masses {worst(level.state.rates.log_weight - exact)}"
        )
    report(f"               {unknowns(sweep)} unknowns")
    marks, sweep = swept(ROW, ROW_BOX, 96, [0.03, 0.015, 0.007])
    line = Line(sp.lambdify(X, -ROW_SLOPE / 2), np.ones_like, *ROW_BOX[0])
    against_line("row", line, [float(p.point[0]) for p in marks.pins], sweep, 0.5043)


def space_row() -> None:
    """3D skew product with a full 3×3 tensor, from a coarse mesh to finer ones."""
    marks = landmarks(DRIVEN_SPACE, DRIVEN_SPACE_BOX)
    wells = [float(p.point[0]) for p in marks.pins]
    start = None
    for counts, epsilons in (((8, 6, 6), [0.08]), ((14, 9, 9), [0.04, 0.02]), ((22, 13, 13), [0.02, 0.01])):
        begin = time.perf_counter()
        domain = boxes(DRIVEN_SPACE_BOX, counts)
        sweep = levels_on(domain, DRIVEN_SPACE, marks, epsilons, coarse=start)
        against_line("×".join(map(str, counts)), DRIVEN_SPACE_LINE, wells, sweep, 1.0)
        report(f"    {'':24} {time.perf_counter() - begin:.0f} s")
        start = sweep[max(epsilons)].state


def gauge_row() -> None:
    """The gauge made of V against that of the continuation."""
    box_of_wells, box_of_two = [(-1.45, 1.55), (-1.5, 1.5)], [(-2.1, 2.1), (-2.4, 2.4)]
    g = 1 + sp.tanh(2 * X) / 2
    cases: dict[str, tuple[System, list[tuple[float, float]], int, list[float]]] = {
        "1D, symmetric": (gradient_system(QUARTIC, sp.eye(1)), LINE, 400, [0.03, 0.005, 0.001]),
        "1D, tilted": (gradient_system(QUARTIC + X / 20, sp.eye(1)), LINE, 400, [0.02, 0.004, 0.0008]),
        "1D, A = exp(x/2)": (
            gradient_system(QUARTIC, sp.Matrix([[sp.exp(X / 2)]])),
            LINE,
            400,
            [0.02, 0.004, 0.0008],
        ),
        "skew product": (
            system([-2 * X * (X**2 - 1), -Y + X], DRIVEN),
            [(-1.6, 1.6), (-2.2, 2.2)],
            96,
            [0.02, 0.01, 0.005],
        ),
        "Maier–Stein, β = 1": (maier_stein(1), MAIER_STEIN_BOX, 72, [0.01, 0.005, 0.0025]),
        "Maier–Stein, β = 3": (maier_stein(3), MAIER_STEIN_BOX, 72, [0.01, 0.005, 0.0025]),
        "Maier–Stein, β = 10": (maier_stein(10), MAIER_STEIN_BOX, 72, [0.02, 0.01]),
        "Gibbs, γ = 3": (manufactured(GIBBS, sp.eye(2), 3 * HALF * TURN), box_of_two, 40, [0.1, 0.02]),
        "turned noise, 60°": (turned_well(60), [(-2.0, 2.0), (-1.4, 1.4)], 48, [0.1, 0.02]),
        "A by tanh": (
            gradient_system(QUARTIC + Y**2 / 2, sp.diag(g, 2 - g)),
            [(-2.2, 2.2), (-1.6, 1.6)],
            48,
            [0.1, 0.02],
        ),
        "three wells, triangle": (manufactured(TRIANGLE, sp.eye(2), TURN), box_of_wells, 64, [0.05, 0.02]),
    }
    for degrees in (None, 0, 45, 90):
        noise = sp.eye(2) if degrees is None else turned_noise(degrees, 0.5)
        name = f"sheared well, {'isotropic' if degrees is None else f'{degrees}°'}"
        cases[name] = (gradient_system(SHEARED, noise), SHEARED_BOX, 48, [0.1, 0.02])
    cases["three wells, row"] = (ROW, ROW_BOX, 96, [0.03, 0.015, 0.007])
    for name, (case, bounds, resolution, epsilons) in cases.items():
        report_gaps(name, solved(case, bounds, resolution, epsilons))
    for epsilon in (0.01, 0.005, 0.002):
        report_gaps("tensor 25:1, turning", solved_on(fine_mesh(), given(epsilon), GIVEN_BOX, [epsilon]))
    begin = time.perf_counter()
    domain = boxes(DRIVEN_SPACE_BOX, (14, 9, 9))
    report_gaps("3D skew product", solved_on(domain, DRIVEN_SPACE, DRIVEN_SPACE_BOX, [0.04, 0.02]))
    report(f"    {'':24} {time.perf_counter() - begin:.0f} s")


def report_gaps(name: str, result: Analysis) -> None:
    """Differences of log passage times between the two gauges.  Collective."""
    height = min(barrier.barrier for barrier in result.barriers)
    locator = Locator(result.coefficients.domain)
    for epsilon, level in result.levels.items():
        try:
            gaps = gauge_gaps(level.state, result.wells, result.landmarks, locator)
        except NotConverged as error:
            report(f"    {name:22} barrier/ε {height / epsilon:4.0f}   {error}")
            continue
        differ = "–" if gaps is None else f"{gaps.max():.1e}"
        report(f"    {name:22} barrier/ε {height / epsilon:4.0f}   log MFPT differ by {differ}")


def ranks_row() -> None:
    """Digits to be compared between numbers of ranks."""
    _, sweep = swept(turned_well(30), [(-2.0, 2.0), (-1.4, 1.4)], 40, [0.05, 0.01])
    for epsilon, level in sweep.items():
        times = level.state.rates.log_mfpt
        report(f"    {COMM.size} ranks, ε = {epsilon}: log MFPT {times[0, 1]:.10f} {times[1, 0]:.10f}")


ROWS: dict[str, tuple[str, Callable[[], None]]] = {
    "line": ("1D double wells", line_row),
    "ou": ("Ornstein–Uhlenbeck processes", ou_row),
    "manufactured": ("2D, p given, tensor 25:1 turning, rotation, barrier 1", manufactured_row),
    "skew": ("2D skew product", skew_row),
    "maier-stein": ("Maier–Stein", maier_stein_row),
    "gibbs": ("irreversible Gibbs dynamics, ε = 0.2", gibbs_row),
    "wells": ("reference values of two-dimensional wells", wells_row),
    "three-wells": ("three unequal wells with rotation", three_wells_row),
    "space": ("3D skew product, full tensor", space_row),
    "gauge": ("Hamilton–Jacobi gauge against ε-continuation", gauge_row),
    "ranks": ("digits on this number of ranks", ranks_row),
    "fplanck": ("fplanck", fplanck_row),
}


def main() -> None:
    """Print the rows asked for, or all."""
    share()
    for name in sys.argv[1:] or ROWS:
        title, row = ROWS[name]
        COMM.Barrier()
        begin, computed = time.perf_counter(), time.process_time()
        report(f"{title}")
        row()
        report(
            f"    {time.perf_counter() - begin:.0f} s ({time.process_time() - computed:.0f} s of computing), "
            f"{memory():.0f} MB"
        )


if __name__ == "__main__":
    main()
