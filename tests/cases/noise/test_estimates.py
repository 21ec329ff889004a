"""Formulas beside computed barriers and times: in the summary, on the screen and in the report."""

import json
import re

import numpy as np
import pytest

from cases.report.formula_table import formula_table, power_law_notes
from cases.results.summary_rows import rows
from tests import small_case

CASE = """
title = "One dimension"
[system]
coordinates = ["x"]
loss = "(x**2 - 1)**2/4 + x/20 + 1/10"
[domain]
bounds = [[-2.0, 2.0]]
[mesh]
resolution = 40
[noise.isotropic]
diffusion = "identity"
[noise.graded]
diffusion = "1 + (x + 1)/5"
[noise.loss]
diffusion = "loss"
[compare]
normalise = "none"
epsilon = [0.05]
"""
MODELLED = CASE.replace('loss = "(x**2 - 1)**2/4 + x/20 + 1/10"', 'drift = ["x - x**3 - 1/20"]')


def solve(folder, text):
    (folder / "case.toml").write_text(text)
    job = small_case.run("run", folder / "case.toml", "-o", folder / "out")
    assert job.returncode == 0, job.stdout + job.stderr
    return json.loads((folder / "out/summary.json").read_text()), job.stdout, folder / "out"


@pytest.fixture(scope="module")
def result(tmp_path_factory):
    return solve(tmp_path_factory.mktemp("formulas"), CASE)


def loss(x):
    return (x**2 - 1) ** 2 / 4 + x / 20 + 0.1


LEFT, TOP, RIGHT = np.sort(np.roots([1, 0, -1, 0.05]).real)


def test_barriers(result):
    noises = result[0]["noises"]
    for barrier, start in zip(noises["isotropic"]["barriers"], (LEFT, RIGHT), strict=True):
        exact = 2 * (loss(TOP) - loss(start))
        assert barrier["barrier"] == pytest.approx(exact, rel=1e-6)
        assert barrier["barrier_weak"] == pytest.approx(exact, rel=1e-8)
        assert barrier["barrier_xie"] == pytest.approx(exact, rel=1e-10)
        assert barrier["noise_variation"] == pytest.approx(0, abs=1e-9)
    x = np.linspace(0, 1, 20001)
    for barrier, start in zip(noises["graded"]["barriers"], (LEFT, RIGHT), strict=True):
        way = start + x * (TOP - start)
        slope, tensor = way**3 - way + 0.05, 1 + (way + 1) / 5
        c = tensor[0]
        first = np.trapezoid(slope * (2 / c - 2 * (tensor - c) / c**2), way)
        assert barrier["barrier_weak"] == pytest.approx(first, rel=1e-6)
        two = (loss(TOP) - loss(start)) * (1 / tensor[0] + 1 / tensor[-1])
        assert barrier["barrier_xie"] == pytest.approx(two, rel=1e-9)
        assert barrier["noise_variation"] == pytest.approx(abs(tensor[-1] / c - 1), rel=1e-6)
        assert barrier["barrier"] == pytest.approx(np.trapezoid(2 * slope / tensor, way), rel=1e-6)


def test_power_law(result):
    """From the well that shapes the noise, H = loss''(x̄), and back from the other with the same H."""
    noises = result[0]["noises"]
    assert all(
        "log_mfpt_mori" not in rate for name in ("isotropic", "graded") for rate in noises[name]["rates"]
    )
    strength = 3 * LEFT**2 - 1
    for rate, start in zip(noises["loss"]["rates"], (LEFT, RIGHT), strict=True):
        curvatures = (3 * start**2 - 1) * (1 - 3 * TOP**2)
        power = 0.5 + 1 / (0.05 * strength)
        law = np.log(2 * np.pi / np.sqrt(curvatures)) + power * np.log(loss(TOP) / loss(start))
        assert rate["log_mfpt_mori"] == pytest.approx(law, rel=1e-6)
        # the law for ε → 0
        assert rate["log_mfpt_mori"] == pytest.approx(rate["log_mfpt"], abs=0.1)


def test_on_the_screen_and_in_the_report(result):
    summary, text, folder = result
    printed = text[text.index("Escape from") : text.index("results:")].splitlines()
    assert max(map(len, printed)) <= 100
    table = printed[printed.index("Formulas for the barrier") :]
    (line,) = [line for line in table if re.match("graded +0 → 1", line)]
    graded = summary["noises"]["graded"]["barriers"][0]
    assert f"{graded['barrier_weak']:.5f}" in line
    assert f"{graded['barrier_xie']:.5f}" in line
    assert not any(line.startswith("isotropic") for line in table)
    # an expansion in what is not small is not shown: A/c = L/L* grows to more than 2
    (line,) = [line for line in table if re.match("loss +0 → 1", line)]
    assert summary["noises"]["loss"]["barriers"][0]["noise_variation"] > 1
    assert "–" in line.split("→")[1]
    law = summary["noises"]["loss"]["rates"][0]["log_mfpt_mori"]
    assert f"(loss, 0 → 1): log T {law:.2f} (ε = 0.05)" in text
    page = (folder / "report.html").read_text()
    numbers = (graded["barrier_weak"], 5), (graded["noise_variation"], 2), (graded["barrier_xie"], 5)
    assert "".join(f"<td>{value:#.{digits}g}</td>" for value, digits in numbers) in page
    assert f"<td>{law:.3f}</td>" in page
    assert "2002.03495" in page
    assert "2105.09557" in page


def test_nothing_to_say(tmp_path):
    """A drift that is given has no loss: null; of isotropic noise alone there is nothing to print."""
    text = MODELLED[: MODELLED.index("[noise.loss]")] + "[compare]\nepsilon = []\n"
    summary, screen, folder = solve(tmp_path, text)
    for noise in summary["noises"].values():
        for barrier in noise["barriers"]:
            assert barrier["barrier_weak"] is barrier["barrier_xie"] is barrier["noise_variation"] is None
    assert "Formulas" not in screen
    assert "2002.03495" not in (folder / "report.html").read_text()
    assert formula_table(summary) == power_law_notes(summary) == []
    (row,) = [row for row in rows(summary, (0, 1)) if row.noise == "isotropic"]
    assert not row.formulas_differ
