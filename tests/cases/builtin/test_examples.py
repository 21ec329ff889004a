"""The examples for landscapes of one's own: each does what it says, from a folder of its own."""

import runpy
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import cases
from cases.cli import main
from cases.loading.load import load
from cases.loading.validate import validate
from solver.drift.fixed_points import fixed_points
from solver.system import System

EXAMPLES = Path(cases.__file__).parent / "examples"


@pytest.fixture
def folder(tmp_path):
    shutil.copytree(EXAMPLES, tmp_path / "examples")
    return tmp_path / "examples"


def places(case):
    """Kinds and points of the fixed points of a case."""
    found = validate(case)
    d = found.dim
    system = System(d, found.drift, found.jacobian, lambda x: x, lambda x: x, found.loss)
    points = fixed_points(system, [(low, high) for low, high in case.domain.bounds])
    return found, [p.kind for p in points], np.array([p.point for p in points])


def test_a_table(folder):
    subprocess.run([sys.executable, "tabulated_well.py"], cwd=folder, check=True)
    found, kinds, points = places(load(str(folder / "tabulated_well.toml"))[0])
    assert kinds == ["attractor", "attractor", "saddle"]
    np.testing.assert_allclose(points, [[-1, 0], [1, 0], [0, 0]], atol=1e-9)
    tensors = found.covariance(points.T)
    np.testing.assert_allclose(tensors[0, 0], 1 + 0.5 * np.tanh(2 * points[:, 0]), atol=1e-6)
    np.testing.assert_allclose(tensors[0, 0] + tensors[1, 1], 2, atol=1e-12)


def test_functions(folder):
    case, _ = load(str(folder / "two_bumps.toml"))
    found, kinds, points = places(case)
    assert kinds == ["attractor", "attractor", "saddle"]
    np.testing.assert_allclose(points[:, 0], [-0.954, 0.958, 0.095], atol=1e-3)
    # against the data, at the saddle
    module = runpy.run_path(str(folder / "two_bumps.py"))
    z, (c, w) = module["Z"][:, 0], points[2]
    bump = 2 * np.exp(-2 * (z - c) ** 2)
    g = (bump + w * z - module["Y"][:, 0]) * np.array([4 * bump * (z - c), z])
    np.testing.assert_allclose(g.mean(axis=1) + 0.1 * points[2], 0, atol=1e-12)
    np.testing.assert_allclose(found.covariance(points[2:].T)[..., 0], np.cov(g, bias=True), atol=1e-13)


def test_a_sweep(folder, capsys):
    assert main(["check", str(folder / "orientation.toml")]) == 0
    assert capsys.readouterr().out.startswith("# sweep of 7 members: phi=0 … phi=90\n")


def test_a_torch_model(folder, monkeypatch):
    pytest.importorskip("torch")
    monkeypatch.chdir(folder)
    source = (folder / "radial_network.py").read_text()
    (folder / "radial_network.py").write_text(source.replace("bounds, 65, DECAY", "bounds, 41, DECAY"))
    runpy.run_path("radial_network.py", run_name="__main__")
    _, kinds, points = places(load("radial_network.toml")[0])
    assert kinds == ["attractor", "attractor", "saddle"]
    # the weights that were trained are minima on the plane, at the origin and on the first axis
    np.testing.assert_allclose(points[:2], [[0, 0], [2.9147, 0]], atol=1e-3)
