"""The page about a sweep: what was varied, the figure, the table, what was checked, how it was computed."""

import json
import re
from urllib.parse import unquote

import pytest

from cases import cli
from cases.sweep.columns import Columns, closed_curve
from cases.sweep.text import headline
from solver.errors import NotConverged
from tests.cases.sweep.test_sweep_columns import DERIVED
from tests.cases.sweeps import CASE, run, solver
from tests.output.test_report import Page
from tests.output.test_report_browser import chromium, measured

__all__ = ["solver"]  # a fixture
A_REFERENCE = {
    "name": "r", "label": "r", "quantity": "barrier", "source": "", "computed": 1.0,
    "reference": 1.0, "tolerance": 0.1,
}  # fmt: skip


def page_of(folder):
    return Page((folder / "out" / "report.html").read_text(encoding="utf-8"))


def test_the_page_of_a_sweep(tmp_path, solver):
    assert run(tmp_path, "--set", "paper=Somebody <1999>") == 0
    page = page_of(tmp_path)
    text = " ".join(page.text.split())
    assert page.counts["svg"] == page.counts["figure"] == page.counts["figcaption"] == 1
    assert all(value.startswith(("#", "data:")) for value in page.references)
    assert "After Somebody <1999>" in text  # escaped on the way
    assert "3 members: a = 1, 2, 4." in text
    # barriers 1/(2a); log T = 1/(2 a eps), so that eps = 0.1 gives e^(5 - 1.25) between the members
    assert "strong: the barrier lies between 0.12500 (a=4) and 0.50000 (a=1)." in text
    assert "differ by a factor of 42.5 (1.6 decades), from log T = 1.25 (a=4) to 5.00 (a=1)" in text
    assert "isotropic: the barrier" not in text  # it does not depend on a
    assert "All checks of this sweep and of its members passed." in text
    assert re.search(r"2 strong – 0\.250000 \[0\.200000, 0\.250000\] 0\.1 2\.500", text)
    assert "None" not in text
    assert " nan" not in text.lower()


def test_what_members_checked_is_gathered(tmp_path, solver):
    assert run(tmp_path) == 0
    record = json.loads((tmp_path / "out" / "sweep.json").read_text())
    for n, member in enumerate(record["members"]):
        file = tmp_path / "out" / member["folder"] / "summary.json"
        found = json.loads(file.read_text())
        found["check_thresholds"] = {"window": 5e-3}
        found["noises"]["strong"]["checks"] = {"window": [1e-4, 7e-3, 2e-4][n]}
        found["references"] = [A_REFERENCE | {"ok": n != 1, "error": 0.01 * n}]
        found["discretisation"] = {"cells": 1000 * (n + 1), "degree": 3, "unknowns": 12345}
        file.write_text(json.dumps(found))
        (file.parent / "report.html").write_text("a page")
    assert cli.main(["report", str(tmp_path / "out")]) == 0
    page = page_of(tmp_path)
    text = " ".join(page.text.split())
    assert "window 0.0050 0.0070 a=2, strong" in text
    assert "2 of 3 reference values of the members are met, the largest error being 0.020." in text
    assert "Cells of a member 1 000 to 3 000" in text
    links = [value for value in page.references if value.endswith("report.html")]
    assert len(links) == 3
    assert all((tmp_path / "out" / unquote(link)).is_file() for link in links)


def test_derived_columns_on_the_page(tmp_path, solver):
    assert run(tmp_path, text=CASE + DERIVED) == 0
    text = " ".join(page_of(tmp_path).text.split())
    assert "work agrees with its closed form 1 to 0 (relative) in 3 members; 0.0010 is allowed." in text
    assert "mean_square = mean^2" in text
    assert "Dashed: the closed form." in text
    assert "barrier lies between" not in text


def test_what_went_wrong_is_on_the_page(tmp_path, solver):
    solver.faults |= {2.0: NotConverged("no convergence <here>")}
    assert run(tmp_path) == 3
    text = " ".join(page_of(tmp_path).text.split())
    assert "This sweep did not pass all of its checks: a=2: no convergence <here>" in text
    assert "a=2 FAILED" in text
    assert "a=4 good" in text
    solver.faults[1.0] = solver.faults[4.0] = solver.faults[2.0]
    assert run(tmp_path, "--fresh") == 3
    assert "a=1 FAILED" in " ".join(page_of(tmp_path).text.split())


def test_many_values_and_several_keys_in_words():
    members = [{"rows": [], "values": {}}] * 6
    record = {"members": members, "vary": {"system.parameters.a": [1, 2, 3, 4, 5.5], "mesh.degree": [2, 3]}}
    record |= {"derived": {"columns": {"x": "a"}, "exact": {}}}
    assert headline(record) == ["6 members: a from 1 to 5.5 (5 values); degree = 2, 3."]


def test_closed_forms_between_members():
    """The line of 1/(1 − a/2) between a = 0 and a = 1 is that function, not a chord."""
    columns = Columns({}, {"y": "a"}, {"y": "1/(1 - a/2)"})
    rows = [{"p.a": a, "y exact": 1 / (1 - a / 2)} for a in (1.0, 0.0)]
    line = closed_curve(columns, "y", rows, ["p.a"])
    assert len(line) > 10
    assert [y for _, y in line] == pytest.approx([1 / (1 - x / 2) for x, _ in line])
    assert line[0] == (0.0, 1.0)
    assert line[-1] == (1.0, 2.0)
    both = [{"p.a": a, "p.b": b, "y exact": a + b} for a in (0.0, 1.0) for b in (0.0, 1.0)]
    assert len(closed_curve(columns, "y", both, ["p.a", "p.b"])) == 4


def test_in_a_browser(tmp_path, solver):
    """On a phone nothing but tables, which scroll in their own box, is wider than the screen; it prints."""
    assert run(tmp_path, text=CASE + DERIVED) == 0
    page = tmp_path / "out" / "report.html"
    found, seen = measured(tmp_path, page)
    assert found["width"] <= 390
    assert found["beyond"] == []
    assert found["drawn"] == found["svgs"] == 1
    assert (seen.said, seen.asked) == ([], [])
    pdf = tmp_path / "page.pdf"
    chromium(tmp_path, f"--print-to-pdf={pdf}", "--no-pdf-header-footer", page.as_uri())
    assert pdf.read_bytes().startswith(b"%PDF")
