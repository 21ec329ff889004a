"""Fields written by all ranks come back, at any point, to rounding."""

from __future__ import annotations

from pathlib import Path

import basix.ufl
import h5py
import numpy as np
import pytest
from dolfinx import fem, mesh
from mpi4py import MPI

from solver.output.probe import fields, probe, sample
from solver.output.vtkhdf import OnSubmesh, write_vtkhdf
from tests.output.common import CELLS, COMM, make_mesh, polynomial, random_points

CASES = [(cell, degree) for cell in CELLS for degree in (1, 2, 3, 4)]


def make_function(domain, degree, shape, function):
    space = fem.functionspace(domain, ("Lagrange", degree, shape) if shape else ("Lagrange", degree))
    u = fem.Function(space)
    u.interpolate(function)
    return u


@pytest.mark.mpi
@pytest.mark.parametrize(("cell", "degree"), CASES)
def test_round_trip(cell, degree, shared_tmp_path):
    domain = make_mesh(cell)
    dim, low = domain.geometry.dim, max(degree - 1, 1)

    def scalar(x):
        return polynomial(degree, dim, x)

    def vector(x):
        return np.array([(i + 1) * polynomial(low, dim, x) + x[i] for i in range(dim)])

    def tensor(x):
        return np.array([[(i + 1) * x[j] + j for j in range(dim)] for i in range(dim)])

    path = shared_tmp_path / "fields.vtkhdf"
    write_vtkhdf(
        path,
        domain,
        {
            "u": make_function(domain, degree, (), scalar),
            "w": make_function(domain, low, (dim,), vector),
            "T": make_function(domain, 1, (dim, dim), lambda x: tensor(x).reshape(dim * dim, -1)),
            "sampled": tensor,
        },
        degree,
        cell_fields={"one": fem.Function(fem.functionspace(domain, ("DG", 0)))},
        attributes={"title": "test"},
        field_attributes={"u": {"epsilon": 0.1}},
    )

    if COMM.rank == 0:
        points = random_points(dim)
        assert set(fields(path)) == {"u", "w", "T", "sampled", "one"}
        for name, exact in (("u", scalar), ("w", vector), ("T", tensor), ("sampled", tensor)):
            expected = np.moveaxis(exact(points.T), -1, 0)
            got = np.array(probe(path, name, points))
            assert np.abs(got - expected).max() < 1e-12 * max(1.0, np.abs(expected).max())
        with h5py.File(path) as file:
            assert file["VTKHDF"].attrs["title"] == "test"
            assert file["VTKHDF/PointData/u"].attrs["epsilon"] == 0.1
            cells = domain.topology.index_map(dim).size_global
            assert len(file["VTKHDF/Offsets"]) == cells + 1


@pytest.mark.mpi
def test_ranks_without_cells(shared_tmp_path):
    """More ranks than cells: empty blocks must not hang the write."""
    domain = mesh.create_interval(COMM, 1, [0.0, 1.0])
    path = shared_tmp_path / "one.vtkhdf"
    write_vtkhdf(path, domain, {"x": lambda x: x[0]}, 2)
    if COMM.rank == 0:
        np.testing.assert_allclose(probe(path, "x", np.array([[0.3]])), 0.3)


@pytest.mark.mpi
def test_invalid_region_does_not_spoil_its_neighbours(shared_tmp_path):
    """NaN in one cell leaves the exact values in the next, whatever rank owns the shared nodes."""
    domain = make_mesh("triangle", size=6)
    u = make_function(domain, 3, (), lambda x: polynomial(3, 2, x))
    coordinates = u.function_space.tabulate_dof_coordinates()
    u.x.array[coordinates[:, 0] > 1e-9] = np.nan
    path = shared_tmp_path / "nan.vtkhdf"
    write_vtkhdf(path, domain, {"u": u}, 4)

    if COMM.rank == 0:
        points = random_points(2, 300)
        points = np.vstack([points, [[0.0, 0.123], [0.0, 1.7], [-1e-13, 0.5]]])
        values = sample(path, "u", points)
        left = points[:, 0] <= 0
        assert np.isnan(values[~left]).all()
        assert np.abs(values[left] - polynomial(3, 2, points[left].T)).max() < 1e-12
        assert probe(path, "u", np.array([[0.5, 0.5]])) == [None]


@pytest.mark.mpi
def test_submesh(shared_tmp_path):
    domain = make_mesh("triangle", size=6)
    cells = mesh.locate_entities(domain, 2, lambda x: x[0] <= 1e-9)
    sub, parents, *_ = mesh.create_submesh(domain, 2, cells)
    if hasattr(parents, "sub_topology_to_topology"):  # an EntityMap since DOLFINx 0.10
        local = sub.topology.index_map(2)
        count = local.size_local + local.num_ghosts
        parents = parents.sub_topology_to_topology(np.arange(count, dtype=np.int32), inverse=False)
    u = make_function(sub, 3, (), lambda x: polynomial(3, 2, x))
    path = shared_tmp_path / "sub.vtkhdf"
    with pytest.raises(ValueError, match="another mesh"):
        write_vtkhdf(path, domain, {"u": u}, 3)
    write_vtkhdf(path, domain, {"u": OnSubmesh(u, np.asarray(parents))}, 3)

    if COMM.rank == 0:
        points = random_points(2)
        values, left = sample(path, "u", points), points[:, 0] <= 0
        assert np.isnan(values[~left]).all()
        assert np.abs(values[left] - polynomial(3, 2, points[left].T)).max() < 1e-12


def test_probe_refuses(tmp_path: Path):
    domain = make_mesh("triangle")
    path = tmp_path / "a.vtkhdf"
    write_vtkhdf(path, domain, {"V": lambda x: x[0]}, 1)
    with pytest.raises(ValueError, match=r"no field 'W' in a\.vtkhdf; there are: V"):
        probe(path, "W", np.zeros((1, 2)))
    with pytest.raises(ValueError, match="2 coordinates"):
        probe(path, "V", np.zeros((1, 3)))
    assert probe(path, "V", np.array([[5.0, 0.0], [np.nan, 0.0], [0.5, 0.5]]))[:2] == [None, None]
    (tmp_path / "b.vtkhdf").write_text("no HDF5")
    with pytest.raises(ValueError, match="cannot be read"):
        fields(tmp_path / "b.vtkhdf")


def test_write_refuses(tmp_path: Path):
    domain = make_mesh("triangle")
    u = make_function(domain, 3, (), lambda x: x[0])
    for fields_, degree, message in (
        ({"u": u}, 2, "higher degree"),
        ({"u": u}, 6, "1 to 5"),
        ({"a/b": u}, 3, "slash"),
        ({"u": fem.Function(fem.functionspace(domain, ("DG", 1)))}, 3, "not a continuous Lagrange"),
    ):
        with pytest.raises(ValueError, match=message):
            write_vtkhdf(tmp_path / "a.vtkhdf", domain, fields_, degree)
    with pytest.raises(FileNotFoundError, match="no folder"):
        write_vtkhdf(tmp_path / "none" / "a.vtkhdf", domain, {"u": u}, 3)


def test_curved_cells(tmp_path: Path):
    """A grid of degree 2 follows cells of degree 2; the probe inverts the curved map."""
    rng = np.random.default_rng(3)
    nodes = np.array([[0, 0], [1, 0], [0, 1], [0.6, 0.6], [0, 0.5], [0.5, -0.1]])
    element = basix.ufl.element("Lagrange", "triangle", 2, shape=(2,))
    domain = mesh.create_mesh(comm=MPI.COMM_SELF, cells=np.arange(6)[None], x=nodes.astype(float), e=element)
    path = tmp_path / "curved.vtkhdf"
    write_vtkhdf(path, domain, {"x": lambda x: x}, 2)
    inside = rng.dirichlet([2, 2, 2], 20) @ nodes[:3] * 0.95
    values = np.array(probe(path, "x", np.vstack([inside, [[0.55, 0.55]]])), dtype=float)
    assert np.abs(values - np.vstack([inside, [[0.55, 0.55]]])).max() < 1e-12
