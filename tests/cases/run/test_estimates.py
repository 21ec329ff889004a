"""Where V is not to be had barriers are estimates of the jet scheme, and everything says that they are."""

import pytest

from cases.cli import main
from cases.contracts.summary import read_summary
from solver.analysis import wells
from solver.errors import NotConverged

# drift = −½A∇V + J∇V with V = (x² − 1)² + y² and A = I: both barriers are 1
CASE = """
    system = { coordinates = ["x", "y"], drift = ["-2*(x**3-x)-2*y", "-y+4*(x**3-x)"] }
    domain = { bounds = [[-1.6, 1.6], [-1.2, 1.2]] }
    mesh = { resolution = 12 }
    noise = { isotropic = { diffusion = "identity" } }
    compare = { sets = false }
"""


def nowhere(*_, **__):
    raise NotConverged("V settles nowhere")


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    place = tmp_path_factory.mktemp("estimates")
    (place / "a.toml").write_text(CASE)
    with pytest.MonkeyPatch.context() as patch:
        for way in ("grown_well", "well_from_jet", "well_from_densities", "continue_levels"):
            patch.setattr(wells, way, nowhere)
        assert main(["run", str(place / "a.toml"), "-o", str(place / "out"), "--quiet"]) == 3
    return place / "out"


def test_barriers_are_within_their_estimated_errors_of_the_exact_ones_and_judged(folder):
    summary = read_summary((folder / "summary.json").read_text())
    noise = summary["noises"]["isotropic"]
    assert {(one["from"], one["to"]) for one in noise["barriers"]} == {(0, 1), (1, 0)}
    for one in noise["barriers"]:
        assert one["estimated_error"] < 0.02
        assert abs(one["barrier"] - 1.0) <= one["estimated_error"]
        # an estimate is no bound
        assert one["lower"] is None
        assert one["upper"] is None
    assert noise["checks"]["jet_error"] == pytest.approx(
        max(one["estimated_error"] / one["barrier"] for one in noise["barriers"])
    )
    assert any("V settles nowhere" in problem for problem in summary["problems"])


def test_the_table_and_the_report_say_that_they_are_estimates(folder, capsys):
    from cases.report.conclusion import conclusion

    summary = read_summary((folder / "summary.json").read_text())
    text = " ".join("\n".join(conclusion(summary)).split())
    assert "(estimate)" in text
    assert "is an estimate of the jet scheme, " in text
    page = (folder / "report.html").read_text(encoding="utf-8")
    assert "(estimate)" in page
    assert "there is neither a bound nor a path" in page
