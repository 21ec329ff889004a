"""A folder of case files as a queue: they run side by side on groups of ranks, what is done is skipped.

The result folder holds ``report.html`` and ``batch.json``, and below ``members/`` one result folder for each
case file (that of a sweep where the case is one).
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from mpi4py import MPI

from cases.base.errors import EXIT_GOOD, EXIT_INPUT, EXIT_SOLVER, CaseError
from cases.base.numbers import DASH, duration
from cases.base.progress import Level, Progress
from cases.contracts.sweep import BatchEntry, BatchRecord, RunEntry
from cases.loading.digest import digest
from cases.loading.load import load
from cases.loading.validate import validate
from cases.run.record import run_record
from cases.sweep.members import Outcome, run_case, run_members
from cases.sweep.plan import Member
from cases.sweep.run import claimed, run_sweep
from meshes.serial import on_root
from solver.output.replacing import write_text

MARK = "batch.json"


@dataclass(frozen=True)
class Queue:
    """What a folder of case files holds.

    Attributes:
        members: The cases that can be run, by name of the file.
        refused: Name of the file → the line that says what is wrong with it.
    """

    members: tuple[Member, ...]
    refused: dict[str, str]


def run_batch(
    source: Path, folder: Path, ranks: int, level: Level, comm: MPI.Intracomm, fresh: bool = False
) -> int:
    """Run all case files of a folder.  Collective.

    Args:
        source: The folder; its files ``*.toml`` are the cases.
        folder: The result folder.
        ranks: Ranks per case.
        level: How much to print.
        comm: MPI communicator.
        fresh: Whether to run cases again that have a result.

    Returns:
        The exit code: 0; 3 when a case failed; 2 when none did but a file is no valid case.

    Raises:
        CaseError: for a folder without case files, or one where the results cannot go.
        Stopped: when a signal asked for that before all were done.
    """
    if ranks > comm.size > 1:
        raise CaseError(
            "quasipot", "--ranks", f"{ranks} ranks per case of {comm.size}", "start more, or ask for less"
        )
    queue = on_root(comm, lambda: read(source))
    with claimed(folder, MARK, None, comm):
        outcomes = run_members(queue.members, folder / "members", ranks, fresh, level, comm, _run)
        origin = run_record(comm.size, {})
        record = on_root(comm, lambda: _write(source, folder, queue, outcomes, origin))
    progress = Progress(level, comm)
    for problem in record["problems"]:
        progress.result(f"PROBLEM: {problem}")
    good = sum(member["ok"] for member in record["members"])
    progress.result(f"{good} of {len(record['members'])} cases ended well")
    progress.result(f"results: {folder}/report.html, {folder}/{MARK}, {folder}/members/*")
    if any(not member["ok"] and member["folder"] is not None for member in record["members"]):
        return EXIT_SOLVER
    return EXIT_INPUT if queue.refused else EXIT_GOOD


def read(source: Path) -> Queue:
    """Read and check all case files of a folder; a wrong one does not keep the others from running.

    Raises:
        CaseError: for a folder that is not there or holds no case file.
    """
    if not source.is_dir():
        raise CaseError(str(source), "", "no such folder", "give the folder of the case files")
    files = sorted(path for path in source.glob("*.toml") if not path.name.startswith("."))
    if not files:
        raise CaseError(str(source), "", "there is no case file in it", "put files NAME.toml there")
    members, refused = [], {}
    for file in files:
        try:
            case, effective = load(str(file), [])
            validate(case)
        except CaseError as error:
            refused[file.stem] = str(error)
            continue
        members.append(Member({}, case, effective, digest(case, effective), file.stem, file.stem))
    return Queue(tuple(members), refused)


def _run(member: Member, path: Path, group: MPI.Intracomm, fresh: bool) -> int:
    if member.case.sweep is None:
        return run_case(member, path, group, fresh)
    return run_sweep(member.case, member.effective, path, "quiet", group, fresh)


def _write(
    source: Path, folder: Path, queue: Queue, outcomes: Sequence[Outcome], origin: RunEntry
) -> BatchRecord:
    entries: list[BatchEntry] = [
        {
            "name": one.member.label,
            "title": one.member.case.title,
            "folder": f"members/{one.member.folder}",
            "ok": not one.problems,
            "problems": list(one.problems),
            "seconds": None if one.seconds is None else round(one.seconds, 3),
        }
        for one in outcomes
    ]
    entries += [
        {"name": name, "title": "", "folder": None, "ok": False, "problems": [line], "seconds": None}
        for name, line in queue.refused.items()
    ]
    entries.sort(key=lambda entry: entry["name"])
    problems = [f"{entry['name']}: {problem}" for entry in entries for problem in entry["problems"]]
    record: BatchRecord = {
        "source": str(source),
        "members": entries,
        "ok": not problems,
        "problems": problems,
        "run": origin,
    }
    write_text(folder / "report.html", page(folder, record))
    write_text(folder / MARK, json.dumps(record, indent=1, allow_nan=False))
    return record


def page(folder: Path, record: BatchRecord) -> str:
    """The index page of a finished batch as HTML text."""
    from cases.report.page import REPORT, environment
    from cases.report.sentences import versions_text

    origin = record["run"]
    entries = record["members"]
    good = sum(entry["ok"] for entry in entries)
    spent = [entry["seconds"] for entry in entries if entry["seconds"] is not None]
    facts = {
        "MPI ranks": origin.get("ranks"),
        "Time": f"{len(spent)} cases {duration(sum(spent))} together" if spent else "",
        "Commit": origin.get("git_commit"),
        "Date": origin.get("date"),
        "Versions": versions_text(origin.get("versions", {})),
    }

    def row(entry: BatchEntry) -> dict[str, object]:
        place = entry["folder"]
        return {
            "label": entry["name"],
            "title": entry["title"] or DASH,
            "ok": entry["ok"],
            "time": DASH if entry["seconds"] is None else duration(entry["seconds"]),
            "problems": "; ".join(entry["problems"]) or DASH,
            "page": f"{place}/{REPORT}" if place and (folder / place / REPORT).is_file() else None,
        }

    context = {
        "paper": "",
        "case_text": "",
        "title": f"Cases of {Path(record['source']).name}",
        "headline": [f"{good} of {len(entries)} cases ended well."],
        "ok": record["ok"],
        "problems": record["problems"],
        "members": [row(entry) for entry in entries],
        "facts": [(name, str(value)) for name, value in facts.items() if value not in (None, "")],
    }
    return environment().get_template("batch.html").render(context)
