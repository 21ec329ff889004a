"""Mean first passage times from the backward equation, for low barriers.

``T(x) = E_x[time to reach the target]`` solves ``b·∇T + (ε/2) A:∇∇T = −1`` with T = 0 on the target and
reflection at the boundary; the weak form is that of :mod:`solver.fokker_planck.committor`.  The target is
the union of the cells that lie in the ellipsoid ``(x−x̄)ᵀΣ⁻¹(x−x̄) ≤ ρ²ε`` round an attractor.  T is of the
order e^{barrier/ε}, and so is the condition number: beyond barrier/ε ≈ 25 use
:mod:`solver.fokker_planck.rates`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import ufl
from dolfinx import fem
from mpi4py import MPI

from solver.elements.assembly import assemble_matrix, assemble_unreduced, fixed_dofs, lift
from solver.elements.coefficients import Coefficients
from solver.elements.evaluate import Locator, evaluate
from solver.elements.free_rows import FactorisedFree
from solver.elements.linear import Options
from solver.elements.region import Dofs
from solver.errors import NotConverged
from solver.fokker_planck.committor import ball_dofs, generator
from solver.fokker_planck.landmarks import Pin
from solver.system import Array

TARGET_RADIUS = 1.0


@dataclass(frozen=True)
class Passage:
    """A mean first passage time.

    Attributes:
        mean: T at the starting attractor.
        field: T.
        target_low, target_high: Bounding box of the target set, ``(d,)``; in 1D the target itself.
    """

    mean: float
    field: fem.Function
    target_low: Array
    target_high: Array


def target_dofs(space: fem.FunctionSpace, pin: Pin, radius: float) -> Dofs:
    """Dofs of the cells inside the ellipsoid of this radius; if there are none, the nearest.  Collective."""
    x = space.tabulate_dof_coordinates()[:, : space.mesh.geometry.dim] - pin.point
    distance = np.einsum("ni,ij,nj->n", x, np.linalg.inv(pin.covariance), x)
    cells = np.flatnonzero((distance[space.dofmap.list] <= radius**2).all(axis=1))
    marker = fem.Function(space)
    marker.x.array[np.unique(space.dofmap.list[cells])] = 1.0
    # a cell seen as a ghost marks dofs that other ranks own
    marker.x.scatter_forward()
    dofs = np.flatnonzero(marker.x.array > 0.5).astype(np.int32)
    if space.mesh.comm.allreduce(dofs.size, op=MPI.SUM) == 0:
        return ball_dofs(space, pin, 0.0)
    return dofs


def passages_to(
    coefficients: Coefficients,
    space: fem.FunctionSpace,
    epsilon: float,
    starts: Sequence[Pin],
    target: Pin,
    locator: Locator,
    options: Options | None = None,
) -> list[Passage]:
    """Mean times from several attractors to a neighbourhood of another, from one solution.  Collective.

    Raises:
        NotConverged: If the linear solve fails, or a time is not positive.
    """
    level = fem.Constant(coefficients.domain, epsilon)
    form = generator(coefficients, level, space)
    goal = target_dofs(space, target, TARGET_RADIUS * np.sqrt(epsilon))
    fixed = fixed_dofs(coefficients.region, space, goal)
    matrix = assemble_matrix(form, coefficients.region, space, fixed)
    system = FactorisedFree(matrix, fixed, "passage time", options)
    field = fem.Function(space, name="mean_first_passage_time")
    rhs = assemble_unreduced(-ufl.TestFunction(space) * coefficients.dx)
    lift(rhs, form, fem.Function(space), fixed)
    owned = space.dofmap.index_map.size_local
    field.x.array[:owned] = system.solve(rhs)
    field.x.scatter_forward()
    means = evaluate(field, np.array([start.point for start in starts]), locator)[:, 0]
    if not (means > 0.0).all():
        raise NotConverged(f"the mean first passage time at epsilon = {epsilon:g} is not positive")
    low, high = _extent(space, goal)
    return [Passage(float(mean), field, low, high) for mean in means]


def _extent(space: fem.FunctionSpace, dofs: Dofs) -> tuple[Array, Array]:
    x = space.tabulate_dof_coordinates()[dofs, : space.mesh.geometry.dim]
    comm = space.mesh.comm
    low = np.min(x, axis=0, initial=np.inf)
    high = np.max(x, axis=0, initial=-np.inf)
    comm.Allreduce(MPI.IN_PLACE, low, op=MPI.MIN)
    comm.Allreduce(MPI.IN_PLACE, high, op=MPI.MAX)
    return low, high
