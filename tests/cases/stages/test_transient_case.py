"""``[transient]`` in case files: expectations, mass, time series, references, and bad input."""

import json
import subprocess
import sys
import tomllib

import h5py
import numpy as np
import pytest
import scipy.sparse as sp
import scipy.sparse.linalg as sla

from cases.base import toml_text
from cases.cli import main
from cases.loading.load import from_data, load
from cases.noise.tensors import scaled
from cases.problem.landscape import build
from cases.results import references
from cases.stages.transient.evolution import prepare
from cases.stages.transient.text import transient_table
from tests.small_case import environment

RATE, EPSILON = 1.5, 0.2
OU = {
    "system": {"coordinates": ["x", "y"], "drift": ["-x - y", "x - 1.5*y"]},
    "domain": {"bounds": [[-2.5, 2.5], [-2.5, 2.5]]},
    "mesh": {"resolution": 22, "degree": 3},
    "noise": {"full": {"diffusion": [["1", "0.3"], ["0.3", "0.8"]]}, "pushed": {"diffusion": "identity"}},
    "compare": {"normalise": "none"},
    "transient": {
        "alone": True,
        "epsilon": EPSILON,
        "times": [0.0, 0.5, 2.0],
        "start": {"mean": [0.8, -0.3], "covariance": [[0.15, 0.0], [0.0, 0.1]]},
        "observe": {"xy": "x*y", "one": 1, "x4": "x**4"},
        "drift": {"pushed": ["-epsilon*x", "0"]},
    },
}


def write(folder, data):
    lines = [f"{key} = {toml_text.value(value)}" for key, value in data.items()]
    (folder / "it.toml").write_text("\n".join(lines) + "\n")
    return folder / "it.toml"


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    folder = tmp_path_factory.mktemp("transient")
    assert main(["run", str(write(folder, OU)), "-o", str(folder / "out"), "--quiet"]) == 0
    return folder / "out"


def normal(drift, diffusion, time):
    """Mean and covariance of the linear process, by a Taylor series of the moment equations."""
    mean, spread = np.array([0.8, -0.3]), np.diag([0.15, 0.1])
    for _ in range(4000):
        h = time / 4000
        step = np.eye(2) + h * drift + h**2 * drift @ drift / 2
        mean = step @ mean
        forcing = EPSILON * diffusion
        spread = step @ spread @ step.T + h * forcing + h**2 / 2 * (drift @ forcing + forcing @ drift.T)
    return mean, spread


def test_normal_densities_stay_normal(finished):
    summary = json.loads((finished / "summary.json").read_text())
    drift = np.array([[-1.0, -1.0], [1.0, -1.5]])
    cases = {
        "full": (drift, np.array([[1.0, 0.3], [0.3, 0.8]])),
        "pushed": (drift - np.diag([EPSILON, 0.0]), np.eye(2)),
    }
    for name, (matrix, diffusion) in cases.items():
        found = summary["noises"][name]["transient"]
        assert found["times"] == [0.0, 0.5, 2.0]
        for n, time in enumerate(found["times"]):
            mean, spread = normal(matrix, diffusion, time)
            np.testing.assert_allclose(found["mean"][n], mean, atol=2e-4)
            np.testing.assert_allclose(found["covariance"][n], spread, atol=2e-4)
            values = {k: v[n] for k, v in found["expectations"].items()}
            assert values["one"] == pytest.approx(1.0, abs=1e-11)
            assert values["xy"] == pytest.approx(spread[0, 1] + mean[0] * mean[1], abs=2e-4)
            fourth = mean[0] ** 4 + 6 * mean[0] ** 2 * spread[0, 0] + 3 * spread[0, 0] ** 2
            assert values["x4"] == pytest.approx(fourth, rel=2e-3)
        # the slowest modes of a linear process are the coordinates: a pair that turns
        relaxation = found["relaxation"]
        assert relaxation["eigenvalue"] == pytest.approx(-np.trace(matrix) / 2, rel=1e-3)
        assert relaxation["time"] == pytest.approx(1 / relaxation["eigenvalue"])
        assert np.all(np.diff(relaxation["distances"]) < 0)
        assert f"{name}: relaxation time" in transient_table(summary)
        checks = summary["noises"][name]["checks"]
        assert checks["transient_mass"] <= 1e-12
        assert checks["transient_time_error"] < 1e-4
    (pair,) = summary["transient"]["distances"]
    assert pair["noises"] == ["full", "pushed"]
    assert pair["total_variation"][0] == 0.0
    assert 0.02 < pair["total_variation"][1] < 0.3
    assert summary["attractors"] == []
    assert {"full-transient.vtkhdf", "report.html"} <= set(summary["files"])


def test_a_drift_that_is_added_brings_its_jacobian():
    case, _ = from_data(OU, name="it", file="it.toml", folder=None)
    landscape = build(case)
    found = prepare(case, landscape, scaled(case, landscape, np.zeros(2)))
    (jacobian,) = found.systems["pushed"].jacobian(np.zeros((2, 1))).T
    np.testing.assert_allclose(jacobian.T, [[-1.0 - EPSILON, -1.0], [1.0, -1.5]], rtol=1e-14)


def test_time_series_has_the_layout_of_vtk(finished):
    with h5py.File(finished / "full-transient.vtkhdf") as file:
        root, steps = file["VTKHDF"], file["VTKHDF/Steps"]
        points = int(root["NumberOfPoints"][0])
        assert steps.attrs["NSteps"] == 3
        np.testing.assert_array_equal(steps["Values"], [0.0, 0.5, 2.0])
        np.testing.assert_array_equal(steps["NumberOfParts"], [1, 1, 1])
        for name in ("PartOffsets", "PointOffsets", "CellOffsets", "ConnectivityIdOffsets"):
            assert not np.any(steps[name])
            assert len(steps[name]) == 3
        np.testing.assert_array_equal(steps["PointDataOffsets/density"], [0, points, 2 * points])
        density = root["PointData/density"][:]
        assert density.shape == (3 * points,)
        x = root["Points"][:]
        start = density[:points]
        exact = np.exp(-((x[:, 0] - 0.8) ** 2) / 0.3 - (x[:, 1] + 0.3) ** 2 / 0.2)
        # the L2 projection of the initial density
        np.testing.assert_allclose(start / start.max(), exact, atol=0.02)


READ_BY_VTK = """
import json, sys
from vtkmodules.util.numpy_support import vtk_to_numpy
from vtkmodules.vtkCommonExecutionModel import vtkStreamingDemandDrivenPipeline as Pipeline
from vtkmodules.vtkIOHDF import vtkHDFReader

reader = vtkHDFReader()
reader.SetFileName(sys.argv[1])
reader.UpdateInformation()
about = reader.GetOutputInformation(0)
times = [about.Get(Pipeline.TIME_STEPS(), n) for n in range(about.Length(Pipeline.TIME_STEPS()))]
found = []
for time in times:
    reader.UpdateTimeStep(time)
    density = vtk_to_numpy(reader.GetOutput().GetPointData().GetArray("density"))
    found.append([len(density), float(density[7]), float(density.max())])
print(json.dumps([times, found]))
"""


def test_vtk_reads_the_time_series(finished):
    """In a process of its own: VTK brings an HDF5 library along."""
    path = finished / "full-transient.vtkhdf"
    job = subprocess.run(
        [sys.executable, "-c", READ_BY_VTK, str(path)],
        env=environment(),
        capture_output=True,
        text=True,
        timeout=120,
    )
    if "No module named" in job.stderr:
        pytest.skip("VTK is not installed")
    assert job.returncode == 0, job.stderr
    times, found = json.loads(job.stdout)
    assert times == [0.0, 0.5, 2.0]
    with h5py.File(path) as file:
        rows = file["VTKHDF/PointData/density"][:].reshape(3, -1)
    for (count, seventh, highest), row in zip(found, rows, strict=True):
        assert count == row.size
        assert (seventh, highest) == (row[7], row.max())


def test_table_and_references(finished):
    summary = json.loads((finished / "summary.json").read_text())
    text = transient_table(summary)
    assert "full and pushed" in text
    assert max(map(len, text.splitlines())) <= 100
    keys = {"quantity": "expectation", "noise": "full", "observe": "xy", "time": 2.0}
    value = summary["noises"]["full"]["transient"]["expectations"]["xy"][2]
    data = OU | {"reference": {"good": keys | {"value": value}, "bad": keys | {"value": value * 1.1}}}
    case, _ = from_data(data, name="it", file="it.toml", folder=None)
    rows = {row.name: row.ok for row in references.compare_case(case, case.references, summary)}
    assert rows == {"good": True, "bad": False}


def test_effective_case_loads_back(tmp_path):
    case, text = load(str(write(tmp_path, OU)))
    again, _ = from_data(tomllib.loads(text), name="it", file="it.toml", folder=tmp_path)
    assert again == case


def changed(**keys):
    return OU | {"transient": OU["transient"] | keys}


BAD = {
    "times that fall": (changed(times=[0.0, 2.0, 1.0]), "transient.times", "increase"),
    "no time": (changed(times=[]), "transient.times", "at least 1"),
    "no covariance": (
        changed(start={"mean": [0.0, 0.0], "covariance": [[1.0, 2.0], [2.0, 1.0]]}),
        "transient.start.covariance",
        "positive definite",
    ),
    "mean in one dimension": (
        changed(start={"mean": [0.0], "covariance": [[1.0]]}),
        "transient.start",
        "2 coordinates",
    ),
    "negative density": (changed(start="x"), "transient.start", "negative or not finite"),
    "unknown symbol in the start": (changed(start="exp(-z**2)"), "transient.start", "'z'"),
    "unknown symbol observed": (changed(observe={"z2": "z**2"}), "transient.observe.z2", "'z'"),
    "drift of no noise": (changed(drift={"puhsed": ["x", "y"]}), "transient.drift.puhsed", "'pushed'"),
    "drift of one component": (changed(drift={"pushed": ["x"]}), "transient.drift.pushed", "1 components"),
    "drift with a pole": (changed(drift={"pushed": ["1/x", "0"]}), "transient.drift.pushed", "not finite"),
    "step without its scheme": (changed(step=0.1), "transient", "positive = true"),
    "positive without a step": (changed(positive=True), "transient", "give step"),
    "noise levels beside it": (
        OU | {"compare": {"normalise": "none", "epsilon": [0.1]}},
        "compare.epsilon",
        "alone",
    ),
    "strength at no attractor": (OU | {"compare": {}}, "compare.normalise", '"none"'),
    "reference to no expectation": (
        OU
        | {
            "reference": {
                "a": {
                    "quantity": "expectation",
                    "noise": "full",
                    "observe": "yx",
                    "time": 2.0,
                    "value": 1.0,
                }
            }
        },
        "reference.a.observe",
        "'xy'",
    ),
}


@pytest.mark.parametrize("name", BAD)
def test_bad_input(name, tmp_path, capsys):
    data, key, words = BAD[name]
    assert main(["run", str(write(tmp_path, data)), "-o", str(tmp_path / "out")]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert f": {key}: " in line
    assert words in line
    assert not (tmp_path / "out").exists()


def radial_mean(kappa, epsilon, times, cells):
    """E r of the radial equation ``dr = (−r + 1/r + εκ/(2r)) dt + √ε dW``, exponentially fitted volumes."""
    edges = np.linspace(1e-3, 4.5, cells + 1)
    r, h = (edges[1:] + edges[:-1]) / 2, edges[1] - edges[0]
    inner, spread = edges[1:-1], epsilon / 2
    ratio = (-inner + 1 / inner + epsilon * kappa / (2 * inner)) * h / spread
    out_right, out_left = -ratio / np.expm1(-ratio) * spread / h, ratio / np.expm1(ratio) * spread / h
    diagonal = -np.r_[out_right, 0] - np.r_[0, out_left]
    rate = sp.diags([diagonal, out_right, out_left], [0, -1, 1]).tocsc() / h
    density = r * np.exp(-((r - 2) ** 2) / (2 * 0.15**2))
    density /= density.sum() * h
    now, found = 0.0, []
    for time in times:
        steps = int(np.ceil((time - now) / (0.5 * h)))
        dt = (time - now) / steps
        solve = sla.splu(sp.identity(cells, format="csc") - dt / 2 * rate).solve
        forward = sp.identity(cells, format="csc") + dt / 2 * rate
        for _ in range(steps):
            density = solve(forward @ density)
        now = time
        found.append((r * density).sum() * h)
    return np.array(found)


@pytest.mark.parametrize(("noise", "kappa"), [("isotropic", 1.0), ("projected", 0.25), ("drifted", 0.25)])
def test_equality_in_law_refers_to_the_radial_equation(noise, kappa):
    case, _ = load("equality-in-law")
    coarse, fine = (radial_mean(kappa, 0.4, [0.4, 1.6], n) for n in (500, 1000))
    for time, value in zip(("04", "16"), fine + (fine - coarse) / 3, strict=True):
        assert case.references[f"{noise}-r-{time}"].value == pytest.approx(value, rel=1e-7)
    for time in (0.2, 0.4, 0.8, 1.6, 3.2):
        decay = np.exp(-2 * time)
        exact = 4.0675 * decay + (1 + 0.2 * (1 + kappa)) * (1 - decay)
        name = f"{noise}-r2-{str(time).replace('.', '')}"
        assert case.references[name].value == pytest.approx(exact, rel=1e-9)
