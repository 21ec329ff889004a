"""Pytest on several MPI ranks: rank 0 prints, all ranks agree on every outcome, nobody waits for ever.

Under ``mpirun -n N python3 -m pytest -m mpi`` each rank runs the same tests.  After each phase of a
test the ranks compare outcomes: what failed on one rank is a failure on all of them, shown by rank 0.
A rank that fails while the others wait in a collective call ends the job after `PATIENCE` seconds.
On one rank none of this does anything.
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from mpi4py import MPI
from pydantic import ValidationError

from cases.contracts.summary import read_summary
from meshes.form_cache import share

PATIENCE = float(os.environ.get("QUASIPOT_RANK_PATIENCE", "300"))
_agree = MPI.COMM_WORLD.Dup()  # own communicator: never mixed up with messages of the tests


@pytest.hookimpl(trylast=True)
def pytest_configure(config: pytest.Config) -> None:
    share()
    if _agree.rank > 0:
        reporter = config.pluginmanager.getplugin("terminalreporter")
        if reporter is not None:
            reporter._tw._file = open(os.devnull, "w")  # noqa: SIM115 (open until the process ends)


def _wait_for_all(report: pytest.TestReport) -> None:
    """Collective: return when all ranks are here, abort the job when one does not come."""
    request, start, pause = _agree.Ibarrier(), time.monotonic(), 1e-4
    while not request.Test():
        if time.monotonic() - start > PATIENCE:
            what = f"rank {_agree.rank}: {report.nodeid} {report.when} {report.outcome}"
            os.write(2, f"\n{what}, another rank never ended it\n{report.longreprtext}\n".encode())
            MPI.COMM_WORLD.Abort(1)
        time.sleep(pause)
        pause = min(2 * pause, 0.05)


@pytest.hookimpl(hookwrapper=True, tryfirst=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo[None]) -> Iterator[None]:
    outcome: Any = yield
    if _agree.size == 1:
        return
    report = outcome.get_result()
    _wait_for_all(report)
    seen = _agree.allgather((report.outcome, report.longreprtext if report.failed else ""))
    failed = [f"--- rank {rank}\n{text}" for rank, (what, text) in enumerate(seen) if what == "failed"]
    if failed:
        report.outcome, report.longrepr = "failed", "\n".join(failed)
    elif not report.skipped and any(what == "skipped" for what, _ in seen):
        report.outcome, report.longrepr = "skipped", (str(item.path), 0, "Skipped: on another rank")


@pytest.fixture
def shared_tmp_path(tmp_path: Path) -> Path:
    """Rank 0's `tmp_path`, the same folder on all ranks (`tmp_path` itself differs).  Collective."""
    return Path(MPI.COMM_WORLD.bcast(str(tmp_path), root=0))


@pytest.fixture(scope="session", autouse=True)
def summaries_obey_their_contract(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Whatever the tests of a session made `quasipot run` write is looked at when they have ended."""
    yield
    wrong = {}
    for path in sorted(tmp_path_factory.getbasetemp().rglob("summary.json")):
        text = path.read_text(encoding="utf-8")
        try:
            if "summary.json" in json.loads(text).get("files", []):  # made-up ones do not list themselves
                read_summary(text)
        except ValidationError as error:
            wrong[str(path)] = str(error)
        except (ValueError, AttributeError):  # a test broke it on purpose
            continue
    assert wrong == {}, "a key that is new belongs into cases/contracts/"
