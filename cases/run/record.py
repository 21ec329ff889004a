"""The record of a run: with what, where, when and how long it was computed."""

from __future__ import annotations

import importlib
import importlib.metadata
import platform
import subprocess
import sys
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path

from cases.contracts.sweep import PartEntry, RunEntry
from meshes.clock import Spent

MODULES = (
    "dolfinx",
    "ufl",
    "basix",
    "ffcx",
    "numpy",
    "scipy",
    "sympy",
    "numba",
    "h5py",
    "mpi4py",
    "sklearn",
    "pydantic",
)


def run_record(
    ranks: int, timings: Mapping[str, float], parts: Mapping[str, Spent] | None = None
) -> RunEntry:
    """What ``run.json`` holds: versions, git commit, ranks, timings, command line, date.

    Args:
        ranks: Number of MPI ranks.
        timings: Seconds per stage.
        parts: What all ranks together spent in each part.
    """
    return {
        "date": datetime.now(UTC).isoformat(timespec="seconds"),
        "command": sys.argv,
        "host": platform.node(),
        "ranks": ranks,
        "versions": versions(),
        "git_commit": git_commit(),
        "timings": dict(timings),
        "parts": {name: _part(one) for name, one in (parts or {}).items()},
    }


def _part(one: Spent) -> PartEntry:
    megabytes = round(one.memory / 2**20)
    seconds, cpu, waited = (round(value, 3) for value in (one.seconds, one.cpu, one.waited))
    return {"seconds": seconds, "cpu": cpu, "waited": waited, "megabytes": megabytes}


def versions() -> dict[str, str | None]:
    """Versions of the program, of Python and of the libraries that matter; None where absent."""
    found: dict[str, str | None] = {"quasipot": _own_version(), "python": platform.python_version()}
    for name in MODULES:
        try:
            module = importlib.import_module(name)
        except ImportError:
            found[name] = None
            continue
        found[name] = str(getattr(module, "__version__", "unknown"))
    for name, place in (("petsc", "petsc4py.PETSc"), ("slepc", "slepc4py.SLEPc")):
        try:
            numbers = importlib.import_module(place).Sys.getVersion()
        except (ImportError, AttributeError):
            found[name] = None
            continue
        found[name] = ".".join(str(number) for number in numbers)
    return found


def git_commit() -> str | None:
    """The commit of the source tree, with "+changes" when it was modified; None without git."""
    here = Path(__file__).resolve().parent

    def git(*arguments: str) -> str:
        command = ["git", "-c", "safe.directory=*", "-C", str(here), *arguments]
        return subprocess.run(command, capture_output=True, text=True, check=True, timeout=10).stdout.strip()

    try:
        commit = git("rev-parse", "HEAD")
        changed = git("status", "--porcelain", "--untracked-files=no")
    except (OSError, subprocess.SubprocessError):
        return None
    return commit + ("+changes" if changed else "")


def _own_version() -> str | None:
    try:
        return importlib.metadata.version("quasipot")
    except importlib.metadata.PackageNotFoundError:
        return None
