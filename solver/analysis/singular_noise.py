"""Whether noise acts in some directions only somewhere on a mesh."""

from __future__ import annotations

import numpy as np
from dolfinx import fem
from mpi4py import MPI

from solver.drift.controllability import is_singular


def has_singular_noise(diffusion: fem.Function) -> bool:
    """Whether A has no full rank at some point of the mesh.  Collective.

    Args:
        diffusion: A at points of the mesh, a function with values ``(d, d)``.
    """
    comm, shape = diffusion.function_space.mesh.comm, diffusion.ufl_shape
    here = is_singular(np.moveaxis(diffusion.x.array.reshape(-1, *shape), 0, -1))
    return bool(comm.allreduce(here, op=MPI.LOR))
