"""The tables of the report: shape of the noise, reference values, exits from sets, what was checked."""

from __future__ import annotations

import json
import math

import numpy as np
import pytest

from cases.base.numbers import with_error
from cases.figures.rundata import load_run
from cases.report.anisotropy import shapes
from cases.report.page import write_report
from cases.report.sentences import checks, count, facts, method, timings
from cases.report.tables import anisotropy, references
from tests.output.synthetic import ANGLE, NOISES, diagonal, make_run, rotation
from tests.output.test_report import Page


@pytest.fixture(scope="module", params=[1, 2, 3])
def folder(request, tmp_path_factory):
    return make_run(tmp_path_factory.mktemp(f"run{request.param}"), request.param)


@pytest.fixture(scope="module")
def small(tmp_path_factory):
    return make_run(tmp_path_factory.mktemp("small"), 1)


def test_noise_along_the_way_out(folder):
    """The paths run along the first axis of the frame in which A is diagonal: all of it in closed form."""
    run = load_run(folder)
    found = shapes(run)
    assert len(found) == (1 + 1 + 2) * len(NOISES)  # one way out of an attractor, two down from the saddle
    for shape in found:
        a = diagonal(NOISES[shape.noise], run.dim)
        assert shape.trace == pytest.approx(a.sum())
        assert shape.eigenvalues == pytest.approx(sorted(a, reverse=True))
        assert shape.strength == pytest.approx(a[0] * run.dim / a.sum(), abs=1e-6)
        if run.dim == 1 or shape.eigenvalues[0] == pytest.approx(shape.eigenvalues[1]):
            assert shape.largest is None
            assert shape.angle is None
        elif shape.noise == "along":
            assert shape.angle == pytest.approx(0.0, abs=1e-3)
            assert np.abs(rotation(run.dim)[0] @ shape.largest) == pytest.approx(1.0)
        else:
            assert shape.angle == pytest.approx(90.0, abs=1e-3)
    ways = [(shape.place, shape.way) for shape in found if shape.noise == "along"]
    assert ways == [("attractor 0", 0), ("attractor 1", 0), ("saddle 0", 0), ("saddle 0", 1)]
    lines = anisotropy(run)
    assert [line["first"] for line in lines].count(True) == 3
    if run.dim == 2:
        along = next(line for line in lines if line["noise"] == "along")
        assert along["orientation"] == f"{math.degrees(ANGLE):.0f}°"
        across = next(line for line in lines if line["noise"] == "across")
        assert across["orientation"] == f"−{90 - math.degrees(ANGLE):.0f}°"


def test_references_and_exits_and_disagreements(small, tmp_path):
    summary = json.loads((small / "summary.json").read_text())
    row = {"label": "barrier, across", "computed": 0.5001, "reference": 0.5, "error": 2e-4, "tolerance": 1e-3}
    rows = [
        row | {"ok": True, "source": "closed form"},
        row | {"label": "mass", "ok": None, "computed": None, "error": None, "source": ""},
        row | {"label": "barrier, along", "ok": False, "source": "spectral code"},
    ]
    summary["references"] = rows
    summary["disagreements"] = [{"text": "a ball is left faster, a level set slower"}]
    times = [{"epsilon": 0.1, "log_exit_time": 3.0, "log_rate": -3.0}]
    one = {
        "name": "ball",
        "set": "|x| < 1",
        "barrier": 0.5,
        "barrier_point": [1.0] * len(summary["attractors"]),
    }
    for noise in summary["noises"].values():
        noise["exits"] = [one | {"times": times}]
    summary["exit_comparison"] = [
        {
            "exit": "ball",
            "epsilon": 0.1,
            "noise": "along",
            "baseline": "isotropic",
            "log_rate_ratio": math.log(2),
        }
    ]
    for path in small.iterdir():
        (tmp_path / path.name).write_bytes(path.read_bytes())
    (tmp_path / "summary.json").write_text(json.dumps(summary))
    table = references(load_run(tmp_path))
    assert (table["good"], table["known"], table["missing"]) == (1, 2, 1)
    assert [line["word"] for line in table["lines"]] == ["MISSED", "agrees", "not computed"]
    page = Page(write_report(tmp_path).read_text(encoding="utf-8"))
    assert "1 of 2 values agree with the references of this case; 1 could not be compared." in page.text
    assert "a ball is left faster, a level set slower" in page.text
    assert "Exit from ball" in page.text
    assert "{|x| < 1}" in page.text
    assert "20.1" in page.text  # e^3
    assert "None" not in page.text


def test_what_was_checked_and_how(small):
    run = load_run(small)
    found = checks(run)
    assert [check.name for check in found] == ["simulation_gap", "hj_residual", "gauge_refresh"]
    assert [finding.verdict for finding in found[0].findings] == ["missing", "missing", "failed"]
    assert count(found) == "6 of 7 values are within what is allowed."
    known = dict(facts(run))
    assert known["Unknowns of V"] == "9 409"
    assert known["Mesh"] == "2 048 cells"
    assert known["MPI ranks"] == "2"
    assert timings(run)[-1] == ("together", "22 s")
    words = " ".join(method(run))
    assert "degree 3" in words
    assert "The bracket beside it" in words
    page = Page(write_report(small).read_text(encoding="utf-8"))
    for noise in run.summary["noises"].values():
        for barrier in noise["barriers"]:
            assert f"[{barrier['lower']:.6f}"[:7] in page.text  # the bracket stands beside its barrier


def test_errors_beside_values():
    assert with_error(10.6514, 3.2e-5) == "10.651 ± 3e-5"
    assert with_error(10.6514, 0.00234) == "10.651 ± 0.002"
    assert with_error(-10.6514, None) == with_error(-10.6514, math.inf) == "−10.651"
    assert with_error(None, 0.1) == "–"
