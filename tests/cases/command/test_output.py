import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from mpi4py import MPI

from cases.base.errors import CaseError
from cases.run import folder as output
from cases.run.folder import OutputFolder

WRITER = """
import sys, time
from pathlib import Path
from cases.run import folder as output
if "fallback" in sys.argv:
    output._exchange = lambda a, b: False
n = 0
while True:
    n += 1
    with output.OutputFolder(Path(sys.argv[1])) as folder:
        for name in ("summary.json", "a", "b", "c"):
            (folder.path / name).write_text(str(n) * 20)
    print(n, flush=True)
"""


def write(target, text, fail=False):
    with OutputFolder(target) as folder:
        (folder.path / "summary.json").write_text(text)
        if fail:
            raise RuntimeError("on purpose")


def leftovers(folder):
    return sorted(path.name for path in folder.iterdir() if path.name.startswith("."))


def test_new_and_again(tmp_path):
    target = tmp_path / "results" / "case"
    write(target, "1")
    assert (target / "summary.json").read_text() == "1"
    (target / "old").write_text("old")
    write(target, "2")
    assert [path.name for path in target.iterdir()] == ["summary.json"]
    assert (target / "summary.json").read_text() == "2"
    assert leftovers(target.parent) == []


def test_failure_keeps_the_old_result(tmp_path):
    target = tmp_path / "case"
    write(target, "1")
    with pytest.raises(RuntimeError):
        write(target, "2", fail=True)
    assert (target / "summary.json").read_text() == "1"
    assert leftovers(tmp_path) == []


def test_fallback_without_exchange(tmp_path, monkeypatch):
    monkeypatch.setattr(output, "_exchange", lambda first, second: False)
    target = tmp_path / "case"
    write(target, "1")
    write(target, "2")
    assert (target / "summary.json").read_text() == "2"
    assert leftovers(tmp_path) == []


def test_fallback_killed_half_way_is_repaired(tmp_path):
    target = tmp_path / "case"
    new = tmp_path / ".case.partial-1-a"
    aside = tmp_path / ".case.partial-1-a-old"
    for folder in (new, aside):
        folder.mkdir()
        (folder / "summary.json").write_text(folder.name)
    output.remove_stale(target)
    assert (target / "summary.json").read_text() == aside.name
    assert leftovers(tmp_path) == []


def test_refuses_what_is_no_result(tmp_path):
    target = tmp_path / "precious"
    target.mkdir()
    (target / "thesis.tex").write_text("years of work")
    with pytest.raises(CaseError, match="no earlier result"):
        write(target, "1")
    assert (target / "thesis.tex").read_text() == "years of work"
    file = tmp_path / "file"
    file.write_text("x")
    with pytest.raises(CaseError, match="no folder"):
        write(file, "1")
    with pytest.raises(CaseError, match="cannot be written"):
        write(file / "below", "1")
    with pytest.raises(CaseError, match=r"mount point|no earlier result"):
        write(Path("/proc"), "1")


def test_an_empty_folder_may_be_filled(tmp_path):
    target = tmp_path / "case"
    target.mkdir()
    write(target, "1")
    assert (target / "summary.json").read_text() == "1"


def test_running_ones_are_left_alone_and_dead_ones_removed(tmp_path):
    target = tmp_path / "case"
    dead = tmp_path / ".case.partial-99999-dead"
    dead.mkdir()
    other = tmp_path / ".case2.partial-99999-dead"
    other.mkdir()
    with OutputFolder(target) as first:
        (first.path / "summary.json").write_text("first")
        write(target, "second")
        assert first.path.is_dir()
        assert not dead.exists()
        assert other.exists()
    assert (target / "summary.json").read_text() == "first"


@pytest.mark.parametrize("way", ["exchange", "fallback"])
def test_killed_at_any_moment(way, tmp_path):
    target = tmp_path / "case"
    for delay in (0.0, 0.003, 0.011, 0.027, 0.05):
        with subprocess.Popen(
            [sys.executable, "-c", WRITER, str(target), way], stdout=subprocess.PIPE, text=True
        ) as writer:
            assert writer.stdout is not None
            writer.stdout.readline()
            seen = time.monotonic() + delay
            while time.monotonic() < seen:
                # A reader never finds a mixture, and with an exchange always finds a result.
                if way == "exchange":
                    assert target.is_dir()
            os.kill(writer.pid, signal.SIGKILL)
        output.remove_stale(target)
        texts = {name: (target / name).read_text() for name in ("summary.json", "a", "b", "c")}
        assert len(set(texts.values())) == 1
        write(target, "done")
        assert leftovers(tmp_path) == []


@pytest.mark.mpi
def test_on_several_ranks(shared_tmp_path):
    comm = MPI.COMM_WORLD
    target = shared_tmp_path / "several"
    for n in range(2):
        with OutputFolder(target, comm) as folder:
            assert comm.allgather(str(folder.path)) == [str(folder.path)] * comm.size
            (folder.path / f"rank{comm.rank}.json").write_text(json.dumps(n))
            if comm.rank == 0:
                (folder.path / "summary.json").write_text("{}")
        comm.Barrier()
        assert json.loads((target / f"rank{comm.size - 1}.json").read_text()) == n
        comm.Barrier()


@pytest.mark.mpi
def test_refusal_reaches_all_ranks(shared_tmp_path):
    comm = MPI.COMM_WORLD
    if comm.rank == 0:
        (shared_tmp_path / "taken").write_text("x")
    comm.Barrier()
    with pytest.raises(CaseError), OutputFolder(shared_tmp_path / "taken", comm):
        pass
