"""Refinement where the residual is large."""

from dataclasses import replace

import numpy as np
import pytest
import sympy as sp
from dolfinx import fem
from mpi4py import MPI

from meshes.box import box
from solver.analysis.adaptivity import adapted, largest
from solver.analysis.stages import analyse
from solver.elements.discretisation import discretise
from solver.elements.region import cell_values
from solver.places.search import find_places
from tests.exact import X, Y, function, manufactured

COMM = MPI.COMM_WORLD
BOUNDS = [(-1.1, 1.1)] * 2
# a narrow hump on the slope of a quadratic well, with rotation
HUMP = X**2 + Y**2 + sp.exp(-((X - sp.Rational(1, 2)) ** 2 + Y**2) / sp.Rational(3, 100)) / 15
CASE = manufactured(HUMP, sp.eye(2), sp.Matrix([[0, -1], [1, 0]]))


def only_attractors():
    return replace(find_places(CASE, BOUNDS), passes=())


def solved(domain):
    """Largest error where V < 0.8, and the number of cells."""
    places = only_attractors()
    well = analyse(discretise(CASE, domain, 3), places, []).wells[0]
    exact, value = fem.Function(well.potential.function_space), function(HUMP, 2)
    exact.interpolate(lambda x: value(x[:2]))
    at = places.attractors[0].point
    level = cell_values(exact) - value(at[:, None])[0]
    there = well.valid & (level.max(axis=1) < 0.8)
    gap = np.abs(cell_values(well.potential) - level)[there]
    cells = domain.topology.index_map(2).size_global
    return COMM.allreduce(float(gap.max(initial=0.0)), op=MPI.MAX), cells


@pytest.mark.mpi
def test_a_hump_is_resolved_with_fewer_cells_than_by_equal_ones():
    coarse = box(COMM, BOUNDS, 24)
    before, _ = solved(coarse)
    after, cells = solved(adapted([CASE], coarse, only_attractors(), 3, 3))
    equal, number = solved(box(COMM, BOUNDS, 56))
    assert after < before / 20
    assert after < equal
    assert cells < number


@pytest.mark.mpi
def test_the_largest_entries_are_the_fewest_that_carry_the_part():
    values = 2.0 ** -np.arange(20.0)
    mine = np.array_split(np.random.default_rng(3).permutation(values), COMM.size)[COMM.rank]
    chosen = np.concatenate(COMM.allgather(mine[largest(mine, 0.9, COMM)]))
    # 1 + 1/2 + 1/4 + 1/8 of 2
    assert sorted(chosen) == [0.125, 0.25, 0.5, 1.0]
