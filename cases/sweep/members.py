"""Running the members of a sweep over groups of MPI ranks, and keeping those that are finished.

Every member has a result folder of its own below ``members/``, complete or not there at all
(:mod:`cases.run.folder`).  One that is there, made by the very same case and files, is kept.  A group that
is free takes the next member (:mod:`cases.sweep.queue`); nothing is lost when one of them fails.
"""

from __future__ import annotations

import json
import sys
import time
import traceback
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import cast

from mpi4py import MPI

from cases.base.errors import EXIT_SOLVER, CaseError
from cases.base.progress import Level, Progress
from cases.base.ranks import all_arrive, wait_for_all
from cases.contracts.summary import Summary
from cases.sweep.plan import Member
from cases.sweep.queue import dearest_first, taken, tickets
from meshes.serial import on_root

DIGEST = "member.json"
Run = Callable[[Member, Path, MPI.Intracomm], int]


@dataclass(frozen=True)
class Outcome:
    """What became of a member.

    Attributes:
        member: The member.
        summary: Its summary.json; None if it has no result.
        problems: Why it failed, one line each; empty if it is good.
        seconds: How long it took; None for one that was kept.
    """

    member: Member
    summary: Summary | None
    problems: tuple[str, ...]
    seconds: float | None


def run_case(member: Member, path: Path, group: MPI.Intracomm) -> int:
    """Run a member as a case; returns the exit code.  Collective over the group."""
    from cases.run.pipeline import run

    return run(member.case, member.effective, path, Progress("quiet", group), group)


def run_members(
    found: Sequence[Member],
    folder: Path,
    ranks: int,
    fresh: bool,
    level: Level,
    comm: MPI.Intracomm,
    run: Run = run_case,
) -> list[Outcome]:
    """Run all members that are not finished.  Collective over ``comm``.

    Args:
        found: The members, the same on all ranks.
        folder: Where their result folders are.
        ranks: Ranks per member; the last group takes those that are left over.
        fresh: Whether to run finished members again.
        level: How much to print.
        comm: MPI communicator.
        run: What runs a member.
    """
    kept = on_root(comm, lambda: [not fresh and is_finished(m, folder / m.folder) for m in found])
    todo = [k for k, done in enumerate(kept) if not done]
    groups = max(1, comm.size // ranks)
    colour = min(comm.rank // ranks, groups - 1)
    group = cast(MPI.Intracomm, comm.Split(colour, comm.rank))
    progress = Progress(level, group)
    if comm.rank == 0:
        progress.info(f"{len(found)} members, {len(found) - len(todo)} of them finished; {groups} at a time")
    mine: dict[int, tuple[tuple[str, ...], float]] = {}
    order = [todo[k] for k in dearest_first([found[k].case for k in todo])]
    with tickets(folder, comm) as place:
        for k in taken(order, place, group):
            start = time.monotonic()
            code, problems = _attempt(run, found[k], folder / found[k].folder, group, comm)
            mine[k] = problems, time.monotonic() - start
            verdict = f"FAILED: {problems[0]}" if problems else "good" if code == 0 else "has PROBLEMS"
            progress.info(f"{k + 1}/{len(found)} {found[k].label}: {verdict} ({mine[k][1]:.1f} s)")
        wait_for_all(comm)
    parts = comm.allgather(mine if group.rank == 0 else {})
    group.Free()
    ran = {k: value for part in parts for k, value in part.items()}
    return on_root(comm, lambda: [_outcome(m, folder, ran.get(k)) for k, m in enumerate(found)])


def is_finished(member: Member, path: Path) -> bool:
    """Whether there is a result made by the same case and the same files."""
    try:
        return bool(json.loads((path / DIGEST).read_text()).get("digest") == member.digest) and bool(
            json.loads((path / "summary.json").read_text())
        )
    except (OSError, ValueError, AttributeError):
        return False


def _attempt(
    run: Run, member: Member, path: Path, group: MPI.Intracomm, comm: MPI.Intracomm
) -> tuple[int, tuple[str, ...]]:
    """Run one member: its exit code, and a line if it has no result.

    When the ranks of a member no longer agree on what happened, the job is ended.
    """
    if group.rank == 0:
        (path / DIGEST).unlink(missing_ok=True)
    try:
        code = run(member, path, group)
        if group.rank == 0:
            (path / DIGEST).write_text(json.dumps({"digest": member.digest, "values": member.values}))
        return code, ()
    except Exception as error:
        line = " ".join(str(error).split())
        module = sys.modules.get("solver.errors")
        foreseen = isinstance(error, CaseError) or (
            module is not None and isinstance(error, module.SolverError)
        )
        if not foreseen:
            line = f"{type(error).__name__}: {line} (this is a bug)"
            traceback.print_exc()
        if group.size > 1 and not all_arrive(group):
            print(f"rank {comm.rank}: {member.label}: {line}", file=sys.stderr, flush=True)
            comm.Abort(1)
        return EXIT_SOLVER, (line,)


def _outcome(member: Member, folder: Path, ran: tuple[tuple[str, ...], float] | None) -> Outcome:
    problems, seconds = ran if ran is not None else ((), None)
    summary = None
    if not problems:
        file = "summary.json" if member.case.sweep is None else "sweep.json"
        summary = json.loads((folder / member.folder / file).read_text())
        problems = tuple(summary["problems"]) or (() if summary["ok"] else ("its checks failed",))
    return Outcome(member, summary, problems, seconds)
