"""What is left beside the passes where a case names no sets, and the comparison in one table."""

import json

import numpy as np
import pytest

from cases.base.numbers import factor
from cases.cli import main
from cases.figures.rundata import load_run
from cases.report.overview_table import overview, overview_text
from cases.results.overview import measures
from tests.cases.stages.test_exits import exact, isotropic, uneven, write
from tests.solver.double_wells import exact_time

WELLS = {
    "system": {"coordinates": ["x"], "loss": "(x**2-1)**2/4"},
    "domain": {"bounds": [[-2.2, 2.2]]},
    "mesh": {"resolution": 64, "degree": 3},
    "noise": {"isotropic": {"diffusion": "identity"}, "uneven": {"diffusion": "exp(x/2)"}},
    "compare": {"epsilon": [0.1, 0.05], "normalise": "none", "from": [-1.0], "to": [1.0]},
}
# loss(x) = 0.8 · 0.25 on both sides of −1; half of the way to the saddle
LEVEL = (-np.sqrt(1 + np.sqrt(0.8)), -np.sqrt(1 - np.sqrt(0.8)))
BALL = (-1.5, -0.5)


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    folder = tmp_path_factory.mktemp("sets")
    assert main(["run", str(write(folder, WELLS)), "-o", str(folder / "out"), "--quiet"]) == 0
    return load_run(folder / "out")


def test_times_and_barriers_of_the_two_sets(run):
    for name, A in (("isotropic", isotropic), ("uneven", uneven)):
        level, ball = run.summary["noises"][name]["exits"]
        assert (level["name"], level["set"], level["asked"]) == ("level", "loss < 0.2", False)
        assert (ball["name"], ball["set"]) == ("ball", "|x − (−1.00)| < 0.5")
        for one, ends in ((level, LEVEL), (ball, BALL)):
            for time in one["times"]:
                expected = np.log(exact(A, ends, -1.0, time["epsilon"]))
                assert time["log_exit_time"] == pytest.approx(expected, abs=1e-5)
    assert run.summary["noises"]["isotropic"]["exits"][0]["barrier"] == pytest.approx(0.4, rel=1e-6)


def test_the_estimated_error_of_log_t(run):
    """Not below a twentieth of the error, and small."""
    for row in run.summary["noises"]["isotropic"]["rates"]:
        assert 0 < row["log_mfpt_error"] < 1e-4
        if row["epsilon"] == 0.05:
            # 3 time units off for a hitting time: see the conventions
            gap = abs(row["log_mfpt"] - np.log(exact_time(0.05, -1.0, 1.0, -2.2)))
            assert gap < 20 * row["log_mfpt_error"] + 10 * np.exp(-row["log_mfpt"])


def test_the_difference_to_kramers_law_is_of_order_epsilon(run):
    for noise in run.summary["noises"].values():
        found = {row["epsilon"]: row["kramers_trend"] for row in noise["rates"] if row["from"] == 0}
        for row in noise["rates"]:
            gap = row["log_mfpt"] - row["log_mfpt_kramers"]
            assert row["kramers_trend"] == pytest.approx(gap / row["epsilon"])
        assert 0 < found[0.05] < found[0.1] < 2 * found[0.05]


def test_one_table(run):
    summary = run.summary
    passing, level, ball = measures(summary)
    assert [one.text for one in (passing, level, ball)] == [
        "over the pass to attractor 1",
        "out of {loss < 0.2}",
        "out of {|x − (−1.00)| < 0.5}",
    ]
    times = [
        {r["epsilon"]: r for r in summary["noises"][n]["rates"] if r["from"] == 0} for n in WELLS["noise"]
    ]
    for epsilon in (0.1, 0.05):
        gain = times[1][epsilon]["log_rate"] - times[0][epsilon]["log_rate"]
        assert passing.gains[epsilon] == pytest.approx({"isotropic": 0.0, "uneven": gain})
    assert list(level.gains) == [0.1, 0.05]
    exits = [summary["noises"][n]["exits"][0] for n in WELLS["noise"]]
    assert level.ratios == pytest.approx(
        {"isotropic": 1.0, "uneven": exits[1]["barrier"] / exits[0]["barrier"]}
    )
    table = overview(run)
    assert table["noises"] == ["isotropic", "uneven"]
    groups = dict(table["groups"])
    assert list(groups)[:2] == ["The noise at attractor 0", "The noise at saddle 0"]
    assert dict(groups["The noise at attractor 0"])["tr A"] == ["1.000", f"{np.exp(-0.5):.4f}"]
    rows = dict(groups["Escape over the pass to attractor 1"])
    assert rows["× faster at ε = 0.05"] == ["1.00", factor(passing.gains[0.05]["uneven"])]
    (text,) = overview_text(summary)
    assert max(map(len, text.splitlines())) <= 100
    assert "out of {loss < 0.2}" in text
    page = (run.folder / "report.html").read_text()
    assert "The comparison in one picture" in page
    assert 'colspan="3">Escape out of {|x − (−1.00)| &lt; 0.5}' in page


@pytest.mark.parametrize("change", [{"sets": False}, {"epsilon": []}, {"to": None, "from": None}])
def test_not_asked_for(tmp_path, change):
    """Without noise levels, with sets = false, and around an attractor of which no saddle is known."""
    data = WELLS | {"compare": {k: v for k, v in (WELLS["compare"] | change).items() if v is not None}}
    if "to" in change:
        data = data | {"system": {"coordinates": ["x"], "loss": "x**2/2"}}
    assert main(["run", str(write(tmp_path, data)), "-o", str(tmp_path / "out"), "--quiet"]) == 0
    summary = json.loads((tmp_path / "out" / "summary.json").read_text())
    assert all(noise["exits"] == [] for noise in summary["noises"].values())


def test_sets_that_cannot_be_had_are_left_out(tmp_path):
    """The ball ends at −1.5, behind the wall; the level set at −1.376."""
    data = WELLS | {"domain": {"bounds": [[-1.42, 2.2]]}, "compare": WELLS["compare"] | {"epsilon": [0.04]}}
    assert main(["run", str(write(tmp_path, data)), "-o", str(tmp_path / "out"), "--quiet"]) == 0
    summary = json.loads((tmp_path / "out" / "summary.json").read_text())
    for noise in summary["noises"].values():
        assert [one["name"] for one in noise["exits"]] == ["level"]
