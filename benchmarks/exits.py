"""Exit from a sublevel set of a quadratic loss and from the unit ball: five noises of equal trace.

    docker/run python3 benchmarks/exits.py [--splitting]

Prints log mean exit times by the backward equation, by the flux through the boundary and, if asked for, by
splitting, beside the lowest V on the boundary; unknowns, seconds, and the error of T against the ten-figure
references at ε = 0.4 and 0.2.
"""

from __future__ import annotations

import sys
import time

import numpy as np
from scipy.linalg import solve_continuous_lyapunov

from solver.exits.exit_times import region_exits
from solver.exits.region import ExitRegion
from solver.fokker_planck.landmarks import Pin
from solver.simulation.sampling import Sampling
from solver.simulation.splitting import rare_passage
from solver.simulation.tabulate import tabulate
from solver.simulation.targets import Superlevel
from solver.system import System

HESSIAN = np.array([[3.0, 1.0], [1.0, 2.0]])
INVERSE = np.linalg.inv(HESSIAN)
TURN = np.array([[np.sqrt(0.75), -0.5], [0.5, np.sqrt(0.75)]])
NOISES = {
    "isotropic": np.eye(2),
    "diagonal": np.diag([1.6, 0.4]),
    "turned 30°": TURN @ np.diag([1.6, 0.4]) @ TURN.T,
    "Hessian": 2 * HESSIAN / np.trace(HESSIAN),
    "inverse Hessian": 2 * INVERSE / np.trace(INVERSE),
}
REFERENCE = {
    "isotropic": {0.4: 7.711059766, 0.2: 499.468605},
    "diagonal": {0.4: 3.984335678, 0.2: 69.079475},
    "turned 30°": {0.4: 3.120286838, 0.2: 49.29628},
    "Hessian": {0.4: 3.850163163, 0.2: 81.979618},
    "inverse Hessian": {0.4: 9.069962524, 0.2: 206.532613},
}
EPSILONS = (0.4, 0.2, 0.1, 0.05, 0.02)
BOUNDS = np.array([[-2.0, 2.0]] * 2)


def loss(x):
    return 0.5 * np.einsum("in,ij,jn->n", x, HESSIAN, x)


SETS = {"loss < 1": lambda x: loss(x) - 1.0, "|x| < 1": lambda x: (x**2).sum(axis=0) - 1.0}


def linear(A):
    return System(
        2,
        lambda x: -HESSIAN @ x,
        lambda x: -HESSIAN[:, :, None] + 0 * x[0],
        lambda x: A[:, :, None] + 0 * x[0],
        np.zeros_like,
    )


def row(name, region, splitting):
    system = linear(NOISES[name])
    S = solve_continuous_lyapunov(HESSIAN, NOISES[name])
    precision = np.linalg.inv(S)

    def potential(x):
        return 0.5 * np.einsum("in,ij,jn->n", x, precision, x)

    start = time.perf_counter()
    left = ExitRegion(SETS[region], Pin(np.zeros(2), S), BOUNDS, shells=16)
    found = region_exits(system, left, EPSILONS, potential=potential)
    seconds = time.perf_counter() - start
    print(f"{name:16} {region:8}  V {found.lowest.value:.9f}  {found.unknowns} unknowns, {seconds:.1f} s")
    for t in found.times:
        exact = REFERENCE[name].get(t.epsilon) if region == "loss < 1" else None
        error = "" if exact is None else f"  error of T {np.exp(t.log_mean) / exact - 1:+.1e}"
        direct, flux = ("–" if v is None else f"{v:.6f}" for v in (t.log_direct, t.log_flux))
        simulated = simulate(system, SETS[region], t.epsilon) if splitting and t.log_mean < 22 else ""
        times = f"log T {t.log_mean:11.6f}  direct {direct:>11}  flux {flux:>11}"
        print(f"    ε {t.epsilon:<5} {times}{error}{simulated}")


def simulate(system, region, epsilon):
    box = [tuple(side) for side in BOUNDS]
    goal = Superlevel(region, 0.0, box)
    table, sampling = tabulate(system, box), Sampling(400, dt=0.02)
    run = rare_passage(table, np.zeros(2), goal, epsilon, region, 24, sampling)
    return f"  splitting {run.log_mean:.2f} ({run.ci[0]:.2f}, {run.ci[1]:.2f})"


if __name__ == "__main__":
    for noise in NOISES:
        for where in SETS:
            row(noise, where, "--splitting" in sys.argv)
