"""Sharing the ranks of a run among its noises."""

import json

import pytest
from mpi4py import MPI

from cases.problem.memory import estimate
from cases.run.groups import UNKNOWNS_PER_RANK, Shares, group, shares
from tests import small_case

MUCH = 1e15
LINE = """
title = "Line"
[system]
coordinates = ["x"]
loss = "(x**2-1)**2/4"
[domain]
bounds = [[-1.8, 1.8]]
[mesh]
resolution = 48
[noise.isotropic]
diffusion = "identity"
[noise.uneven]
diffusion = "1+x**2/4"
[compare]
epsilon = [0.1]
[[exit]]
name = "half"
inside = "(x+1)**2-0.5"
"""


@pytest.mark.parametrize(
    ("noises", "unknowns", "size", "expected"),
    [
        (1, 100, 1, Shares(1, 1)),
        (2, 100, 2, Shares(2, 1)),  # one each
        (1, 100, 4, Shares(1, 1)),  # too small for a second rank
        (1, 3 * UNKNOWNS_PER_RANK, 4, Shares(1, 3)),
        (3, 10**6, 8, Shares(3, 2)),  # two ranks are left over
        (3, 10**6, 2, Shares(2, 1)),
        (5, 10**7, 16, Shares(5, 3)),
    ],
)
def test_shares(noises, unknowns, size, expected):
    assert shares(noises, unknowns, 2, size, MUCH) == expected


def test_memory_makes_groups_fewer():
    one = estimate(10**6, 3)
    assert shares(4, 10**6, 3, 4, 4.5 * one) == Shares(4, 1)
    assert shares(4, 10**6, 3, 4, 2.5 * one) == Shares(2, 2)
    assert shares(4, 10**6, 3, 4, 0.5 * one) == Shares(1, 4)


@pytest.mark.mpi
@pytest.mark.parametrize("names", [["a"], ["a", "b"], ["a", "b", "c"]])
def test_every_noise_has_one_group(names):
    comm = MPI.COMM_WORLD
    share = Shares(min(len(names), comm.size), 1)
    with group(names, share, comm) as (ours, mine):
        assert not mine or ours.size == 1
    parts = comm.allgather(mine)
    assert sorted(name for part in parts for name in part) == names
    assert max(len(part) for part in parts) <= -(-len(names) // share.groups)


def test_side_by_side_gives_the_same(tmp_path):
    """Two noises on one rank, and side by side on three of which one is left over."""
    case = tmp_path / "case.toml"
    case.write_text(LINE)
    found = {}
    for name, ranks in (("alone", 1), ("side", 3)):
        job = small_case.run("run", case, "-o", tmp_path / name, ranks=ranks)
        assert job.returncode == 0, job.stdout + job.stderr
        assert ("2 noises side by side" in job.stdout) == (name == "side")
        found[name] = json.loads((tmp_path / name / "summary.json").read_text())
        assert {"isotropic.vtkhdf", "uneven.vtkhdf", "instantons.vtkhdf"} <= set(found[name]["files"])
    assert list(found["side"]["noises"]) == ["isotropic", "uneven"]
    for noise, entry in found["side"]["noises"].items():
        expected = found["alone"]["noises"][noise]
        for table, key in (("barriers", "barrier"), ("barriers", "lower"), ("rates", "log_mfpt")):
            values, known = ([row[key] for row in one[table]] for one in (entry, expected))
            assert values == pytest.approx(known, rel=1e-7), (noise, key)
        for one, known in zip(entry["exits"], expected["exits"], strict=True):
            times, right = ([row["log_exit_time"] for row in some["times"]] for some in (one, known))
            assert times == pytest.approx(right, rel=1e-7)


def test_a_noise_that_fails_beside_one_that_does_not(tmp_path):
    """The density of the second noise is out of reach on this mesh; the first, on the other rank, is kept."""
    case = tmp_path / "case.toml"
    case.write_text(
        LINE.replace('"1+x**2/4"', '"1e-5*(1+x**2)"').replace("[compare]", '[compare]\nnormalise = "none"')
    )
    job = small_case.run("run", case, "-o", tmp_path / "out", ranks=2)
    assert job.returncode == 3, job.stdout + job.stderr
    summary = json.loads((tmp_path / "out" / "summary.json").read_text())
    good = summary["noises"]["isotropic"]
    assert [row["barrier"] for row in good["barriers"]] == pytest.approx([0.5, 0.5], rel=1e-6)
    assert all(problem.startswith("uneven") for problem in summary["problems"])
