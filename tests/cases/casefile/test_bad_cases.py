"""Every kind of bad case file: exit code 2 and one line that names the file, the key and the remedy."""

import copy
import tomllib
from datetime import date

import pytest

from cases.base import toml_text
from cases.cli import main

GOOD = {
    "title": "Double well",
    "system": {
        "coordinates": ["x", "y"],
        "parameters": {"kappa": 2.0},
        "loss": "(x**2-1)**2/4 + kappa*y**2/2",
    },
    "domain": {"bounds": [[-2.0, 2.0], [-1.5, 1.5]]},
    "mesh": {"resolution": 16, "degree": 3},
    "noise": {
        "isotropic": {"diffusion": "identity"},
        "other": {"diffusion": [["1", "0.2*x"], ["0.2*x", 0.8]]},
    },
    "compare": {"normalise": "trace", "epsilon": [0.2, 0.1], "from": [-1.0, 0.0], "to": 1},
    "simulate": {"paths": 100, "seed": 1},
    "solver": {"petsc": {"ksp_type": "preonly", "ksp_rtol": 1e-8}},
}
REMOVE = object()

# name: (changes, key that the line must name, words that it must hold)
BAD = {
    "unknown key": ({"mesh.resolutoin": 3}, "mesh.resolutoin", ["unknown", "resolution"]),
    "unknown table": ({"meshes": {"degree": 3}}, "meshes", ["unknown", "mesh"]),
    "unknown key of a noise": ({"noise.other.difusion": "1"}, "noise.other.difusion", ["'diffusion'"]),
    "string for a number": ({"mesh.degree": "3"}, "mesh.degree", ["'3'", "integer"]),
    "float for an integer": ({"mesh.resolution": 16.5}, "mesh.resolution", ["16.5"]),
    "boolean for a number": ({"mesh.resolution": True}, "mesh.resolution", ["True"]),
    "number for a string": ({"title": 3}, "title", ["string"]),
    "table for a list": ({"domain.bounds": {"x": 1}}, "domain.bounds", ["list"]),
    "no system": ({"system": REMOVE}, "system", ["missing"]),
    "no domain": ({"domain": REMOVE}, "domain", ["missing"]),
    "no noise": ({"noise": REMOVE}, "noise", ["missing"]),
    "empty noise": ({"noise": {}}, "noise", ["no noise"]),
    "noise without diffusion": ({"noise.other": {}}, "noise.other.diffusion", ["missing"]),
    "no coordinates": ({"system.coordinates": REMOVE}, "system", ["coordinates"]),
    "four coordinates": ({"system.coordinates": ["x", "y", "z", "t"]}, "system.coordinates", ["at most 3"]),
    "same coordinate twice": ({"system.coordinates": ["x", "x"]}, "system.coordinates", ["distinct"]),
    "coordinate named as a function": ({"system.coordinates": ["exp", "y"]}, "system.coordinates", ["exp"]),
    "coordinate that reaches Python": (
        {"system.coordinates": ["__class__", "y"]},
        "system.coordinates",
        ["name"],
    ),
    "parameter named as a coordinate": ({"system.parameters": {"x": 1.0}}, "system", ["parameter"]),
    "parameter that is no number": (
        {"system.parameters": {"kappa": "2"}},
        "system.parameters.kappa",
        ["'2'"],
    ),
    "infinite parameter": (
        {"system.parameters": {"kappa": float("inf")}},
        "system.parameters.kappa",
        ["finite"],
    ),
    "loss and drift": ({"system.drift": ["-x", "-y"]}, "system", ["exactly one"]),
    "neither loss nor drift": ({"system.loss": REMOVE}, "system", ["exactly one"]),
    "no such data": ({"system.loss": REMOVE, "system.data": "a.h5"}, "system.data", ["no such file 'a.h5'"]),
    "tabulate without a function": ({"system.tabulate": 65}, "system", ["tabulate"]),
    "unknown model": ({"system": {"model": "radail"}}, "system.model", ["'radial'"]),
    "unknown model option": (
        {"system": {"model": "radial", "options": {"l1": 1.0}}},
        "system.options.l1",
        ["'l2'"],
    ),
    "bad model option": (
        {"system": {"model": "radial", "options": {"l2": -1.0}}},
        "system.options.l2",
        ["-1"],
    ),
    "options without model": ({"system.options": {"l2": 1.0}}, "system", ["options"]),
    "drift of the wrong length": (
        {"system.loss": REMOVE, "system.drift": ["-x"]},
        "system.drift",
        ["1 components"],
    ),
    "unknown symbol": ({"system.loss": "x**2 + kapa*y**2"}, "system.loss", ["'kapa'", "'kappa'"]),
    "unknown function": ({"system.loss": "x**2 + sinn(y)"}, "system.loss", ["'sin'"]),
    "import in an expression": ({"system.loss": "__import__('os').system('id')"}, "system.loss", ["system"]),
    "attribute in an expression": ({"system.loss": "x.__class__"}, "system.loss", ["not allowed"]),
    "lambda in an expression": ({"system.loss": "(lambda: x)()"}, "system.loss", ["called"]),
    "tower of powers": ({"system.loss": "9**9**9*x"}, "system.loss", ["exponent"]),
    "deeply nested expression": ({"system.loss": "(" * 300 + "x" + ")" * 300}, "system.loss", ["nested"]),
    "very long expression": ({"system.loss": "+".join(["x"] * 5000)}, "system.loss", ["characters"]),
    "caret for a power": ({"system.loss": "x^2 + y^2"}, "system.loss", ["**"]),
    "syntax error": ({"system.loss": "x**2 +"}, "system.loss", ["expression"]),
    "complex expression": ({"system.loss": "sqrt(-1)*x"}, "system.loss", ["finite"]),
    "drift singular in the domain": (
        {"system.loss": "log(x**2 + y**2)"},
        "system.loss",
        ["not finite at (0, 0)"],
    ),
    "reversed bounds": ({"domain.bounds": [[2.0, -2.0], [-1.5, 1.5]]}, "domain.bounds", ["lower bound"]),
    "empty interval": ({"domain.bounds": [[2.0, 2.0], [-1.5, 1.5]]}, "domain.bounds", ["lower bound"]),
    "NaN in the bounds": (
        {"domain.bounds": [[float("nan"), 2.0], [-1.5, 1.5]]},
        "domain.bounds.0.0",
        ["finite"],
    ),
    "infinite bounds": (
        {"domain.bounds": [[-2.0, float("inf")], [-1.5, 1.5]]},
        "domain.bounds.0.1",
        ["finite"],
    ),
    "bounds of another dimension": ({"domain.bounds": [[-2.0, 2.0]]}, "domain.bounds", ["1 intervals"]),
    "bounds and mesh": ({"domain.mesh": "a.msh"}, "domain", ["exactly one"]),
    "missing mesh": ({"domain": {"mesh": "missing.msh"}}, "domain.mesh", ["missing.msh"]),
    "unknown periodic coordinate": ({"domain.periodic": ["z"]}, "domain.periodic", ["'z'"]),
    "resolution zero": ({"mesh.resolution": 0}, "mesh.resolution", ["0"]),
    "absurd resolution": ({"mesh.resolution": 10_000_000}, "mesh.resolution", ["GB"]),
    "degree one": ({"mesh.degree": 1}, "mesh.degree", ["2 to 5"]),
    "degree nine": ({"mesh.degree": 9}, "mesh.degree", ["2 to 5"]),
    "no cells at attractors": ({"mesh.deviations": 0.0}, "mesh.deviations", ["0.0", "greater than 0"]),
    "larger cells in valleys": ({"mesh.valleys": 0.5}, "mesh.valleys", ["0.5", "greater than or equal to 1"]),
    "valleys without a loss": (
        {"system.loss": REMOVE, "system.drift": ["x - x**3", "-y"], "mesh.valleys": 2.0},
        "mesh.valleys",
        ["no loss", "leave it out"],
    ),
    "refinement outside": ({"mesh.refine": [[5.0, 0.0]]}, "mesh.refine.0", ["outside"]),
    "attractor of another dimension": ({"system.attractors": [[1.0]]}, "system.attractors.0", ["1 numbers"]),
    "unknown noise model": ({"noise.other.diffusion": "hesian"}, "noise.other.diffusion", ["'hessian'"]),
    "covariance without data": (
        {"noise.other.diffusion": "gradient_covariance"},
        "noise.other.diffusion",
        ["no data"],
    ),
    "Hessian without loss": (
        {"system.loss": REMOVE, "system.drift": ["-x", "-y"], "noise.other.diffusion": "hessian"},
        "noise.other.diffusion",
        ["no loss"],
    ),
    "diffusion of another shape": ({"noise.other.diffusion": [["1"]]}, "noise.other.diffusion", ["2×2"]),
    "ragged diffusion": ({"noise.other.diffusion": [["1", "0"], ["1"]]}, "noise.other.diffusion", ["2×2"]),
    "non-symmetric diffusion": (
        {"noise.other.diffusion": [["1", "0.2*x"], ["0.1*x", "1"]]},
        "noise.other.diffusion",
        ["not symmetric at ("],
    ),
    "indefinite diffusion": (
        {"noise.other.diffusion": [["1", "0.6*x"], ["0.6*x", "1"]]},
        "noise.other.diffusion",
        ["not positive definite at (", "eigenvalue -0.2"],
    ),
    "negative scalar diffusion": (
        {"noise.other.diffusion": "-1"},
        "noise.other.diffusion",
        ["eigenvalue -1"],
    ),
    "NaN diffusion": ({"noise.other.diffusion": "sqrt(x)"}, "noise.other.diffusion", ["not finite at ("]),
    "unknown symbol in a tensor": (
        {"noise.other.diffusion": [["1", "0"], ["0", "z"]]},
        "noise.other.diffusion.1.1",
        ["'z'"],
    ),
    "noise that cannot name a file": ({"noise": {"../a": {"diffusion": "identity"}}}, "noise", ["'../a'"]),
    "noise named as an output file": (
        {"noise": {"instantons": {"diffusion": "identity"}}},
        "noise",
        ["instantons"],
    ),
    "noise names that differ in case": (
        {"noise": {"a": {"diffusion": "identity"}, "A": {"diffusion": "identity"}}},
        "noise",
        ["case"],
    ),
    "epsilon zero": ({"compare.epsilon": [0.1, 0.0]}, "compare.epsilon.1", ["greater than 0"]),
    "negative epsilon": ({"compare.epsilon": [-0.1]}, "compare.epsilon.0", ["greater than 0"]),
    "NaN epsilon": ({"compare.epsilon": [float("nan")]}, "compare.epsilon.0", ["nan"]),
    "infinite epsilon": ({"compare.epsilon": [float("inf")]}, "compare.epsilon.0", ["finite"]),
    "repeated epsilon": ({"compare.epsilon": [0.1, 0.1]}, "compare.epsilon", ["distinct"]),
    "unknown normalisation": ({"compare.normalise": "norm"}, "compare.normalise", ["'trace'"]),
    "unknown baseline": ({"compare.baseline": "isotropc"}, "compare.baseline", ["'isotropic'"]),
    "unknown reference": ({"compare.reference": "isotropc"}, "compare.reference", ["'isotropic'"]),
    "negative index": ({"compare.from": -1}, "compare.from", ["counted from 0"]),
    "from a word": ({"compare.from": "left"}, "compare.from", ["attractor"]),
    "from outside": ({"compare.from": [3.0, 0.0]}, "compare.from", ["outside"]),
    "from and to the same": ({"compare.from": 1}, "compare.to", ["same"]),
    "no paths": ({"simulate.paths": 0}, "simulate.paths", ["paths"]),
    "nothing to simulate": ({"compare.epsilon": []}, "simulate", ["compare.epsilon"]),
    "SGD without data": ({"simulate.sgd_learning_rate": 0.1}, "simulate.sgd_learning_rate", ["data"]),
    "PETSc option that writes a file": (
        {"solver.petsc": {"ksp_view": "ascii:main.py"}},
        "solver.petsc.ksp_view",
        ["more than solve", "leave it out"],
    ),
    "PETSc type that runs code": (
        {"solver.petsc": {"pc_type": "python"}},
        "solver.petsc.pc_type",
        ["one of"],
    ),
    "PETSc option of another solver": (
        {"solver.petsc": {"ksp_gmres_restart": 30}},
        "solver.petsc.ksp_gmres_restart",
        ['not used with ksp_type = "preonly"'],
    ),
    "key named as a type": ({"noise.other.float": 3}, "noise.other.float", ["unknown", "'floor'"]),
    "unknown table named as a type": ({"str": {"a": 1}}, "str", ["unknown"]),
    "unknown key with a space": ({"mesh.a b": 3}, "mesh.a b", ["unknown"]),
    "unknown key of an exit's ball": (
        {"exit": [{"name": "a", "ball": {"center": [0.0, 0.0], "radius": 1.0, "centre": [0.0, 0.0]}}]},
        "exit.0.ball.center",
        ["'centre'"],
    ),
    "key without letters": ({"mesh.": 3}, "mesh", ["no key"]),
    "key of control characters": ({"mesh.\x1b": 3}, "mesh", ["no key"]),
    "a date": ({"title": date(2020, 2, 29)}, "title", ["2020-02-29 is a date"]),
    "a number of more than 64 bits": ({"mesh.resolution": 10**400}, "mesh.resolution", ["64 bits"]),
    "seed of more than 62 bits": ({"simulate.seed": 2**63 - 1}, "simulate.seed", ["less than"]),
    "PETSc option that is a list": ({"solver.petsc": {"a": [1]}}, "solver.petsc.a", ["PETSc"]),
    "adapted mesh without V": (
        {"mesh.adapt": 1, "stability": {"curve": ["t", 0.0], "from": -1.0, "to": 1.0}},
        "mesh.adapt",
        ["does not solve for", "leave it out"],
    ),
}


def changed(changes):
    data = copy.deepcopy(GOOD)
    for path, new in changes.items():
        *parents, last = path.split(".")
        table = data
        for parent in parents:
            table = table[parent]
        if new is REMOVE:
            del table[last]
        else:
            table[last] = new
    return data


def toml(value):
    return str(value) if isinstance(value, date) else toml_text.value(value)


def write(path, data):
    lines = "\n".join(f"{toml_text.key(key)} = {toml(value)}" for key, value in data.items())
    assert set(tomllib.loads(lines)) == set(data)
    path.write_text(lines + "\n")
    return str(path)


def test_the_good_case_is_good(tmp_path, capsys):
    assert main(["check", write(tmp_path / "good.toml", GOOD)]) == 0
    assert capsys.readouterr().err == ""


@pytest.mark.parametrize("kind", BAD)
def test_bad_case(kind, tmp_path, capsys):
    changes, key, words = BAD[kind]
    path = write(tmp_path / "bad.toml", changed(changes))
    assert main(["check", path]) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert err.count("\n") == 1
    assert err.startswith(f"{path}: {key}: ")
    assert "; " in err, "the line must say what to do"
    for word in words:
        assert word in err


def test_valleys_without_a_pass(tmp_path, capsys):
    # that there is one well only is known when the fixed points have been found
    one = {"system.loss": "x**2 + y**2", "system.parameters": {}, "mesh.valleys": 2.0}
    path = write(tmp_path / "one.toml", changed(one | {"compare.from": [0.0, 0.0], "compare.to": REMOVE}))
    assert main(["run", path, "-o", str(tmp_path / "out")]) == 2
    assert "mesh.valleys: there is no pass in the domain" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("content", "word"),
    [
        (b"title = \n", "TOML"),
        (b"title = 'a'\ntitle = 'b'\n", "TOML"),
        (b"\xff\xfe\x00", "TOML"),
        (b"a = " + b"[" * 5000 + b"]" * 5000, "TOML"),
        (b"a = " + b"9" * 5000, "thousands of digits"),
        (b"a." * 3000 + b"b = 1", "nested"),
        (b"#" * 2_000_000, "1 MB"),
        (b"", "missing"),
    ],
)
def test_unreadable_case(content, word, tmp_path, capsys):
    path = tmp_path / "bad.toml"
    path.write_bytes(content)
    assert main(["check", str(path)]) == 2
    err = capsys.readouterr().err
    assert err.count("\n") == 1
    assert err.startswith(f"{path}: ")
    assert word in err


def test_case_that_is_not_there(tmp_path, capsys):
    assert main(["check", str(tmp_path / "none.toml")]) == 2
    assert main(["check", str(tmp_path)]) == 2
    assert main(["check", "radial-diabetis"]) == 2
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) == 3
    assert "no such file" in lines[0]
    assert "folder" in lines[1]
    assert "'radial-diabetes'" in lines[2]


@pytest.mark.parametrize(
    "name", ["n" * 300 + ".toml", "a\x00b.toml", "caf\udce9.toml", "\x1b[31m.toml", "a\nb"]
)
def test_names_that_are_no_files(name, capsys):
    assert main(["check", name]) == 2
    err = capsys.readouterr().err
    assert err.count("\n") == 1
    assert "no such file" in err or "name too long" in err
    assert err.strip().isprintable()


@pytest.mark.parametrize(
    "text", ["resolution=²,³", "resolution=1" + "0" * 5000 + ",2", "resolution=", "²=1,2"]
)
def test_studies_of_what_is_no_number(text, tmp_path, capsys):
    path = write(tmp_path / "good.toml", GOOD)
    assert main(["run", path, "-o", str(tmp_path / "out"), "--study", text]) == 2
    err = capsys.readouterr().err
    assert err.count("\n") == 1
    assert "this is no study" in err
    assert [p.name for p in tmp_path.iterdir()] == ["good.toml"]


@pytest.mark.parametrize("name", ["", "a..b", ".", "mesh.²", "system.parameters.", "mesh.resolution.0"])
def test_sweeps_over_what_is_no_key(name, tmp_path, capsys):
    path = write(tmp_path / "bad.toml", changed({"sweep": {"vary": {name: [1, 2]}}}))
    assert main(["check", path]) == 2
    err = capsys.readouterr().err
    assert err.count("\n") == 1
    assert err.startswith(f"{path}: sweep.vary: ")
