"""A noise with a floor: barriers extrapolated to none, in the summary, on the screen and in the report."""

import json

import pytest

from tests import small_case

KINETIC = """
title = "A particle kicked in its velocity only"
[system]
coordinates = ["x", "v"]
drift = ["v", "x - x**3 - v"]
[domain]
bounds = [[-1.7, 1.7], [-1.2, 1.2]]
[mesh]
resolution = 32
[noise.kicks]
diffusion = [["0", "0"], ["0", "1"]]
floor = 0.05
[compare]
normalise = "none"
epsilon = []
"""


def test_the_particle(tmp_path):
    """V = v² + (x² − 1)²/2 without the floor: barrier ½."""
    (tmp_path / "kinetic.toml").write_text(KINETIC)
    job = small_case.run("run", tmp_path / "kinetic.toml", "-o", tmp_path / "out")
    assert job.returncode == 0, job.stdout + job.stderr
    noise = json.loads((tmp_path / "out/summary.json").read_text())["noises"]["kicks"]
    assert len(noise["barriers"]) == 2
    for barrier in noise["barriers"]:
        limit = barrier["floor_limit"]
        assert limit["costs"][0] == barrier["barrier"] < 0.49
        assert limit["value"] == pytest.approx(0.5, rel=1e-5)
        assert abs(limit["value"] - 0.5) < 2 * limit["error"]
    words = "the barrier without the floor is 0.499999"
    assert words in " ".join(job.stdout.split())
    assert words in (tmp_path / "out/report.html").read_text()


def test_no_floor_no_limit(tmp_path):
    text = KINETIC.replace("floor = 0.05", "").replace('[["0", "0"]', '[["1", "0"]')
    (tmp_path / "both.toml").write_text(text)
    job = small_case.run("run", tmp_path / "both.toml", "-o", tmp_path / "out", "--quiet")
    assert job.returncode == 0, job.stdout + job.stderr
    noise = json.loads((tmp_path / "out/summary.json").read_text())["noises"]["kicks"]
    assert all("floor_limit" not in barrier for barrier in noise["barriers"])
