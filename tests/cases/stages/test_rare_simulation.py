"""``[simulate] rare = true``: plain paths where they arrive, splitting where they do not."""

import json

import numpy as np
import pytest
from scipy.integrate import quad

from cases.cli import main

CASE = """
[system]
coordinates = ["x"]
loss = "(x**2-1)**2/4"
[domain]
bounds = [[-2.0, 2.0]]
[mesh]
resolution = 24
[noise.isotropic]
diffusion = "identity"
[compare]
epsilon = [0.12, 0.035]
[simulate]
rare = true
paths = 1000
rare_paths = 100
replicas = 12
"""


def exact(epsilon, goal):
    """E τ from −1 to the point at the edge of the target, ``(2/ε)∫∫ e^{2(U(y) − U(z))/ε} dz dy``."""

    def well(x):
        return (x * x - 1) ** 2 / 4

    def inner(y):
        return quad(lambda z: np.exp(2 * (well(y) - well(z)) / epsilon), -2, y, points=[-1.0], limit=200)[0]

    return np.log(2 / epsilon * quad(inner, -1, goal, points=[0.0], limit=200)[0])


def test_splitting_beyond_plain_paths(tmp_path):
    (tmp_path / "it.toml").write_text(CASE)
    assert main(["run", str(tmp_path / "it.toml"), "-o", str(tmp_path / "out"), "--quiet"]) == 0
    noise = json.loads((tmp_path / "out" / "summary.json").read_text())["noises"]["isotropic"]
    common, rare = [row for row in noise["rates"] if row["from"] == 0]
    assert (common["simulated_by"], rare["simulated_by"]) == ("paths", "splitting")
    assert (rare["simulated_paths"], rare["simulated_replicas"]) == (100, 12)
    for row, expected in ((common, 5.5), (rare, 15.6)):
        # Σ = 1/4: the target ends one standard deviation before the minimum
        log_time = exact(row["epsilon"], 1 - np.sqrt(row["epsilon"] / 4))
        assert log_time == pytest.approx(expected, abs=0.5)
        low, high = row["simulated_ci"]
        assert high - low < 1.2
        assert low - 0.3 * (high - low) < log_time < high + 0.3 * (high - low)
    curve = {key: np.array(values) for key, values in common["survival"].items()}
    assert np.all(np.diff(curve["times"]) >= 0)
    assert curve["probability"][-1] == 0
    # exponential but for the relaxation time and the noise of 1000 paths
    law = np.exp(-curve["times"] / np.exp(common["log_mfpt_simulated"]))
    assert np.abs(curve["probability"] - law).max() < 0.06
    assert "survival" not in rare
    assert "How long the paths stay" in (tmp_path / "out" / "report.html").read_text()
    assert noise["checks"]["simulation_gap"] < 0.05
    assert all(row["simulated_by"] is None for row in noise["rates"] if row["from"] == 1)


def test_levels_to_simulate_are_levels_of_the_case(tmp_path, capsys):
    (tmp_path / "it.toml").write_text(CASE)
    assert main(["check", str(tmp_path / "it.toml"), "--set", "simulate.epsilon=[0.2]"]) == 2
    assert "0.2 is not among the noise levels" in capsys.readouterr().err
