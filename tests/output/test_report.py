"""The report and the table of a made-up run in one, two and three dimensions."""

from __future__ import annotations

import html.parser
import json
import re

import pytest

from cases import cli
from cases.base.numbers import factor, number, with_interval
from cases.figures.rundata import load_run
from cases.report.field_figures import all_figures
from cases.report.overview_figure import overview_figure
from cases.report.page import write_report
from cases.report.screen import comparison_table
from cases.report.sentences import headline
from tests.output.synthetic import EPSILONS, NOISES, make_run


@pytest.fixture(scope="module", params=[1, 2, 3])
def folder(request, tmp_path_factory):
    return make_run(tmp_path_factory.mktemp(f"run{request.param}"), request.param)


class Page(html.parser.HTMLParser):
    """Collects text and outside references, and checks that elements nest."""

    VOID = frozenset({"meta", "link", "br"})

    def __init__(self, text):
        super().__init__()
        self.open, self.references, self.text, self.counts = [], [], "", {}
        self.feed(text)
        assert self.open == []

    def handle_starttag(self, tag, attributes):
        self.counts[tag] = self.counts.get(tag, 0) + 1
        if tag not in self.VOID:
            self.open.append(tag)
        self.references += [value for key, value in attributes if key in ("src", "href", "xlink:href")]

    def handle_startendtag(self, tag, attributes):
        self.references += [value for key, value in attributes if key in ("src", "href", "xlink:href")]

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.text += data


def test_report_is_self_contained(folder):
    path = write_report(folder)
    text = path.read_text(encoding="utf-8")
    page = Page(text)
    assert all(value.startswith(("#", "data:")) for value in page.references)
    assert "@import" not in text
    assert not re.search(r"url\((?!#)", text)
    figures = [overview_figure(load_run(folder)), *all_figures(load_run(folder))]
    assert page.counts["figure"] == len(figures) == page.counts["figcaption"]
    assert page.counts["svg"] == sum(len(figure.panels) for figure in figures)
    titles = [figure.title for figure in figures]
    expected = ["Quasi-potential", "Stationary densities", "Mean first passage times"]
    expected = ["The comparison in one picture", *expected, "How long the paths stay"]
    if load_run(folder).dim == 2:
        expected.insert(3, "Where the transitions pass")
        transitions = next(figure for figure in figures if figure.title == expected[3])
        assert len(transitions.panels) == len(NOISES)
        assert f"Transitions from 0 to 1 at ε = {min(EPSILONS):g}" in transitions.caption
    assert [title for title in titles if not title.startswith("−ε")] == expected
    assert ("−ε log p against V" in titles) == (load_run(folder).dim > 1)
    assert "across: simulation_gap 0.061 is above 0.05" in page.text
    assert 'loss = "<rotated & tilted>"' in page.text  # escaped, so it comes out as it went in
    assert "None" not in page.text
    assert "nan" not in page.text.lower().split()
    assert len(text) < 6_000_000


def test_report_is_reproducible(tmp_path):
    make_run(tmp_path, 1)
    assert write_report(tmp_path).read_bytes() == write_report(tmp_path).read_bytes()


def test_headline_says_who_wins(folder):
    first, second, third = headline(load_run(folder))
    assert re.search(r"Check at ε = 0.15, along noise: .* 4.52 computed, 4.49 ± 0.05 simulated\.", third)
    assert re.search(r"along noise leaves attractor 0 .* 15\.\d times faster than isotropic", first)
    assert re.search(r"across noise leaves attractor 0 .* 45\.\d times slower than isotropic", second)


def test_table_fits_and_holds_the_numbers(folder):
    table = comparison_table(json.loads((folder / "summary.json").read_text()))
    assert max(map(len, table.splitlines())) <= 100
    assert table.count("–") >= 2 * len(NOISES) * (len(EPSILONS) - 1)
    assert re.search(r"along .* \[0\.43126, 0\.43128\]  0\.15", table)
    assert re.search(r"across .* 7\.51 ± 0\.05 +0\.176", table)


def test_table_fits_long_names_and_numbers(folder):
    summary = json.loads((folder / "summary.json").read_text())
    long = {f"{name}_and_a_very_long_name": noise for name, noise in summary["noises"].items()}
    for entry in summary["comparison"]:
        entry |= {key: entry[key] + "_and_a_very_long_name" for key in ("noise", "baseline")}
    for noise in long.values():
        for barrier in noise["barriers"]:
            barrier |= {key: barrier[key] * 1.234567e-4 for key in ("barrier", "lower", "upper")}
        for rate in noise["rates"]:
            rate |= {"log_mfpt": -123.456, "log_mfpt_simulated": 123.456, "simulated_ci": [111.0, 135.0]}
    table = comparison_table(summary | {"noises": long})
    assert max(map(len, table.splitlines())) <= 100
    assert "…" in table


def test_escape_to_nowhere_and_sgd(folder, tmp_path):
    """A barrier over a saddle behind which there is no attractor; a passage time of real SGD."""
    summary = json.loads((folder / "summary.json").read_text())
    for noise in summary["noises"].values():
        noise["barriers"].append(noise["barriers"][0] | {"to": None})
    sgd = {"log_mfpt_sgd": 4.5, "sgd_ci": [4.4, 4.6], "sgd_learning_rate": 0.02, "sgd_batch_size": 1}
    summary["noises"]["along"]["rates"][0] |= sgd
    table = comparison_table(summary)
    assert "to no attractor" in table
    assert "SGD on the data (along, ε = 0.15, learning rate 0.02, batch size 1): log T 4.50 ± 0.10" in table
    (tmp_path / "summary.json").write_text(json.dumps(summary))
    page = Page(write_report(tmp_path).read_text())
    assert "4.50 ± 0.10 for minibatch SGD on the data." in page.text
    assert "None" not in page.text


def test_report_of_little(folder, tmp_path):
    """Only V was computed, one noise, no checks, no records: a page comes out all the same."""
    summary = json.loads((folder / "summary.json").read_text())
    noise = {"barriers": summary["noises"]["across"]["barriers"]}
    noise["barriers"][0] |= {"barrier": None, "lower": None, "upper": None}
    little = {key: summary[key] for key in ("case", "attractors", "saddles")} | {"noises": {"across": noise}}
    (tmp_path / "summary.json").write_text(json.dumps(little | {"ok": True}))
    assert "All checks" in write_report(tmp_path).read_text()
    (tmp_path / "across.vtkhdf").write_bytes((folder / "across.vtkhdf").read_bytes())
    assert "<figure>" in write_report(tmp_path).read_text()
    assert "–" in comparison_table(little)
    little |= {"noises": {"across": {}}, "attractors": [], "saddles": []}
    (tmp_path / "summary.json").write_text(json.dumps(little))
    write_report(tmp_path)
    assert "no second attractor" in comparison_table(little)
    little["attractors"] = [{"index": k, "point": [0.0, 0.0]} for k in range(4)]
    assert "between the 4 attractors" in comparison_table(little)


def test_numbers():
    assert [number(x) for x in (None, float("nan"), 0.5, 1e-12, 123456.0)] == [
        "–",
        "–",
        "0.5000",
        "1e-12",
        "1.235e5",
    ]
    assert [factor(x) for x in (0.0, 23.5, -30.0, None)] == ["1.00", "1.6e10", "9.4e-14", "–"]
    assert with_interval(2.0, [1.9, 2.1]) == "2.00 ± 0.10"
    assert with_interval(2.0, None) == "2.00"


def test_points_far_away_and_no_point_inside(folder, capsys):
    """Also on the line, and where distances overflow."""
    dim = load_run(folder).dim
    for far in ("3", "1e300", "-1e308"):
        at = ",".join([far] * dim)
        assert cli.main(["probe", str(folder), "V", "--noise", "across", f"--at={at}"]) == 0
        assert json.loads(capsys.readouterr().out) == [None]
