"""Trajectories of gradient descent and of SGD for a case: what ``[trajectories]`` asks for.

Three paths from one point with one learning rate: SGD on the samples of the model, gradient descent on their
mean loss, and gradient descent on a loss without noise if one is given.  Of SGD the averages of the observed
polynomials are given with their 95 % intervals, of the two others the values at the end.
"""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import sympy as sp
from mpi4py import MPI

from cases.casefile.case import Case
from cases.casefile.trajectory_table import TrajectoryTable
from cases.contracts.further import Iterates, Observed, TrajectoriesEntry, TrajectoryEntry
from cases.contracts.values import matrix, vector
from cases.expressions.parse import ExpressionError, parse, symbols
from cases.landscapes.landscape import Landscape
from cases.results.references import polynomial
from solver import symbolic
from solver.output.replacing import write_text
from solver.simulation.descent import Descents, descent, sampled_descents
from solver.simulation.minibatch import Minibatch
from solver.simulation.sampling import Sampling
from solver.system import Array, Field

FILE = "trajectories.json"
#: Standard errors in half a 95 % interval.
NORMAL_95 = 1.96


def check_trajectories(case: Case, landscape: Landscape, table: TrajectoryTable) -> None:
    """Complain about a table that cannot be run.

    Raises:
        CaseError: naming the key.
    """
    if landscape.samples is None:
        raise case.error("trajectories", "SGD needs a model with data", "use such a model, or leave it out")
    if len(table.start) != case.dim:
        raise case.error(
            "trajectories.start",
            f"{len(table.start)} numbers for {case.dim} coordinates",
            "give one for each",
        )
    for name in table.observe:
        _polynomial(case, table, name)
    _plain(case, table)


def run(
    case: Case, landscape: Landscape, table: TrajectoryTable, folder: Path, comm: MPI.Intracomm
) -> TrajectoriesEntry:
    """Run all three and write their iterates; what summary.json says of them.  Collective.

    Raises:
        NotConverged: when a path runs away.
    """
    samples = landscape.samples
    if samples is None:
        raise ValueError("trajectories of a landscape without samples")
    start = np.array(table.start)
    minibatch = Minibatch(samples.sample_gradient, samples.size, table.batch_size, table.learning_rate)
    sampling = Sampling(table.paths, table.seed, comm=comm)
    noisy = sampled_descents(minibatch, start, table.steps, sampling, table.left_out)
    # The deterministic paths have settled long before SGD has averaged.
    calm = min(table.steps, 1_000_000)
    paths = {"sgd": (noisy.times, noisy.first)}
    paths["gd"] = descent(lambda x: -landscape.drift(x), start, table.learning_rate, calm)
    if (slope := _plain(case, table)) is not None:
        paths["plain"] = descent(slope, start, table.learning_rate, calm)
    polynomials = {name: _polynomial(case, table, name) for name in table.observe}
    ends: dict[str, TrajectoryEntry] = {
        kind: {
            "end": vector(points[-1]),
            "observed": {name: {"value": _value(poly, points[-1:])[0]} for name, poly in polynomials.items()},
        }
        for kind, (_, points) in paths.items()
        if kind != "sgd"
    }
    summary: TrajectoriesEntry = {
        "learning_rate": table.learning_rate,
        "batch_size": table.batch_size,
        "steps": table.steps,
        "paths": table.paths,
        "start": list(table.start),
        "plain_loss": table.plain,
        "sgd": {
            "end": vector(noisy.first[-1]),
            "observed": {name: _average(poly, noisy) for name, poly in polynomials.items()},
        },
        "gd": ends["gd"],
    }
    if "plain" in ends:
        summary["plain"] = ends["plain"]
    if comm.rank == 0:
        record: dict[str, Iterates] = {
            kind: {
                "times": vector(times),
                "points": matrix(points),
                "observed": {name: _value(poly, points) for name, poly in polynomials.items()},
            }
            for kind, (times, points) in paths.items()
        }
        write_text(folder / FILE, json.dumps(record, allow_nan=False))
    return summary


def _polynomial(case: Case, table: TrajectoryTable, name: str) -> sp.Poly:
    try:
        return polynomial(table.observe[name], case.coordinates)
    except ExpressionError as error:
        raise case.error(f"trajectories.observe.{name}", error.problem, error.fix) from None


def _plain(case: Case, table: TrajectoryTable) -> Field | None:
    """∇ of the loss without noise; None without one."""
    if table.plain is None:
        return None
    try:
        loss = parse(table.plain, [*case.coordinates, *case.system.parameters])
    except ExpressionError as error:
        raise case.error("trajectories.plain", error.problem, error.fix) from None
    loss = loss.subs({symbols([key])[0]: value for key, value in case.system.parameters.items()})
    xs = symbols(case.coordinates)
    return symbolic.to_numpy(symbolic.gradient(loss, xs), xs)


def _average(poly: sp.Poly, paths: Descents) -> Observed:
    """Mean over the paths of the average along each, and half its 95 % interval."""
    values = np.zeros(len(paths.means))
    for powers, factor in poly.terms():
        places = [i for i, power in enumerate(powers) for _ in range(power)]
        if len(places) == 2:
            values += float(factor) * paths.products[:, places[0], places[1]]
        else:
            values += float(factor) * (paths.means[:, places[0]] if places else 1.0)
    return {
        "value": float(values.mean()),
        "error": float(NORMAL_95 * values.std(ddof=1) / np.sqrt(len(values))),
    }


def _value(poly: sp.Poly, points: Array) -> list[float]:
    """The polynomial at points ``(n, d)``."""
    values = np.zeros(len(points))
    for powers, factor in poly.terms():
        values += float(factor) * np.prod(points ** np.array(powers), axis=1)
    return [float(value) for value in values]
