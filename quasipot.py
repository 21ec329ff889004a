"""Quasi-potentials, stationary densities and escape rates of ``dX = b(X) dt + √ε σ(X) dW``, from Python.

    >>> import sympy as sp, quasipot as qp
    >>> x, y = sp.symbols("x y")
    >>> system = qp.System.from_loss((x**2 - 1)**2 / 4 + y**2 / 2, [x, y])
    >>> places = qp.find_places(system, [(-1.8, 1.8), (-1.2, 1.2)])
    >>> result = qp.solve(system, places)
    >>> print(f"{result.barrier(0, 1).value:.6f}")
    0.500000

Conventions: ``A = σσᵀ``; ``b·∇V + ½∇VᵀA∇V = 0``, so that ``b = −∇U``, ``A = I`` gives ``V = 2U``;
``∇·(b p) = (ε/2) ∇∇:(A p)``; mean passage times ``E τ ≍ exp(ΔV/ε)``; SGD with learning rate η and batch
size B: ``b = −∇loss``, A the covariance of the per-sample gradients, ``ε = η/B``, time η times the steps.

Points are rows of arrays ``(n, d)``.  Wrong arguments raise ValueError with one sentence; failures of the
solver are the exceptions named here.  Under ``mpirun`` every rank calls the same functions with the same
arguments, and gets the same results: what is marked "collective" must be called on all ranks.

This module holds names only; they are made in :mod:`cases.notebook` and :mod:`solver`.
"""

import os as _os

# One thread per rank: the ranks are the parallelism.  Read by the libraries when they are loaded.
for _name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    _os.environ.setdefault(_name, "1")

from cases.base.errors import CaseError  # noqa: E402
from cases.notebook.evolve import Snapshots, evolve  # noqa: E402
from cases.notebook.exit_times import ExitTimes, exit_times  # noqa: E402
from cases.notebook.from_case import CaseResult, LoadedCase, load  # noqa: E402
from cases.notebook.parts import Barrier, Check, EscapePath, Level  # noqa: E402
from cases.notebook.result import Result  # noqa: E402
from cases.notebook.simulate import simulate  # noqa: E402
from cases.notebook.solve import find_places, solve  # noqa: E402
from solver.analysis.tolerance import Mesh  # noqa: E402
from solver.errors import DegenerateFixedPoints, NotConverged, SolverError, UnsuitableDomain  # noqa: E402
from solver.places.places import Places  # noqa: E402
from solver.simulation.survival import Simulation  # noqa: E402
from solver.system import System  # noqa: E402

__all__ = [
    "Barrier",
    "CaseError",
    "CaseResult",
    "Check",
    "DegenerateFixedPoints",
    "EscapePath",
    "ExitTimes",
    "Level",
    "LoadedCase",
    "Mesh",
    "NotConverged",
    "Places",
    "Result",
    "Simulation",
    "Snapshots",
    "SolverError",
    "System",
    "UnsuitableDomain",
    "evolve",
    "exit_times",
    "find_places",
    "load",
    "simulate",
    "solve",
]
