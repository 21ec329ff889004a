"""Fields for output: what was solved for, with NaN wherever it is no result."""

from __future__ import annotations

import itertools
from collections.abc import Sequence

import numpy as np
import ufl
from dolfinx import fem

from solver.analysis.adaptivity import residual_squares
from solver.analysis.noise_levels import Level
from solver.analysis.stages import Analysis
from solver.elements.evaluate import evaluate
from solver.elements.region import Mask, make_region
from solver.fokker_planck.density_check import log_density
from solver.fokker_planck.reactive_current import reactive_current
from solver.hamilton_jacobi.jet import JetSolution
from solver.hamilton_jacobi.well import trusted_part
from solver.system import Array


def _masked(function: fem.Function, name: str, keep: Mask, values: Array) -> fem.Function:
    result = fem.Function(function.function_space, name=name)
    result.x.array[:] = np.where(keep, values, np.nan)
    return result


def stitched_field(analysis: Analysis) -> fem.Function:
    """``V = min_k (w_k + V_k)``, NaN where no V_k is valid.  Collective."""
    fields = [trusted_part(well) for well in analysis.wells]
    total = np.array([w + field.x.array for w, field in zip(analysis.weights, fields, strict=True)])
    covered = ~np.isnan(total).all(axis=0)
    values = np.where(covered, np.nanmin(np.where(covered, total, 0.0), axis=0), np.nan)
    return _masked(fields[0], "V", covered, values)


def whole_potential(analysis: Analysis, index: int) -> tuple[fem.Function, Array]:
    """V of one attractor wherever it is known, and its estimated error where the jet scheme gives it.

    In the valid part the finite-element solution, beyond it that of a finer mesh or of the jet scheme
    (:mod:`solver.hamilton_jacobi.jet`), NaN where there is none.  The errors are NaN elsewhere.  Collective.
    """
    well = analysis.wells[index]
    result = trusted_part(well)
    values = result.x.array
    x = result.function_space.tabulate_dof_coordinates()[:, : result.function_space.mesh.geometry.dim]
    if well.fine is not None:
        comm = result.function_space.mesh.comm
        parts = comm.allgather(x)
        first = sum(len(part) for part in parts[: comm.rank])
        finer = evaluate(trusted_part(well.fine), np.concatenate(parts))[first : first + len(x), 0]
        values[:] = np.where(np.isnan(values), finer, values)
    errors = np.full(values.size, np.nan)
    jet = analysis.jets[index] if analysis.jets else None
    if isinstance(jet, JetSolution):
        missing = np.isnan(values)
        valid = jet.valid(x[missing].T)
        values[missing] = np.where(valid, jet(x[missing].T), np.nan)
        errors[missing] = np.where(valid, jet.error(x[missing].T), np.nan)
    return result, errors


def whole_field(
    analysis: Analysis, wholes: Sequence[tuple[fem.Function, Array]]
) -> tuple[fem.Function, fem.Function]:
    """``V = min_k (w_k + V_k)`` on the whole domain, and its estimated error.  Collective.

    Where a finite-element solution is valid V is made of those, with no estimate (NaN) here.

    Args:
        analysis: The valid parts of all V_k, and their weights.
        wholes: V of every attractor and its error, of :func:`whole_potential`.
    """
    field = stitched_field(analysis)
    error = fem.Function(field.function_space, name="V_error")
    error.x.array[:] = np.nan
    total = np.array([w + one.x.array for w, (one, _) in zip(analysis.weights, wholes, strict=True)])
    missing = np.isnan(field.x.array) & ~np.isnan(total).all(axis=0)
    least = np.argmin(np.where(np.isnan(total), np.inf, total), axis=0)[missing]
    field.x.array[missing] = total[:, missing][least, np.arange(least.size)]
    errors = np.array([one for _, one in wholes])
    error.x.array[missing] = errors[:, missing][least, np.arange(least.size)]
    return field, error


def gradient_field(analysis: Analysis) -> fem.Function:
    """∇V of the wells at the nodes of their valid regions, NaN elsewhere.  Collective."""
    space = analysis.gauge.function_space
    domain = space.mesh
    d = domain.geometry.dim
    vector = fem.functionspace(domain, ("Lagrange", space.ufl_element().degree, (d,)))
    points = vector.element.interpolation_points
    points = points() if callable(points) else points
    result = fem.Function(vector, name="grad_V")
    known = np.zeros(vector.dofmap.index_map.size_local + vector.dofmap.index_map.num_ghosts, dtype=bool)
    for well in analysis.wells:
        expression = fem.Expression(ufl.grad(well.potential), points)
        cells = np.flatnonzero(well.smooth).astype(np.int32)
        piece = fem.Function(vector)
        piece.interpolate(expression, cells)
        piece.x.scatter_forward()
        mine = make_region(domain, well.smooth).dofs(space) & ~known
        result.x.array.reshape(-1, d)[mine] = piece.x.array.reshape(-1, d)[mine]
        known |= mine
    result.x.array.reshape(-1, d)[~known] = np.nan
    return result


def indicator(analysis: Analysis) -> tuple[Array, Array]:
    """Per owned cell: the residual indicator of V and the validity mask (1 or 0).  Collective.

    The indicator is the root mean square over the cell of ``H(x, ∇V)`` relative to the mean of
    ``½∇VᵀA∇V`` in the valid part of the well; NaN outside the valid regions.
    """
    domain = analysis.gauge.function_space.mesh
    owned = domain.topology.index_map(domain.topology.dim).size_local
    result, valid = np.full(owned, np.nan), np.zeros(owned)
    for well in analysis.wells:
        squares, volumes = residual_squares(well, well.smooth)
        mine = well.smooth[:owned]
        result[mine] = np.sqrt(squares[mine] / volumes[mine])
        valid[mine] = 1.0
    return result, valid


def log_density_field(level: Level) -> fem.Function:
    """``log p = log q − W/ε − log ∫``, NaN at the edge of the region and where q ≤ 0.  Collective."""
    state = level.state
    values = log_density(state)
    keep = state.coefficients.region.dofs(state.gauge.function_space) & np.isfinite(values)
    if state.coefficients.fade is not None:
        keep &= state.gauge.x.array <= state.coefficients.fade.full
    return _masked(state.gauge, f"log_density_eps{state.epsilon:g}", keep, values)


def log_density_error_field(level: Level) -> fem.Function | None:
    """By how much log p changes with its gauge, an error estimate; None where there is none."""
    if level.log_density_change is None:
        return None
    gauge, keep = level.state.gauge, np.isfinite(level.log_density_change)
    return _masked(gauge, f"log_density_error_eps{level.state.epsilon:g}", keep, level.log_density_change)


def density_field(log_density: fem.Function, epsilon: float) -> fem.Function:
    """p from log p; zero where p was not computed because it is negligible."""
    result = fem.Function(log_density.function_space, name=f"density_eps{epsilon:g}")
    result.x.array[:] = np.nan_to_num(np.exp(log_density.x.array), nan=0.0)
    return result


def transition_fields(level: Level) -> dict[str, fem.Function]:
    """Committors and currents (:mod:`solver.fokker_planck.reactive_current`) of one level.  Collective."""
    state = level.state
    if state.rates is None:
        return {}
    inside = state.coefficients.region.dofs(state.gauge.function_space)
    names = {k: f"committor_eps{state.epsilon:g}_{k}" for k in range(len(state.committors))}
    fields = {
        name: _masked(state.committors[k], name, inside, state.committors[k].x.array)
        for k, name in names.items()
    }
    for start, end in itertools.permutations(names, 2):
        current = reactive_current(state, start, end)
        if current is not None:
            fields[current.name] = current
    return fields


def output_fields(analysis: Analysis) -> dict[str, fem.Function]:
    """All point fields of one noise by their names in the output.  Collective."""
    wholes = [whole_potential(analysis, k) for k in range(len(analysis.wells))]
    whole, error = whole_field(analysis, wholes)
    fields = {
        "V": whole,
        "V_error": error,
        "grad_V": gradient_field(analysis),
        "drift": analysis.coefficients.drift_nodal,
        "diffusion": analysis.coefficients.diffusion_nodal,
    }
    fields |= {f"V_{k}": one for k, (one, _) in enumerate(wholes)}
    for epsilon, level in analysis.levels.items():
        log_density = log_density_field(level)
        fields[f"log_density_eps{epsilon:g}"] = log_density
        fields[f"density_eps{epsilon:g}"] = density_field(log_density, epsilon)
        if (error := log_density_error_field(level)) is not None:
            fields[error.name] = error
        fields |= transition_fields(level)
    return fields
