"""Matrices and vectors of forms that live on a region, with the other degrees of freedom held fixed."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import ufl
from dolfinx import fem
from dolfinx.fem import petsc as fem_petsc
from petsc4py import PETSc

from solver.elements.region import Dofs, Region


def fixed_dofs(region: Region, space: fem.FunctionSpace, *more: Dofs) -> Dofs:
    """Local dofs outside the region, and any others that are to be held fixed.  Collective."""
    outside = np.flatnonzero(~region.dofs(space)).astype(np.int32)
    return np.unique(np.concatenate([outside, *more])).astype(np.int32)


def assemble_matrix(form: ufl.Form, region: Region, space: fem.FunctionSpace, fixed: Dofs) -> PETSc.Mat:
    """Assemble a bilinear form over a region, with unit rows for the fixed dofs.  Collective."""
    matrix = fem_petsc.assemble_matrix(
        fem.form(form + _outside(region, space)), bcs=[fem.dirichletbc(fem.Function(space), fixed)]
    )
    matrix.assemble()
    return matrix


def _outside(region: Region, space: fem.FunctionSpace) -> ufl.Form:
    """Zero, from the cells outside: the diagonal of their dofs must be in the sparsity pattern."""
    u, v = ufl.TrialFunction(space), ufl.TestFunction(space)
    nothing = fem.Constant(region.domain, 0.0)
    return nothing * ufl.inner(u, v) * region.dx_outside({"quadrature_degree": 0})


@dataclass(frozen=True)
class Repeated:
    """A linear problem that is assembled many times while the functions in its forms change.

    Attributes:
        matrix: Filled by :func:`reassemble`.
        forms: The bilinear form with and without the entries outside the region, and the linear form.
        boundary: The dofs that are held fixed, at values that may change, too.
    """

    matrix: PETSc.Mat
    forms: tuple[fem.Form, fem.Form, fem.Form]
    boundary: fem.DirichletBC


def repeated(left: ufl.Form, right: ufl.Form, region: Region, values: fem.Function, fixed: Dofs) -> Repeated:
    """Compile the forms ``left = right`` over a region, with these dofs fixed to the values.  Collective."""
    complete = fem.form(left + _outside(region, values.function_space))
    boundary = fem.dirichletbc(values, fixed)
    return Repeated(fem_petsc.create_matrix(complete), (complete, fem.form(left), fem.form(right)), boundary)


def reassemble(problem: Repeated) -> PETSc.Vec:
    """Fill the matrix, and return the right-hand side.  Collective."""
    complete, left, right = problem.forms
    problem.matrix.zeroEntries()
    fem_petsc.assemble_matrix(problem.matrix, complete, bcs=[problem.boundary])
    problem.matrix.assemble()
    rhs = fem_petsc.assemble_vector(right)
    fem_petsc.apply_lifting(rhs, [left], bcs=[[problem.boundary]])
    rhs.ghostUpdate(addv=PETSc.InsertMode.ADD, mode=PETSc.ScatterMode.REVERSE)
    fem_petsc.set_bc(rhs, [problem.boundary])
    return rhs


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
