"""What happens to an MPI job when one rank, or every rank, fails: it ends, with the right exit code."""

import os
import subprocess
import sys
import time

import pytest

PROGRAM = """
import sys, types
from mpi4py import MPI
from cases.base.errors import CaseError

def run(case, text, folder, progress, comm, resume):
    world = MPI.COMM_WORLD
    if sys.argv[1] == "all":
        raise CaseError("case.toml", "system", "bad on all ranks", "mend it")
    if sys.argv[1] == "three":
        return 3
    if world.rank == 1:
        if sys.argv[1] == "bug":
            raise KeyError("bug")
        raise CaseError("case.toml", "system", "bad on one rank", "mend it")
    world.Barrier()
    return 0

sys.modules["cases.run.pipeline"] = module = types.ModuleType("cases.run.pipeline")
module.run = run
from cases.cli import main
sys.exit(main(["run", "double-well-1d"] + sys.argv[2:]))
"""


@pytest.mark.parametrize(
    ("how", "code", "message"),
    [
        ("all", 2, "case.toml: system: bad on all ranks; mend it"),
        ("one", 2, "rank 1: case.toml: system: bad on one rank; mend it"),
        ("bug", 1, "KeyError: 'bug'"),
        ("three", 3, ""),
    ],
)
def test_failing_job_ends(how, code, message):
    # The environment as it was before MPI was initialised in this process.
    environment = dict(os.environ)
    start = time.monotonic()
    job = subprocess.run(
        ["mpirun", "-n", "2", sys.executable, "-c", PROGRAM, how],
        env=environment,
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert job.returncode == code
    assert not message or job.stderr.count(message) == 1
    assert time.monotonic() - start < 60


def test_bad_case_is_said_once():
    command = ["check", "double-well-1d", "--set", "mesh.degree=9"]
    job = subprocess.run(
        ["mpirun", "-n", "2", sys.executable, "-m", "cases.cli", *command],
        env=dict(os.environ),
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert job.returncode == 2
    assert job.stdout == ""
    assert job.stderr.count("mesh.degree: 9 is not accepted") == 1
