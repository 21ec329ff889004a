"""Runs that are ended and go on: what is kept, for whom, and that the numbers are the same."""

import json
import os
import signal
import subprocess
import time

import numpy as np
import pytest
from scipy.integrate import quad

from cases.base.errors import CaseError
from cases.run.checkpoint import Checkpoint, checkpoint
from cases.run.found import Found
from solver.output.polylines import Polyline
from tests import small_case
from tests.cases.run.test_groups import LINE


def test_a_run_stops_and_goes_on_on_another_number_of_ranks(tmp_path):
    """Stopped by SIGUSR1 after its first noise, resumed on one rank: V(0) − V(±1) = 2∫U'/A is right."""
    case = tmp_path / "case.toml"
    case.write_text(LINE)
    together = ("--set", 'solver.ranks="together"')
    command = small_case.program("run", case, "-o", tmp_path / "out", *together, ranks=2)
    job = subprocess.Popen(
        command, env=small_case.environment(), stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    while b"noise 'isotropic'" not in job.stdout.readline():
        assert job.poll() is None, job.stderr.read()
    job.send_signal(signal.SIGUSR1)
    said = job.communicate(timeout=300)[1].decode()
    assert job.returncode == 75, said
    assert "stopped as asked: 1 of 2 noises are done; go on with the same command and --resume" in said
    assert sorted(path.name for path in tmp_path.iterdir()) == [".out.checkpoint", "case.toml"]
    more = small_case.run("run", case, "-o", tmp_path / "out", *together, "--resume", ranks=1)
    assert more.returncode == 0, more.stdout + more.stderr
    assert "noise 'isotropic': kept" in more.stdout
    assert sorted(path.name for path in tmp_path.iterdir()) == ["case.toml", "out"]
    exact = {"isotropic": 0.5, "uneven": 2 * quad(lambda x: (x - x**3) / (1 + x**2 / 4), 0, 1)[0]}
    summary = json.loads((tmp_path / "out" / "summary.json").read_text())
    scale = 1.25  # equal trace at the attractors
    exact["uneven"] *= scale
    for name, entry in summary["noises"].items():
        assert [row["barrier"] for row in entry["barriers"]] == pytest.approx([exact[name]] * 2, rel=1e-6)
        assert all(row["log_mfpt"] > 0 for row in entry["rates"])
    assert {"isotropic.vtkhdf", "uneven.vtkhdf", "instantons.vtkhdf"} <= set(summary["files"])


def test_a_killed_run_goes_on(tmp_path):
    case = tmp_path / "case.toml"
    case.write_text(LINE)
    command = small_case.program("run", case, "-o", tmp_path / "out")
    job = subprocess.Popen(command, env=small_case.environment(), stdout=subprocess.DEVNULL)
    done = tmp_path / ".out.checkpoint" / "isotropic.json"
    while not done.exists():
        assert job.poll() is None
        time.sleep(0.01)
    job.send_signal(signal.SIGKILL)
    job.wait()
    more = small_case.run("run", case, "-o", tmp_path / "out", "--resume")
    assert more.returncode == 0, more.stdout + more.stderr
    assert "noise 'isotropic': kept" in more.stdout
    assert not done.parent.exists()


class One:
    """A communicator of one rank."""

    rank, size = 0, 1

    def bcast(self, value, root=0):
        return value


def test_what_is_kept_comes_back(tmp_path):
    (tmp_path / "partial").mkdir()
    (tmp_path / "partial" / "a.vtkhdf").write_bytes(b"fields")
    kept = Checkpoint(tmp_path / ".out.checkpoint", "digest")
    line = Polyline(
        np.array([[0.1, 0.2], [0.3, 1 / 3]]), {"action": np.array([0.0, 1e-300])}, {"from": 0, "to": 1}, "a"
    )
    kept.write("a", {"kind": "a"}, Found(["too bad"], [line], [], 7), tmp_path / "partial")
    assert kept.read("b", tmp_path) is None
    (tmp_path / "new").mkdir()
    entry, found = kept.read("a", tmp_path / "new")
    assert (entry, found.problems, found.unknowns) == ({"kind": "a"}, ["too bad"], 7)
    assert found.lines[0].points.tolist() == [[0.1, 0.2], [0.3, 1 / 3]]
    assert (tmp_path / "new" / "a.vtkhdf").read_bytes() == b"fields"
    (kept.place / "a.json").write_text((kept.place / "a.json").read_text()[:-9])
    assert kept.read("a", tmp_path / "new") is None


def test_checkpoints_of_other_cases_and_things_that_are_none(tmp_path):
    place = tmp_path / ".out.checkpoint"
    Checkpoint(place, "one").write("a", {}, Found(), tmp_path)
    (place / "mine.txt").write_text("keep")
    with pytest.raises(CaseError, match="of another case"):
        checkpoint(tmp_path / "out", "two", True, One())
    assert checkpoint(tmp_path / "out", "one", True, One()).read("a", tmp_path) is not None
    checkpoint(tmp_path / "out", "two", False, One())
    assert os.listdir(place) == ["mine.txt"]
    with pytest.raises(CaseError, match="stands where a checkpoint belongs"):
        checkpoint(tmp_path / "out", "one", True, One())
