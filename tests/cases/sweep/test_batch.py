"""A folder of case files as a queue, and how its cases are handed out."""

import json
import time

import pytest
from mpi4py import MPI

from cases import cli
from cases.loading.load import load
from cases.sweep.queue import cost, dearest_first, taken, tickets
from solver.errors import NotConverged
from tests.cases.sweeps import CASE, SWEEP, solver

__all__ = ["solver"]  # a fixture


def case_file(folder, name, a, more=""):
    folder.mkdir(exist_ok=True)
    (folder / f"{name}.toml").write_text(CASE.replace("a = 1.0", f"a = {a}") + more)


def batch(folder, *more):
    return cli.main(["batch", str(folder / "queue"), "-o", str(folder / "out"), *more])


def test_every_case_runs_once_and_what_is_done_is_skipped(tmp_path, solver, capsys):
    for name, a in (("one", 1.0), ("two", 2.0), ("four", 4.0)):
        case_file(tmp_path / "queue", name, a)
    assert batch(tmp_path) == 0
    assert sorted(a for a, _ in solver.asked) == [1.0, 2.0, 4.0]
    assert "3 of 3 cases ended well" in capsys.readouterr().out
    record = json.loads((tmp_path / "out/batch.json").read_text())
    assert [member["name"] for member in record["members"]] == ["four", "one", "two"]
    solver.asked.clear()
    case_file(tmp_path / "queue", "two", 2.5)
    case_file(tmp_path / "queue", "five", 5.0)
    assert batch(tmp_path) == 0
    assert sorted(a for a, _ in solver.asked) == [2.5, 5.0]
    solver.asked.clear()
    assert batch(tmp_path, "--fresh") == 0
    assert len(solver.asked) == 4


def test_one_that_fails_and_one_that_is_no_case(tmp_path, solver, capsys):
    case_file(tmp_path / "queue", "good", 1.0)
    (tmp_path / "queue" / "typo.toml").write_text(CASE.replace("epsilon", "epsilom"))
    assert batch(tmp_path) == 2
    out = capsys.readouterr().out
    assert "1 of 2 cases ended well" in out
    assert "typo.toml: compare.epsilom: unknown key; did you mean 'epsilon'?" in out
    case_file(tmp_path / "queue", "bad", 2.0)
    solver.faults |= {2.0: NotConverged("no convergence")}
    assert batch(tmp_path) == 3
    assert "PROBLEM: bad: no convergence" in capsys.readouterr().out
    page = (tmp_path / "out/report.html").read_text()
    assert "1 of 3 cases ended well" in page
    assert "no convergence" in page


def test_a_sweep_in_the_queue(tmp_path, solver):
    case_file(tmp_path / "queue", "swept", 1.0, SWEEP)
    assert batch(tmp_path) == 0
    assert sorted(a for a, _ in solver.asked) == [1.0, 2.0, 4.0]
    assert (tmp_path / "out/members/swept/sweep.json").is_file()


def test_folders_without_cases_and_folders_of_others(tmp_path, solver, capsys):
    assert batch(tmp_path) == 2
    assert "no such folder" in capsys.readouterr().err
    (tmp_path / "queue").mkdir()
    assert batch(tmp_path) == 2
    assert "there is no case file in it" in capsys.readouterr().err
    case_file(tmp_path / "queue", "one", 1.0)
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "mine.txt").write_text("keep")
    assert batch(tmp_path) == 2
    assert "has no batch.json" in capsys.readouterr().err
    assert batch(tmp_path, "--ranks=0") == 2
    assert (tmp_path / "out" / "mine.txt").read_text() == "keep"


def test_the_dearest_case_comes_first(tmp_path):
    texts = {
        "small": CASE,
        "fine": CASE.replace("resolution = 16", "resolution = 64"),
        "more levels": CASE.replace("[0.2, 0.1]", "[0.2, 0.15, 0.1]"),
    }
    cases = []
    for name, text in texts.items():
        (tmp_path / "case.toml").write_text(text)
        cases.append(load(str(tmp_path / "case.toml"))[0])
        assert cost(cases[-1]) > 0, name
    assert dearest_first(cases) == [1, 2, 0]
    assert cost(cases[1]) == pytest.approx(4 * cost(cases[0]))


@pytest.mark.mpi
def test_who_is_free_takes_the_next(shared_tmp_path):
    """While the first group works on its first piece, the others do all that is left."""
    comm = MPI.COMM_WORLD
    group = comm.Split(comm.rank, comm.rank)
    mine = []
    with tickets(shared_tmp_path / "members", comm) as place:
        comm.Barrier()
        for k in taken(range(6), place, group):
            mine.append(k)
            time.sleep(1.0 if comm.rank == 0 and comm.size > 1 else 0.01)
        comm.Barrier()
    group.Free()
    parts = comm.allgather(mine)
    assert sorted(k for part in parts for k in part) == list(range(6))
    assert comm.size == 1 or len(parts[0]) <= 2
    comm.Barrier()
    assert not list((shared_tmp_path / "members").iterdir())
