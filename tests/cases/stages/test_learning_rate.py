"""``compare.learning_rate``: the change of barriers by quadrature, and of the times with them."""

import json

import numpy as np
import pytest
from scipy.integrate import quad

from cases.cli import main

CASE = """
[system]
coordinates = ["x"]
loss = "(x**2 - 1)**2/4"
[domain]
bounds = [[-1.9, 1.9]]
[mesh]
resolution = 32
[noise.measured]
diffusion = "0.5 + 0.4*tanh(2*(x + 0.7))"
[compare]
epsilon = [0.05]
learning_rate = [0.05, 0.1]
sets = false
"""


def test_times_change_by_the_change_of_the_barrier(tmp_path, capsys):
    (tmp_path / "case.toml").write_text(CASE)
    out = tmp_path / "out"
    main(["run", str(tmp_path / "case.toml"), "-o", str(out)])
    noise = json.loads((out / "summary.json").read_text())["noises"]["measured"]

    def integrand(x):  # −½ p′ẋ, with p = −2b/A and ẋ = −b
        b, slope = x - x**3, 1 - 3 * x**2
        a, bend = 0.5 + 0.4 * np.tanh(2 * (x + 0.7)), 0.8 / np.cosh(2 * (x + 0.7)) ** 2
        return -0.5 * (-2 * slope / a + 2 * b * bend / a**2) * -b

    exact = {0: quad(integrand, -1, 0)[0], 1: quad(integrand, 1, 0)[0]}
    found = noise["learning_rate"]
    for row in found["barriers"]:
        assert row["change"] == pytest.approx(exact[row["from"]], rel=1e-3, abs=1e-4)
    plain = {(row["from"], row["to"]): row["log_mfpt"] for row in noise["rates"]}
    assert len(found["times"]) == 4
    for row in found["times"]:
        change = row["learning_rate"] * exact[row["from"]] / 0.05
        assert row["log_mfpt"] - plain[row["from"], row["to"]] == pytest.approx(change, abs=1e-3)
    assert "Finite learning rates" in capsys.readouterr().out
    assert "Finite learning rates" in (out / "report.html").read_text()


def test_learning_rates_need_a_noise_level(tmp_path, capsys):
    (tmp_path / "case.toml").write_text(CASE.replace("epsilon = [0.05]", "epsilon = []"))
    assert main(["check", str(tmp_path / "case.toml")]) == 2
    assert "compare.learning_rate" in capsys.readouterr().err
