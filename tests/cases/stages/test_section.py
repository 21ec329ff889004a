"""``[section]``: densities along a curve and the curvature of the loss there, against closed forms."""

import json
import re

import numpy as np
import pytest
from mpi4py import MPI

from cases.cli import main
from cases.figures.style import style
from cases.loading.load import from_data
from cases.problem import landscape
from cases.stages.section.run import section
from cases.sweep.section import sweep_section
from tests.cases.stages.test_exits import write
from tests.output.test_report import Page

COMM = MPI.COMM_WORLD
CASE = {
    "system": {"coordinates": ["x", "y"], "parameters": {"a": 0.5}, "loss": "x**2/2 + y**2"},
    "domain": {"bounds": [[-1.5, 1.5], [-1.2, 1.2]]},
    "mesh": {"resolution": 12},
    "noise": {"isotropic": {"diffusion": "identity"}, "other": {"diffusion": [["2", "0"], ["0", "1/2"]]}},
    "compare": {"epsilon": [0.2, 0.1], "normalise": "none"},
    "section": {
        "curve": ["t", "a*t - 1/5"],
        "from": -0.8,
        "to": 2.0,
        "count": 57,
        "marks": ["2*a/5/(1 + 2*a**2)"],
    },
}
#: V = x²/A_xx + 2y²/A_yy
WEIGHTS = {"isotropic": (1.0, 2.0), "other": (0.5, 4.0)}


def built(tmp_path, **keys):
    data = CASE | {"section": CASE["section"] | keys}
    case, text = from_data(data, name="it", file="it.toml", folder=tmp_path)
    return case, landscape.build(case), text


@pytest.mark.mpi
def test_a_quadratic_well(shared_tmp_path):
    if COMM.rank == 0:
        write(shared_tmp_path, CASE)
    COMM.Barrier()
    folder = shared_tmp_path / "out"
    assert main(["run", str(shared_tmp_path / "it.toml"), "-o", str(folder), "--quiet"]) == 0
    summary = json.loads((folder / "summary.json").read_text())
    found = summary["section"]
    t = np.array(found["t"])
    x, y = np.array(found["points"]).T
    np.testing.assert_allclose(y, 0.5 * x - 0.2)
    np.testing.assert_allclose(found["loss"], x**2 / 2 + y**2)
    np.testing.assert_allclose(found["trace"], 3.0)
    np.testing.assert_allclose(found["condition"], 2.0)
    assert found["marks"][0]["t"] == pytest.approx(0.2 / 1.5)
    inside = np.abs(x) <= 1.5
    for noise, (first, second) in WEIGHTS.items():
        entry = summary["noises"][noise]["section"]
        exact = first * x**2 + second * y**2
        peak = 0.1 * second / (first + 0.25 * second)
        for level in entry["levels"]:
            log_p = np.array(level["log_density"], dtype=float)
            known = np.isfinite(log_p)
            assert known[np.abs(x) < 1.0].all()
            assert not known[~inside].any()
            np.testing.assert_allclose(
                log_p[known], -(exact[known] - exact.min()) / level["epsilon"], rtol=1e-3, atol=2e-3
            )
            assert level["peak"] == pytest.approx(peak, abs=1e-4)
            # p at the mode is √(first·second)/(π ε)
            top = np.log(np.sqrt(first * second) / np.pi / level["epsilon"]) - exact.min() / level["epsilon"]
            assert level["log_maximum"] == pytest.approx(top, abs=2e-3)
        potential = np.array(entry["V"], dtype=float)
        known = np.isfinite(potential)
        assert known[np.abs(t) < 0.5].all()
        np.testing.assert_allclose(potential[known], exact[known], atol=1e-6)
    if COMM.rank == 0:
        text = " ".join(Page((folder / "report.html").read_text(encoding="utf-8")).text.split())
        assert "The curve is (x, y) = (t, a*t - 1/5), t from -0.8 to 2." in text
        assert "Dashed: t = 2*a/5/(1 + 2*a^2) = 0.1333." in text
        assert "the density is largest at t = 0.1333 (isotropic, ε = 0.2)" in text


def test_curvature_of_another_loss(tmp_path):
    """On the hyperbola ½(xy − 1)² has the eigenvalues x² + y² and 0, which is none above rounding."""
    keys = {"curve": ["t", "1/t"], "from": 1.0, "to": 1.4, "plain": "(x*y - 1)**2/2"}
    case, built_landscape, _ = built(tmp_path, **keys)
    found = section(case, built_landscape)
    t = np.array(found["t"])
    np.testing.assert_allclose(found["trace"], t**2 + 1 / t**2)
    np.testing.assert_allclose(found["largest"], found["trace"])
    np.testing.assert_allclose(found["condition"], 1.0)
    assert found["hessian_of"] == "(x*y - 1)**2/2"
    case, built_landscape, _ = built(tmp_path, plain="y*x**2 + 0*a")
    x, y = np.array((found := section(case, built_landscape))["points"]).T
    np.testing.assert_allclose(found["trace"], 2 * y, atol=1e-12)
    # of two eigenvalues y ± √(y² + 4x²) one is negative: the other is largest and smallest above rounding
    np.testing.assert_allclose(found["largest"], y + np.sqrt(y**2 + 4 * x**2), atol=1e-12)
    flat = np.isclose(x, 0)  # where none is positive there is no number
    assert [value is None for value in found["condition"]] == flat.tolist()
    np.testing.assert_allclose(np.array(found["condition"], dtype=float)[~flat], 1.0)
    case, built_landscape, _ = built(tmp_path, plain="-x**2 - y**2")
    assert section(case, built_landscape)["condition"] == [None] * 57


def test_a_drift_has_no_loss(tmp_path):
    data = CASE | {"system": {"coordinates": ["x", "y"], "drift": ["-x + y", "-x - y"]}}
    data |= {"section": {"curve": ["t", 0.5], "from": 0.0, "to": 1.0}}
    case, _ = from_data(data, name="it", file="it.toml", folder=tmp_path)
    found = section(case, landscape.build(case))
    assert found["loss"] is found["trace"] is found["condition"] is found["hessian_of"] is None
    assert len(found["t"]) == 200


def test_options_of_models_and_the_effective_case(tmp_path):
    data = CASE | {
        "system": {"model": "factorization", "options": {"s1": 0.5, "s2": 0.25}},
        "domain": {"bounds": [[-4.0, 4.0], [-4.0, 4.0]]},
        "section": {"curve": ["t", "(target - s1*s2)/t"], "from": 0.5, "to": 2.0, "marks": ["s1/s2", 1]},
    }
    case, text = from_data(data, name="it", file="it.toml", folder=tmp_path)
    found = section(case, landscape.build(case))
    assert [one["t"] for one in found["marks"]] == [2.0, 1.0]
    x, y = np.array(found["points"]).T
    np.testing.assert_allclose(x * y, 0.875)
    # the Hessian of the mean loss: y² + s2², x² + s1², and 2xy − 1 beside the diagonal
    np.testing.assert_allclose(found["trace"], x**2 + y**2 + 0.3125, rtol=1e-10)
    assert "count = 200  # points along the curve" in text


BAD = {
    "unknown key": ({"form": 0.1}, "section.form", "'from'"),
    "wrong way": ({"from": 3.0}, "section", "smaller one comes first"),
    "too few expressions": ({"curve": ["t"]}, "section.curve", "1 expressions for 2"),
    "unknown symbol": ({"curve": ["t", "b*t"]}, "section.curve.1", "'b'"),
    "coordinate on the curve": ({"curve": ["t", "x"]}, "section.curve.1", "'x'"),
    "not finite": ({"curve": ["t", "log(t)"]}, "section.curve", "not finite at t = -0.8"),
    "outside": ({"curve": ["t", 7]}, "section.curve", "no point of it is in the domain"),
    "mark of t": ({"marks": ["1", "t"]}, "section.marks.1", "'t'"),
    "mark that is none": ({"marks": ["sqrt(a - 1)"]}, "section.marks.0", "no finite real number"),
    "unknown symbol in plain": ({"plain": "x*z"}, "section.plain", "'z'"),
    "singular plain": ({"plain": "x**(1/2)"}, "section.plain", "Hessian is not finite"),
    "too few points": ({"count": 3}, "section.count", "8"),
}


@pytest.mark.parametrize("kind", BAD)
def test_bad_sections(kind, tmp_path, capsys):
    changes, key, words = BAD[kind]
    data = CASE | {"section": CASE["section"] | changes}
    assert main(["run", str(write(tmp_path, data)), "-o", str(tmp_path / "out")]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert f": {key}: " in line
    assert words in line
    assert not (tmp_path / "out").exists()
    assert main(["check", str(tmp_path / "it.toml")]) == 2


def member(shift, noises=("isotropic",)):
    t = np.linspace(0, 1, 21)
    levels = [{"epsilon": e, "log_density": (-((t - shift) ** 2) / e).tolist()} for e in (0.2, 0.1)]
    return {
        "section": {"t": t.tolist(), "marks": [{"text": "s", "t": shift}, {"text": "9", "t": 9.0}]},
        "noises": {noise: {"section": {"levels": levels}} for noise in noises},
    }


def test_members_of_a_sweep_are_laid_over_each_other():
    with style():
        found = sweep_section({"s=0.3": member(0.3), "s=0.6": member(0.6), "failed": {"noises": {}}})
        (figure,) = found
        (panel,) = figure.panels
        (many,) = sweep_section({f"s={n}": member(0.1 * n, ("a", "b")) for n in range(9)})
        assert sweep_section({"failed": {"noises": {}}}) == []
    dashed = re.findall(r"stroke-dasharray: [^;]+; stroke-dashoffset: 0; stroke: (#\w+)", panel)
    assert dashed == ["#0072b2", "#d55e00"]  # the mark beyond the curve is not drawn
    assert len(re.findall(r"stroke: #0072b2", panel)) == len(re.findall(r"stroke: #d55e00", panel)) >= 2
    assert "t = s and 9" in figure.caption
    assert len(many.panels) == 2
    colours = set(re.findall(r"stroke-dashoffset: 0; stroke: (#\w+)", many.panels[0]))
    assert len(colours) == 9
