"""The environment is what the project needs: versions, one h5py, ranks that find each other."""

import os
import shutil
import subprocess
from pathlib import Path

import dolfinx
import h5py
import numpy as np
import pytest
from mpi4py import MPI
from petsc4py import PETSc

HERE = Path(__file__).resolve().parent.parent


def test_dolfinx_is_new_enough() -> None:
    assert tuple(map(int, dolfinx.__version__.split(".")[:2])) >= (0, 9)


def test_petsc_is_real_and_has_mumps() -> None:
    assert np.dtype(PETSc.ScalarType) == np.float64
    assert PETSc.Sys.hasExternalPackage("mumps")


@pytest.mark.mpi
def test_h5py_writes_in_parallel(shared_tmp_path: Path) -> None:
    assert h5py.get_config().mpi, "the serial h5py was imported"
    comm = MPI.COMM_WORLD
    with h5py.File(shared_tmp_path / "ranks.h5", "w", driver="mpio", comm=comm) as file:
        rows = file.create_dataset("rows", (comm.size,), dtype="i8")
        rows[comm.rank] = comm.rank
    with h5py.File(shared_tmp_path / "ranks.h5", "r", driver="mpio", comm=comm) as file:
        assert file["rows"][:].tolist() == list(range(comm.size))


@pytest.mark.skipif(os.environ.get("QUASIPOT_INSIDE") is None, reason="not in the root folder")
def test_exit_codes_and_signals_pass_through_docker_run() -> None:
    run = str(HERE / "docker" / "run")
    assert subprocess.run([run, "sh", "-c", "exit 37"]).returncode == 37
    assert subprocess.run([run, "sh", "-c", "kill -TERM $$"]).returncode == -15


def test_commands_are_there() -> None:
    missing = [name for name in ("mypy", "mpirun", "quasipot") if shutil.which(name) is None]
    assert missing == []
