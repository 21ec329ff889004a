"""A system on a mesh with elements of one degree: made once, and shared by all that is solved on it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
from dolfinx import fem, mesh
from mpi4py import MPI

from solver.elements.coefficients import Coefficients, coefficients
from solver.elements.evaluate import Locator, bounding_box
from solver.elements.linear import Options
from solver.system import System


@dataclass(frozen=True)
class Discretisation:
    """Everything that does not change while one system is solved for.

    Attributes:
        system: Drift and diffusion.
        coefficients: b, A, ∇·A on the whole mesh.
        space: The Lagrange space of all scalar fields.
        locator: Search tree of the mesh.
        options: PETSc options of the linear solvers.
    """

    system: System
    coefficients: Coefficients
    space: fem.FunctionSpace
    locator: Locator
    options: Options | None = None

    @property
    def domain(self) -> mesh.Mesh:
        """The mesh."""
        return self.space.mesh

    @property
    def comm(self) -> MPI.Comm:
        """The ranks that share it."""
        return self.space.mesh.comm

    @property
    def degree(self) -> int:
        """Degree of the elements."""
        return int(self.space.ufl_element().degree)

    @cached_property
    def cell_size(self) -> float:
        """Edge length of a mesh of as many equal cells on the box.  Collective when first asked for."""
        low, high = bounding_box(self.domain)
        count = self.domain.topology.index_map(self.domain.topology.dim).size_global
        return float((float(np.prod(high - low)) / count) ** (1.0 / self.domain.geometry.dim))

    def under(self, system: System) -> Discretisation:
        """Another system on the same mesh, with the same space and search tree.  Collective."""
        return replace(self, system=system, coefficients=coefficients(self.domain, system, self.degree))


def discretise(
    system: System, domain: mesh.Mesh, degree: int, options: Options | None = None
) -> Discretisation:
    """Put a system on a mesh.  Collective.

    Args:
        system: The system.
        domain: The mesh.
        degree: Degree of the elements.
        options: PETSc options of the linear solvers.
    """
    known = coefficients(domain, system, degree)
    return Discretisation(
        system, known, fem.functionspace(domain, ("Lagrange", degree)), Locator(domain), options
    )
