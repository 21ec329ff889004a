import io
import json
import pickle
import subprocess
import sys
import tomllib
import types
from pathlib import Path

import numpy as np
import pytest

from cases import cli
from cases.base.errors import CaseError
from cases.base.progress import Progress
from cases.loading.catalogue import builtin_cases
from cases.loading.load import load
from cases.problem import memory
from cases.run.record import run_record
from solver.errors import NotConverged


def result_of(monkeypatch, run):
    """The command line with another pipeline behind it."""
    module = types.ModuleType("cases.run.pipeline")
    module.run = run
    monkeypatch.setitem(sys.modules, "cases.run.pipeline", module)
    return cli.main(["run", "double-well-1d", "--quiet"])


def test_run_hands_over_the_case(monkeypatch):
    seen = {}

    def run(case, text, folder, progress, comm, resume):
        seen.update(case=case, text=text, folder=folder, progress=progress)
        return 0

    assert result_of(monkeypatch, run) == 0
    assert seen["case"].name == "double-well-1d"
    assert tomllib.loads(seen["text"])["mesh"]["degree"] == 3
    assert seen["folder"] == Path("results/double-well-1d")
    assert isinstance(seen["progress"], Progress)


@pytest.mark.parametrize(
    ("error", "code", "lines"),
    [
        (CaseError("case.toml", "domain", "there is no attractor", "move it"), 2, 1),
        (NotConverged("no convergence\nafter 30 iterations"), 3, 1),
        (ZeroDivisionError("a bug"), 1, None),
    ],
)
def test_exit_codes(monkeypatch, capsys, error, code, lines):
    def run(*_):
        raise error

    assert result_of(monkeypatch, run) == code
    out, err = capsys.readouterr()
    assert out == ""
    assert lines is None or err.count("\n") == lines
    assert ("Traceback" in err) == (code == 1)


def test_failed_checks_give_three(monkeypatch):
    assert result_of(monkeypatch, lambda *_: 3) == 3


@pytest.mark.parametrize(
    "argv", [[], ["chek"], ["run"], ["check", "a", "b"], ["probe", "d", "V"], ["run", "--what", "a"]]
)
def test_wrong_arguments_are_one_line(argv, capsys):
    assert cli.main(argv) == 2
    assert capsys.readouterr().err.count("\n") == 1


def test_list_names_every_case_and_its_paper(capsys):
    assert cli.main(["list"]) == 0
    lines = capsys.readouterr().out.splitlines()
    first = lines[: len(builtin_cases())]  # the library of systems follows
    assert [line.split()[0] for line in first] == builtin_cases()
    assert all("arXiv" in line for line in first)


def test_check_prints_the_effective_case(capsys, tmp_path):
    assert (
        cli.main(
            ["check", "rotated-well", "--set", "mesh.resolution=20", "--set", "system.parameters.phi=60"]
        )
        == 0
    )
    path = tmp_path / "again.toml"
    path.write_text(capsys.readouterr().out)
    case, _ = load(str(path))
    assert case.mesh.resolution == 20
    assert case.system.parameters["phi"] == 60
    assert cli.main(["check", str(path)]) == 0


def test_probe(monkeypatch, capsys, tmp_path):
    (tmp_path / "summary.json").write_text("{}")
    for name in ("a", "b", "instantons"):
        (tmp_path / f"{name}.vtkhdf").write_text("")
    module = types.ModuleType("solver.output.probe")
    module.fields = lambda path: ["V", "density"]
    module.probe = lambda path, field, points: [path.name, field, *np.asarray(points).tolist(), None]
    monkeypatch.setitem(sys.modules, "solver.output.probe", module)
    at = ["--at=-1,0.5", "--at=2,-3"]
    assert cli.main(["probe", str(tmp_path), "V", "--noise", "b", *at]) == 0
    assert json.loads(capsys.readouterr().out) == ["b.vtkhdf", "V", [-1, 0.5], [2, -3], None]
    for argv in (
        ["V", *at],
        ["V", "--noise", "c", *at],
        ["W", "--noise", "a", *at],
        ["V", "--noise", "a", "--at=1,x"],
        ["V", "--noise", "a", "--at=nan,1"],
        ["V", "--noise", "a", "--at=1,2", "--at=1"],
        ["V", "--noise", "instantons", *at],
    ):
        assert cli.main(["probe", str(tmp_path), *argv]) == 2
        out, err = capsys.readouterr()
        assert out == ""
        assert err.count("\n") == 1


def test_no_result_folder(capsys, tmp_path):
    assert cli.main(["report", str(tmp_path)]) == 2
    assert cli.main(["probe", str(tmp_path / "none"), "V", "--at=1"]) == 2
    assert capsys.readouterr().err.count("\n") == 2


def test_check_does_not_load_the_solver():
    code = (
        "import sys; from cases.cli import main; main(['check', 'double-well-1d']); "
        "slow = {'dolfinx', 'petsc4py', 'mpi4py', 'sklearn', 'matplotlib'}; "
        "sys.exit(bool(slow & set(sys.modules)))"
    )
    subprocess.run([sys.executable, "-c", code], check=True, stdout=subprocess.DEVNULL)


def test_errors_travel_between_ranks():
    error = CaseError("file", "key", "problem", "fix")
    again = pickle.loads(pickle.dumps(error))
    assert str(again) == str(error) == "file: key: problem; fix"
    case, _ = load("radial-diabetes")
    assert pickle.loads(pickle.dumps(case)) == case


class Terminal(io.StringIO):
    def isatty(self):
        return True


@pytest.mark.parametrize("stream", [io.StringIO, Terminal])
@pytest.mark.parametrize("level", ["quiet", "normal", "verbose"])
def test_progress(stream, level):
    to = stream()
    progress = Progress(level, stream=to)
    with progress.stage("[solve] V", total=3) as stage:
        for _ in range(3):
            stage.advance(1, note="residual 1e-3")
        progress.info("half [way]")
        progress.detail("a detail")
    text = to.getvalue()
    assert (text == "") == (level == "quiet")
    assert ("a detail" in text) == (level == "verbose")
    if level != "quiet":
        assert "[solve] V" in text
        assert "half [way]" in text


def test_only_rank_zero_prints():
    to = io.StringIO()
    progress = Progress("verbose", types.SimpleNamespace(rank=1), stream=to)
    with progress.stage("x") as stage:
        stage.advance()
    progress.info("y")
    assert to.getvalue() == ""


def test_a_stage_that_fails_leaves_progress_usable():
    to = Terminal()
    progress = Progress("normal", stream=to)
    with pytest.raises(ValueError, match="oops"), progress.stage("x"):
        raise ValueError("oops")
    progress.info("after")
    assert "after" in to.getvalue()


def test_memory_estimate_grows():
    case, _ = load("rotated-well")
    assert memory.unknowns(case) == (3 * 48 + 1) ** 2
    for dim in (1, 2, 3):
        assert 2 * memory.estimate(10_000, dim) <= memory.estimate(20_000, dim)
    memory.check_memory(case)


def test_memory_limit(monkeypatch):
    case, _ = load("rotated-well", ["mesh.resolution=2000"])
    monkeypatch.setattr(memory, "available", lambda: 1e9)
    with pytest.raises(CaseError, match=r"GB are free; use [0-9]+ or less") as caught:
        memory.check_memory(case)
    fitting = int(caught.value.fix.split()[1])
    memory.check_memory(load("rotated-well", [f"mesh.resolution={fitting}"])[0])
    monkeypatch.setenv("OMPI_COMM_WORLD_LOCAL_SIZE", "1")
    monkeypatch.setenv("OMPI_COMM_WORLD_SIZE", "1000")
    memory.check_memory(case)


def test_run_record_is_json():
    record = json.loads(json.dumps(run_record(2, {"solve": 1.5})))
    assert record["ranks"] == 2
    assert record["timings"] == {"solve": 1.5}
    assert record["versions"]["numpy"] == np.__version__
    assert record["versions"]["petsc"]
    assert record["date"].endswith("+00:00")
