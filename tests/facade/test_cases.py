"""Cases as objects, and simulations."""

import json

import numpy as np
import pytest

import quasipot as qp
from cases.cli import main
from cases.results.shortfalls import shortfalls
from tests.facade.problems import line
from tests.small_case import CASE

QUICK = {"mesh.resolution": 16, "mesh.degree": 2, "compare.epsilon": [0.1]}


def said(noise, sentences):
    """The sentences about one noise, without its name."""
    return [text.removeprefix(f"{noise}: ") for text in sentences if text.startswith(f"{noise}: ")]


@pytest.mark.mpi
def test_a_case_file_gives_what_the_command_line_gives(shared_tmp_path):
    from mpi4py import MPI

    path = shared_tmp_path / "small.toml"
    if MPI.COMM_WORLD.rank == 0:
        path.write_text(CASE)
    MPI.COMM_WORLD.Barrier()
    loaded = qp.load(path, QUICK)
    assert repr(loaded).startswith("small: Small\nnoises: isotropic, uneven;")
    found = loaded.run()
    assert list(found) == ["isotropic", "uneven"]
    assert len(loaded.places.attractors) == 2
    one = found["uneven"]
    assert one.barrier(0, 1).value == pytest.approx(0.5 / 1.3, rel=1e-6)
    assert loaded.systems["uneven"].diffusion(np.zeros((2, 1)))[0, 0, 0] == pytest.approx(1.3)
    assert "Escape from attractor 0" in repr(found)
    assert found.summary["noises"]["uneven"]["checks"].keys() == {check.name for check in one.checks}
    for name, mine in found.items():
        assert said(name, found.problems) == list(mine.problems)
        assert said(name, shortfalls(found.summary)) == list(mine.notes)
    options = [f"--set={key}={json.dumps(value)}" for key, value in QUICK.items()]
    main(["run", str(path), "-o", str(shared_tmp_path / "out"), "--quiet", *options])
    printed = json.loads((shared_tmp_path / "out/summary.json").read_text())
    (row,) = [r for r in printed["noises"]["uneven"]["rates"] if r["from"] == 0]
    assert one.at(0.1).log_mfpt[0, 1] == pytest.approx(row["log_mfpt"], abs=1e-10)
    assert one.at(0.1).log_mfpt_kramers[0, 1] == pytest.approx(row["log_mfpt_kramers"], abs=1e-10)
    MPI.COMM_WORLD.Barrier()


def test_what_is_wrong_with_a_case_has_the_sentence_of_the_command_line(capsys):
    with pytest.raises(qp.CaseError) as caught:
        qp.load("radial-diabets")
    assert main(["check", "radial-diabets"]) == 2
    assert str(caught.value) in capsys.readouterr().err
    with pytest.raises(qp.CaseError, match="mesh.resolution"):
        qp.load("radial-diabetes", {"mesh.resolution": 1})


@pytest.mark.mpi
def test_simulation_agrees_with_the_equation():
    result, _ = line()
    found = qp.simulate(result.system, result.places, 1, 0, epsilon=0.08, paths=150, seed=3)
    low, high = found.ci
    assert low - 0.1 < result.at(0.08).log_mfpt_direct[1, 0] < high + 0.1
    assert "survival" not in repr(found)
    with pytest.raises(ValueError, match=r"^options: there is no 'sead'; did you mean 'seed'\?$"):
        qp.simulate(result.system, result.places, 1, 0, 0.08, sead=3)
    with pytest.raises(ValueError, match=r"^end: there is no attractor 5; there are 2, counted from 0$"):
        qp.simulate(result.system, result.places, 0, 5, 0.08)
