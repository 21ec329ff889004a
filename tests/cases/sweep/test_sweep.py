"""Sweeps: which members there are, how they are dealt to ranks, kept and lost, and what is written."""

import csv
import json
import tomllib
import xml.etree.ElementTree as ElementTree

import numpy as np
import pytest
from mpi4py import MPI

from cases import cli
from cases.base.errors import CaseError
from cases.landscapes import grid_file
from cases.loading.load import load
from cases.sweep.plan import members
from solver.errors import NotConverged
from tests import small_case
from tests.cases.sweeps import CASE, SWEEP, run, solver, write

__all__ = ["solver"]  # a fixture


def planned(folder, sweep):
    case, effective = load(write(folder, CASE + sweep))
    return members(case, effective, case.sweep.vary, case.sweep.mode)


def test_members_of_a_product_and_of_a_zip(tmp_path):
    vary = '[sweep]\nvary = { "mesh.resolution" = [8, 16], "system.parameters.a" = [1.0, 3.0] }\n'
    found = planned(tmp_path, vary)
    assert [tuple(m.values.values()) for m in found] == [(8, 1.0), (8, 3.0), (16, 1.0), (16, 3.0)]
    assert [(m.case.mesh.resolution, m.case.system.parameters["a"]) for m in found][1] == (8, 3.0)
    assert len({m.folder for m in found}) == 4
    assert found[1].label == "resolution=8, a=3"
    assert all(m.case.sweep is None and "sweep" not in tomllib.loads(m.effective) for m in found)
    found = planned(tmp_path, vary + 'mode = "zip"\n')
    assert [tuple(m.values.values()) for m in found] == [(8, 1.0), (16, 3.0)]


@pytest.mark.parametrize(
    ("given", "values"),
    [
        ("{ from = 0, to = 1, count = 5 }", [0, 0.25, 0.5, 0.75, 1]),
        ("{ from = 0.0, to = 90.0, step = 30 }", [0, 30, 60, 90]),
        ("{ from = 1, to = 0, step = -0.4 }", [1, 0.6, 0.2]),
        ('{ from = 0.01, to = 1, count = 3, scale = "log" }', [0.01, 0.1, 1]),
    ],
)
def test_ranges(given, values, tmp_path):
    found = planned(tmp_path, f'[sweep]\nvary = {{ "system.parameters.a" = {given} }}\n')
    assert [m.case.system.parameters["a"] for m in found] == pytest.approx(values)


def test_keys_as_tables_lists_and_entries_of_lists(tmp_path):
    nested = "[sweep.vary]\nsystem.parameters.a = [1.0, 2.0]\ncompare.epsilon = [0.3, [0.2, 0.1]]\n"
    found = planned(tmp_path, nested)
    assert [m.case.compare.epsilon for m in found] == [[0.3], [0.2, 0.1]] * 2
    found = planned(tmp_path, '[sweep]\nvary = { "domain.bounds.0.1" = [1.5, 2.5] }\n')
    assert [m.case.domain.bounds for m in found] == [[[-2.0, 1.5]], [[-2.0, 2.5]]]
    found = planned(tmp_path, '[sweep]\nvary = { "noise.strong.diffusion" = ["a", "a + b*x**2"] }\n')
    assert [m.case.noise["strong"].diffusion for m in found] == ["a", "a + b*x**2"]


BAD = {
    "no keys": ("vary = {}", "sweep.vary"),
    "unknown key here": (
        "vary = { mesh.degree = [3] }\nvaried = 1",
        "sweep.varied: unknown key; did you mean 'vary'",
    ),
    "unknown parameter": (
        'vary = { "system.parameters.c" = [1.0] }',
        "sweep.vary: there is no parameter 'c'",
    ),
    "unknown table": ('vary = { "meshes.degree" = [3] }', "there is no 'meshes'; did you mean 'mesh'?"),
    "unknown key there": (
        'vary = { "mesh.degre" = [3, 4] }',
        "mesh.degre: unknown key; did you mean 'degree'?",
    ),
    "no such entry": ('vary = { "domain.bounds.4.1" = [3.0] }', "there is no key 'domain.bounds.4.1'"),
    "below a number": ('vary = { "mesh.degree.x" = [3] }', "there is no key 'mesh.degree.x'"),
    "wrong value": (
        'vary = { "mesh.degree" = [3, 9] }',
        "sweep.vary: with degree=9, mesh.degree: 9 is not accepted",
    ),
    "wrong type": ('vary = { "mesh.degree" = [3, "a"] }', "with degree=a, mesh.degree"),
    "empty list": ('vary = { "mesh.degree" = [] }', "'mesh.degree' has no values"),
    "one number": ('vary = { "mesh.degree" = 3 }', "give a list, or {"),
    "half a range": ('vary = { "mesh.degree" = { from = 1 } }', "incomplete"),
    "step and count": ('vary = { "mesh.degree" = { from = 1, to = 2, count = 2, step = 1 } }', "incomplete"),
    "wrong way": ('vary = { "mesh.degree" = { from = 1, to = 2, step = -1 } }', "does not lead"),
    "log of zero": ('vary = { "mesh.degree" = { from = 0, to = 2, count = 3, scale = "log" } }', "scale"),
    "one value": ('vary = { "mesh.degree" = { from = 0, to = 2, count = 1 } }', "from 2 on"),
    "repeated": ('vary = { "mesh.degree" = [3, 3] }', "two members are the same case"),
    "unequal lists": (
        'vary = { "mesh.degree" = [3, 4], "mesh.resolution" = [8] }\nmode = "zip"',
        "sweep.mode",
    ),
    "too many": (
        'vary = { "system.parameters.a" = { from = 1, to = 2, count = 999 },'
        ' "system.parameters.b" = { from = 1, to = 2, count = 999 } }',
        "more than 10000 members",
    ),
    "itself": ('vary = { "sweep.ranks" = [1, 2] }', "cannot vary itself"),
    "no ranks": ('vary = { "mesh.degree" = [3, 4] }\nranks = 0', "sweep.ranks: 0 is not accepted"),
    "bad member": (
        'vary = { "system.parameters.a" = [1.0, -1.0] }',
        "noise.strong.diffusion: A is not positive definite",
    ),
}


@pytest.mark.parametrize("kind", BAD)
def test_bad_sweeps(kind, tmp_path, capsys):
    lines, words = BAD[kind]
    path = write(tmp_path, f"{CASE}[sweep]\n{lines}\n")
    assert cli.main(["check", path]) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert err.count("\n") == 1
    assert err.startswith(f"{path}: ")
    assert words in err


def test_check_says_what_there_is(tmp_path, capsys):
    assert cli.main(["check", write(tmp_path)]) == 0
    text = capsys.readouterr().out
    assert text.splitlines()[0] == "# sweep of 3 members: a=1 … a=4"
    (tmp_path / "again.toml").write_text(text)
    assert load(str(tmp_path / "again.toml")) == load(str(tmp_path / "case.toml"))


def test_a_sweep_from_end_to_end(tmp_path, solver, capsys):
    text = CASE + SWEEP + 'show = ["noises.strong.stationary.0.mean.0"]\n'
    assert run(tmp_path, text=text) == 0
    assert [a for a, _ in solver.asked] == [1.0, 2.0, 4.0]
    record = json.loads((tmp_path / "out/sweep.json").read_text())
    assert record["ok"] is True
    assert record["failed"] == record["problems"] == []
    assert record["vary"] == {"system.parameters.a": [1.0, 2.0, 4.0]}
    for member, a in zip(record["members"], [1.0, 2.0, 4.0], strict=True):
        assert member["values"] == {"system.parameters.a": a}
        assert json.loads((tmp_path / "out" / member["folder"] / "summary.json").read_text())["ok"]
        strong = [r for r in member["rows"] if r["noise"] == "strong"]
        assert [r["epsilon"] for r in strong] == [0.2, 0.1]
        assert strong[1]["barrier"] == 0.5 / a
        assert strong[1]["log_mfpt"] == 5 / a
        assert strong[0]["noises.strong.stationary.0.mean.0"] == a / 10
    with (tmp_path / "out/sweep.csv").open() as file:
        table = list(csv.DictReader(file))
    assert len(table) == 3 * 2 * 2
    assert table[-1]["system.parameters.a"] == "4.0"
    assert float(table[-1]["barrier"]) == 0.125
    assert table[-1]["log_mfpt_direct"] == ""
    ElementTree.fromstring((tmp_path / "out/sweep.svg").read_text())
    printed = capsys.readouterr().out
    assert "Escape from attractor 0 to attractor 1" in printed
    assert [line.split()[:4] for line in printed.splitlines() if "strong" in line] == [
        ["1", "strong", "–", "0.50000"], ["2", "strong", "–", "0.25000"], ["4", "strong", "–", "0.12500"],
    ]  # fmt: skip


@pytest.mark.parametrize("kind", ["lines", "loglog", "polar"])
def test_figures(kind, tmp_path, solver):
    text = CASE + '[sweep]\nvary = { "system.parameters.a" = [1.0, 2.0], "mesh.degree" = [3, 4] }\n'
    assert run(tmp_path, text=f'{text}figure = "{kind}"\n') == 0
    drawing = ElementTree.fromstring((tmp_path / "out/sweep.svg").read_text())
    assert "barrier" in drawing.attrib["aria-label"]


def test_all_columns_in_one_picture(tmp_path, solver):
    table = '[sweep]\nvary = { "system.parameters.a" = [1.0, 2.0, 4.0] }\nfigure = "together"\n'
    table += 'values = { first = "noises.strong.barriers.0.barrier" }\n'
    table += 'columns = { one = "first", double = "2*first", half = "first/2" }\n'
    assert run(tmp_path, text=CASE + table) == 0
    text = (tmp_path / "out/sweep.svg").read_text()
    assert ElementTree.fromstring(text).attrib["aria-label"] == "Sweep: one, double, half against a"
    # one pair of axes
    assert text.count('id="axes_') == 1


def test_finished_members_are_kept(tmp_path, solver):
    assert run(tmp_path) == 0
    before = (tmp_path / "out/sweep.json").read_text()
    solver.asked.clear()
    assert run(tmp_path) == 0
    assert solver.asked == []
    again = json.loads((tmp_path / "out/sweep.json").read_text())
    assert [m["seconds"] for m in again["members"]] == [None] * 3
    assert [m["rows"] for m in again["members"]] == [m["rows"] for m in json.loads(before)["members"]]
    # one more value: only that; another title: nothing; another case: everything; on demand: everything
    assert run(tmp_path, text=(CASE + SWEEP).replace("4.0]", "4.0, 8.0]").replace("Turned", "New")) == 0
    assert [a for a, _ in solver.asked] == [8.0]
    assert run(tmp_path, "--set", "mesh.resolution=32") == 0
    assert [a for a, _ in solver.asked] == [8.0, 1.0, 2.0, 4.0]
    assert run(tmp_path, "--fresh") == 0
    assert [a for a, _ in solver.asked] == [8.0, 1.0, 2.0, 4.0, 1.0, 2.0, 4.0]


DAMAGE = {
    "a summary that says nothing": ("summary.json", lambda path: path.write_text('{"ok": true}')),
    "half a summary": ("summary.json", lambda path: path.write_bytes(path.read_bytes()[:200])),
    "a list for a summary": ("summary.json", lambda path: path.write_text("[]")),
    "another digest": ("member.json", lambda path: path.write_text('{"digest": "0"}')),
    "a list for a digest": ("member.json", lambda path: path.write_text("[1]")),
    "no fields": ("strong.vtkhdf", lambda path: path.unlink()),
    "empty fields": ("strong.vtkhdf", lambda path: path.write_bytes(b"")),
    "half the fields": ("strong.vtkhdf", lambda path: path.write_bytes(path.read_bytes()[:1000])),
}


@pytest.mark.parametrize("kind", DAMAGE)
def test_members_whose_results_are_damaged_run_again(kind, tmp_path, solver):
    assert run(tmp_path) == 0
    record = json.loads((tmp_path / "out/sweep.json").read_text())
    name, damage = DAMAGE[kind]
    damage(tmp_path / "out" / record["members"][1]["folder"] / name)
    solver.asked.clear()
    assert run(tmp_path) == 0
    assert [a for a, _ in solver.asked] == [2.0]
    again = json.loads((tmp_path / "out/sweep.json").read_text())
    assert [m["rows"] for m in again["members"]] == [m["rows"] for m in record["members"]]


def test_a_page_that_was_thrown_away_is_no_reason_to_compute_again(tmp_path, solver):
    assert run(tmp_path) == 0
    for page in (tmp_path / "out").rglob("report.html"):
        page.unlink()
    solver.asked.clear()
    assert run(tmp_path) == 0
    assert solver.asked == []


def test_odd_labels_lose_neither_table_nor_figure(tmp_path, solver, capsys):
    names = ["$x.npz", "a$_$ {b} $^$.npz", r"\frac $\frac$.npz", "<b>.npz", "tab\tnewline\n.npz", "𝛼=é.npz"]
    x = np.linspace(-2.1, 2.1, 21)
    for k, name in enumerate(names):
        grid_file.write(tmp_path / name, grid_file.Table((x,), (1 + k) * x**2))
    text = CASE.replace('loss = "(x**2-1)**2/4"', f"data = {json.dumps(names[0])}")
    listed = json.dumps(names, ensure_ascii=False)
    assert run(tmp_path, text=f'{text}[sweep]\nvary = {{ "system.data" = {listed} }}\n') == 0
    drawing = (tmp_path / "out/sweep.svg").read_text()
    ElementTree.fromstring(drawing)
    with (tmp_path / "out/sweep.csv").open(encoding="utf-8", newline="") as file:
        assert {row["system.data"] for row in csv.DictReader(file)} == set(names)
    page = (tmp_path / "out/report.html").read_text(encoding="utf-8")
    assert "could not be drawn" not in page
    assert "<b>.npz" not in page
    assert "data=tab\\tnewline\\n.npz" in capsys.readouterr().out
    several = planned(tmp_path, '[sweep]\nvary = { "noise.strong.diffusion" = ["1 + x**2/2", "1/2"] }\n')
    assert [m.label for m in several] == ["diffusion=1 + x**2/2", "diffusion=1/2"]


def test_a_figure_that_fails_is_a_line_in_the_page(tmp_path, solver, monkeypatch):
    from cases.sweep import figure as module

    monkeypatch.setattr(module, "figure", lambda *_: 1 / 0)
    assert run(tmp_path) == 0
    assert json.loads((tmp_path / "out/sweep.json").read_text())["ok"] is True
    assert len((tmp_path / "out/sweep.csv").read_text().splitlines()) == 1 + 3 * 2 * 2
    assert "This could not be drawn (ZeroDivisionError" in (tmp_path / "out/report.html").read_text()
    assert not (tmp_path / "out/sweep.svg").exists()


def test_many_members_are_counted_aloud(tmp_path, solver, capsys, monkeypatch):
    monkeypatch.setattr("cases.base.progress.PLAIN_INTERVAL", 0.0)
    values = "{ from = 1.0, to = 2.0, count = 100 }"
    vary = f'[sweep]\nvary = {{ "system.parameters.a" = {values} }}\n'
    assert cli.main(["check", write(tmp_path, CASE + vary)]) == 0
    said = capsys.readouterr().out
    assert "of 100 members checked" in said
    assert load(write(tmp_path, said))[0].sweep is not None
    assert run(tmp_path, text=CASE + vary) == 0
    said = capsys.readouterr().out
    assert "members of the sweep: " in said
    assert "looking for finished members" in said


def test_other_data_is_another_member(tmp_path, solver):
    text = (CASE + SWEEP).replace('loss = "(x**2-1)**2/4"', 'model = "well:build"')
    (tmp_path / "well.py").write_text("def build(): return lambda x: (x[0]**2 - 1)**2/4\n")
    assert run(tmp_path, text=text) == 0
    (tmp_path / "well.py").write_text("def build(): return lambda x: (x[0]**2 - 1)**2/5\n")
    assert run(tmp_path, text=text) == 0
    assert len(solver.asked) == 6


def test_failing_members_are_listed_and_the_others_kept(tmp_path, solver, capsys):
    solver.faults |= {1.0: NotConverged("no\nconvergence"), 4.0: "its checks"}
    assert run(tmp_path) == 3
    out, err = capsys.readouterr()
    assert err == ""
    assert "PROBLEM: a=1: no convergence" in out
    assert "PROBLEM: a=4: a check failed" in out
    assert "1/3 a=1: FAILED: no convergence" in out
    assert "2/3 a=2: good" in out
    assert "3/3 a=4: has PROBLEMS" in out
    record = json.loads((tmp_path / "out/sweep.json").read_text())
    assert record["ok"] is False
    assert record["failed"] == ["a=1", "a=4"]
    assert [m["ok"] for m in record["members"]] == [False, True, False]
    assert record["members"][0]["rows"][0]["barrier"] is None
    assert record["members"][2]["rows"][0]["barrier"] == 0.5
    # what raised is tried again, what is finished is not
    solver.asked.clear()
    solver.faults.clear()
    assert run(tmp_path) == 3
    assert [a for a, _ in solver.asked] == [1.0]
    solver.faults |= {2.0: CaseError("case.toml", "domain", "there is no attractor", "move it")}
    assert run(tmp_path, "--fresh") == 3
    solver.faults |= {2.0: ZeroDivisionError("a bug")}
    assert run(tmp_path, "--fresh") == 3
    out, err = capsys.readouterr()
    assert "PROBLEM: a=2: case.toml: domain: there is no attractor; move it" in out
    assert "PROBLEM: a=2: ZeroDivisionError: a bug (this is a bug)" in out
    assert "Traceback" in err


def test_table_and_figure_are_made_again(tmp_path, solver, capsys):
    assert run(tmp_path) == 0
    out = tmp_path / "out"
    before = {name: (out / name).read_text() for name in ("sweep.csv", "sweep.svg")}
    for name in before:
        (out / name).unlink()
    assert cli.main(["report", str(out)]) == 0
    assert {name: (out / name).read_text() for name in before} == before
    (out / "sweep.json").write_text('{"ok": false, "problems": ["the sweep has not finished"]}')
    capsys.readouterr()
    assert cli.main(["report", str(out)]) == 2
    assert "has not finished" in capsys.readouterr().err


def test_a_column_that_is_not_there(tmp_path, solver, capsys):
    assert run(tmp_path, text=CASE + SWEEP + 'show = ["noises.strong.typo"]\n') == 3
    assert "PROBLEM: sweep.show: no member has 'noises.strong.typo'" in capsys.readouterr().out


def test_other_folders_are_left_alone(tmp_path, solver, capsys):
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "summary.json").write_text("{}")
    assert run(tmp_path) == 2
    assert "has no sweep.json" in capsys.readouterr().err
    assert cli.main(["run", write(tmp_path, CASE), "-o", str(tmp_path / "o2"), "--fresh"]) == 2
    assert "--fresh" in capsys.readouterr().err


@pytest.mark.mpi
@pytest.mark.parametrize("ranks", [1, 2])
def test_groups_of_ranks(ranks, shared_tmp_path, solver):
    comm = MPI.COMM_WORLD
    if comm.rank == 0:
        write(shared_tmp_path, f"{CASE}{SWEEP}ranks = {ranks}\n")
    comm.Barrier()
    solver.faults |= {2.0: NotConverged("no convergence")}
    from cases.sweep.run import run_sweep

    case, effective = load(str(shared_tmp_path / "case.toml"))
    assert run_sweep(case, effective, shared_tmp_path / "out", "quiet", comm) == 3
    asked = comm.allgather(solver.asked)
    groups = max(1, comm.size // ranks)
    together = comm.size if groups == 1 else ranks
    assert sorted(a for part in asked for a, _ in part) == sorted([1.0, 2.0, 4.0] * together)
    assert {size for part in asked for _, size in part} == {together}
    record = json.loads((shared_tmp_path / "out/sweep.json").read_text())
    assert record["failed"] == ["a=2"]
    assert [m["ok"] for m in record["members"]] == [True, False, True]


def test_a_tabulated_well_on_two_ranks(tmp_path):
    """The real program: U = (x²−1)²/4 from a table, A = a, barriers 1/(2a)."""
    x = np.linspace(-2.1, 2.1, 61)
    grid_file.write(tmp_path / "well.npz", grid_file.Table((x,), (x**2 - 1) ** 2 / 4))
    text = CASE.replace("[0.2, 0.1]", "[0.1]").replace("resolution = 16", "resolution = 80")
    text = text.partition("[noise.isotropic]")
    text = text[0] + text[2].partition('diffusion = "identity"\n')[2]
    text = text.replace('loss = "(x**2-1)**2/4"', 'data = "well.npz"')
    path = write(tmp_path, f'{text}[sweep]\nvary = {{ "system.parameters.a" = [1.0, 2.0] }}\n')
    job = small_case.run("run", path, "-o", tmp_path / "out", "--quiet", ranks=2)
    assert job.returncode == 0, job.stdout + job.stderr
    record = json.loads((tmp_path / "out/sweep.json").read_text())
    assert [m["rows"][0]["barrier"] for m in record["members"]] == pytest.approx([0.5, 0.25], rel=1e-6)
    for member in record["members"]:
        found = json.loads((tmp_path / "out" / member["folder"] / "summary.json").read_text())
        assert 0 <= found["noises"]["strong"]["checks"]["interpolation"] < 1e-12
