"""Running the members of a sweep over groups of MPI ranks, and keeping those that are finished.

Every member has a result folder of its own below ``members/``, complete or not there at all
(:mod:`cases.run.folder`).  One that is there, complete, and made by the very same case and files, is kept.
A group that is free takes the next member (:mod:`cases.sweep.queue`); nothing is lost when one of them fails,
and when a signal asks to stop, no more are begun: one that stopped in the middle goes on from its checkpoint.
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

import h5py
from mpi4py import MPI

from cases.base.errors import EXIT_SOLVER, CaseError, Stopped
from cases.base.interrupts import asked_to_stop
from cases.base.progress import Level, Progress, Stage
from cases.base.ranks import all_arrive, wait_for_all
from cases.base.remedies import with_remedy
from cases.contracts.summary import Summary, read_summary
from cases.sweep.plan import Member
from cases.sweep.queue import dearest_first, taken, tickets
from meshes.serial import on_root
from solver.output.replacing import write_text

DIGEST = "member.json"
#: Kinds of files that hold what was computed; the others are made from them.
DATA = frozenset({".vtkhdf", ".json", ".npz"})
#: Runs a member in a folder on a group of ranks, from its beginning or not; returns its exit code.
Run = Callable[[Member, Path, MPI.Intracomm, bool], int]


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


def run_case(member: Member, path: Path, group: MPI.Intracomm, fresh: bool) -> int:
    """Run a member as a case; returns the exit code.  Collective over the group."""
    from cases.run.pipeline import run

    resume = False if fresh else None
    return run(member.case, member.effective, path, Progress("quiet", group), group, resume)


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

    Returns:
        What became of them, on rank 0; nothing on the others.

    Raises:
        Stopped: when a signal asked for that before all were done.
    """
    # the summaries stay on rank 0: there may be thousands
    kept: dict[int, Summary] = {}
    done: set[int] = set()
    if fresh:  # also those that this run may not come to, should it be stopped
        on_root(comm, lambda: _forget([folder / member.folder for member in found]))
    else:
        with Progress(level, comm).stage("looking for finished members", len(found)) as stage:
            done = on_root(comm, lambda: _finished(found, folder, kept, stage))
    todo = [k for k in range(len(found)) if k not in done]
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
            try:
                code, problems = _attempt(run, found[k], folder / found[k].folder, group, comm, fresh)
            except Stopped:
                break
            mine[k] = problems, time.monotonic() - start
            verdict = f"FAILED: {problems[0]}" if problems else "good" if code == 0 else "has PROBLEMS"
            progress.info(f"{k + 1}/{len(found)} {found[k].label}: {verdict} ({mine[k][1]:.1f} s)")
            if group.allreduce(asked_to_stop(), MPI.LOR):
                break
        wait_for_all(comm)
    parts = comm.allgather(mine if group.rank == 0 else {})
    group.Free()
    ran = {k: value for part in parts for k, value in part.items()}
    if len(done) + len(ran) < len(found):
        again = "the same command, without --fresh" if fresh else "the same command"
        raise Stopped(f"{len(done) + len(ran)} of {len(found)} members are done; go on with {again}")
    if comm.rank != 0:
        return []
    return [_outcome(m, folder, ran.get(k), kept.get(k)) for k, m in enumerate(found)]


def _finished(found: Sequence[Member], folder: Path, kept: dict[int, Summary], stage: Stage) -> set[int]:
    """Numbers of the members that are finished; their summaries go into ``kept``."""
    for k, member in enumerate(found):
        if (summary := finished(member, folder / member.folder)) is not None:
            kept[k] = summary
        stage.advance()
    return set(kept)


def _forget(places: Sequence[Path]) -> None:
    """Let results no longer count as finished, nor those of a sweep in the place of one."""
    for path in places:
        for mark in (path / DIGEST, *path.glob(f"members/*/{DIGEST}")):
            mark.unlink(missing_ok=True)


def finished(member: Member, path: Path) -> Summary | None:
    """The summary of a result made by the same case and the same files, and complete; None without."""
    try:
        known = json.loads((path / DIGEST).read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError):
        return None
    if not isinstance(known, dict) or known.get("digest") != member.digest:
        return None
    summary = _summary(path)
    if summary is None or not all(_is_sound(path / name) for name in summary["files"]):
        return None
    return summary


def _summary(path: Path) -> Summary | None:
    """The summary in a folder; None where there is none that says what summaries say."""
    try:
        return read_summary((path / "summary.json").read_bytes())
    except (OSError, ValueError):
        return None


def _is_sound(path: Path) -> bool:
    """Whether a file of a result is there and, if it holds what was computed, can be opened."""
    if path.suffix not in DATA:
        return True  # a page that was thrown away is no reason to compute again
    try:
        if path.suffix == ".vtkhdf":
            with h5py.File(path, "r"):
                return True
        return path.stat().st_size > 0
    except OSError:
        return False


def _attempt(
    run: Run, member: Member, path: Path, group: MPI.Intracomm, comm: MPI.Intracomm, fresh: bool
) -> tuple[int, tuple[str, ...]]:
    """Run one member: its exit code, and a line if it has no result.

    When the ranks of a member no longer agree on what happened, the job is ended.

    Raises:
        Stopped: when a signal asked for that in the middle.
    """
    if group.rank == 0:
        (path / DIGEST).unlink(missing_ok=True)
    try:
        code = run(member, path, group, fresh)
        if group.rank == 0:
            write_text(path / DIGEST, json.dumps({"digest": member.digest, "values": member.values}))
        return code, ()
    except Stopped:
        raise
    except Exception as error:
        line = " ".join(str(error).split())
        module = sys.modules.get("solver.errors")
        foreseen = isinstance(error, CaseError) or (
            module is not None and isinstance(error, module.SolverError)
        )
        if foreseen:
            line = with_remedy(line)
        else:
            line = f"{type(error).__name__}: {line} (this is a bug)"
            traceback.print_exc()
        if group.size > 1 and not all_arrive(group):
            print(f"rank {comm.rank}: {member.label}: {line}", file=sys.stderr, flush=True)
            comm.Abort(1)
        return EXIT_SOLVER, (line,)


def _outcome(
    member: Member,
    folder: Path,
    ran: tuple[tuple[str, ...], float] | None,
    kept: Summary | None,
) -> Outcome:
    problems, seconds = ran if ran is not None else ((), None)
    if problems:
        return Outcome(member, kept, problems, seconds)
    place = folder / member.folder
    if member.case.sweep is not None:  # of a batch: what it found is in its own table
        record = json.loads((place / "sweep.json").read_text(encoding="utf-8"))
        return Outcome(member, None, _failures(record["ok"], record["problems"]), seconds)
    summary = kept if kept is not None else _summary(place)
    if summary is None:
        gone = f"the result in {place} cannot be read any more; run it again"
        return Outcome(member, None, (gone,), seconds)
    return Outcome(member, summary, _failures(summary["ok"], summary["problems"]), seconds)


def _failures(ok: bool, problems: Sequence[str]) -> tuple[str, ...]:
    return tuple(problems) or (() if ok else ("its checks failed",))
