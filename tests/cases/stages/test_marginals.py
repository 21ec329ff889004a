"""``[[marginal]]``: from bad input to densities beside their closed forms, in the summary and on the page."""

import json

import numpy as np
import pytest
from mpi4py import MPI

from cases.cli import main
from cases.loading.load import from_data, load
from cases.stages.marginals.functions import check_marginals, exact_masses
from tests.cases.stages.test_exits import write
from tests.output.test_report import Page

COMM = MPI.COMM_WORLD
LINE = {
    "system": {"coordinates": ["x"], "parameters": {"a": 1.0}, "loss": "(x**2-a)**2/4"},
    "domain": {"bounds": [[-2.0, 2.0]]},
    "mesh": {"resolution": 24},
    "noise": {"isotropic": {"diffusion": "identity"}, "strong": {"diffusion": "3/2"}},
    "compare": {"epsilon": [0.2, 0.1], "normalise": "none"},
    "marginal": [
        {
            "name": "x",
            "of": "x",
            "range": [-1.5, 2.0],
            "bins": 35,
            "exact": {
                "isotropic": "exp(-(x**2 - a)**2/(2*epsilon))",
                "strong": "7*exp(-(x**2 - a)**2/(3*epsilon))",
            },
        },
        {"name": "slope", "of": "x**3 - a*x", "range": [-0.3, 0.3], "bins": 4},
    ],
}
PLANE = {
    "system": {"coordinates": ["x", "y"], "loss": "(x**2 + y**2)/2"},
    "domain": {"bounds": [[-1.5, 1.5], [-1.5, 1.5]]},
    "mesh": {"resolution": 12},
    "noise": {"isotropic": {"diffusion": "identity"}},
    "compare": {"epsilon": [0.2]},
    "marginal": [
        {
            "name": "r",
            "of": "sqrt(x**2 + y**2)",
            "range": [0.0, 1.2],
            "bins": 24,
            "exact": {"isotropic": "r*exp(-r**2/epsilon)"},
        }
    ],
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    place = tmp_path_factory.mktemp("marginals")
    assert main(["run", str(write(place, LINE)), "-o", str(place / "out"), "--quiet"]) == 0
    return place / "out"


def test_double_well_on_a_line(folder):
    summary = json.loads((folder / "summary.json").read_text())
    for entry in summary["noises"].values():
        first, second = entry["marginals"]
        assert [level["epsilon"] for level in first["levels"]] == [0.2, 0.1]
        for level in first["levels"]:
            assert level["distance"] < 1e-4
            np.testing.assert_allclose(level["density"], level["exact"], atol=2e-4)
            widths = np.diff(first["edges"])
            assert np.sum(level["density"] * widths) == pytest.approx(1 - level["outside"])
        assert second["levels"][0]["exact"] is second["levels"][0]["distance"] is None
        assert 0 < entry["checks"]["marginal"] < 0.01
        assert entry["checks"]["marginal_quadrature"] < 1e-3
    # by the chain of a double well: as much left of -0.5 as right of 0.5
    level = summary["noises"]["isotropic"]["marginals"][0]["levels"][1]
    assert np.sum(level["density"][:10]) * 0.1 + level["outside"] == pytest.approx(
        np.sum(level["density"][20:]) * 0.1, abs=1e-4
    )


def test_the_page(folder):
    text = " ".join(Page((folder / "report.html").read_text(encoding="utf-8")).text.split())
    assert "Density of x" in text
    assert "Density of slope" in text
    assert "Marginal densities" in text
    assert "x strong 0.2" in text
    assert "total variation distance of" in text


@pytest.mark.mpi
@pytest.mark.parametrize("good", [True, False])
def test_radius_in_the_plane(good, shared_tmp_path):
    """The right closed form passes; one that lacks the area of the rings makes the run fail, and says so."""
    exact = "r*exp(-r**2/epsilon)" if good else "exp(-r**2/epsilon)"
    data = PLANE | {"marginal": [PLANE["marginal"][0] | {"exact": {"isotropic": exact}}]}
    if COMM.rank == 0:
        write(shared_tmp_path, data)
    COMM.Barrier()
    folder = shared_tmp_path / "out"
    code = main(["run", str(shared_tmp_path / "it.toml"), "-o", str(folder), "--quiet"])
    summary = json.loads((folder / "summary.json").read_text())
    (level,) = summary["noises"]["isotropic"]["marginals"][0]["levels"]
    assert level["outside"] == pytest.approx(np.exp(-1.44 / 0.2), rel=2e-2)
    if good:
        assert code == 0
        assert level["distance"] < 2e-4
    else:
        # by quadrature of the two closed forms in these bins
        right = np.diff(-np.exp(-(np.linspace(0, 1.2, 25) ** 2) / 0.2))
        wrong = exact_masses(load(str(shared_tmp_path / "it.toml"))[0], 0, "isotropic", 0.2)
        expected = 0.5 * np.abs(right / right.sum() - wrong).sum()
        assert code == 3
        assert level["distance"] == pytest.approx(expected, abs=2e-4)
        assert any("marginal = " in problem for problem in summary["problems"])


def test_options_of_models_may_be_used(tmp_path):
    data = {
        "system": {"model": "factorization", "options": {"s1": 0.5}},
        "domain": {"bounds": [[-4.0, 4.0], [-4.0, 4.0]]},
        "noise": {"isotropic": {"diffusion": "identity"}},
        "compare": {"epsilon": [0.1]},
        "marginal": [
            {"name": "u", "of": "x*s1/s2", "range": [0.0, 1.0], "exact": {"isotropic": "u**target"}}
        ],
    }
    case, text = from_data(data, name="it", file="it.toml", folder=tmp_path)
    check_marginals(case)
    masses = exact_masses(case, 0, "isotropic", 0.1)
    np.testing.assert_allclose(masses, np.diff(np.linspace(0, 1, 61) ** 2), rtol=1e-9)
    assert "tolerance = 0.01  # largest accepted total variation distance" in text


def test_a_closed_form_that_is_infinite_at_the_ends(tmp_path):
    """The arcsine law: the first bins hold what they should."""
    one = {"name": "c", "of": "x", "range": [-1.0, 1.0], "bins": 8}
    data = PLANE | {"marginal": [one | {"exact": {"isotropic": "(1 - c**2)**(-1/2)"}}]}
    case, _ = from_data(data, name="it", file="it.toml", folder=tmp_path)
    expected = np.diff(np.arcsin(np.linspace(-1, 1, 9))) / np.pi
    np.testing.assert_allclose(exact_masses(case, 0, "isotropic", 0.2), expected, rtol=1e-6)


GOOD = PLANE["marginal"][0]
BAD = {
    "unknown key": (GOOD | {"bin": 3}, "marginal.0.bin", "'bins'"),
    "no range": ({"name": "r", "of": "x"}, "marginal.0.range", "missing"),
    "range the wrong way": (GOOD | {"range": [1.0, 0.0]}, "marginal.0.range", "lower end comes first"),
    "one bin": (GOOD | {"bins": 1}, "marginal.0.bins", "1"),
    "name of a function": (GOOD | {"name": "exp"}, "marginal.0.name", "choose another"),
    "name of the noise level": (GOOD | {"name": "epsilon"}, "marginal.0.name", "choose another"),
    "name of a parameter": (GOOD | {"name": "b", "exact": {}}, "marginal.0.name", "parameter"),
    "unknown symbol": (GOOD | {"of": "x + zz"}, "marginal.0.of", "'zz'"),
    "no value": (GOOD | {"of": "log(x)"}, "marginal.0.of", "not finite at ("),
    "unknown noise": (GOOD | {"exact": {"isotropc": "r"}}, "marginal.0.exact.isotropc", "'isotropic'"),
    "coordinate in the closed form": (
        GOOD | {"exact": {"isotropic": "x"}},
        "marginal.0.exact.isotropic",
        "'x'",
    ),
    "negative": (GOOD | {"exact": {"isotropic": "r - 1"}}, "marginal.0.exact.isotropic", "negative"),
    "zero": (GOOD | {"exact": {"isotropic": "0*r"}}, "marginal.0.exact.isotropic", "vanishes"),
    "tolerance": (GOOD | {"tolerance": 2.0}, "marginal.0.tolerance", "2.0"),
}


@pytest.mark.parametrize("kind", BAD)
def test_bad_marginals(kind, tmp_path, capsys):
    one, key, words = BAD[kind]
    system = PLANE["system"] | {"parameters": {"b": 1.0}}
    data = PLANE | {"system": system, "marginal": [one]}
    assert main(["run", str(write(tmp_path, data)), "-o", str(tmp_path / "out")]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert f": {key}: " in line
    assert words in line
    assert not (tmp_path / "out").exists()
    assert main(["check", str(tmp_path / "it.toml")]) == 2


def test_two_of_one_name(tmp_path, capsys):
    assert main(["check", str(write(tmp_path, PLANE | {"marginal": [GOOD, GOOD]}))]) == 2
    assert "same name" in capsys.readouterr().err


def test_marginals_need_a_density(tmp_path, capsys):
    assert main(["check", str(write(tmp_path, PLANE | {"compare": {}}))]) == 2
    assert "marginal: there is no noise level" in capsys.readouterr().err
