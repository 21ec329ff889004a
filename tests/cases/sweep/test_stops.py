"""Sweeps that are asked to stop, and go on."""

from cases.base.errors import Stopped
from tests.cases.sweeps import run, solver

__all__ = ["solver"]  # a fixture


def test_a_sweep_stops_when_asked_and_goes_on(tmp_path, solver, capsys, monkeypatch):
    monkeypatch.setattr("cases.sweep.members.asked_to_stop", lambda: len(solver.asked) > 1)
    assert run(tmp_path) == 75
    said = "quasipot: stopped as asked: 2 of 3 members are done; go on with the same command\n"
    assert capsys.readouterr().err == said
    assert run(tmp_path) == 0
    assert [a for a, _ in solver.asked] == [1.0, 2.0, 4.0]


def test_one_that_stops_in_the_middle_stops_the_sweep(tmp_path, solver, capsys):
    solver.faults[2.0] = Stopped("1 of 2 noises is kept")
    assert run(tmp_path, "--fresh") == 75
    again = "1 of 3 members are done; go on with the same command, without --fresh"
    assert capsys.readouterr().err == f"quasipot: stopped as asked: {again}\n"
    assert solver.resumed == [False, False]
    solver.faults.clear()
    assert run(tmp_path) == 0
    assert [a for a, _ in solver.asked] == [1.0, 2.0, 2.0, 4.0]
    assert solver.resumed[2:] == [None, None]  # from a checkpoint, if there is one


def test_what_was_to_be_run_again_is_so_after_a_stop(tmp_path, solver):
    assert run(tmp_path) == 0
    solver.faults[1.0] = Stopped("")
    assert run(tmp_path, "--fresh") == 75
    solver.faults.clear()
    solver.asked.clear()
    assert run(tmp_path) == 0
    assert [a for a, _ in solver.asked] == [1.0, 2.0, 4.0]
