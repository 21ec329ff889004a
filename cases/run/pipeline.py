"""A run from case to result folder: the order of things, and nothing else."""

from __future__ import annotations

import json
from pathlib import Path

from mpi4py import MPI

from cases.base.errors import EXIT_GOOD, EXIT_SOLVER
from cases.base.progress import Progress
from cases.casefile.case import Case
from cases.contracts.summary import Summary
from cases.landscapes.landscape import at_point
from cases.loading.digest import digest
from cases.loading.validate import validate
from cases.problem.places import Structure
from cases.run.checkpoint import checkpoint
from cases.run.folder import OutputFolder
from cases.run.record import run_record
from cases.run.solve import prepared, solve
from cases.run.timings import Timings
from meshes.serial import on_root
from solver.output.replacing import write_text


def run(
    case: Case,
    effective: str,
    folder: Path,
    progress: Progress,
    comm: MPI.Intracomm | None = None,
    resume: bool = False,
) -> int:
    """Run a case and write its result folder.  Collective over ``comm`` (default: all ranks).

    Returns:
        The exit code: 0, or 3 when a solver failed or a result failed its checks; what did so is
        in ``problems`` of summary.json and on the screen.

    Args:
        case: The case.
        effective: It as text, with its defaults.
        folder: The result folder.
        progress: Where to tell what is done.
        comm: MPI communicator.
        resume: Whether to go on from what an ended run has kept.

    Raises:
        CaseError: for bad input, before anything is written.
        Stopped: when a signal asked for that, and what is done is kept.
    """
    comm = comm or MPI.COMM_WORLD
    timings = Timings()
    kept = checkpoint(folder, digest(case, effective), resume, comm)
    with timings.measure("set-up"), progress.stage("checking the case, finding fixed points"):
        job = prepared(case, validate(case), comm)
    _describe(job.setting.places, progress)
    with OutputFolder(folder, comm) as output:
        summary = solve(job, output.path, progress, timings, kept)
        summary["timings"] = {name: round(seconds, 3) for name, seconds in timings.items()}
        with progress.stage("report"):
            on_root(comm, lambda: _write_records(output.path, summary, effective, comm.size, timings))
    on_root(comm, kept.remove)
    _conclude(summary, folder, progress)
    return EXIT_GOOD if summary["ok"] else EXIT_SOLVER


def _write_records(path: Path, summary: Summary, effective: str, ranks: int, timings: Timings) -> None:
    """Everything that rank 0 writes alone; the report last, because it reads the rest."""
    from cases.report.page import write_report

    write_text(path / "case.toml", effective)
    write_text(path / "run.json", json.dumps(run_record(ranks, timings), indent=1))
    names = [*sorted(p.name for p in path.iterdir()), "report.html", "summary.json"]
    summary["files"] = sorted(set(names))
    write_text(path / "summary.json", json.dumps(summary, indent=1, allow_nan=False))
    write_report(path)


def _describe(places: Structure, progress: Progress) -> None:
    if not places.attractors:
        return
    wells = ", ".join(f"{k} {at_point(p.point)}" for k, p in enumerate(places.attractors))
    passes = ", ".join(at_point(s.point) for s in places.saddles) or "none"
    progress.info(f"attractors: {wells}; saddles: {passes}")


def _conclude(summary: Summary, folder: Path, progress: Progress) -> None:
    from cases.report.conclusion import conclusion

    for text in conclusion(summary):
        progress.result(text)
    progress.result(f"results: {folder}/summary.json, {folder}/report.html, {folder}/*.vtkhdf")
