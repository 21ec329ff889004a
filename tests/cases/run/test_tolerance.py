"""A tolerance in the case file: meshes are made finer until estimated errors are below it, and true ones."""

import functools

import numpy as np
import pytest

from cases.base.errors import CaseError
from cases.cli import main
from cases.contracts.summary import read_summary
from cases.loading.load import from_data, load
from cases.notebook.from_case import LoadedCase
from tests.exact import Line

WELLS = {
    "system": {"coordinates": ["x"], "loss": "(x**2 - 1)**2/4 + x/20"},
    "domain": {"bounds": [[-2.2, 2.2]]},
    "noise": {"bent": {"diffusion": "exp(x/2)"}},
    "compare": {"epsilon": [0.08, 0.04]},
}
EXACT = Line(lambda s: s - s**3 - 0.05, lambda s: np.exp(s / 2), -2.2, 2.2)
# V(x, y) = V₁(x) + y², with the V₁ of the line under A = 1 + x²/4; sixteen times as steep across as along
PLANE = {
    "system": {"coordinates": ["x", "y"], "loss": "(x**2 - 1)**2/4 + 8*y**2"},
    "domain": {"bounds": [[-1.8, 1.8], [-0.6, 0.6]]},
    "noise": {"uneven": {"diffusion": [["1 + x**2/4", 0], [0, 1]]}},
    "compare": {"epsilon": [0.1], "sets": False},
}
# the first mesh, of 6694 unknowns, has brackets of 6.7e-5
TOLERANCE, FIRST = 4e-5, 6694
ACROSS = Line(lambda s: s - s**3, lambda s: 1 + s**2 / 4, -1.8, 1.8)


def case_of(data, **solver):
    return LoadedCase(*from_data(data | {"solver": solver}, name="a", file="a.toml", folder="."))


@functools.cache
def plane():
    return case_of(PLANE, tolerance=TOLERANCE).run()


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    place = tmp_path_factory.mktemp("tolerance")
    text = """
        system = { coordinates = ["x"], loss = "(x**2 - 1)**2/4 + x/20" }
        domain = { bounds = [[-2.2, 2.2]] }
        noise = { bent = { diffusion = "exp(x/2)" } }
        compare = { epsilon = [0.08, 0.04] }
        solver = { tolerance = 1e-4 }
    """
    (place / "a.toml").write_text(text)
    assert main(["run", str(place / "a.toml"), "-o", str(place / "out"), "--quiet"]) == 0
    return place / "out"


def test_brackets_and_times_of_the_line_are_within_the_tolerance(folder):
    summary = read_summary((folder / "summary.json").read_text())
    noise = summary["noises"]["bent"]
    accuracy = noise["accuracy"]
    assert accuracy["tolerance"] == 1e-4
    assert accuracy["met"]
    assert accuracy["reason"] == ""
    assert max(accuracy["errors"].values()) <= 1e-4
    assert {"barrier 0 → 1", "barrier 1 → 0", "log T at epsilon = 0.04"} <= set(accuracy["errors"])
    top = summary["saddles"][0]["point"][0]
    wells = [entry["point"][0] for entry in summary["attractors"]]
    for one in noise["barriers"]:
        exact = EXACT.potential(wells[one["from"]], top)
        assert abs(one["barrier"] - exact) <= 1e-4 * exact
        assert one["lower"] <= exact * (1 + 1e-9)
        assert one["upper"] - one["lower"] <= 1e-4 * one["barrier"]
    (slow,) = (r for r in noise["rates"] if r["epsilon"] == 0.04 and r["from"] == 0)
    # at log T = 21 the chain and a passage from point to point no longer differ
    assert slow["log_mfpt"] == pytest.approx(EXACT.log_time(wells[0], wells[1], 0.04), abs=1e-4)


def test_the_tolerance_stands_in_the_table_and_in_the_report(folder, capsys):
    page = (folder / "report.html").read_text(encoding="utf-8")
    assert "tolerance 0.0001: bent met, largest estimated error" in page
    text = (folder / "case.toml").read_text(encoding="utf-8")
    assert "resolution" not in text
    again, _ = load(str(folder / "case.toml"))
    assert again.refines


def test_a_first_mesh_that_is_too_coarse_in_the_plane_is_refined_until_the_bracket_is_narrow():
    result = plane()
    entry = result.summary["noises"]["uneven"]
    assert entry["accuracy"]["met"]
    assert entry["accuracy"]["unknowns"] > FIRST
    exact = ACROSS.potential(-1.0, 0.0)
    for one in entry["barriers"]:
        assert abs(one["barrier"] - exact) <= TOLERANCE * exact
        assert one["lower"] <= exact * (1 + 1e-9)
        assert one["upper"] - one["lower"] <= TOLERANCE * one["barrier"]
    # from point to point, which differs from the chain by some time units of e^6
    assert entry["rates"][0]["log_mfpt"] == pytest.approx(ACROSS.log_time(-1.0, 1.0, 0.1), abs=5e-3)
    points = np.array([[-1.0, 0.0], [-0.8, 0.05], [-0.9, -0.03]])
    values = [ACROSS.potential(-1.0, s) + 16 * t**2 for s, t in points]
    np.testing.assert_allclose(result["uneven"].V(points, attractor=0), values, atol=TOLERANCE * exact)


@pytest.mark.mpi
def test_what_a_budget_leaves_unmet_is_said():
    few = case_of(WELLS, tolerance=1e-9, max_unknowns=230).run()
    accuracy = few.summary["noises"]["bent"]["accuracy"]
    assert not accuracy["met"]
    assert accuracy["unknowns"] <= 230
    assert accuracy["reason"].endswith("unknowns, and max_unknowns is 230")
    text = " ".join(repr(few).split())
    assert "NOTE: bent: the tolerance 1e-09 is not met: estimated errors: " in text
    assert ", log T at epsilon = 0.04 " in text
    assert not few["bent"].accuracy.met
    short = case_of(WELLS, tolerance=1e-9, max_seconds=1e-3).run()
    assert short.summary["noises"]["bent"]["accuracy"]["reason"].endswith("and max_seconds is 0.001")


def test_a_mesh_that_is_given_overrides_the_tolerance_and_is_judged_by_it():
    given = case_of(WELLS | {"mesh": {"resolution": 24}}, tolerance=1e-9)
    assert not given.case.refines
    assert "resolution = 24" in given.text
    entry = given.run().summary["noises"]["bent"]["accuracy"]
    assert entry["reason"] == "the mesh is the one that the case gives"
    assert not entry["met"]
    # a degree says nothing of cells
    assert case_of(WELLS | {"mesh": {"degree": 4}}, tolerance=1e-3).case.refines


def test_without_a_tolerance_nothing_is_refined():
    plain = case_of(WELLS)
    assert not plain.case.refines
    assert "resolution = 512" in plain.text
    assert "tolerance" not in plain.text


@pytest.mark.parametrize(
    ("solver", "complaint"),
    [
        ({"max_unknowns": 1000}, "max_unknowns is the budget of a tolerance"),
        ({"max_seconds": 10.0}, "max_seconds is the budget of a tolerance"),
        ({"tolerance": 0.0}, "solver.tolerance"),
        ({"tolerance": 1e-3, "max_seconds": -1.0}, "solver.max_seconds"),
    ],
)
def test_what_makes_no_sense_is_refused(solver, complaint):
    with pytest.raises(CaseError, match=complaint):
        case_of(WELLS, **solver)
