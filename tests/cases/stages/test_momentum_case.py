"""``system.friction``: a loss with momentum in a run, and what is refused."""

import json
import tomllib

import numpy as np
import pytest

from cases.cli import main
from cases.landscapes.phase_space import position
from cases.loading.catalogue import BUILTIN
from cases.loading.load import load
from solver.formulas.turnover import log_depopulation

CASE = """
[system]
coordinates = ["x"]
loss = "(x**2 - 1)**2/4"
friction = 0.5
[domain]
bounds = [[-1.9, 1.9]]
[mesh]
resolution = 32
[noise.even]
diffusion = "identity"
[compare]
epsilon = [0.05]
"""
CHAIN = """
[system]
coordinates = ["x", "y"]
drift = ["-x - y", "x"]
[domain]
bounds = [[-2.0, 2.0], [-2.0, 2.0]]
[mesh]
resolution = 12
[noise.kicks]
diffusion = [["1", "0"], ["0", "0"]]
[compare]
epsilon = []
"""


def written(folder, text):
    (folder / "case.toml").write_text(text)
    return str(folder / "case.toml")


def test_a_double_well_with_momentum(tmp_path, capsys):
    out = tmp_path / "out"
    assert main(["run", written(tmp_path, CASE), "-o", str(out)]) == 0
    found = json.loads((out / "summary.json").read_text())
    entry = found["noises"]["even"]
    for barrier in entry["barriers"]:
        assert barrier["barrier"] == pytest.approx(0.25, abs=1e-9)
        assert barrier["lower"] == pytest.approx(0.25, abs=1e-9)
    assert entry["momentum"]["friction"] == 0.5
    for row in entry["momentum"]["laws"]:
        assert row["log_rate"] == pytest.approx(row["turnover"], abs=0.1)
        assert row["turnover"] < row["kramers"]
        assert row["swings"] == pytest.approx(0.05 / (0.5 * 4 / 3))
    # of e^{−(v²/2 + U)/ε}
    assert entry["stationary"][0]["covariance"][1][1] == pytest.approx(0.05, rel=1e-3)
    assert "Escape with momentum" in capsys.readouterr().out
    assert "Meshkov" in (out / "report.html").read_text()


def test_the_effective_case_loads_again(tmp_path):
    case, text = load(written(tmp_path, CASE))
    assert case.coordinates == ["x", "v"]
    # as high as the ends of the range of x
    top = np.sqrt(2 * (1.9**2 - 1) ** 2 / 4)
    assert case.domain.bounds[1] == pytest.approx([-top, top], rel=0.03)
    assert load(written(tmp_path, text))[0] == case
    assert position(case).dim == 1


def test_momentum_of_sgd_is_friction(tmp_path):
    text = CASE.replace("friction = 0.5", "momentum = 0.9\nlearning_rate = 0.04")
    assert load(written(tmp_path, text))[0].system.damping == pytest.approx(0.5)


@pytest.mark.parametrize(
    ("old", "new", "key"),
    [
        ("friction = 0.5", "friction = 0", "system.friction"),
        ("friction = 0.5", "friction = 0.5\nmomentum = 0.9", "friction and momentum"),
        ("friction = 0.5", "momentum = 0.9", "learning_rate"),
        ('loss = "(x**2 - 1)**2/4"', 'drift = ["x - x**3"]', "friction is for a loss"),
        ('["x"]', '["x", "v", "w"]', "system.coordinates"),
        ("[[-1.9, 1.9]]", "[[-1.0, 1.0]]", "domain.bounds"),
        ('diffusion = "identity"', 'diffusion = "1 + v**2"', "noise.even.diffusion"),
        ('diffusion = "identity"', 'diffusion = "-1"', "noise.even.diffusion"),
        ("epsilon = [0.05]", 'normalise = "det"', "compare.normalise"),
        ("epsilon = [0.05]", "epsilon = [0.05]\nlearning_rate = [0.1]", "compare.learning_rate"),
        ("epsilon = [0.05]", 'epsilon = [0.05]\n[[exit]]\nname = "a"\ninside = "x"', "exit"),
    ],
)
def test_what_does_not_go_with_momentum_is_refused(old, new, key, tmp_path, capsys):
    assert CASE.count(old) == 1
    assert main(["check", written(tmp_path, CASE.replace(old, new))]) == 2
    assert key in capsys.readouterr().err


def test_noise_of_rank_one_without_a_floor(tmp_path):
    """dy = x dt, dx = (−x − y) dt + dW: V = x² + y², known to the edge of the box."""
    out = tmp_path / "out"
    assert main(["run", written(tmp_path, CHAIN), "-o", str(out), "--quiet"]) == 0
    found = json.loads((out / "summary.json").read_text())
    np.testing.assert_allclose(found["noises"]["kicks"]["trusted_levels"], [4.0], rtol=0.05)


def test_a_direction_without_noise_is_named(tmp_path, capsys):
    text = CHAIN.replace('["-x - y", "x"]', '["-x", "-y"]')
    assert main(["run", written(tmp_path, text), "-o", str(tmp_path / "out"), "--quiet"]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert "noise.kicks.diffusion: no noise reaches the combination 1 y at the attractor (0, 0)" in line
    assert "floor" in line


@pytest.mark.parametrize(
    ("more", "key"),
    [
        ('[[exit]]\nname = "disc"\nball = { centre = [0, 0], radius = 0.8 }\n', "exit.0"),
        ("[transient]\nepsilon = 0.1\ntimes = [0, 1]\n"
         "start = { mean = [0, 0], covariance = [[1, 0], [0, 1]] }\n",
         "transient"),
    ],
)  # fmt: skip
def test_what_was_not_tried_in_some_directions_only_is_refused(more, key, tmp_path, capsys):
    text = CHAIN.replace("epsilon = []", "epsilon = [0.1]")
    assert main(["run", written(tmp_path, text + more), "-o", str(tmp_path / "out"), "--quiet"]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert f"{key}: noise 'kicks' acts in some directions only: A is not positive definite" in line
    assert "noise.kicks.floor" in line


def test_references_of_the_built_in_case():
    """The rates there are those of the law of Mel'nikov and Meshkov for the quartic, ∮ v dx = 4/3."""
    table = tomllib.loads((BUILTIN / "momentum-turnover.toml").read_text(encoding="utf-8"))
    frictions = table["sweep"]["vary"]["system.friction"]
    rates = [one for one in table["reference"].values() if one["quantity"] == "log_rate"]
    assert [one["parameters"]["system.friction"] for one in rates] == frictions
    for one in rates:
        gamma, epsilon = one["parameters"]["system.friction"], one["epsilon"]
        delta = gamma * 4 / 3 / epsilon
        growth = np.sqrt(gamma**2 / 4 + 1) - gamma / 2
        law = np.log(growth * np.sqrt(2.0) / (2 * np.pi)) - 0.25 / epsilon
        law += 2 * log_depopulation(delta) - log_depopulation(2 * delta)
        assert one["value"] == pytest.approx(law, abs=1e-5)
