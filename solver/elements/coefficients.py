"""Drift and diffusion at the quadrature points of a mesh.

All forms of the solver take b, A and ∇·A as functions on a quadrature element: the NumPy functions of
the :class:`~solver.system.System` evaluated once at every quadrature point.  The value used in an
integral is then exact, whatever b and A are made of, and the compiled kernels are the same for every
problem (no form is compiled anew for a new landscape).
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Any

import basix.ufl
import numpy as np
import ufl
from dolfinx import fem, mesh
from mpi4py import MPI
from numpy.typing import NDArray

from meshes.form_cache import share
from solver.elements.fading import Fade
from solver.elements.region import Region, whole
from solver.system import Array, Field, System

Cells = NDArray[np.int32]

# a speed below this part of the highest is rounding where b and A∇V cancel
STILL = 1e-10


@dataclass(frozen=True)
class Coefficients:
    """b, A, ∇·A as UFL coefficients on a region of a mesh, with the measures to integrate them.

    Attributes:
        region: The cells in which equations are solved.
        drift, diffusion, divergence: On the quadrature element; for volume integrals over ``dx``.
        drift_nodal, diffusion_nodal: Lagrange interpolants, for integrals over the boundary ``ds``.
        quadrature_degree: Degree of the rule.
        still: A constant of forms: a squared speed that is none, (10⁻¹⁰ max|b|)²; it keeps quotients finite
            where a velocity vanishes.
        fade: Levels of the gauge between which the drift of the gauge form fades out below the edge of the
            region (:mod:`solver.elements.fading`).
    """

    region: Region
    drift: fem.Function
    diffusion: fem.Function
    divergence: fem.Function
    drift_nodal: fem.Function
    diffusion_nodal: fem.Function
    quadrature_degree: int
    still: fem.Constant
    fade: Fade | None = None

    @property
    def domain(self) -> mesh.Mesh:
        """The mesh."""
        return self.region.domain

    @property
    def dx(self) -> ufl.Measure:
        """The volume measure of the region with the quadrature rule of the coefficients."""
        return self.region.dx(self.metadata)

    @property
    def ds(self) -> ufl.Measure:
        """The measure of the outer boundary of the region."""
        return self.region.ds({"quadrature_degree": self.quadrature_degree})

    @property
    def metadata(self) -> dict[str, Any]:
        """Form metadata that selects the quadrature rule of the coefficients."""
        return {"quadrature_degree": self.quadrature_degree, "quadrature_rule": "default"}

    def on(self, region: Region, fade: Fade | None = None) -> Coefficients:
        """The same coefficients on another region of the same mesh."""
        return replace(self, region=region, fade=fade)


def all_cells(domain: mesh.Mesh) -> Cells:
    """The local cells, ghosts last."""
    cell_map = domain.topology.index_map(domain.topology.dim)
    return np.arange(cell_map.size_local + cell_map.num_ghosts, dtype=np.int32)


def quadrature_points(domain: mesh.Mesh, degree: int, cells: Cells | None = None) -> Array:
    """Points of the default rule of this degree in the given local cells (or all), ``(d, cells·points)``."""
    element = basix.ufl.quadrature_element(domain.basix_cell(), degree=degree)
    reference = element.custom_quadrature()[0]
    expression = fem.Expression(ufl.SpatialCoordinate(domain), reference)
    values = expression.eval(domain, all_cells(domain) if cells is None else cells)
    return np.ascontiguousarray(values.reshape(-1, domain.geometry.dim).T)


def quadrature_function(
    domain: mesh.Mesh, degree: int, values: Array, cells: Cells | None = None
) -> fem.Function:
    """A quadrature-element function with values ``(*shape, cells·points)`` in these cells, zero elsewhere."""
    shape = values.shape[:-1]
    element = basix.ufl.quadrature_element(domain.basix_cell(), value_shape=shape, degree=degree)
    function = fem.Function(fem.functionspace(domain, element))
    data = np.moveaxis(values, -1, 0).reshape(values.shape[-1], math.prod(shape))
    # one scalar "dof" per quadrature point, numbered cell by cell through the dofmap
    dofs = function.function_space.dofmap.list[all_cells(domain) if cells is None else cells].reshape(-1)
    function.x.array.reshape(-1, data.shape[1])[dofs] = data
    return function


def nodal_function(
    domain: mesh.Mesh, degree: int, field: Field, shape: tuple[int, ...], cells: Cells
) -> fem.Function:
    """Lagrange interpolant in these cells of a NumPy function with values ``(*shape, N)``."""
    space = fem.functionspace(domain, ("Lagrange", degree, shape))
    function = fem.Function(space)
    dim = domain.geometry.dim
    function.interpolate(lambda x: field(x[:dim]).reshape(math.prod(shape), x.shape[1]), cells)
    function.x.scatter_forward()
    return function


def coefficients(
    domain: mesh.Mesh, system: System, degree: int, region: Region | None = None
) -> Coefficients:
    """Evaluate b, A and ∇·A for elements of this degree.  Collective.

    The volume rule is exact for polynomials of degree ``2·degree + 2``.

    Args:
        domain: A mesh whose geometric dimension is ``system.dim``.
        system: The system.
        degree: Degree of the elements that the coefficients will be used with.
        region: The cells of the mesh in which they are needed (default: all).
    """
    share()
    quadrature_degree = 2 * degree + 2
    region = region or whole(domain)
    cells = np.flatnonzero(region.active).astype(np.int32)
    x = quadrature_points(domain, quadrature_degree, cells)
    d = system.dim
    drift = system.drift(x)
    return Coefficients(
        region=region,
        drift=quadrature_function(domain, quadrature_degree, drift, cells),
        diffusion=quadrature_function(domain, quadrature_degree, system.diffusion(x), cells),
        divergence=quadrature_function(domain, quadrature_degree, system.divergence(x), cells),
        drift_nodal=nodal_function(domain, degree, system.drift, (d,), cells),
        diffusion_nodal=nodal_function(domain, degree, system.diffusion, (d, d), cells),
        quadrature_degree=quadrature_degree,
        still=fem.Constant(domain, _still(domain.comm, drift)),
    )


def _still(comm: MPI.Comm, drift: Array) -> float:
    """``(10⁻¹⁰ max|b|)²`` over the points of all ranks; tiny where b vanishes.  Collective."""
    fastest = float(np.max(np.sum(drift**2, axis=0), initial=0.0))
    return max(STILL**2 * comm.allreduce(fastest, op=MPI.MAX), np.finfo(float).tiny)
