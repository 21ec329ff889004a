"""A sweep: the same case for many values, in one result folder with one table and one figure.

The folder holds ``report.html``, ``sweep.json``, ``sweep.csv``, ``sweep.svg``, the effective ``case.toml``,
and one result folder per member below ``members/``.  It grows: a sweep that was stopped, or whose lists got
longer, goes on where it was.  Each file in it is replaced in one step.
"""

from __future__ import annotations

import fcntl
import json
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from mpi4py import MPI

from cases.base.errors import EXIT_GOOD, EXIT_SOLVER, CaseError
from cases.base.interrupts import State, told
from cases.base.progress import Level, Progress
from cases.casefile.case import Case
from cases.casefile.ranges import expand
from cases.casefile.schema import SweepTable
from cases.contracts.sweep import ColumnsEntry, MemberEntry, RunEntry, SweepRecord, SweepRow
from cases.run.record import run_record
from cases.sweep.columns import Columns, column_fault, disagreements
from cases.sweep.members import Outcome, run_members
from cases.sweep.plan import members
from cases.sweep.rows import outcome_rows, table_text, write_csv
from meshes.serial import on_root
from solver.output.replacing import replacing, write_text

UNFINISHED = "the sweep has not finished"
#: What a signal that ends one leaves behind.
ENDED = State("members that are done are kept; go on with the same command", True)


@dataclass(frozen=True)
class Told:
    """What is printed of a sweep: its table, and what failed."""

    text: str
    problems: list[str]


def run_sweep(
    case: Case, effective: str, folder: Path, level: Level, comm: MPI.Intracomm, fresh: bool = False
) -> int:
    """Run a case with a ``[sweep]`` table.  Collective.

    Returns:
        The exit code: 0, or 3 when members failed; the others are in the table all the same.

    Raises:
        CaseError: for bad input, before anything is solved.
        Stopped: when a signal asked for that before all members were done.
    """
    table = case.sweep
    if table is None:
        raise ValueError("a case without a [sweep] table")
    if table.ranks > comm.size > 1:
        raise case.error(
            "sweep.ranks", f"{table.ranks} ranks per member of {comm.size}", "start more, or ask for less"
        )
    if (wrong := column_fault(columns_of(table), list(table.vary))) is not None:
        raise case.error(*wrong)
    progress = Progress(level, comm)
    with progress.stage("members of the sweep") as stage:
        found = on_root(comm, lambda: members(case, effective, table.vary, table.mode, made=stage.advance))
    with claimed(folder, "sweep.json", effective, comm):
        outcomes = run_members(found, folder / "members", table.ranks, fresh, level, comm)
        # on all ranks: asking for versions may start PETSc, which is collective
        origin = run_record(comm.size, {})
        with progress.stage("table, figure and page"):
            told = on_root(comm, lambda: _write(case, table, folder, outcomes, origin))
    progress.result(told.text)
    for problem in told.problems:
        progress.result(f"PROBLEM: {problem}")
    progress.result(
        f"results: {folder}/report.html, {folder}/sweep.json, {folder}/sweep.csv, {folder}/sweep.svg, "
        f"{folder}/members/*"
    )
    return EXIT_SOLVER if told.problems else EXIT_GOOD


def columns_of(table: SweepTable) -> Columns:
    """The derived columns of a ``[sweep]`` table."""
    return Columns(table.values, table.columns, table.exact, table.abscissa, table.tolerance)


def _entry(columns: Columns) -> ColumnsEntry:
    return {
        "values": dict(columns.values),
        "columns": dict(columns.columns),
        "exact": dict(columns.exact),
        "abscissa": columns.abscissa,
        "tolerance": columns.tolerance,
    }


@contextmanager
def claimed(folder: Path, mark: str, effective: str | None, comm: MPI.Intracomm) -> Iterator[None]:
    """The folder of a sweep, study or batch, made and locked on rank 0 while the block runs.

    Collective on entry.

    Args:
        folder: The result folder.
        mark: The file by which a later run recognises it.
        effective: The effective case, written beside it; None for a batch, which has none of its own.
        comm: MPI communicator.

    Raises:
        CaseError: on all ranks, when something else is there or another run has it.
    """
    handle: list[int] = []
    try:
        on_root(comm, lambda: handle.append(_claim(folder, mark, effective)))
        with told(lambda: ENDED):
            yield
    finally:
        for lock in handle:
            os.close(lock)


def _claim(folder: Path, mark: str, effective: str | None) -> int:
    try:
        if folder.exists() and not folder.is_dir():
            raise CaseError("output folder", str(folder), "exists and is no folder", "choose another folder")
        (folder / "members").mkdir(parents=True, exist_ok=True) if _is_free(folder, mark) else None
        lock = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(lock)
            raise CaseError(
                "output folder", str(folder), "another run works in it", "wait, or choose another"
            ) from None
        except OSError:
            pass  # a file system without locks
        if not (folder / mark).exists():
            write_text(folder / mark, json.dumps({"ok": False, "problems": [UNFINISHED]}))
        if effective is not None:
            write_text(folder / "case.toml", effective)
    except OSError as error:
        raise CaseError(
            "output folder", str(folder), f"cannot be written ({error.strerror})", "choose another folder"
        ) from None
    return lock


def _is_free(folder: Path, mark: str) -> bool:
    if folder.exists() and any(folder.iterdir()) and not (folder / mark).exists():
        raise CaseError(
            "output folder",
            str(folder),
            f"exists and has no {mark}",
            "choose another folder with -o, or empty it",
        )
    return True


def _write(
    case: Case, table: SweepTable, folder: Path, outcomes: Sequence[Outcome], origin: RunEntry
) -> Told:
    """Everything about the sweep as a whole; returns what is printed of it."""
    vary = list(table.vary)
    columns = columns_of(table)
    rows = [outcome_rows(outcome, table.show, columns) for outcome in outcomes]
    flat = [row for part in rows for row in part]
    missing = [path for path in table.show if all(row[path] is None for row in flat)]
    problems = [f"{o.member.label}: {problem}" for o in outcomes for problem in o.problems]
    problems += [
        text
        for o, part in zip(outcomes, rows, strict=True)
        for text in disagreements(columns, o.member.label, part[0])
    ]
    problems += [f"sweep.show: no member has '{path}' in its summary.json" for path in missing]
    record: SweepRecord = {
        "case": case.name,
        "title": case.title,
        "vary": {name: expand(name, given) for name, given in table.vary.items()},
        "mode": table.mode,
        "show": list(table.show),
        "figure": table.figure,
        "derived": _entry(columns),
        "members": [member_entry(o, part) for o, part in zip(outcomes, rows, strict=True)],
        "failed": [o.member.label for o in outcomes if o.problems],
        "ok": not problems,
        "problems": problems,
        "run": origin,
    }
    write_text(folder / "sweep.json", json.dumps(record, indent=1, allow_nan=False))
    _draw(folder, flat, record)
    return Told(table_text(flat, vary, table.show, columns), problems)


def redraw(folder: Path) -> None:
    """Write table, figure and page of a finished sweep again, from its sweep.json.

    Raises:
        CaseError: for a sweep that has not finished.
    """
    record: SweepRecord = json.loads((folder / "sweep.json").read_text())
    record.setdefault("derived", _entry(Columns()))  # older records do not have it
    flat = [row for member in record.get("members", []) for row in member["rows"]]
    if not flat:
        raise CaseError(str(folder), "", UNFINISHED, "run it again: it goes on where it was")
    _draw(folder, flat, record)


def _draw(folder: Path, flat: list[SweepRow], record: SweepRecord) -> None:
    from cases.figures.style import Figure, attempted, style
    from cases.sweep.figure import figure
    from cases.sweep.page import REPORT, page
    from cases.sweep.text import caption

    columns = Columns(**record["derived"])
    with replacing(folder / "sweep.csv") as beside:
        write_csv(beside, flat)

    def draw() -> list[Figure]:
        wanted = list(record["vary"]), record["show"], record["figure"], columns
        return [Figure("Overview", (figure(flat, *wanted),), caption(record))]

    with style():
        (overview,) = attempted("Overview", draw)
    if overview.panels:
        write_text(folder / "sweep.svg", overview.panels[0])
    else:  # an old one would belong to other rows
        (folder / "sweep.svg").unlink(missing_ok=True)
    write_text(folder / REPORT, page(folder, record, overview))


def member_entry(outcome: Outcome, rows: list[SweepRow]) -> MemberEntry:
    """What sweep.json and study.json say of one member; ``seconds`` is null for one that was kept."""
    return {
        "values": outcome.member.values,
        "folder": f"members/{outcome.member.folder}",
        "ok": not outcome.problems,
        "problems": list(outcome.problems),
        "seconds": None if outcome.seconds is None else round(outcome.seconds, 3),
        "rows": rows,
    }
