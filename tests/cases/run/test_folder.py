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
from tests.cases.run.test_folder import summary
if "fallback" in sys.argv:
    output._exchange = lambda a, b: False
n = 0
while True:
    n += 1
    with output.OutputFolder(Path(sys.argv[1])) as folder:
        for name in ("summary.json", "a.json", "b.vtkhdf", "run.json"):
            (folder.path / name).write_text(summary(f"{n:020}"))
    print(n, flush=True)
"""


FILES = ["a.json", "b.vtkhdf", "report.html"]


def summary(case, files=FILES):
    """A summary.json that lists some files."""
    return json.dumps({"case": case, "convention": "dX = b dt", "files": files, "ok": True, "problems": []})


def write(target, text, fail=False):
    with OutputFolder(target) as folder:
        (folder.path / "summary.json").write_text(summary(text))
        if fail:
            raise RuntimeError("on purpose")


def read(target):
    return json.loads((target / "summary.json").read_text())["case"]


def leftovers(folder):
    return sorted(path.name for path in folder.iterdir() if path.name.startswith("."))


def test_new_and_again(tmp_path):
    target = tmp_path / "results" / "case"
    write(target, "1")
    assert read(target) == "1"
    (target / "a.json").write_text("of the first run")
    write(target, "2")
    assert [path.name for path in target.iterdir()] == ["summary.json"]
    assert read(target) == "2"
    assert leftovers(target.parent) == []


def test_failure_keeps_the_old_result(tmp_path):
    target = tmp_path / "case"
    write(target, "1")
    with pytest.raises(RuntimeError):
        write(target, "2", fail=True)
    assert read(target) == "1"
    assert leftovers(tmp_path) == []


def test_fallback_without_exchange(tmp_path, monkeypatch):
    monkeypatch.setattr(output, "_exchange", lambda first, second: False)
    target = tmp_path / "case"
    write(target, "1")
    write(target, "2")
    assert read(target) == "2"
    assert leftovers(tmp_path) == []


def test_fallback_killed_half_way_is_repaired(tmp_path):
    target = tmp_path / "case"
    new = tmp_path / ".case.partial-1-0000abcd"
    aside = tmp_path / ".case.partial-1-0000abcd-old"
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
    with pytest.raises(CaseError, match="holds 'thesis.tex', which no run of quasipot wrote"):
        write(target, "1")
    assert (target / "thesis.tex").read_text() == "years of work"
    file = tmp_path / "file"
    file.write_text("x")
    with pytest.raises(CaseError, match="no folder"):
        write(file, "1")
    with pytest.raises(CaseError, match="cannot be written"):
        write(file / "below", "1")
    with pytest.raises(CaseError, match=r"mount point|which no run of quasipot wrote"):
        write(Path("/proc"), "1")


def test_an_empty_folder_may_be_filled(tmp_path):
    target = tmp_path / "case"
    target.mkdir()
    write(target, "1")
    assert read(target) == "1"


def test_running_ones_are_left_alone_and_dead_ones_removed(tmp_path):
    target = tmp_path / "case"
    dead = tmp_path / ".case.partial-99999-0000dead"
    dead.mkdir()
    other = tmp_path / ".case2.partial-99999-0000dead"
    other.mkdir()
    with OutputFolder(target) as first:
        (first.path / "summary.json").write_text(summary("first"))
        write(target, "second")
        assert first.path.is_dir()
        assert not dead.exists()
        assert other.exists()
    assert read(target) == "first"


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
        texts = {
            name: (target / name).read_text() for name in ("summary.json", "a.json", "b.vtkhdf", "run.json")
        }
        assert len(set(texts.values())) == 1
        write(target, "done")
        assert leftovers(tmp_path) == []


def foreign_summary(target):
    (target / "summary.json").write_text('{"ok": true}')


def foreign_files(target):
    # "main.py" is nothing that a run writes, whatever a summary says
    (target / "summary.json").write_text(summary("1", [*FILES, "main.py"]))
    (target / "main.py").write_text("print()")


def truncated(target):
    (target / "summary.json").write_text(summary("1")[:-5])


def below(target):
    (target / "notes").mkdir()


def linked(target):
    (target / "a.json").symlink_to(target.parent / "elsewhere.json")


@pytest.mark.parametrize("spoil", [foreign_summary, foreign_files, truncated, below, linked])
def test_nothing_of_others_is_touched(spoil, tmp_path):
    target = tmp_path / "proj"
    write(target, "1")
    spoil(target)
    before = sorted((path.name, path.is_file() and path.read_bytes()) for path in target.iterdir())
    with pytest.raises(CaseError, match="which no run of quasipot wrote") as caught:
        write(target, "2")
    assert "choose another folder with -o" in caught.value.fix
    assert before == sorted((path.name, path.is_file() and path.read_bytes()) for path in target.iterdir())
    assert leftovers(tmp_path) == []


def test_what_comes_during_a_run_stays(tmp_path):
    target = tmp_path / "case"
    write(target, "1")

    def run():
        with OutputFolder(target) as folder:
            (folder.path / "summary.json").write_text(summary("2"))
            (target / "notes.txt").write_text("mine")

    with pytest.raises(CaseError, match="holds 'notes.txt'") as caught:
        run()
    assert (target / "notes.txt").read_text() == "mine"
    assert read(target) == "1"
    assert str(tmp_path / "case-1") in caught.value.fix
    assert read(tmp_path / "case-1") == "2"


def test_what_comes_at_the_last_moment_stays(tmp_path, monkeypatch):
    target = tmp_path / "case"
    write(target, "1")

    def late(target):
        (target / "notes.txt").write_text("mine")

    monkeypatch.setattr(output, "check_target", late)
    write(target, "2")
    assert read(target) == "2"
    assert (tmp_path / "case-1" / "notes.txt").read_text() == "mine"
    assert leftovers(tmp_path) == []


def test_neither_the_current_folder_nor_that_of_the_case(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(CaseError, match="is the current folder"):
        write(Path(), "1")
    (tmp_path / "project").mkdir()
    shown = tmp_path / "link"
    shown.symlink_to(tmp_path / "project")
    for place in (tmp_path / "project", shown, Path("project")):
        with pytest.raises(CaseError, match="is the folder of the case"):
            output.check_beside(place, tmp_path / "project")
    output.check_beside(tmp_path / "project" / "out", tmp_path / "project")


def test_long_names(tmp_path):
    target = tmp_path / ("n" * 250)
    write(target, "1")
    write(target, "2")
    assert read(target) == "2"
    with pytest.raises(CaseError, match="name too long"):
        write(tmp_path / ("n" * 300), "1")
    assert leftovers(tmp_path) == []


KILLED = """
import os, signal, sys, time
from pathlib import Path
from cases.base import interrupts
from cases.run.folder import OutputFolder
if sys.argv[2] == "thread":
    interrupts.install(0)
with OutputFolder(Path(sys.argv[1])) as folder:
    (folder.path / "half").write_text("x")
    print("writing", flush=True)
    time.sleep(60)
"""


@pytest.mark.parametrize(
    ("how", "number", "code"),
    [
        ("thread", signal.SIGTERM, 143),
        ("thread", signal.SIGINT, 130),
        ("thread", signal.SIGHUP, 129),
        ("nothing", signal.SIGKILL, -9),
        ("nothing", signal.SIGTERM, -15),
    ],
)
def test_a_signal_leaves_nothing_behind(how, number, code, tmp_path):
    target = tmp_path / "case"
    write(target, "1")
    with subprocess.Popen(
        [sys.executable, "-c", KILLED, str(target), how],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as job:
        assert job.stdout.readline() == "writing\n"
        assert len(leftovers(tmp_path)) == 1
        job.send_signal(number)
        _, said = job.communicate(timeout=30)
    assert job.returncode == code
    if how == "thread":
        assert said.count("\n") == 1
        assert f"ended by {signal.Signals(number).name}" in said
    wait = time.monotonic() + 20  # for the guard
    while leftovers(tmp_path) and time.monotonic() < wait:
        time.sleep(0.02)
    assert leftovers(tmp_path) == []
    assert read(target) == "1"


@pytest.mark.mpi
def test_on_several_ranks(shared_tmp_path):
    comm = MPI.COMM_WORLD
    target = shared_tmp_path / "several"
    for n in range(2):
        with OutputFolder(target, comm) as folder:
            assert comm.allgather(str(folder.path)) == [str(folder.path)] * comm.size
            (folder.path / f"rank{comm.rank}.json").write_text(json.dumps(n))
            if comm.rank == 0:
                names = [f"rank{rank}.json" for rank in range(comm.size)]
                (folder.path / "summary.json").write_text(summary("several", names))
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
