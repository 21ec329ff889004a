"""The package fplanck on problems like ours: where it can run, and where double precision breaks it.

It solves ``∇·(force p) = (ε/2) Δp`` by finite volumes on a grid, with scalar noise.  Asked for by
``benchmarks/rates.py fplanck``; installed for the benchmark only.
"""

from __future__ import annotations

import time

import numpy as np
from mpi4py import MPI

from benchmarks.printing import report
from solver.system import Array
from tests.exact import Line


def fplanck_row() -> None:
    """fplanck (finite volumes, scalar noise) on the rotating well and on a tilted one."""
    if MPI.COMM_WORLD.rank > 0:
        return  # it knows nothing of MPI
    try:
        import fplanck
    except ImportError:
        report("    fplanck is not installed (pip install fplanck)")
        return
    from scipy import constants
    from scipy.sparse.linalg import spsolve

    if not hasattr(np, "product"):
        # it asks for a name that NumPy 2 has dropped
        setattr(np, "product", np.prod)  # noqa: B010
    for rho, tilt in ((0.0, 0.05), (1.0, 0.0), (10.0, 0.0)):
        # V = (x²−1)² + y² + 2·tilt·x
        name = f"tilted by {tilt:g}" if tilt else f"rotation ρ = {rho:g}"
        for ratio in (10, 20, 50, 100):
            epsilon = 1.0 / ratio
            begin = time.perf_counter()

            def force(x: Array, y: Array, rho: float = rho, tilt: float = tilt) -> Array:
                slope = 2 * (x**3 - x)
                return np.array([-slope - tilt - rho * y, -y + rho * slope])

            solution = fplanck.fokker_planck(
                temperature=epsilon / (2 * constants.k),
                drag=1.0,
                extent=[3.4, 3.0],
                resolution=0.03,
                force=force,
            )
            with np.errstate(all="ignore"):
                try:
                    p = solution.steady_state()
                except RuntimeError as error:
                    report(f"    {name:16} barrier/ε {ratio:4}   fails: {error}")
                    continue
            x, y = solution.grid
            p = p / p.sum()
            near = np.unravel_index(np.argmin((x - 1) ** 2 + y**2), x.shape)
            middle = np.unravel_index(np.argmin(x**2 + y**2), x.shape)
            with np.errstate(all="ignore"):
                drop = np.log(p[middle] / p[near])
            V = (x**2 - 1) ** 2 + y**2 + 2 * tilt * x
            right = p[x > 0].sum()
            exact = np.exp(-V / epsilon)
            backward = solution.master_matrix.T.tolil()
            goal = ((x - 1) ** 2 + y**2).ravel() <= 0.1**2
            backward = backward[np.ix_(~goal, ~goal)].tocsc()
            times = spsolve(backward, -np.ones(backward.shape[0]))
            start = int(np.argmin(((x + 1) ** 2 + y**2).ravel()[~goal]))
            line = Line(lambda s, tilt=tilt: -2 * (s**3 - s) - tilt, np.ones_like, -1.7, 1.7)
            log_time = f"{np.log(times[start]):.2f}" if times[start] > 0 else "negative"
            answer = f"{line.log_time(-1.0, 0.9, epsilon):.2f} in 1D" if rho == 0 else ""
            report(
                f"    {name:16} barrier/ε {ratio:4}   log p(saddle)/p(well) off by "
                f"{drop + (V[middle] - V[near]) / epsilon:+.2g}, mass right {right:.3g} (exact "
                f"{exact[x > 0].sum() / exact.sum():.3g}), negative cells {int((p < 0).sum())}, "
                f"log MFPT {log_time} {answer}; {p.size} unknowns, {time.perf_counter() - begin:.0f} s"
            )
