"""``[[reaction]]`` tables: drift, chemical-Langevin noise, the law of the jumps, and what is refused."""

import json

import numpy as np
import pytest
from scipy.integrate import quad
from scipy.optimize import brentq

from cases.cli import main
from cases.loading.load import load
from cases.loading.validate import validate

# births in bursts of five; wells at 1 and 4, a threshold at 2
CASE = """
[system]
coordinates = ["x"]
parameters = { c = 0.05 }
[[reaction]]
rate = "(c*x**2 + 2)/5"
change = [5]
[[reaction]]
rate = "x**3/4 - 1.7*x**2 + 3.5*x"
change = [-1]
[domain]
bounds = [[0.3, 5.5]]
[mesh]
resolution = 32
[noise.langevin]
diffusion = "reactions"
law = "reactions"
"""
PLANE = """
[system]
coordinates = ["x", "y"]
[[reaction]]
rate = "2 + x*y"
change = [1, -2]
[[reaction]]
rate = "x**2"
change = [-3, 0]
[domain]
bounds = [[0.5, 2.0], [0.5, 2.0]]
[noise.langevin]
diffusion = "reactions"
"""


def written(folder, text):
    (folder / "case.toml").write_text(text)
    return str(folder / "case.toml")


def test_drift_and_noise_are_the_first_two_moments_of_the_jumps(tmp_path):
    landscape = validate(load(written(tmp_path, PLANE + "floor = 0.1"))[0])
    x = np.array([[1.5], [0.7]])
    r = np.array([2 + 1.5 * 0.7, 1.5**2])
    nu = np.array([[1.0, -2.0], [-3.0, 0.0]])
    assert landscape.drift(x)[:, 0] == pytest.approx(r @ nu)
    assert landscape.covariance(x)[..., 0] == pytest.approx(np.einsum("k,ki,kj->ij", r, nu, nu))
    values = landscape.law.at(x).values(0 * x)
    assert values.velocity == pytest.approx(landscape.drift(x))
    assert values.curvature == pytest.approx(landscape.covariance(x))


def test_barriers_of_bursts_by_quadrature(tmp_path, capsys):
    out = tmp_path / "out"
    assert main(["run", written(tmp_path, CASE), "-o", str(out)]) == 0
    law = json.loads((out / "summary.json").read_text())["noises"]["langevin"]["law"]
    assert law["kind"] == "reactions"
    assert law["times"] == []  # bursts are no single steps

    def momentum(x):
        up, down = (0.05 * x**2 + 2) / 5, x**3 / 4 - 1.7 * x**2 + 3.5 * x
        h = lambda p: up * np.expm1(5 * p) + down * np.expm1(-p)  # noqa: E731
        sign = -np.sign(5 * up - down)
        return brentq(h, 1e-9 * sign, 3.0 * sign, rtol=1e-14)

    for row in law["barriers"]:
        start = {0: 1.0, 1: 4.0}[row["from"]]
        exact = quad(momentum, start, 2.0, epsrel=1e-11)[0]
        assert row["barrier"] == pytest.approx(exact, rel=1e-8)
        assert abs(row["barrier"] / row["diffusion"] - 1) > 0.02
    assert "The jump process itself" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("old", "new", "key"),
    [
        ("change = [5]", "change = [5, 1]", "reaction.0.change"),
        ("change = [5]", "change = [0]", "reaction.0.change"),
        ("c*x**2 + 2", "c*z**2 + 2", "reaction.0.rate"),
        ('coordinates = ["x"]', 'coordinates = ["x"]\nloss = "x**2"', "system.loss"),
        ('diffusion = "reactions"', 'diffusion = "identity"', "noise.langevin.law"),
        ('diffusion = "reactions"\nlaw = "reactions"', 'diffusion = "gradient_covariance"', "noise.langevin"),
        ("change = [5]", "change = [5]\nspeed = 1", "reaction.0.speed"),
    ],
)
def test_reactions_that_are_none_are_refused(old, new, key, tmp_path, capsys):
    assert CASE.count(old) == 1
    assert main(["check", written(tmp_path, CASE.replace(old, new))]) == 2
    assert key in capsys.readouterr().err


def test_the_effective_case_can_be_run_again(tmp_path, capsys):
    assert main(["check", written(tmp_path, CASE)]) == 0
    again = capsys.readouterr().out
    assert main(["check", written(tmp_path, again)]) == 0
    assert capsys.readouterr().out == again


ALLEE = """
[system]
coordinates = ["x"]
[[reaction]]
rate = "3*x**2"
change = [1]
[[reaction]]
rate = "2*x + x**3"
change = [-1]
[domain]
bounds = [[0.05, 4.0]]
[mesh]
resolution = 32
[noise.langevin]
diffusion = "reactions"
law = "reactions"
[compare]
epsilon = [0.05]
sets = false
"""


def test_a_population_dies_out_over_its_threshold(tmp_path, capsys):
    """b = −x (x − 1)(x − 2): only the way from 2 down to 1 costs, the rest is downhill."""
    out = tmp_path / "out"
    main(["run", written(tmp_path, ALLEE), "-o", str(out)])
    law = json.loads((out / "summary.json").read_text())["noises"]["langevin"]["law"]
    (row,) = law["extinctions"]
    exact = quad(lambda x: np.log((2 + x**2) / (3 * x)), 2, 1, epsrel=1e-12)[0]
    langevin = quad(lambda x: 2 * (x - 1) * (x - 2) / (3 * x + 2 + x**2), 2, 1, epsrel=1e-12)[0]
    assert row["barrier"] == pytest.approx(exact, rel=1e-9)
    assert row["diffusion"] == pytest.approx(langevin, rel=1e-9)
    n = np.arange(1.0, 81)
    up, down = 3 * n**2 / 20, 2 * n + n**3 / 400
    up[-1] = 0.0
    generator = np.diag(up[:-1], 1) + np.diag(down[1:], -1) - np.diag(up + down)
    times = np.linalg.solve(-generator, np.ones(80))
    assert row["times"] == [{"epsilon": 0.05, "log_time": pytest.approx(np.log(times[39]), abs=1e-9)}]
    assert "extinction from attractor 0" in capsys.readouterr().out


def test_a_population_that_is_fed_does_not_die_out(tmp_path):
    text = ALLEE.replace('"3*x**2"', '"3*x**2 + 0.3"').replace("epsilon = [0.05]", "epsilon = []")
    out = tmp_path / "out"
    main(["run", written(tmp_path, text), "-o", str(out)])
    law = json.loads((out / "summary.json").read_text())["noises"]["langevin"]["law"]
    assert law["extinctions"] == []
