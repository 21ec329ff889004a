"""A gauge to start the ε-continuation from, where the drift is nearly a gradient, or a loss has momentum.

The gauge form is exact for every W (:mod:`solver.fokker_planck.equation`), and the better W is, the lower a
noise level can be solved for at once.  The levels above it are the dearest in space: there the density fills
the whole box. W is the function that leaves the least transport,

    minimise ∫ (b + ½A∇W)ᵀ A⁻¹ (b + ½A∇W) dx,      ∫ A∇W·∇v dx = −2 ∫ b·∇v dx    for all v,

one linear solve.  For ``b = −∇U`` and ``A = s I`` it is V itself, ``2U/s``, up to the order of the elements;
else it is V where A⁻¹b is a gradient, and a guess where it is not.

With momentum (:mod:`solver.phase_space`) there is no A⁻¹; W is what V tends to for large friction.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import ufl
from dolfinx import fem
from mpi4py import MPI

from solver.elements.assembly import assemble_matrix, assemble_vector, fixed_dofs
from solver.elements.coefficients import Coefficients
from solver.elements.discretisation import Discretisation
from solver.elements.evaluate import bounding_box, evaluate
from solver.elements.fading import fade_levels
from solver.elements.free_rows import FactorisedFree
from solver.elements.region import Region, cell_values, cells_near, component, make_region, whole
from solver.fokker_planck.committor import ball_dofs
from solver.fokker_planck.landmarks import Landmarks

# below this part of the drift that is left, the gauge is V
GRADIENT = 1e-2
# else the start is at a noise that is the lowest barrier of the gauge over this, some steps above the rates
MODERATE = 1.0


@dataclass(frozen=True)
class Start:
    """W, the region for the first noise level, and that level."""

    gauge: fem.Function
    part: Coefficients
    epsilon: float


def least_transport(discretisation: Discretisation, landmarks: Landmarks) -> tuple[fem.Function, float]:
    """W with zero at the first attractor, and ``‖b + ½A∇W‖²/‖b‖²`` in the metric A⁻¹.  Collective.

    Raises:
        NotConverged: If the linear solve fails.
    """
    base, space = discretisation.coefficients, discretisation.space
    W, v = ufl.TrialFunction(space), ufl.TestFunction(space)
    A, b = base.diffusion, base.drift
    pinned = fixed_dofs(base.region, space, ball_dofs(space, landmarks.pins[0], 0.0))
    form = ufl.inner(ufl.dot(A, ufl.grad(W)), ufl.grad(v)) * base.dx
    rhs = assemble_vector(-2.0 * ufl.inner(b, ufl.grad(v)) * base.dx)
    owned = space.dofmap.index_map.size_local
    rhs.array[pinned[pinned < owned]] = 0.0
    matrix = assemble_matrix(form, base.region, space, pinned)
    gauge = fem.Function(space, name="W")
    gauge.x.array[:owned] = FactorisedFree(matrix, pinned, "first gauge", discretisation.options).solve(rhs)
    gauge.x.scatter_forward()
    left = b + 0.5 * ufl.dot(A, ufl.grad(gauge))
    squares = [
        fem.assemble_scalar(fem.form(ufl.inner(f, ufl.dot(ufl.inv(A), f)) * base.dx)) for f in (left, b)
    ]
    part, total = (base.domain.comm.allreduce(float(one), op=MPI.SUM) for one in squares)
    return gauge, part / total


def potential_start(discretisation: Discretisation, highest: float, landmarks: Landmarks) -> Start | None:
    """Where a continuation may start with that gauge; None where it knows no barrier.  Collective.

    Args:
        discretisation: The system on the mesh.
        highest: The highest noise level that is wanted.
        landmarks: Attractors and passes.

    Raises:
        NotConverged: If the linear solve fails.
    """
    if not len(landmarks.passes):
        return None
    momentum = discretisation.system.momentum
    if momentum is not None:
        low, high = bounding_box(discretisation.domain)
        gauge = fem.Function(discretisation.space, name="W")
        x = discretisation.space.tabulate_dof_coordinates()[:, :2].T
        gauge.x.array[:] = momentum.balance(float(low[0]), float(high[0]))(x)
        return start_with(discretisation, gauge, highest, landmarks, exact=False)
    gauge, left = least_transport(discretisation, landmarks)
    return start_with(discretisation, gauge, highest, landmarks, exact=left < GRADIENT)


def start_with(
    discretisation: Discretisation,
    gauge: fem.Function,
    highest: float,
    landmarks: Landmarks,
    exact: bool,
    known: Region | None = None,
) -> Start | None:
    """Where a continuation may start with a gauge; None where that knows no barrier.  Collective.

    Args:
        discretisation: The system on the mesh.
        gauge: W.
        highest: The highest noise level that is wanted.
        landmarks: Attractors and passes.
        exact: W is the quasi-potential, so that the continuation may start at that level.
        known: Where W is known; default everywhere.
    """
    domain, locator = discretisation.domain, discretisation.locator
    known = known or whole(domain)
    if not len(landmarks.passes):
        return Start(gauge, discretisation.coefficients.on(known), highest) if exact else None
    wells = evaluate(gauge, np.array([pin.point for pin in landmarks.pins]), locator)[:, 0]
    passes = evaluate(gauge, landmarks.passes, locator)[:, 0]
    lowest = min(
        float(level - wells[k])
        for level, pair in zip(passes, landmarks.between, strict=True)
        for k in pair
        if k is not None
    )
    # NaN fails, too
    if not lowest > 0.0:
        return None
    epsilon = highest if exact else max(highest, lowest / MODERATE)
    fade = fade_levels(known, gauge, float(max(passes.max(), wells.max())), epsilon)
    low = known.active & np.asarray(cell_values(gauge).min(axis=1) < fade.top)
    seeds = np.any([cells_near(domain, pin.point) for pin in landmarks.pins], axis=0)
    active = component(domain, low | seeds, seeds)
    return Start(gauge, discretisation.coefficients.on(make_region(domain, active), fade), epsilon)
