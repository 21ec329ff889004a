"""Whether a mesh can fit into memory, before anything is built.

The estimate is of a sparse LU factorisation after nested dissection, which dominates: of order
n log n entries in 2D and n^(4/3) in 3D.  The constants are from runs.  In the plane one density of 83 500
unknowns took 210 MB, one of 333 000 unknowns 970 MB, beyond what the program takes without; in space a mesh
of 84 000 tetrahedra of degree 3 had passed 11.6 GB (two sets of factors are there at once).
"""

from __future__ import annotations

import math
import os
from pathlib import Path

from cases.casefile.case import Case
from cases.problem.default_mesh import nodes

BYTES_PER_UNKNOWN = 1000.0
ENTRIES_2D = 14.0
ENTRIES_3D = 60.0


def unknowns(case: Case) -> int | None:
    """Unknowns of one continuous finite-element field on the box; None for a mesh file."""
    if case.domain.bounds is None:
        return None
    return nodes(case.domain.bounds, case.mesh.resolution, case.mesh.degree)


def estimate(n: int, dim: int) -> float:
    """Bytes that fields, matrix and factors need with ``n`` unknowns, summed over all ranks."""
    factors = {1: 0.0, 2: ENTRIES_2D * n * math.log2(n + 2), 3: ENTRIES_3D * float(n) ** (4 / 3)}[dim]
    return BYTES_PER_UNKNOWN * n + 8 * factors


def available() -> float:
    """Bytes that this process may still take on this machine, or in its container; inf if unknown."""
    limits = [math.inf]
    try:
        for line in Path("/proc/meminfo").read_text().splitlines():
            if line.startswith("MemAvailable:"):
                limits.append(1024.0 * int(line.split()[1]))
    except OSError:
        return math.inf
    try:
        limit = Path("/sys/fs/cgroup/memory.max").read_text().strip()
        used = Path("/sys/fs/cgroup/memory.current").read_text().strip()
    except OSError:
        return min(limits)
    if limit.isdigit() and used.isdigit():
        limits.append(max(0.0, float(limit) - float(used)))
    return min(limits)


def check_memory(case: Case) -> None:
    """Refuse a resolution that cannot fit into the memory of this machine.

    Raises:
        CaseError: naming the estimate and the largest resolution that would fit.
    """
    n = unknowns(case)
    if n is None:
        return
    share = _share_on_this_machine()
    needed, there = share * estimate(n, case.dim), available()
    if needed <= there:
        return
    fitting = case.mesh.resolution
    while (
        fitting > 4
        and share * estimate(max(1, int(n * (fitting / case.mesh.resolution) ** case.dim)), case.dim) > there
    ):
        fitting = int(0.95 * fitting)
    raise case.error(
        "mesh.resolution",
        f"{case.mesh.resolution} means {n:.3g} unknowns and about {needed / 1e9:.3g} GB of memory, "
        f"but {there / 1e9:.3g} GB are free",
        f"use {fitting} or less, or a lower degree",
    )


def unknowns_of(case: Case, cells: int) -> int:
    """Unknowns on a large mesh of so many cells: degree^d nodes to a cube, which is d! simplices."""
    return int(cells * case.mesh.degree**case.dim / math.factorial(case.dim))


def check_cells(case: Case, cells: int) -> None:
    """Refuse a mesh, after it was graded, that cannot fit into the memory of this machine.

    Args:
        case: The case.
        cells: Number of cells, on all ranks.

    Raises:
        CaseError: naming the estimate.
    """
    n = unknowns_of(case, cells)
    needed, there = _share_on_this_machine() * estimate(n, case.dim), available()
    if needed > there:
        raise case.error(
            "mesh.resolution",
            f"graded towards attractors and passes the mesh has {cells} cells, {n:.3g} unknowns, and needs "
            f"about {needed / 1e9:.3g} GB of memory, but {there / 1e9:.3g} GB are free",
            "use a smaller one, a lower mesh.degree, or a larger mesh.deviations",
        )


def _share_on_this_machine() -> float:
    """The part of the ranks of an MPI job that shares this machine's memory."""
    for here, all_of_them in (
        ("OMPI_COMM_WORLD_LOCAL_SIZE", "OMPI_COMM_WORLD_SIZE"),
        ("MPI_LOCALNRANKS", "PMI_SIZE"),
    ):
        local, size = os.environ.get(here, ""), os.environ.get(all_of_them, "")
        if local.isdigit() and size.isdigit() and int(size) > 0:
            return int(local) / int(size)
    return 1.0
