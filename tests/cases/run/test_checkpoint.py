"""Runs that are ended and go on: what is kept, for whom, and that the numbers are the same."""

import json
import os
import signal
import subprocess
import time

import numpy as np
import pytest
from scipy.integrate import quad

from cases import cli
from cases.base.errors import CaseError
from cases.base.interrupts import NOTHING
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
    assert "stopped as asked: 1 of 2 noises is kept; go on with the same command and --resume" in said
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


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGTERM])
def test_a_killed_run_goes_on(how, tmp_path):
    case = tmp_path / "case.toml"
    case.write_text(LINE)
    command = small_case.program("run", case, "-o", tmp_path / "out")
    job = subprocess.Popen(
        command, env=small_case.environment(), stdout=subprocess.DEVNULL, stderr=subprocess.PIPE
    )
    done = tmp_path / ".out.checkpoint" / "isotropic.json"
    while not done.exists():
        assert job.poll() is None
        time.sleep(0.01)
    job.send_signal(how)
    said = job.communicate(timeout=60)[1].decode()
    if how == signal.SIGTERM:
        assert job.returncode == 75
        kept = "1 of 2 noises is kept; go on with the same command and --resume"
        assert said == f"quasipot: ended by SIGTERM: {kept}\n"
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
    kept = Checkpoint(tmp_path / ".out.checkpoint", "digest", 2)
    assert kept.state() == NOTHING
    line = Polyline(
        np.array([[0.1, 0.2], [0.3, 1 / 3]]), {"action": np.array([0.0, 1e-300])}, {"from": 0, "to": 1}, "a"
    )
    kept.write("a", {"kind": "a"}, Found(["too bad"], [line], [], 7), tmp_path / "partial")
    assert kept.read("b", tmp_path) is None
    assert kept.state() == ("1 of 2 noises is kept; go on with the same command and --resume", True)
    assert Checkpoint(kept.place, "another", 2).state() == NOTHING
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
        checkpoint(tmp_path / "out", "two", 1, True, One())
    for resume in (True, None):
        kept = checkpoint(tmp_path / "out", "one", 1, resume, One())
        kept.begin(resume)
        assert kept.read("a", tmp_path) is not None
    other = checkpoint(tmp_path / "out", "two", 1, False, One())
    assert kept.read("a", tmp_path) is not None  # nothing is removed by looking
    other.begin(False)
    assert os.listdir(place) == ["mine.txt"]
    with pytest.raises(CaseError, match="stands where a checkpoint belongs"):
        checkpoint(tmp_path / "out", "one", 1, None, One())


def test_a_member_begins_anew_when_its_case_has_changed(tmp_path):
    place = tmp_path / ".out.checkpoint"
    Checkpoint(place, "one").write("a", {}, Found(), tmp_path)
    checkpoint(tmp_path / "out", "two", 1, None, One()).begin(None)
    assert not place.exists()


def test_a_bad_case_leaves_the_checkpoint(tmp_path):
    """What is wrong shows only when the attractors are known: the run has begun, and writes nothing."""
    kept = Checkpoint(tmp_path / ".out.checkpoint", "older", 2)
    kept.write("isotropic", {}, Found(), tmp_path)
    (tmp_path / "case.toml").write_text(LINE.replace("[compare]", "[compare]\nfrom = 7"))
    assert cli.main(["run", str(tmp_path / "case.toml"), "-o", str(tmp_path / "out")]) == 2
    assert kept.read("isotropic", tmp_path) is not None
