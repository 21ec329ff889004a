"""A run from case to result folder: the order of things, and nothing else."""

from __future__ import annotations

import json
from functools import partial
from pathlib import Path

from mpi4py import MPI

from cases.base.errors import EXIT_GOOD, EXIT_SOLVER, CaseError, system_error
from cases.base.interrupts import State, told
from cases.base.progress import Progress
from cases.casefile.case import Case
from cases.contracts.summary import Summary
from cases.contracts.sweep import RunEntry
from cases.landscapes.landscape import at_point
from cases.loading.digest import digest
from cases.loading.validate import validate
from cases.problem.places import Structure
from cases.run.checkpoint import checkpoint
from cases.run.folder import OutputFolder
from cases.run.record import run_record
from cases.run.solve import prepared, solve
from cases.run.timings import Timings
from meshes import clock
from meshes.serial import on_root
from solver.output.replacing import write_text


def run(
    case: Case,
    effective: str,
    folder: Path,
    progress: Progress,
    comm: MPI.Intracomm | None = None,
    resume: bool | None = False,
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
        resume: Whether to go on from what an ended run has kept; None: if it is of the same case.

    Raises:
        CaseError: for bad input, before anything is written; for a page that could not be written.
        Stopped: when a signal asked for that, and what is done is kept.
    """
    comm = comm or MPI.COMM_WORLD
    timings = Timings()
    clock.restart()
    kept = checkpoint(folder, digest(case, effective), len(case.noise), resume, comm)
    with timings.measure("set-up"), progress.stage("checking the case, finding fixed points"):
        job = prepared(case, validate(case), comm)
    _describe(job.setting.places, progress)
    with told(kept.state), OutputFolder(folder, comm) as output:
        on_root(comm, partial(kept.begin, resume))
        summary = solve(job, output.path, progress, timings, kept)
        summary["timings"] = {name: round(seconds, 3) for name, seconds in timings.items()}
        origin = run_record(comm.size, timings, clock.spent(comm))
        on_root(comm, lambda: _write_records(output.path, summary, effective, origin))
    # The results are in their place before pictures are drawn: what goes wrong there costs none of them.
    there = State(f"the results are complete in {folder}; 'quasipot report {folder}' writes the page", False)
    with told(lambda: there):
        on_root(comm, kept.remove)
        with progress.stage("report"):
            problem = on_root(comm, lambda: _draw(folder))
    _conclude(summary, folder, progress)
    if problem is not None:
        raise problem
    return EXIT_GOOD if summary["ok"] else EXIT_SOLVER


def _write_records(path: Path, summary: Summary, effective: str, origin: RunEntry) -> None:
    """Everything that rank 0 writes alone but for the page."""
    write_text(path / "case.toml", effective)
    write_text(path / "run.json", json.dumps(origin, indent=1))
    names = [*sorted(p.name for p in path.iterdir()), "report.html", "summary.json"]
    summary["files"] = sorted(set(names))
    write_text(path / "summary.json", json.dumps(summary, indent=1, allow_nan=False))


def _draw(folder: Path) -> CaseError | None:
    """Write the page about published results; the error where the system refuses that."""
    from cases.report.page import write_report

    try:
        write_report(folder)
    except OSError as error:
        if error.errno is None:
            raise
        why = system_error(error)
        fix = f"{why.fix}; 'quasipot report {folder}' then writes it: all other results are there"
        return CaseError("output folder", f"{folder}/report.html", why.problem, fix)
    return None


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
