"""A small two-dimensional case, and the program in a process of its own."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

CASE = """
title = "Small"

[system]
coordinates = ["x", "y"]
loss = "(x**2 - 1)**2/4 + y**2/2"

[domain]
bounds = [[-1.8, 1.8], [-1.2, 1.2]]

[mesh]
resolution = 24

[noise.isotropic]
diffusion = "identity"

[noise.uneven]
diffusion = [["1.3", 0], [0, "0.7"]]

[compare]
epsilon = [0.1, 0.07]
"""
LAUNCHER = ("OMPI_", "PMIX_", "PRTE_", "PMI_")
SETTINGS = ("OMPI_MCA_", "PRTE_MCA_", "PMIX_MCA_", "OMPI_ALLOW_RUN_AS_ROOT")


def environment() -> dict[str, str]:
    """The environment without what a launcher of this process left in it."""
    return {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(LAUNCHER) or name.startswith(SETTINGS)
    }


def program(*arguments: str | Path, ranks: int = 0) -> list[str]:
    """The command line of the program, under mpirun if there are ranks."""
    launcher = ["mpirun", "-n", str(ranks)] if ranks else []
    return [*launcher, sys.executable, "-m", "cases", *map(str, arguments)]


def run(*arguments: str | Path, ranks: int = 0) -> subprocess.CompletedProcess[str]:
    """Run the program to its end."""
    return subprocess.run(
        program(*arguments, ranks=ranks), env=environment(), capture_output=True, text=True, timeout=300
    )
