"""A stage that fails takes nothing else with it, and every stage says what it is."""

import json
from pathlib import Path

import h5py
import pytest

from cases import stages
from cases.cli import main
from cases.contracts.summary import read_summary
from cases.run import solve
from cases.stages.base.stage import Checked, Stage, Task
from cases.stages.catalogue import STAGES
from solver.errors import NotConverged

# no path comes to the other well within a thousandth of a time unit
CASE = """
[system]
coordinates = ["x"]
loss = "(x**2 - 1)**2/4"
[domain]
bounds = [[-2.2, 2.2]]
[mesh]
resolution = 40
degree = 3
[noise.isotropic]
diffusion = "identity"
[compare]
epsilon = [0.1]
[[marginal]]
name = "r"
of = "x**2"
range = [0, 4]
[[exit]]
name = "left"
ball = { centre = [-1.0], radius = 0.5 }
[simulate]
paths = 100
max_time = 1e-3
"""


def finished(folder, text, code):
    (folder / "a.toml").write_text(text)
    assert main(["run", str(folder / "a.toml"), "-o", str(folder / "out"), "--quiet"]) == code
    return folder / "out"


@pytest.fixture(scope="module")
def failed(tmp_path_factory):
    return finished(tmp_path_factory.mktemp("failed"), CASE, 3)


def test_a_simulation_that_fails_leaves_everything_else(failed):
    summary = read_summary((failed / "summary.json").read_text())
    noise = summary["noises"]["isotropic"]
    assert [barrier["barrier"] for barrier in noise["barriers"]] == pytest.approx([0.5, 0.5], rel=1e-6)
    for rate in noise["rates"]:
        assert rate["log_mfpt"] == pytest.approx(rate["log_mfpt_direct"], abs=0.1)
        assert rate["log_mfpt_simulated"] is None
        assert rate["simulated_ci"] is None
    assert noise["stationary"][0]["mass"] == pytest.approx([0.5, 0.5])
    assert sum(noise["marginals"][0]["levels"][0]["density"]) > 0
    (time,) = noise["exits"][0]["times"]
    assert time["log_exit_time"] is not None
    assert time["log_exit_time_simulated"] is None
    with h5py.File(failed / "isotropic.vtkhdf") as file:
        assert {"V", "density_eps0.1", "grad_V"} <= set(file["VTKHDF/PointData"])
    assert (failed / "instantons.vtkhdf").is_file()
    assert "<svg" in (failed / "report.html").read_text()


def test_the_reason_is_told(failed):
    summary = json.loads((failed / "summary.json").read_text())
    assert not summary["ok"]
    assert [text.split(": ")[:2] for text in summary["problems"]] == [
        ["isotropic", "simulation"],
        ["isotropic", "exits"],
    ]
    reason = summary["noises"]["isotropic"]["refused"]["simulation"]
    assert reason
    assert reason in summary["problems"][0]


class Failing(Stage):
    name = "failing"

    def asked(self, case):
        return True

    def prepare(self, setting):
        def fail(*_):
            raise NotConverged("of no use")

        def blank(entry):
            entry["marginals"] = []

        return Task(of_noise=fail, of_case=fail, blank=blank)


class Complaining(Stage):
    name = "complaining"

    def asked(self, case):
        return True

    def prepare(self, setting):
        return Task(of_noise=lambda *_: Checked({"window": 1.0}, ("a sentence",)))


def test_a_stage_that_fails_blanks_its_own_result_only(tmp_path, monkeypatch):
    monkeypatch.setattr(solve, "STAGES", (*STAGES, Failing(), Complaining()))
    text = CASE[: CASE.index("[[marginal]]")]
    summary = read_summary((finished(tmp_path, text, 3) / "summary.json").read_text())
    noise = summary["noises"]["isotropic"]
    assert noise["rates"]
    assert noise["refused"]["failing"] == summary["refused"]["failing"] == "of no use"
    assert noise["checks"]["window"] == 1.0
    limit = summary["check_thresholds"]["window"]
    assert summary["problems"] == [
        "isotropic: failing: of no use",
        "isotropic: complaining: a sentence",
        next(text for text in summary["problems"] if f"window = 1 is above {limit:g}" in text),
        "failing: of no use",
    ]


def test_every_folder_of_a_stage_is_in_the_catalogue():
    names = [stage.name for stage in STAGES]
    assert len(set(names)) == len(names)
    folders = {path.parent.name for path in Path(stages.__file__).parent.glob("*/stage.py")} - {"base"}
    assert sorted(folders) == sorted(type(stage).__module__.split(".")[-2] for stage in STAGES)
