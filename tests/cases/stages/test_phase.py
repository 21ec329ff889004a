"""``domain.periodic``: a phase in a run, and what is refused."""

import json

import numpy as np
import pytest

from cases.cli import main
from cases.loading.catalogue import BUILTIN
from tests.solver.formulas.test_phase_slips import velocity_by_modes

CASE = """
[system]
coordinates = ["x"]
parameters = { omega = 0.5 }
drift = ["omega - sin(x)"]
[domain]
bounds = [[0.0, 6.283185307179586]]
periodic = ["x"]
[noise.weak]
diffusion = "identity"
[noise.strong]
diffusion = "2"
[compare]
normalise = "none"
epsilon = [0.3, 0.6]
"""


def written(folder, text):
    (folder / "case.toml").write_text(text)
    return str(folder / "case.toml")


def test_a_phase_that_slips(tmp_path, capsys):
    out = tmp_path / "out"
    assert main(["run", written(tmp_path, CASE), "-o", str(out)]) == 0
    found = json.loads((out / "summary.json").read_text())["phase"]
    assert [one["epsilon"] for one in found["weak"]["levels"]] == [0.6, 0.3]
    for name, strength in (("weak", 1), ("strong", 2)):
        for level in found[name]["levels"]:
            exact = velocity_by_modes(0.5, strength * level["epsilon"])
            assert level["velocity"] == pytest.approx(exact, rel=1e-6)
    # twice the noise is the noise level twice as high
    assert found["strong"]["levels"][1] | {"epsilon": 0.6} == pytest.approx(found["weak"]["levels"][0])
    assert found["weak"]["attractors"][0]["up"] == pytest.approx(1.3697065, rel=1e-7)
    assert found["strong"]["attractors"][0]["up"] == pytest.approx(1.3697065 / 2, rel=1e-7)
    assert "Barriers on the circle" in capsys.readouterr().out
    assert "mean velocity" in (out / "report.html").read_text()


def test_a_phase_that_runs_through(tmp_path, capsys):
    text = CASE.replace("omega = 0.5", "omega = 1.5").replace("[0.3, 0.6]", "[0.01]")
    out = tmp_path / "out"
    assert main(["run", written(tmp_path, text), "-o", str(out)]) == 0
    found = json.loads((out / "summary.json").read_text())["phase"]["weak"]
    assert found["attractors"] == []
    # without noise a turn takes 2π/√(ω² − 1)
    assert found["levels"][0]["velocity"] == pytest.approx(np.sqrt(1.25), rel=1e-2)


@pytest.mark.parametrize(
    ("old", "new", "key"),
    [
        ("6.283185307179586", "6.2", "domain.periodic"),
        ('periodic = ["x"]', 'periodic = ["y"]', "domain.periodic"),
        ('normalise = "none"\n', "", "compare.normalise"),
        ("epsilon = [0.3, 0.6]", "epsilon = [0.3]\nfrom = [0.5]", "compare.from"),
        ("epsilon = [0.3, 0.6]", "epsilon = [0.3]\nlearning_rate = [0.1]", "compare.learning_rate"),
        ('diffusion = "2"', 'diffusion = "hessian"', "noise.strong"),
        ('diffusion = "2"', 'diffusion = "2"\nfloor = 0.1', "noise.strong"),
        ('diffusion = "2"', 'diffusion = "2"\n[simulate]\npaths = 100', "simulate"),
        ('diffusion = "2"', 'diffusion = "2"\n[[exit]]\nname = "a"\ninside = "x - 1"', "exit"),
    ],
)
def test_what_a_circle_has_not_is_refused(old, new, key, tmp_path, capsys):
    assert CASE.count(old) == 1
    assert main(["check", written(tmp_path, CASE.replace(old, new))]) == 2
    assert key in capsys.readouterr().err


def test_references_of_the_built_in_case():
    import tomllib

    references = tomllib.loads((BUILTIN / "phase-oscillator.toml").read_text(encoding="utf-8"))["reference"]
    assert references["velocity-0"]["value"] == pytest.approx(velocity_by_modes(0.5, 0.3), rel=1e-8)
    assert references["velocity-1"]["value"] == pytest.approx(velocity_by_modes(0.5, 0.1), rel=1e-7)
    x = np.polynomial.legendre.leggauss(40)
    first, past = np.arcsin(0.5), np.pi - np.arcsin(0.5)
    for name, end in (("up", past), ("down", past - 2 * np.pi)):
        at = first + (end - first) * (x[0] + 1) / 2
        exact = np.sum(x[1] * -2 * (0.5 - np.sin(at))) * (end - first) / 2
        assert references[f"barrier-{name}"]["value"] == pytest.approx(exact, rel=1e-10)
