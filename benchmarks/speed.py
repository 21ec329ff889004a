"""Where the time goes: CPU seconds of usual jobs by part, and of densities by their two routes.

    docker/run python3 benchmarks/speed.py            both tables: some minutes
    docker/run python3 benchmarks/speed.py routes     densities with V of the jet scheme for their gauge, and
                                                      by the ε-continuation from high noise
    docker/run python3 benchmarks/speed.py jobs       whole runs, import and report included

Seconds are CPU time of one core; what has to be compiled is so before in ``jobs`` (every job runs twice), and
in ``routes`` the second time that it is run.
"""

from __future__ import annotations

import json
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import sympy as sp
from mpi4py import MPI

from benchmarks.printing import report
from meshes.box import box
from solver.analysis.jet_levels import jet_levels
from solver.analysis.jet_well import jets_on
from solver.analysis.noise_levels import Level, continue_levels
from solver.analysis.tolerance import time_error
from solver.elements.discretisation import Discretisation, discretise
from solver.fokker_planck.density_check import density_change
from solver.fokker_planck.landmarks import Landmarks
from solver.places.search import find_places
from solver.system import System
from tests.exact import X, Y, gradient_system, maier_stein, manufactured, rotational_well, turned_well
from tests.solver.sweeps import TRIANGLE

COMM = MPI.COMM_WORLD
TURN = sp.Matrix([[0, -1], [1, 0]])
VALLEY = 25 * (Y - X**2) ** 2 / 2 + (X**2 - 1) ** 2 / 4
ALONG = sp.diag(sp.Rational(8, 5), sp.Rational(2, 5))
WIDTHS = (11, 6, 8, 8, 8, 8)
# parts of less are not shown, in seconds
LEAST = 0.1
# system, box, cells along the longest side, noise levels
SYSTEMS: dict[str, tuple[System, list[tuple[float, float]], int, list[float]]] = {
    "double well, diagonal A": (
        gradient_system((X**2 - 1) ** 2 / 4 + Y**2, ALONG),
        [(-2.0, 2.0), (-1.5, 1.5)],
        64,
        [0.1, 0.07, 0.05],
    ),
    "turned noise, 30°": (turned_well(30), [(-2.0, 2.0), (-1.4, 1.4)], 48, [0.1, 0.02]),
    "rotation 10": (rotational_well(10), [(-1.7, 1.7), (-1.5, 1.5)], 48, [0.1, 0.05]),
    "Maier–Stein, β = 10": (maier_stein(10), [(-1.6, 1.6), (-1.1, 1.1)], 48, [0.1, 0.05]),
    "curved valley, diagonal A": (
        gradient_system(VALLEY, sp.diag(sp.Rational(6, 5), sp.Rational(4, 5))),
        [(-1.8, 1.8), (-1.0, 2.5)],
        64,
        [0.1, 0.07, 0.05],
    ),
    "three wells, triangle": (
        manufactured(TRIANGLE, sp.eye(2), TURN),
        [(-1.45, 1.55), (-1.5, 1.5)],
        48,
        [0.1, 0.05],
    ),
}
DOUBLE_WELL = """
    system = { coordinates = ["x", "y"], loss = "(x**2 - 1)**2/4 + y**2" }
    domain = { bounds = [[-2, 2], [-1.5, 1.5]] }
    noise = { isotropic = { diffusion = "identity" }, along = { diffusion = [["1.6", "0"], ["0", "0.4"]] } }
"""
CURVED_VALLEY = """
    system = { coordinates = ["x", "y"], loss = "25*(y - x**2)**2/2 + (x**2 - 1)**2/4" }
    domain = { bounds = [[-1.8, 1.8], [-1.0, 2.5]] }
    noise = { isotropic = { diffusion = "identity" } }
"""
THREE_LEVELS = "    compare = { epsilon = [0.1, 0.07, 0.05] }\n"
JOBS = {
    "double well, two noises, three ε": DOUBLE_WELL + THREE_LEVELS,
    "double well, two noises, V alone": DOUBLE_WELL,
    "curved valley, three ε": CURVED_VALLEY + THREE_LEVELS,
}


def routes() -> None:
    """Densities by both routes: seconds, densities solved for, largest differences, and stated errors."""
    heads = ("CPU s", "levels", "log T", "stated", "log p", "stated")
    report(f"{'':26} {'  '.join(head.rjust(width) for head, width in zip(heads, WIDTHS, strict=True))}")
    for name, (system, bounds, cells, epsilons) in SYSTEMS.items():
        places = find_places(system, bounds, comm=COMM)
        known, marks = discretise(system, box(COMM, bounds, cells), 3), places.pinned(system)
        tops = [
            np.array([places.passes[n].point for n, _ in places.ways_out(k)])
            for k in range(len(places.attractors))
        ]
        jets = jets_on(known, places.attractors, tops)
        told: tuple[list[str], list[str]] = ([], [])
        clock = [time.process_time()]
        first = jet_levels(known, places, epsilons, jets, told[0].append).levels
        clock.append(time.process_time())
        second = continue_levels(known, epsilons, marks, told[1].append, onwards=False).levels
        clock.append(time.process_time())
        gaps = np.array([differences(first[e], second[e], known, marks) for e in epsilons]).max(axis=0)
        columns = [
            f"{clock[1] - clock[0]:.1f}, {clock[2] - clock[1]:.1f}",
            f"{len(told[0])}, {len(told[1])}",
            *(f"{gap:.1e}" for gap in gaps),
        ]
        report(
            f"{name:26} {'  '.join(text.rjust(width) for text, width in zip(columns, WIDTHS, strict=True))}"
        )


def differences(
    one: Level, other: Level, known: Discretisation, marks: Landmarks
) -> tuple[float, float, float, float]:
    """Of log T and log p at one noise level, each with the larger of the stated errors.  Collective."""
    rates = one.state.rates, other.state.rates
    assert rates[0] is not None
    assert rates[1] is not None
    off = ~np.eye(len(marks.pins), dtype=bool)
    times = float(np.max(np.abs(rates[0].log_mfpt - rates[1].log_mfpt)[off]))
    densities = density_change(one.state, other.state, marks, known.locator).largest
    stated = max(one.density_refresh, other.density_refresh)
    return times, max(time_error(one, None), time_error(other, None)), densities, stated


def jobs() -> None:
    """Whole runs in processes of their own: CPU seconds, and the parts of run.json."""
    with tempfile.TemporaryDirectory() as place:
        for name, text in JOBS.items():
            path = Path(place) / "job.toml"
            path.write_text(text)
            for attempt in ("warm", "timed"):
                before = resource.getrusage(resource.RUSAGE_CHILDREN).ru_utime
                folder = Path(place) / attempt
                command = [sys.executable, "-m", "cases", "run", str(path), "-o", str(folder), "--quiet"]
                code = subprocess.run(command, check=False, capture_output=True).returncode
                seconds = resource.getrusage(resource.RUSAGE_CHILDREN).ru_utime - before
            record = json.loads((folder / "run.json").read_text(encoding="utf-8"))
            parts = {what: one["cpu"] for what, one in record["parts"].items()}
            report(f"{name}: {seconds:.1f} CPU s, exit code {code}")
            for what, cost in sorted(parts.items(), key=lambda entry: -entry[1]):
                if cost >= LEAST:
                    report(f"    {what:40} {cost:6.1f}")
            report(f"    {'import, report':40} {seconds - sum(parts.values()):6.1f}")


def main() -> None:
    """Print the tables asked for, or both."""
    tables: dict[str, Callable[[], None]] = {"routes": routes, "jobs": jobs}
    for name in sys.argv[1:] or tables:
        tables[name]()


if __name__ == "__main__":
    main()
