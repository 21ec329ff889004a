"""Matrices and vectors of forms that live on a region, with the other degrees of freedom held fixed."""

from __future__ import annotations

import numpy as np
import ufl
from dolfinx import fem
from dolfinx.fem import petsc as fem_petsc
from numpy.typing import NDArray
from petsc4py import PETSc

from solver.region import Region

Dofs = NDArray[np.int32]


def fixed_dofs(region: Region, space: fem.FunctionSpace, *more: Dofs) -> Dofs:
    """Local dofs outside the region, and any others that are to be held fixed.  Collective."""
    outside = np.flatnonzero(~region.dofs(space)).astype(np.int32)
    return np.unique(np.concatenate([outside, *more])).astype(np.int32)


def assemble_matrix(form: ufl.Form, region: Region, space: fem.FunctionSpace, fixed: Dofs) -> PETSc.Mat:
    """Assemble a bilinear form over a region, with unit rows for the fixed dofs.  Collective."""
    u, v = ufl.TrialFunction(space), ufl.TestFunction(space)
    # the cells outside must be visited for the diagonal of their dofs to be in the sparsity pattern
    nothing = fem.Constant(region.domain, 0.0)
    placeholder = nothing * ufl.inner(u, v) * region.dx_outside({"quadrature_degree": 0})
    matrix = fem_petsc.assemble_matrix(
        fem.form(form + placeholder), bcs=[fem.dirichletbc(fem.Function(space), fixed)]
    )
    matrix.assemble()
    return matrix


def assemble_unreduced(form: ufl.Form) -> PETSc.Vec:
    """Assemble a linear form for :func:`lift`, which adds up the contributions of the ranks.  Collective."""
    return fem_petsc.assemble_vector(fem.form(form))


def assemble_vector(form: ufl.Form) -> PETSc.Vec:
    """Assemble a linear form, contributions of all ranks added.  Collective."""
    vector = assemble_unreduced(form)
    vector.ghostUpdate(addv=PETSc.InsertMode.ADD, mode=PETSc.ScatterMode.REVERSE)
    return vector


def lift(rhs: PETSc.Vec, bilinear: ufl.Form, values: fem.Function, fixed: Dofs) -> None:
    """Subtract the columns of the fixed dofs times their values, and set the values.  Collective."""
    boundary = fem.dirichletbc(values, fixed)
    fem_petsc.apply_lifting(rhs, [fem.form(bilinear)], bcs=[[boundary]])
    rhs.ghostUpdate(addv=PETSc.InsertMode.ADD, mode=PETSc.ScatterMode.REVERSE)
    fem_petsc.set_bc(rhs, [boundary])
