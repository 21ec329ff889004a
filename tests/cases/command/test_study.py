"""Convergence studies: orders from known errors, what is refused, and a run of the real program."""

import json

import pytest

from cases import cli
from cases.sweep import study
from tests import small_case
from tests.cases.sweep.test_sweep import CASE, solver, write  # noqa: F401 (a fixture)

MODULE = """
import numpy as np

def build():
    return {
        "loss": lambda x: (x[0]**2 - 1)**2/4,
        "gradient": lambda x: x*(x**2 - 1),
        "covariance": lambda x: (1 + np.tanh(2*x[0])/2)[None, None],
    }
"""


@pytest.mark.parametrize("p", [0.5, 2.0, 3.0, 7.0])
@pytest.mark.parametrize("resolutions", [(16, 32, 64), (10, 15, 40), (8, 12, 18)])
def test_observed_order(p, resolutions):
    numbers = [1.0 - 0.3 * (1.0 / n) ** p for n in resolutions]
    assert study.observed_order(resolutions, numbers) == pytest.approx(p, rel=1e-3)


@pytest.mark.parametrize(
    "numbers",
    [
        [1.0, 1.0, 1.0],
        [1.0, 1.0 + 1e-15, 1.0],
        [1.0, 1.1, 1.05],  # alternating
        [1.0, 1.1, 1.3],  # diverging
        [1.0, None, 1.1],
    ],
)
def test_no_order_can_be_told(numbers):
    assert study.observed_order([16, 32, 64], numbers) is None


def rows(barrier, times):
    start = {"noise": "a", "from": 0, "to": 1}
    return [start | {"epsilon": e, "barrier": barrier, "log_mfpt": t} for e, t in times.items()]


def test_quantities():
    table = [rows(1 + 4.0**-k, {0.2: 5 + 2.0**-k, 0.1: None if k == 1 else 10.0}) for k in range(3)]
    found = {(q["quantity"], q["epsilon"]): q for q in study.quantities("resolution", [16, 32, 64], table)}
    assert found["barrier", None]["values"] == [2.0, 1.25, 1.0625]
    assert found["barrier", None]["differences"] == [-0.75, -0.1875]
    assert found["barrier", None]["orders"] == pytest.approx([2.0])
    assert found["log_mfpt", 0.2]["orders"] == pytest.approx([1.0])
    assert found["log_mfpt", 0.1]["values"] == [10.0, None, 10.0]
    assert found["log_mfpt", 0.1]["differences"] == [None, None]
    (first, *_) = study.quantities("degree", [2, 3, 4], table)
    assert first["factors"] == pytest.approx([4.0])
    assert "orders" not in first


@pytest.mark.parametrize(
    "text",
    [
        "",
        "resolution",
        "resolution=16",
        "resolution=32,16",
        "resolution=16,a",
        "degree=2.5,3",
        "size=1,2",
        "adapt=2,0",
    ],
)
def test_bad_studies(text, tmp_path, capsys):
    assert cli.main(["run", write(tmp_path, CASE), "-o", str(tmp_path / "out"), "--study", text]) == 2
    err = capsys.readouterr().err
    assert err.count("\n") == 1
    assert f"--study {text}" in err
    assert not (tmp_path / "out").exists()


def test_values_that_the_case_cannot_have(tmp_path, capsys):
    assert cli.main(["run", write(tmp_path, CASE), "--study", "degree=2,3,9"]) == 2
    assert "with degree=9, mesh.degree: 9 is not accepted" in capsys.readouterr().err
    assert cli.main(["run", write(tmp_path), "--study", "degree=2,3"]) == 2
    assert "a case with a sweep cannot be studied" in capsys.readouterr().err


def test_a_study_of_known_results(tmp_path, solver, capsys):  # noqa: F811
    argv = ["run", write(tmp_path, CASE), "-o", str(tmp_path / "out"), "--study", "resolution=8,16,32"]
    assert cli.main(argv) == 0
    record = json.loads((tmp_path / "out/study.json").read_text())
    assert record["values"] == [8, 16, 32]
    assert [m["values"] for m in record["members"]] == [{"mesh.resolution": n} for n in (8, 16, 32)]
    assert {q["quantity"] for q in record["quantities"]} == {"barrier", "log_mfpt"}
    assert all(len(set(q["values"])) == 1 for q in record["quantities"])
    assert all(q["orders"] == [None] for q in record["quantities"])
    assert "log T, ε=0.1" in capsys.readouterr().out
    assert len(solver.asked) == 3
    assert cli.main(argv) == 0
    assert len(solver.asked) == 3


def test_failing_members_of_a_study(tmp_path, solver, capsys):  # noqa: F811
    solver.faults |= {1.0: ZeroDivisionError("a bug")}
    argv = ["run", write(tmp_path, CASE), "-o", str(tmp_path / "out"), "--study", "degree=2,3"]
    assert cli.main(argv) == 3
    assert json.loads((tmp_path / "out/study.json").read_text())["ok"] is False
    assert "PROBLEM: degree=2" in capsys.readouterr().out


def test_the_program_on_a_function_of_ones_own(tmp_path):
    """U = (x²−1)²/4, A = 1 + ½ tanh 2x: barriers 0.8054240332 and 0.3683521738 (quadrature)."""
    (tmp_path / "well.py").write_text(MODULE)
    text = CASE.replace('loss = "(x**2-1)**2/4"', 'model = "well:build"').replace("[0.2, 0.1]", "[0.1]")
    text = text.replace('[noise.isotropic]\ndiffusion = "identity"\n', "").replace(
        '"a"', '"gradient_covariance"'
    )
    path = write(tmp_path, text)
    job = small_case.run("run", path, "-o", tmp_path / "out", "--quiet", "--study", "resolution=80,100")
    assert job.returncode == 0, job.stdout + job.stderr
    found = json.loads((tmp_path / "out/study.json").read_text())["quantities"]
    barriers = {(q["from"], q["to"]): q["values"] for q in found if q["quantity"] == "barrier"}
    assert barriers[0, 1] == pytest.approx([0.8054240332] * 2, rel=1e-6)
    assert barriers[1, 0] == pytest.approx([0.3683521738] * 2, rel=1e-6)


def test_adapted_meshes(tmp_path):
    """Cubic elements do not hold the quartic V exactly: there is a residual, and cells are refined."""
    path = write(tmp_path, CASE.replace("[0.2, 0.1]", "[]"))
    job = small_case.run("run", path, "-o", tmp_path / "out", "--quiet", "--study", "adapt=0,2")
    assert job.returncode == 0, job.stdout + job.stderr
    members = json.loads((tmp_path / "out/study.json").read_text())["members"]
    cells = [
        json.loads((tmp_path / "out" / member["folder"] / "summary.json").read_text())["discretisation"][
            "cells"
        ]
        for member in members
    ]
    assert cells[1] > cells[0]
