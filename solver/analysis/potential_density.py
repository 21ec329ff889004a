"""The stationary density of a single well with its quasi-potential for the gauge.

With ``W = V`` from the Hamilton–Jacobi equation, q is the prefactor: smooth, and constant for a linear
drift with constant noise.  Nothing of what happens at the walls of the box has entered V, and the edge of the
region is open (:func:`solver.fokker_planck.equation.operator`), so that log p is as good as V/ε however
small p is.  (The gauge of the ε-continuation remembers the walls: where they were felt, the density was
another.)
"""

from __future__ import annotations

from dataclasses import replace
from typing import Optional

import numpy as np
from dolfinx import fem
from mpi4py import MPI

from solver.analysis.noise_levels import Level
from solver.elements.linear import Options
from solver.elements.region import cells_near, component, make_region
from solver.errors import NotConverged
from solver.fokker_planck.continuation import StationaryDensity
from solver.fokker_planck.landmarks import Landmarks, Pin
from solver.fokker_planck.moments import mean_and_covariance
from solver.fokker_planck.well_density import well_densities
from solver.hamilton_jacobi.well import WellPotential

# the mass beyond so many ε is below rounding for all that is reported
NEGLIGIBLE = 30.0


def density_from_potential(
    well: WellPotential, epsilon: float, pin: Pin, options: Options | None = None
) -> StationaryDensity:
    """The density of one well at one noise level, on the part of the mesh where V is trusted.  Collective.

    It stands for the density of the system where there is no other well; the mass outside is of the order of
    e^{−V/ε} on the edge.

    Args:
        well: V of the attractor.
        epsilon: Noise level ε.
        pin: The attractor with its Lyapunov covariance.
        options: PETSc options for the linear solver.

    Raises:
        NotConverged: If the linear solve fails, or the density is not positive where it is a result.
    """
    domain = well.coefficients.domain
    gauge = fem.Function(well.potential.function_space, name="W")
    gauge.x.array[:] = np.nan_to_num(well.potential.x.array, nan=0.0, posinf=0.0, neginf=0.0)
    active = component(domain, well.valid, cells_near(domain, pin.point))
    region = make_region(domain, active)
    part = well.coefficients.on(region)
    (p,) = well_densities(part, gauge, epsilon, [pin], options, edge="open")
    bad = bool((p.q.x.array[region.dofs(gauge.function_space)] <= 0.0).any())
    total = p.log_mass(0.0)
    if domain.comm.allreduce(bad, op=MPI.LOR) or not np.isfinite(total):
        raise NotConverged(f"the density is not positive at epsilon = {epsilon:g}: the mesh is too coarse")
    return StationaryDensity(p, (p,), (), None, total)


def alone(
    level: Level,
    well: WellPotential,
    landmarks: Landmarks,
    options: Optional[Options],  # noqa: UP045 - types of the reference: Sphinx < 8.2 has no `alias | None`
) -> Level:
    """The density of a single well with V for the gauge, where V is known high enough for that.  Collective.

    The density of the continuation knows of the walls of the box.

    Raises:
        NotConverged: If V is not known as high, or the density is not to be had.
    """
    known = well.trusted_level / level.state.epsilon
    if known < NEGLIGIBLE:
        raise NotConverged(
            f"V is known up to {known:.3g} epsilon, and is needed up to {NEGLIGIBLE:g}: the density is that "
            "of the continuation, which knows of the walls of the box"
        )
    state = density_from_potential(well, level.state.epsilon, landmarks.pins[0], options)
    mean, spread = mean_and_covariance(state)
    # what the other density changed by with its gauge is no error of this one
    return replace(level, state=state, mean=mean, covariance=spread, log_density_change=None)
