import itertools
import math

import numpy as np
import pytest
import ufl
from dolfinx import fem
from mpi4py import MPI

from meshes.box import box, cells_per_side
from meshes.refine import cell_diameters, cell_sizes, graded, refined_below
from solver.elements.evaluate import bounding_box

BOUNDS = [(-1.0, 2.0), (0.5, 1.5), (-3.0, -2.25)]


def volume(domain):
    total = fem.assemble_scalar(fem.form(fem.Constant(domain, 1.0) * ufl.dx))
    return domain.comm.allreduce(total, op=MPI.SUM)


def cells(domain):
    return domain.topology.index_map(domain.topology.dim).size_global


@pytest.mark.mpi
@pytest.mark.parametrize("dim", [1, 2, 3])
def test_box_has_its_volume_and_cells(dim):
    bounds = BOUNDS[:dim]
    domain = box(MPI.COMM_WORLD, bounds, 12)
    assert volume(domain) == pytest.approx(math.prod(b - a for a, b in bounds), rel=1e-13)
    counts = [12, 4, 3][:dim]
    assert cells_per_side(bounds, 12) == counts
    assert cells(domain) == math.prod(counts) * math.factorial(dim)
    np.testing.assert_allclose(np.transpose(bounding_box(domain)), bounds, atol=1e-14)


def test_box_of_four_sides_is_refused():
    with pytest.raises(ValueError, match="1 to 3 sides"):
        box(MPI.COMM_SELF, [(0.0, 1.0)] * 4, 4)


def test_box_of_one_cell():
    assert cells_per_side([(0.0, 1.0), (0.0, 0.1)], 3) == [3, 1]
    # units of their own
    assert cells_per_side([(0.0, 1e5), (0.0, 1.0)], 64) == [64, 8]
    assert cells_per_side([(0.0, 1.0), (0.0, 0.01)], 3) == [3, 3]


@pytest.mark.mpi
@pytest.mark.parametrize(("dim", "size"), [(1, 1e-3), (2, 5e-3), (3, 5e-2)])
def test_graded_mesh_is_fine_at_the_point_and_coarse_far_off(dim, size):
    comm = MPI.COMM_WORLD
    coarse = box(comm, [(-1.0, 1.0)] * dim, 6)
    point = np.array([0.3, -0.2, 0.1][:dim])
    domain = graded(coarse, [point], [size])
    assert volume(domain) == pytest.approx(2.0**dim, rel=1e-12)
    diameters = cell_sizes(domain)
    corners = domain.geometry.x[domain.geometry.dofmap[: len(diameters)], :dim]
    distance = np.linalg.norm(corners - point, axis=-1)
    nearest, farthest = distance.min(axis=1), distance.max(axis=1)
    # what grading promises, for all cells: no larger than the size, or than half the distance (in space: all)
    reach = 1.0 if dim == 3 else 0.5
    assert (diameters <= np.maximum(size, reach * nearest) * (1 + 1e-12)).all()
    finest = comm.allreduce(diameters.min(initial=np.inf), op=MPI.MIN)
    assert 0.25 * size < finest <= size
    # far off, no cell is much finer than asked for or than the coarse mesh
    far = farthest > 0.5
    assert comm.allreduce(int(far.any()), op=MPI.MAX) == 1
    assert comm.allreduce(diameters[far].min(initial=np.inf), op=MPI.MIN) > 0.04
    assert cells(domain) < 150 * cells(coarse)


@pytest.mark.mpi
def test_grading_leaves_a_fine_mesh_alone():
    domain = box(MPI.COMM_WORLD, [(0.0, 1.0), (0.0, 1.0)], 8)
    assert graded(domain, [np.array([0.5, 0.5])], [1.0]) is domain


@pytest.mark.mpi
@pytest.mark.parametrize(("dim", "size"), [(1, 0.02), (2, 0.05), (3, 0.12)])
def test_refined_below_is_fine_where_the_function_is_low_and_there_alone(dim, size):
    comm = MPI.COMM_WORLD
    coarse = box(comm, [(-1.0, 1.0)] * dim, 8)

    def height(x):
        return np.sum((x - 0.3) ** 2, axis=0)

    domain = refined_below(coarse, height, 0.1, size)
    assert volume(domain) == pytest.approx(2.0**dim, rel=1e-12)
    sizes = cell_sizes(domain)
    corners = domain.geometry.x[domain.geometry.dofmap[: len(sizes)], :dim]
    low = height(corners.reshape(-1, dim).T).reshape(len(sizes), -1).min(axis=1) < 0.1
    assert comm.allreduce(int(low.sum()), op=MPI.SUM) > 10
    assert (sizes[low] <= size * (1 + 1e-12)).all()
    # what is far away is as it was
    far = np.linalg.norm(corners - 0.3, axis=-1).min(axis=1) > 0.8
    assert (sizes[far] > 0.4 * cell_sizes(coarse).max(initial=0.0)).all()
    assert comm.allreduce(int(far.any()), op=MPI.MAX) == 1
    assert refined_below(domain, height, 0.1, size) is domain


@pytest.mark.mpi
def test_graded_mesh_is_conforming():
    # piecewise linear functions see a hanging node: the integral of the flux of a linear field over all
    # facets of cells vanishes, interior facets cancelling in pairs
    domain = graded(box(MPI.COMM_WORLD, [(0.0, 1.0)] * 2, 4), [np.array([0.4, 0.6])], [0.02])
    topology = domain.topology
    topology.create_connectivity(1, 2)
    owned = topology.index_map(1).size_local
    neighbours = np.diff(topology.connectivity(1, 2).offsets)[:owned]
    boundary = MPI.COMM_WORLD.allreduce(int((neighbours == 1).sum()), op=MPI.SUM)
    length = fem.assemble_scalar(fem.form(fem.Constant(domain, 1.0) * ufl.ds))
    assert MPI.COMM_WORLD.allreduce(length, op=MPI.SUM) == pytest.approx(4.0, rel=1e-12)
    # Euler: vertices − edges + cells = 1
    topology.create_connectivity(2, 1)
    counts = [topology.index_map(d).size_global for d in range(3)]
    assert counts[0] - counts[1] + counts[2] == 1
    assert boundary >= 16


def test_alternating_diagonals():
    domain = box(MPI.COMM_SELF, [(0.0, 1.0), (0.0, 1.0)], 4)
    corners = domain.geometry.x[domain.geometry.dofmap]
    pairs = [list(itertools.combinations(cell, 2)) for cell in corners]
    long_edges = [max(p, key=lambda ends: np.linalg.norm(ends[0] - ends[1])) for p in pairs]
    slopes = [np.sign((b - a)[0] * (b - a)[1]) for a, b in long_edges]
    assert slopes.count(1.0) == slopes.count(-1.0) == 16


def test_sizes_of_cells():
    """In the plane the longest edge, in space the edge of a regular tetrahedron of the same volume."""
    plane, space = box(MPI.COMM_SELF, [(-1.0, 1.0)] * 2, 6), box(MPI.COMM_SELF, [(-1.0, 1.0)] * 3, 6)
    np.testing.assert_allclose(cell_sizes(plane), np.sqrt(2) / 3)
    np.testing.assert_allclose(cell_sizes(plane), cell_diameters(plane))
    np.testing.assert_allclose(cell_sizes(space), 2 ** (1 / 6) / 3)  # a cube of side 1/3 cut into six
    np.testing.assert_allclose(cell_diameters(space), np.sqrt(3) / 3)
    # 185 410 cells, judged by longest edges and doubling over two cells
    domain = graded(space, [np.array([0.3, -0.2, 0.1])], [0.02])
    assert cells(domain) < 40_000
