import tomllib

import pytest

from cases.base import toml_text
from cases.base.errors import CaseError, nearest
from cases.casefile.schema import CaseTable
from cases.loading.catalogue import builtin_cases
from cases.loading.load import find, load

MINIMAL = """
[system]
coordinates = ["x"]
loss = "x**2"
[domain]
bounds = [[-1, 1]]
[noise.a]
diffusion = "identity"
"""


@pytest.fixture
def minimal(tmp_path):
    path = tmp_path / "minimal.toml"
    path.write_text(MINIMAL)
    return str(path)


def test_defaults(minimal):
    case, text = load(minimal)
    assert (case.mesh.degree, case.mesh.resolution, case.compare.normalise) == (3, 512, "trace")
    assert (case.name, case.dim, case.baseline, case.reference) == ("minimal", 1, "a", "a")
    assert case.simulate is None
    assert 'baseline = "a"' in text


def test_every_key_has_a_meaning(minimal):
    _, text = load(minimal, ["simulate.paths=10", "compare.epsilon=[0.1]"])
    for line in text.splitlines():
        assert not line or line.startswith("[") or "  # " in line


@pytest.mark.parametrize("name", builtin_cases())
def test_effective_case_loads_back_to_the_same(name, tmp_path):
    case, text = load(name)
    again = tmp_path / "again.toml"
    again.write_text(text)
    second, second_text = load(str(again))
    assert second == case
    assert second_text == text
    assert case.title
    assert case.paper


def test_awkward_strings_survive(tmp_path, minimal):
    title = 'quote " backslash \\ tab \t unicode é 漢 control \x01 \x7f'
    data = {
        **tomllib.loads(MINIMAL),
        "title": title,
        "solver": {"petsc": {"mat.odd key": "a'b", "n": 3, "t": 1e-300}},
    }
    text = toml_text.table(CaseTable.model_validate(data))
    path = tmp_path / "odd.toml"
    path.write_text(text)
    case, _ = load(str(path))
    assert case.title == title
    assert case.solver.petsc == data["solver"]["petsc"]


@pytest.mark.parametrize(
    ("override", "look", "value"),
    [
        ("mesh.resolution=32", lambda c: c.mesh.resolution, 32),
        ("mesh.degree = 4", lambda c: c.mesh.degree, 4),
        ("title=two words", lambda c: c.title, "two words"),
        ('title="quoted"', lambda c: c.title, "quoted"),
        ("compare.epsilon=[0.2, 0.1]", lambda c: c.compare.epsilon, [0.2, 0.1]),
        ("compare.from=[-0.5]", lambda c: c.compare.from_, [-0.5]),
        ("compare.normalise=det", lambda c: c.compare.normalise, "det"),
        ("system.loss=x**2 + x", lambda c: c.system.loss, "x**2 + x"),
        ("noise.new.diffusion=1 + x**2", lambda c: c.noise["new"].diffusion, "1 + x**2"),
        ("solver.petsc.ksp_rtol=1e-9", lambda c: c.solver.petsc["ksp_rtol"], 1e-9),
        ("system.parameters={ a = 1.5 }", lambda c: c.system.parameters, {"a": 1.5}),
        ('solver.petsc."a b"=1', lambda c: c.solver.petsc, {"a b": 1}),
    ],
)
def test_set(minimal, override, look, value):
    case, text = load(minimal, [override])
    assert look(case) == value
    assert tomllib.loads(text)


@pytest.mark.parametrize(
    "override",
    ["mesh.resolution", "=3", "mesh..x=3", "a b=3", "title.x=3", "title=a\nmesh.degree=9", "mesh=3", ""],
)
def test_bad_set(minimal, override):
    with pytest.raises(CaseError) as caught:
        load(minimal, ['title="t"', override])
    assert "\n" not in str(caught.value)


def test_mesh_path_starts_at_the_case_file(tmp_path, monkeypatch):
    (tmp_path / "here.msh").write_text("mesh")
    path = tmp_path / "case.toml"
    path.write_text(MINIMAL.replace("bounds = [[-1, 1]]", 'mesh = "here.msh"'))
    case, text = load(str(path))
    assert case.domain.mesh == str(tmp_path / "here.msh")
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    (elsewhere / "case.toml").write_text(text)
    assert load(str(elsewhere / "case.toml"))[0] == case


def test_reference_and_baseline():
    case, _ = load("radial-diabetes")
    assert (case.reference, case.baseline) == ("measured", "isotropic")
    case, _ = load("radial-diabetes", ["compare.reference=isotropic", "compare.baseline=hessian"])
    assert (case.reference, case.baseline) == ("isotropic", "hessian")


def test_a_file_goes_before_a_builtin_case(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "rotated-well").write_text(MINIMAL)
    assert find("rotated-well").read_text() == MINIMAL


def test_nearest():
    assert nearest("Resolution", ["resolution", "degree"]) == "resolution"
    assert nearest("zzz", ["resolution", "degree"]) is None
