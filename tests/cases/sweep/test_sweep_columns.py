"""Columns of a sweep that are computed from others, and their closed forms."""

import csv
import json

import numpy as np
import pytest

from cases import cli
from cases.sweep.columns import Columns, closed_curve, derive
from tests.cases.sweeps import CASE, SWEEP, solver, write

__all__ = ["solver"]  # a fixture

DERIVED = SWEEP.replace(
    "}\n",
    """}
values = { height = "noises.strong.barriers.0.barrier", mean = "noises.strong.stationary.0.mean.0" }
columns = { work = "2*a*height", mean_square = "mean**2" }
exact = { work = "1", mean_square = "a**2/100" }
abscissa = "log(a)"
""",
)


def test_derived_columns(tmp_path, solver, capsys):
    path = write(tmp_path, CASE + DERIVED)
    assert cli.main(["run", path, "-o", str(tmp_path / "out")]) == 0
    with (tmp_path / "out" / "sweep.csv").open() as file:
        rows = list(csv.DictReader(file))
    for row in rows:
        a = float(row["system.parameters.a"])
        assert float(row["height"]) == pytest.approx(0.5 / a)
        assert float(row["work"]) == pytest.approx(1.0)
        assert float(row["mean_square"]) == pytest.approx(a**2 / 100)
        assert float(row["mean_square exact"]) == pytest.approx(a**2 / 100)
        assert float(row["abscissa"]) == pytest.approx(np.log(a))
    said = capsys.readouterr().out
    assert "mean_square exact" in said
    drawn = (tmp_path / "out" / "sweep.svg").read_text()
    assert "work, mean_square against log(a)" in drawn
    (tmp_path / "out" / "sweep.svg").unlink()
    assert cli.main(["report", str(tmp_path / "out")]) == 0
    assert (tmp_path / "out" / "sweep.svg").read_text() == drawn


def test_derived_columns_are_checked(tmp_path, solver, capsys):
    path = write(tmp_path, CASE + DERIVED.replace('"a**2/100"', '"a**2/101"'))
    assert cli.main(["run", path, "-o", str(tmp_path / "out")]) == 3
    record = json.loads((tmp_path / "out" / "sweep.json").read_text())
    assert len(record["problems"]) == 3
    assert record["problems"][0].startswith("a=1: mean_square = 0.01, but 0.0099009901 exactly: error 0.01")
    assert cli.main(["run", path, "-o", str(tmp_path / "out"), "--set", "sweep.tolerance=0.02"]) == 0
    capsys.readouterr()


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ('"mean**2"', '"median**2"', "sweep.columns.mean_square"),
        ('"a**2/100"', '"mean**2"', "sweep.exact.mean_square"),
        ('{ work = "1"', '{ walk = "1"', "there is no column 'walk'"),
        ('"log(a)"', '"log(c)"', "sweep.abscissa"),
        ("height = ", "barrier = ", "sweep.values.barrier: this cannot name a column"),
    ],
)
def test_bad_columns(old, new, words, tmp_path, solver, capsys):
    assert old in DERIVED
    path = write(tmp_path, CASE + DERIVED.replace(old, new))
    assert cli.main(["run", path, "-o", str(tmp_path / "out")]) == 2
    assert words in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


def test_missing_numbers_leave_gaps():
    columns = Columns({"x": "a.0"}, {"y": "x*s", "z": "s"}, {"y": "s**2"}, "1/s")
    found = derive(columns, {"system.options.s": 2.0}, {"a": [None]})
    assert found == {"x": None, "y": None, "z": 2.0, "y exact": 4.0, "abscissa": 0.5}
    assert derive(columns, {"system.options.s": 0.0}, None)["abscissa"] is None


def test_a_closed_form_between_members_that_vary_together():
    """y = s + t on s = 0, 1, 2 and t = 5, 6, 7; a varied number may be 0."""
    columns = Columns({}, {"y": "s"}, {"y": "s + t"}, None)
    rows = [{"s": float(n), "t": 5.0 + n, "y exact": 5.0 + 2 * n} for n in range(3)]
    curve = closed_curve(columns, "y", rows, ["s", "t"])
    assert len(curve) == 50
    assert [y for _, y in curve] == pytest.approx([5 + 2 * x for x, _ in curve])


def test_a_closed_form_of_members_that_vary_apart():
    """Two values of s with two of t each: no line leads through them."""
    columns = Columns({}, {"y": "s"}, {"y": "s + t"}, "s + t/10")
    rows = [
        {"s": s, "t": t, "abscissa": s + t / 10, "y exact": s + t} for s in (0.0, 1.0) for t in (1.0, 2.0)
    ]
    curve = closed_curve(columns, "y", rows, ["s", "t"])
    assert curve == [(row["abscissa"], row["y exact"]) for row in rows]
