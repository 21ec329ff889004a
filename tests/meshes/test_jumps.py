"""Meshes fitted to the jumps of a field."""

import numpy as np
import pytest
from dolfinx import fem
from mpi4py import MPI

from meshes.box import box
from meshes.jumps import cut_cells, fitted_to_jumps


def volumes(domain):
    dim = domain.geometry.dim
    owned = domain.topology.index_map(dim).size_local
    x = domain.geometry.x[domain.geometry.dofmap[:owned]][:, :, :dim]
    return x, np.abs(np.linalg.det(x[:, 1:] - x[:, :1]))


def cut(domain, field):
    """How many cells of all ranks have points well inside on both sides of a jump of the sign of a field."""
    x, _ = volumes(domain)
    dim = domain.geometry.dim
    inner = 0.998 * x + 0.002 * x.mean(axis=1, keepdims=True)
    signs = np.sign(field(inner.reshape(-1, dim).T)).reshape(len(x), dim + 1)
    mixed = (signs.min(axis=1) < signs.max(axis=1)).sum()
    return domain.comm.allreduce(int(mixed), op=MPI.SUM)


@pytest.mark.mpi
@pytest.mark.parametrize(
    ("bounds", "cells", "line"),
    [
        ([(-2.0, 2.1)], 17, lambda x: x[0] - 0.3),
        ([(-2.0, 2.1), (-1.0, 1.0)], 12, lambda x: x[0] - 0.3),
        ([(-1.0, 1.1), (-1.0, 1.0), (-1.0, 1.0)], 5, lambda x: x[0] - 0.07),
    ],
)
def test_no_cell_is_cut_by_a_straight_jump(bounds, cells, line):
    domain = box(MPI.COMM_WORLD, bounds, cells)
    assert cut(domain, line) > 0
    fitted = fitted_to_jumps(domain, lambda x: np.stack([np.sign(line(x)) + x[0] ** 2]))
    assert cut(fitted, line) == 0
    # it is a mesh of the same box, of the same topology
    sizes = [domain.comm.allreduce(float(volumes(one)[1].sum()), op=MPI.SUM) for one in (domain, fitted)]
    assert sizes[1] == pytest.approx(sizes[0], rel=1e-13)
    assert volumes(fitted)[1].min(initial=np.inf) > 0.0
    space = fem.functionspace(fitted, ("Lagrange", 2))
    assert (
        space.dofmap.index_map.size_global
        == fem.functionspace(domain, ("Lagrange", 2)).dofmap.index_map.size_global
    )


def test_cells_that_are_cut_all_the_same_are_small():
    domain = box(MPI.COMM_WORLD, [(-2.0, 2.1), (-1.0, 1.0)], 12)

    def field(x):
        return np.stack([np.sign(x[0] + 0.4 * x[1] - 0.35), x[0]])

    areas = []
    for refinements in (0, 3):
        fitted = fitted_to_jumps(domain, field, refinements)
        area = float(volumes(fitted)[1][cut_cells(fitted, field)].sum())
        areas.append(domain.comm.allreduce(area, op=MPI.SUM))
    first = float(volumes(domain)[1][cut_cells(domain, field)].sum())
    assert areas[0] < 0.8 * domain.comm.allreduce(first, op=MPI.SUM)
    assert areas[1] < 0.25 * areas[0]


def test_smooth_fields_move_nothing():
    domain = box(MPI.COMM_WORLD, [(-2.0, 2.1), (-1.0, 1.0)], 8)
    assert fitted_to_jumps(domain, lambda x: np.stack([x[0] ** 3 - x[0], np.abs(x[1])])) is domain
