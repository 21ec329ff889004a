"""V of one attractor, from an approximation of it on a region round the attractor."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from dolfinx import fem
from mpi4py import MPI

from solver.elements.coefficients import Coefficients
from solver.elements.linear import Options
from solver.elements.region import Mask, Region, cell_values, cells_near, component, edge_dofs, make_region
from solver.hamilton_jacobi.cycle_expansion import Local
from solver.hamilton_jacobi.growth import Solution, grow
from solver.hamilton_jacobi.policy_iteration import Iteration
from solver.system import Array, System

# the start is used up to this many ε below the lowest pass: nearer to the saddle W is rounded off by noise
CLEARANCE = 3.0
# … and is then extended up to this part of the pass
TOP = 0.999
BALL = 0.1


@dataclass(frozen=True)
class WellPotential:
    """V of one attractor.

    Attributes:
        index: Number of the attractor.
        potential: V, meaningful on the cells of ``valid``.
        cells: Cells in which V was solved for.
        valid: Cells on which V is below the trusted level (free of the edge of the region).
        trusted_level: V below this has converged, and is free of what happens at the edge of the region.
        expansion: V near the attractor.
        iteration: How the policy iteration went.
        coefficients: b, A on the region in which V was solved for.
        fine: The same on a finer mesh, where it was solved for there: what bounds are made of.
    """

    index: int
    potential: fem.Function
    cells: Mask
    valid: Mask
    trusted_level: float
    expansion: Local
    iteration: Iteration
    coefficients: Coefficients
    fine: WellPotential | None = None

    @property
    def smooth(self) -> Mask:
        """The valid cells without those that were cut out at kinks: there V is exact, here it is bridged."""
        return self.valid & ~self.iteration.kinked


def trusted_part(well: WellPotential) -> fem.Function:
    """V of one attractor, NaN outside its valid region and where it is bridged.  Collective."""
    region = make_region(well.coefficients.domain, well.smooth)
    result = fem.Function(well.potential.function_space, name=f"V_{well.index}")
    keep = region.dofs(result.function_space)
    result.x.array[:] = np.where(keep, well.potential.x.array, np.nan)
    return result


def own_cells(known: Region, start: fem.Function, points: Array, level: float) -> Mask:
    """The cells of one well that reach below a level, which is that of its lowest pass at most.  Collective.

    A cell with a pass in it reaches below the level on either side, and what is beyond is another well, or
    runs down to the edge of the box.  So the well is followed through cells that are below ``TOP`` of the
    level as a whole, and ends with those next to them.
    """
    domain, space = known.domain, start.function_space
    values = cell_values(start)
    seeds = cells_near(domain, points) & known.active
    wholly = known.active & (values.max(axis=1) < TOP * level)
    inner = component(domain, wholly | seeds, seeds)
    touched = make_region(domain, inner).dofs(space)[space.dofmap.list].any(axis=1)
    return np.asarray(inner | (known.active & touched & (values.min(axis=1) < level)))


def own_edge(known: Region, start: fem.Function, points: Array, level: float) -> float:
    """Lowest value on the edge of the known region next to one well, the part below a level.  Collective.

    Infinite if the well does not reach the edge.  Other wells may reach it far below that.
    """
    domain, space = known.domain, start.function_space
    own = make_region(domain, own_cells(known, start, points, level)).dofs(space)
    edge = edge_dofs(known, space)
    lowest = float(np.min(start.x.array[edge[own[edge]]], initial=np.inf))
    return float(domain.comm.allreduce(lowest, op=MPI.MIN))


def well_potential(  # noqa: PLR0913  (all of them are of one well)
    system: System,
    coefficients: Coefficients,
    start: fem.Function,
    index: int,
    expansion: Local,
    lowest_exit: float,
    epsilon: float,
    options: Options | None = None,
) -> WellPotential:
    """Solve the Hamilton–Jacobi equation in the well of one attractor.  Collective.

    Args:
        system: The system.
        coefficients: b, A on the region on which the start is known.
        start: Approximation of V, zero at the attractor.
        index: Number of the attractor.
        expansion: V near the attractor.
        lowest_exit: Barrier at the lowest pass out of the well (∞: none).
        epsilon: The lowest noise level from which the start was made.
        options: PETSc options for the linear solver.

    Raises:
        NotConverged: If the policy iteration fails.
    """
    known = coefficients.region
    top = min(lowest_exit, own_edge(known, start, expansion.points, lowest_exit))
    first = min(TOP * top, max(top - CLEARANCE * epsilon, 0.8 * top))
    solution = grow(system, start, known.active, expansion, first, TOP * top, options)
    return well_of(coefficients, index, expansion, solution)


def well_of(coefficients: Coefficients, index: int, expansion: Local, solution: Solution) -> WellPotential:
    """The valid part of a solution of the Hamilton–Jacobi equation.  Collective."""
    region = make_region(coefficients.domain, solution.cells)
    return trusted_below(
        WellPotential(
            index,
            solution.potential,
            solution.cells,
            solution.cells,
            np.inf,
            expansion,
            solution.iteration,
            coefficients.on(region),
        ),
        solution.iteration.converged_level,
    )


def trusted_below(well: WellPotential, level: float) -> WellPotential:
    """V of a well with its valid part cut down to a level.  Collective."""
    trusted = min(well.trusted_level, level)
    region = well.coefficients.region
    seeds = cells_near(region.domain, well.expansion.points)
    valid = region.active & (cell_values(well.potential).max(axis=1) <= trusted)
    valid = component(region.domain, valid | (seeds & region.active), seeds)
    return replace(well, valid=valid, trusted_level=trusted)
