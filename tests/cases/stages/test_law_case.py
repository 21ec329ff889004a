"""``law = "minibatch"``: SGD's own barriers in a run, beside its diffusion's, and what is refused."""

import json
import textwrap

import numpy as np
import pytest
from scipy.integrate import quad
from scipy.optimize import brentq

from cases.cli import main
from cases.loading.load import load
from cases.loading.validate import validate
from solver.errors import Refused
from solver.laws.bracket import bracket

COIN = """
import numpy as np
def build():
    def samples(x):
        slope = x[0]**3 - x[0]
        return np.stack([slope + 1, slope - 1])[:, None]
    return {"loss": lambda x: (x[0]**2 - 1)**2 / 4, "sample_gradients": samples}
"""
CASE = """
[system]
coordinates = ["x"]
model = "coin:build"
[domain]
bounds = [[-2.0, 2.0]]
[mesh]
resolution = 24
[noise.measured]
diffusion = "gradient_covariance"
law = "minibatch"
[noise.isotropic]
diffusion = "identity"
"""


def written(folder, case=CASE):
    (folder / "coin.py").write_text(textwrap.dedent(COIN))
    (folder / "case.toml").write_text(case)
    return str(folder / "case.toml")


def test_a_run_has_the_barriers_of_sgd_itself(tmp_path, capsys):
    out = tmp_path / "out"
    assert main(["run", written(tmp_path), "-o", str(out)]) == 0
    summary = json.loads((out / "summary.json").read_text())
    assert "law" not in summary["noises"]["isotropic"]

    def momentum(x):  # log cosh p = (x³ − x) p
        b = x - x**3
        return brentq(lambda p: b + np.logaddexp(p, -p) / p - np.log(2) / p, 1e-12, 60.0, rtol=1e-14)

    exact = quad(momentum, -1, 0, epsrel=1e-11)[0]
    rows = summary["noises"]["measured"]["law"]["barriers"]
    assert len(rows) == 2
    for row in rows:
        assert row["barrier"] == pytest.approx(exact, rel=1e-9)
        assert row["diffusion"] == pytest.approx(0.5, rel=1e-6)
        assert 0.5 < row["largest_exponent"] < 1
    text = capsys.readouterr()
    assert "0.537587" in text.out + text.err
    assert "Minibatch SGD itself" in (out / "report.html").read_text()


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ('"gradient_covariance"\nlaw', '"identity"\nlaw', "gradient_covariance"),
        ('law = "minibatch"', 'law = "minibatch"\nfloor = 0.1', "floor"),
        ('model = "coin:build"', 'model = "coin:build"\ntabulate = 41', "single samples"),
        ("minibatch", "minibatches", "diffusion"),
    ],
)
def test_laws_that_cannot_be_had_are_refused(old, new, message, tmp_path, capsys):
    assert CASE.count(old) == 1
    assert main(["check", written(tmp_path, CASE.replace(old, new))]) == 2
    text = capsys.readouterr()
    assert message in text.err
    assert "noise.measured.law" in text.err


def test_the_right_well_of_the_iris_data():
    """0.5639 by least action with an independent script; 0.3417 of the diffusion."""
    landscape = validate(load("radial-iris")[0])
    known = ([2.339, 0.1138], [1.5378, -0.258], [0.0483, -0.03], [-1.3877, 0.9965], [-2.0013, 0.5119])
    zeros = [_zero(landscape, at) for at in known]
    box = np.array([[-3.1, 3.3], [-1.9, 2.1]])
    found = bracket(landscape.law, box, (zeros[0], zeros[1]), zeros, np.array(zeros[:2]), 0.34)
    assert not isinstance(found, Refused)
    assert found.found.action == pytest.approx(0.5639, abs=3e-4)
    assert found.found.error < 1e-4
    assert 0.99 * found.found.action < found.lower <= found.found.action


def _zero(landscape, at):
    x = np.array(at)
    for _ in range(20):
        x = x - np.linalg.solve(landscape.jacobian(x[:, None])[..., 0], landscape.drift(x[:, None])[:, 0])
    return x
