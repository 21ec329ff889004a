"""Figures of stability maps and trajectories, from runs through the command line."""

from __future__ import annotations

import json

import pytest

from cases import cli
from cases.figures.rundata import load_run
from cases.figures.style import style
from cases.stages.stability.figure import stability_figures
from cases.stages.trajectories.figure import trajectory_figures
from tests.output.test_report import Page

MODEL = 'model = "factorization"\noptions = { s1 = 0.3, s2 = 0.3 }'
TRAJECTORIES = f"""
[system]
{MODEL}
[domain]
bounds = [[-1.5, 1.5], [-1.5, 1.5]]
[mesh]
resolution = 24
[noise.isotropic]
diffusion = "identity"
[trajectories]
start = [1.2, 0.5]
learning_rate = 0.05
steps = 20000
paths = 8
observe = {{ xx = "x**2", balance = "x**2 - y**2", one = "1" }}
plain = "(x*y - 1)**2/2"
alone = true
"""


def test_stability_map_from_end_to_end(tmp_path, capsys):
    assert cli.main(["run", "stability-relu", "-o", str(tmp_path / "run")]) == 0
    said = capsys.readouterr().out
    assert "tr H <= 2/eta does not hold for B = 4" in said
    run = load_run(tmp_path / "run")
    assert all(row["ok"] for row in run.summary["references"])
    with style():
        (figure,) = stability_figures(run)
    assert len(figure.panels) == 2
    assert "tr H ≤ 2/η does not hold for B = 4" in figure.caption
    page = Page((tmp_path / "run" / "report.html").read_text(encoding="utf-8"))
    assert page.counts["svg"] == 2
    assert "The bound tr H ≤ 2/η holds for B = 1 along the whole curve" in page.text


def test_trajectories_from_end_to_end(tmp_path, capsys):
    """Descent on the mean loss ends at its minimum, noise-free descent on its valley, SGD near the former."""
    (tmp_path / "case.toml").write_text(TRAJECTORIES)
    cli.main(["run", str(tmp_path / "case.toml"), "-o", str(tmp_path / "run")])
    run = load_run(tmp_path / "run")
    found = run.summary["trajectories"]
    best = 1 - 0.3 * 0.3
    assert found["gd"]["observed"]["xx"]["value"] == pytest.approx(best, abs=1e-6)
    assert found["gd"]["observed"]["balance"]["value"] == pytest.approx(0.0, abs=1e-6)
    x, y = found["plain"]["end"]
    assert x * y == pytest.approx(1.0, abs=1e-9)
    # gradient flow keeps x² − y²; steps of 0.05 change it by less than a tenth
    assert x**2 - y**2 == pytest.approx(1.2**2 - 0.5**2, rel=0.1)
    mean = found["sgd"]["observed"]
    assert mean["one"] == {"value": 1.0, "error": 0.0}
    assert abs(mean["balance"]["value"]) < 2 * mean["balance"]["error"]  # as s1 = s2
    assert mean["xx"]["value"] == pytest.approx(best, abs=0.1)
    assert mean["xx"]["error"] < 0.1
    with style():
        (figure,) = trajectory_figures(run)
    assert len(figure.panels) == 1 + 3
    assert "SGD: xx" in capsys.readouterr().out
    assert set(json.loads((tmp_path / "run" / "trajectories.json").read_text())) == {"sgd", "gd", "plain"}


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (("start = [1.2, 0.5]", "start = [1.2]"), "trajectories.start: 1 numbers for 2 coordinates"),
        (('"x**2 - y**2"', '"x**3"'), "trajectories.observe.balance: 'x**3' is of degree 3"),
        (('"(x*y - 1)**2/2"', '"u**2"'), "trajectories.plain"),
        (("steps = 20000", "steps = 20000\nbatch = 2"), "unknown key; did you mean 'batch_size'"),
        ((MODEL, 'coordinates = ["x", "y"]\nloss = "x**2 + y**2"'), "SGD needs a model with data"),
    ],
)
def test_bad_trajectories(change, words, tmp_path, capsys):
    assert change[0] in TRAJECTORIES
    (tmp_path / "case.toml").write_text(TRAJECTORIES.replace(*change))
    assert cli.main(["run", str(tmp_path / "case.toml"), "-o", str(tmp_path / "run")]) == 2
    assert words in capsys.readouterr().err
