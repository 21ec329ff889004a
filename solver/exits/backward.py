"""Exit from a region: mean exit times from the backward equation, for low barriers.

``T(x) = E_x[time of the first exit from D]`` solves

    b·∇T + (ε/2) A:∇∇T = −1 in D,      T = 0 on the absorbing part of ∂D,

with reflection on the rest; the weak form is that of :mod:`solver.fokker_planck.committor`.  The mesh must
follow the boundary of D (:mod:`meshes.star`, with curved cells): the time is of the order e^{V/ε}, V its
lowest value on ∂D, so a boundary displaced by δ changes log T by about |∇V| δ/ε.

The equation is solved as it stands, and its condition number is of the order of T: beyond
:data:`HIGHEST_LOG` use :mod:`solver.exits.flux`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import ufl
from dolfinx import fem, mesh
from mpi4py import MPI
from scipy.optimize import minimize

from solver.elements.assembly import assemble_matrix, assemble_unreduced, fixed_dofs, lift
from solver.elements.coefficients import Coefficients
from solver.elements.evaluate import Locator, evaluate
from solver.elements.free_rows import FactorisedFree
from solver.elements.integrals import rate_scale
from solver.elements.linear import Options
from solver.elements.region import Dofs, Region
from solver.errors import NotConverged
from solver.fokker_planck.committor import generator
from solver.system import Array, Field

HIGHEST_LOG = 14.0
"""Largest log of T over the relaxation time that a direct solution is trusted with."""

DIFFERENCE = 1e-7
"""Step of difference quotients along the boundary over the size of the region: finite elements have kinks."""


class TooRare(NotConverged):
    """An exit time beyond what the backward equation can be solved for in double precision."""


@dataclass(frozen=True)
class ExitTime:
    """Mean exit time of a region at one noise level.

    Attributes:
        epsilon: Noise level ε.
        mean: T at the starting point.
        log_mean: Its logarithm.
        log_relative: Logarithm of T over a relaxation time: about V/ε.
        field: T.
    """

    epsilon: float
    mean: float
    log_mean: float
    log_relative: float
    field: fem.Function


@dataclass(frozen=True)
class LowestExit:
    """Where a potential is lowest on the boundary of a region.

    Attributes:
        point: ``(d,)``.
        value: The potential there.
    """

    point: Array
    value: float


def absorbing_dofs(
    region: Region, space: fem.FunctionSpace, absorbs: Callable[[Array], Array] | None = None
) -> Dofs:
    """Dofs on the facets that bound the region.  Collective.

    Args:
        region: The region D.
        space: Lagrange space.
        absorbs: Which of the facets absorb, by their midpoints, ``(d, N) -> (N,)`` bool; default all.
    """
    facets = _facets(region)
    if absorbs is not None and len(facets):
        facets = facets[absorbs(facet_middles(region)).astype(bool)]
    facets = np.unique(facets)
    return np.asarray(
        fem.locate_dofs_topological(space, region.domain.topology.dim - 1, facets), dtype=np.int32
    )


def _facets(region: Region) -> Dofs:
    """Indices of the facets that bound a region, as its rows have them."""
    d = region.domain.topology.dim
    of_cell = region.domain.topology.connectivity(d, d - 1).array.reshape(-1, d + 1)
    return np.asarray(of_cell[region.facets[:, 0], region.facets[:, 1]], dtype=np.int32)


def facet_middles(region: Region) -> Array:
    """Midpoints of the corners of the facets that bound a region, ``(d, N)``, as its rows have them."""
    d = region.domain.geometry.dim
    corners = region.domain.geometry.x[_vertices(region.domain, _facets(region))][:, :, :d]
    return np.asarray(corners.mean(axis=1).T)


def _vertices(domain: mesh.Mesh, facets: Dofs) -> Array:
    """Geometry nodes of the vertices of facets, ``(n, d)``; those of curved facets have more nodes."""
    d = domain.topology.dim
    domain.topology.create_connectivity(d - 1, d)
    return np.asarray(mesh.entities_to_geometry(domain, d - 1, facets))[:, :d]


def mean_exit_time(
    coefficients: Coefficients,
    space: fem.FunctionSpace,
    epsilon: float,
    start: Array,
    locator: Locator,
    absorbing: Dofs | None = None,
    options: Options | None = None,
) -> ExitTime:
    """Mean time to the absorbing boundary of the region of the coefficients.  Collective.

    Args:
        coefficients: b, A, ∇·A on the region D.
        space: Lagrange space.
        epsilon: Noise level ε.
        start: Starting point ``(d,)``.
        locator: Search tree of the mesh.
        absorbing: Dofs on which T = 0; default the whole boundary of the region.
        options: PETSc options for the linear solver.

    Raises:
        ValueError: If the start does not lie in the mesh.
        TooRare: If T is not positive, or so large that rounding decides it.
        NotConverged: If the linear solve fails.
    """
    level = fem.Constant(coefficients.domain, float(epsilon))
    form = generator(coefficients, level, space)
    absorbing = absorbing_dofs(coefficients.region, space) if absorbing is None else absorbing
    fixed = fixed_dofs(coefficients.region, space, absorbing)
    matrix = assemble_matrix(form, coefficients.region, space, fixed)
    system = FactorisedFree(matrix, fixed, "exit time", options)
    rhs = assemble_unreduced(-ufl.TestFunction(space) * coefficients.dx)
    lift(rhs, form, fem.Function(space), fixed)
    field = fem.Function(space, name="mean_exit_time")
    owned = space.dofmap.index_map.size_local
    field.x.array[:owned] = system.solve(rhs)
    field.x.scatter_forward()
    mean = float(evaluate(field, np.asarray(start, dtype=float)[None], locator)[0, 0])
    if np.isnan(mean):
        raise ValueError(f"the start {np.asarray(start).tolist()} does not lie in the region")
    rate = rate_scale(coefficients)
    relative = float(np.log(mean * rate)) if mean > 0.0 else np.inf
    # a deep well elsewhere in the region spoils the time from here, too
    longest = coefficients.domain.comm.allreduce(float(np.max(np.abs(field.x.array))), op=MPI.MAX)
    if not max(relative, float(np.log(longest * rate))) < HIGHEST_LOG:
        raise TooRare(
            f"the mean exit time at epsilon = {epsilon:g} is beyond e^{HIGHEST_LOG:g} relaxation times: "
            "a direct solution is decided by rounding there"
        )
    return ExitTime(epsilon, mean, float(np.log(mean)), relative, field)


def lowest_on_boundary(potential: Field, level: Field, candidates: Array) -> LowestExit | None:
    """Minimum of a potential on ``{level = 0}``, polished from the best of some boundary points.

    The best candidate itself is wrong by the square of the distance of the candidates; it is the result
    where polishing does not lead below it, as on the edges of finite elements.

    Args:
        potential: ``(d, N) -> (N,)``, smooth; not a number where it is not known.
        level: g, ``(d, N) -> (N,)``, smooth, with non-zero gradient on the boundary.
        candidates: Points on the boundary, ``(d, N)``, dense enough to show every valley.

    Returns:
        None if the potential is known at none of the candidates.
    """
    values = potential(candidates)
    if not np.isfinite(values).any():
        return None
    best = int(np.nanargmin(values))
    start, lowest = candidates[:, best], float(values[best])

    size = float(np.ptp(candidates))
    if size == 0.0 or lowest == 0.0:  # one end of an interval; nothing is below zero
        return LowestExit(start, lowest)
    slope = size * float(np.linalg.norm(_gradient(level, start, DIFFERENCE * size)))

    # SciPy's tolerances are absolute: lengths, V and g are in units of their own
    def value(y: Array) -> float:
        here = float(potential((start + size * y)[:, None])[0]) / abs(lowest)
        return here if np.isfinite(here) else 3.0

    def constraint(y: Array) -> float:
        return float(level((start + size * y)[:, None])[0]) / slope

    options = {"ftol": 1e-15, "eps": DIFFERENCE}
    equal = {"type": "eq", "fun": constraint}
    found = minimize(value, np.zeros(len(start)), method="SLSQP", constraints=equal, options=options)
    # the candidates of a curved mesh are on the boundary up to rounding: a real minimum is not above them
    if abs(constraint(found.x)) <= 1e-8 and found.fun <= value(np.zeros(len(start))) + 1e-9:
        return LowestExit(start + size * found.x, float(found.fun) * abs(lowest))
    return LowestExit(start, lowest)


def _gradient(function: Field, x: Array, step: float) -> Array:
    shift = step * np.eye(len(x))
    return (
        np.array([(function((x + s)[:, None])[0] - function((x - s)[:, None])[0]) / 2 for s in shift]) / step
    )


def boundary_points(region: Region) -> Array:
    """Vertices on the facets that bound the region, ``(d, N)``, the same on all ranks.  Collective."""
    domain = region.domain
    d = domain.geometry.dim
    facets = np.unique(_facets(region))
    nodes = np.unique(_vertices(domain, facets).reshape(-1)) if len(facets) else np.zeros(0, dtype=int)
    return np.concatenate(domain.comm.allgather(domain.geometry.x[nodes, :d])).T
