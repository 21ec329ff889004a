"""``[mean_field]`` in case files: states, density, flow and particles in the summary, and bad input."""

import json
import tomllib

import h5py
import numpy as np
import pytest
from mpi4py import MPI
from scipy.integrate import quad
from scipy.optimize import brentq

from cases.base import toml_text
from cases.cli import main
from cases.loading.catalogue import builtin_cases
from cases.loading.load import from_data, load
from cases.stages.mean_field.run import checks
from cases.stages.mean_field.text import mean_field_table

COMM = MPI.COMM_WORLD
LINE = {
    "system": {"coordinates": ["x"]},
    "domain": {"bounds": [[-6.0, 6.0]]},
    "mesh": {"resolution": 48, "degree": 3},
    "mean_field": {
        "temperature": [0.2],
        "confinement": "x**2/2",
        "unit": "tanh(z*x)",
        "inputs": [2.0],
        "targets": [0.5],
        "observe": {"x3": "x**3"},
        "times": [0.0, 1.0, 4.0, 8.0, 12.0],
        "start": {"mean": [-1.0], "covariance": [[0.3]]},
        "particles": [6],
        "replicas": 50,
    },
}
PITCHFORK = {
    "system": {"coordinates": ["x"], "parameters": {"a": 0.25}},
    "domain": {"bounds": [[-4.0, 4.0]]},
    "mesh": {"resolution": 32},
    "mean_field": {
        "temperature": [0.5, 0.9],
        "confinement": "a*x**4",
        "features": ["x"],
        "coupling": 1.0,
    },
}


def write(folder, data):
    lines = [f"{key} = {toml_text.value(value)}" for key, value in data.items()]
    (folder / "it.toml").write_text("\n".join(lines) + "\n")
    return folder / "it.toml"


def finish(folder, data):
    if COMM.rank == 0:
        write(folder, data)
    COMM.Barrier()
    assert main(["run", str(folder / "it.toml"), "-o", str(folder / "out"), "--quiet"]) == 0
    return json.loads((folder / "out" / "summary.json").read_text())


@pytest.fixture(scope="module")
def line(tmp_path_factory):
    folder = tmp_path_factory.mktemp("line")
    return folder / "out", finish(folder, LINE)


def average(f, g, temperature):
    """⟨f⟩ under ``exp(−x²/2 − g tanh(2x)/λ)``, and the log of its integral over that of ``exp(−x²/2)``."""

    def weight(x):
        return np.exp(-x * x / 2 - g * np.tanh(2 * x) / temperature)

    total = quad(weight, -12, 12, epsabs=0, epsrel=1e-12, limit=200)[0]
    mean = quad(lambda x: f(x) * weight(x), -12, 12, epsabs=1e-14, epsrel=1e-12, limit=200)[0] / total
    return mean, np.log(total / np.sqrt(2 * np.pi))


def test_the_minimiser_by_adaptive_quadrature(line):
    _, summary = line
    assert summary["ok"]
    (level,) = summary["mean_field"]["levels"]
    (state,), (mesh,) = level["states"], level["mesh"]

    def h(x):
        return np.tanh(2 * x)

    r = brentq(lambda r: average(h, r, 0.2)[0] - 0.5 - r, -0.5, 0.0, xtol=1e-15)
    assert state["residual"][0] == pytest.approx(r, abs=1e-9)
    assert state["averages"][0] == pytest.approx(0.5 + r, abs=1e-9)
    value = r * r / 2 + 0.2 * (-r * (0.5 + r) / 0.2 - average(h, r, 0.2)[1])
    assert state["value"] == pytest.approx(value, abs=1e-9)
    cube = average(lambda x: x**3, r, 0.2)[0]
    assert state["expectations"]["x3"] == pytest.approx(cube, abs=1e-8)
    assert mesh["expectations"]["x3"] == pytest.approx(cube, abs=1e-4)
    assert mesh["value"] == pytest.approx(value, abs=1e-6)
    assert mesh["averages"][0] == pytest.approx(0.5 + r, abs=1e-6)
    network = level["network"]
    at = (
        network["z"].index(2.0) if 2.0 in network["z"] else int(np.argmin(np.abs(np.array(network["z"]) - 2)))
    )
    shown = average(lambda x: np.tanh(network["z"][at] * x), r, 0.2)[0]
    assert network["f"][at] == pytest.approx(shown, abs=1e-8)


def test_flow_and_particles(line):
    folder, summary = line
    (level,) = summary["mean_field"]["levels"]
    flow = level["flow"]
    assert flow["times"] == [0.0, 1.0, 4.0, 8.0, 12.0]
    assert np.all(np.diff(flow["energies"]) < 0)
    assert flow["mass_error"] <= 1e-12
    assert flow["decay_rate"] == pytest.approx(2 * level["mesh"][0]["gap"], rel=0.05)
    (row,) = level["particles"]
    assert row["scaled_gap"] == pytest.approx(level["particle_constant"], rel=0.5)
    with h5py.File(folder / "mean-field-flow.vtkhdf") as file:
        assert file["VTKHDF/Steps"].attrs["NSteps"] == 5
    with h5py.File(folder / "mean-field.vtkhdf") as file:
        assert "density_T0.2_0" in file["VTKHDF/PointData"]
    text = mean_field_table(summary)
    assert max(map(len, text.splitlines())) <= 100
    assert "twice the gap" in text
    page = (folder / "report.html").read_text()
    for title in ("Density of neurons", "Exponential convergence", "The learned function", "Finitely many"):
        assert title in page


@pytest.mark.mpi
def test_all_states_of_the_pitchfork(shared_tmp_path):
    summary = finish(shared_tmp_path, PITCHFORK)
    cold, hot = summary["mean_field"]["levels"]
    assert (cold["count"], hot["count"]) == (3, 1)
    assert [state["stable"] for state in cold["states"]] == [True, True, False]
    assert [row["gap"] > 0 for row in cold["mesh"]] == [True, True, False]
    assert cold["particle_constant"] is None
    assert cold["checks"]["mean_field_stability"] == 0

    def gap(m):
        def weight(x):
            return np.exp(-(x**4) / 4 + m * x / 0.5)

        return m - quad(lambda x: x * weight(x), -6, 6)[0] / quad(weight, -6, 6)[0]

    exact = brentq(gap, 0.3, 3.0)
    found = sorted(row["averages"][0] for row in cold["mesh"])
    np.testing.assert_allclose(found, [-exact, 0.0, exact], atol=1e-5)


def test_sweep_through_the_pitchfork(tmp_path):
    data = PITCHFORK | {
        "mean_field": PITCHFORK["mean_field"] | {"temperature": [0.5]},
        "sweep": {"vary": {"system.parameters.a": [0.25, 0.5]}, "show": ["mean_field.levels.0.count"]},
    }
    assert main(["run", str(write(tmp_path, data)), "-o", str(tmp_path / "out"), "--quiet"]) == 0
    lines = (tmp_path / "out" / "sweep.csv").read_text().splitlines()
    column = lines[0].split(",").index("mean_field.levels.0.count")
    # a density twice as steep is narrower by the fourth root of two, and λ beyond the critical one
    assert [line.split(",")[column] for line in lines[1:]] == ["3", "1"]


def test_checks_notice_disagreement():
    state = {"averages": [0.5], "value": 0.1, "stable": True}
    mesh = {"averages": [0.52], "value": 0.11, "gap": -0.1, "lowest": -0.01}
    flow = {
        "energies": [1.0, 0.2, 0.3], "averages": [[0.0], [0.4], [0.5]], "mass_error": 0.0, "decay_rate": -0.1
    }  # fmt: skip
    found = checks({"states": [state], "mesh": [mesh], "flow": flow})
    assert found["mean_field_averages"] == pytest.approx(0.02)
    assert found["mean_field_value"] == pytest.approx(0.01)
    assert found["mean_field_stability"] == 1
    assert found["mean_field_negative"] == pytest.approx(0.01)
    assert found["mean_field_rise"] == pytest.approx(0.125)
    assert found["mean_field_decay"] == pytest.approx(0.5)


def changed(**keys):
    return LINE | {"mean_field": {k: v for k, v in (LINE["mean_field"] | keys).items() if v is not None}}


BAD = {
    "loss beside it": (
        LINE | {"system": {"coordinates": ["x"], "loss": "x**2"}},
        "system.loss",
        "[mean_field]",
    ),
    "noise beside it": (LINE | {"noise": {"a": {"diffusion": "identity"}}}, "noise", "[mean_field]"),
    "no features": (changed(unit=None, inputs=None), "mean_field", "features and unit"),
    "unit without inputs": (changed(inputs=None), "mean_field", "belong together"),
    "no targets": (changed(targets=None), "mean_field", "targets and coupling"),
    "two targets for one feature": (changed(targets=[0.1, 0.2]), "mean_field", "2 targets for 1 features"),
    "times without a start": (changed(start=None), "mean_field", "times and start"),
    "start in the plane": (
        changed(start={"mean": [0.0, 0.0], "covariance": [[1.0, 0.0], [0.0, 1.0]]}),
        "mean_field.start",
        "1 coordinates",
    ),
    "temperature zero": (changed(temperature=[0.0]), "mean_field.temperature.0", "greater than 0"),
    "unknown symbol": (changed(unit="tanh(z*y)"), "mean_field.unit", "'y'"),
    "pole in a feature": (changed(unit="z/x"), "mean_field.unit", "not finite"),
    "pole in the confinement": (changed(confinement="log(x)"), "mean_field.confinement", "not finite"),
    "unknown key": (changed(target=[0.5]), "mean_field.target", "'targets'"),
}


@pytest.mark.parametrize("name", BAD)
def test_bad_input(name, tmp_path, capsys):
    data, key, words = BAD[name]
    assert main(["run", str(write(tmp_path, data)), "-o", str(tmp_path / "out")]) == 2
    (text,) = capsys.readouterr().err.splitlines()
    assert f": {key}: " in text
    assert words in text
    assert not (tmp_path / "out").exists()


def test_too_narrow_a_box_is_a_solver_error(tmp_path):
    data = LINE | {"domain": {"bounds": [[-1.0, 1.0]]}}
    assert main(["run", str(write(tmp_path, data)), "-o", str(tmp_path / "out"), "--quiet"]) == 3
    summary = json.loads((tmp_path / "out" / "summary.json").read_text())
    assert "walls" in summary["problems"][0]


@pytest.mark.parametrize("name", [name for name in builtin_cases() if name.startswith("mean-field")])
def test_builtin_cases_load_back(name, tmp_path):
    case, text = load(name)
    again, _ = from_data(tomllib.loads(text), name=name, file=name, folder=tmp_path)
    assert again == case
    assert case.references


def test_reference_of_the_pitchfork():
    case, _ = load("mean-field-pitchfork")

    def gap(m):
        def weight(x):
            return np.exp(-(x**4) / 4 + m * x / 0.4)

        return m - quad(lambda x: x * weight(x), -6, 6)[0] / quad(weight, -6, 6)[0]

    assert case.references["averages-rule"].value == pytest.approx(brentq(gap, 0.5, 2.5), rel=1e-10)
