import re

import meshio
import numpy as np
import pytest
import ufl
from dolfinx import fem
from mpi4py import MPI

from cases.cli import main
from meshes.conformity import trouble
from meshes.files import read_mesh
from meshes.mesh_file import UnreadableMesh, read_cells

# a fan of triangles round the origin, a node that no triangle uses, and boundary edges
ANGLES = 2 * np.pi * np.arange(12) / 12
POINTS = np.array([[0.0, 0.0], *np.column_stack([np.cos(ANGLES), np.sin(ANGLES)]), [7.0, 7.0]])
TRIANGLES = np.array([[0, n, n % 12 + 1] for n in range(1, 13)])
EDGES = TRIANGLES[:, 1:]


def measure(domain, what):
    total = fem.assemble_scalar(fem.form(fem.Constant(domain, 1.0) * what))
    return domain.comm.allreduce(total, op=MPI.SUM)


def write(path, points, cells, **kind):
    if MPI.COMM_WORLD.rank == 0:
        flat = np.zeros((len(points), 3))
        flat[:, : points.shape[1]] = points
        meshio.write(path, meshio.Mesh(flat, cells), **kind)
    MPI.COMM_WORLD.Barrier()
    return path


@pytest.mark.mpi
@pytest.mark.parametrize(
    ("name", "edges", "kind"),
    [
        ("fan.msh", False, {"file_format": "gmsh", "binary": False}),
        ("fan.msh", False, {"file_format": "gmsh", "binary": True}),
        ("fan.msh", True, {"file_format": "gmsh22", "binary": False}),
        ("fan.vtu", True, {}),
    ],
)
def test_triangles(shared_tmp_path, name, edges, kind):
    cells = [("line", EDGES)] * edges + [("triangle", TRIANGLES)]
    path = write(shared_tmp_path / name, POINTS, cells, **kind)
    domain = read_mesh(MPI.COMM_WORLD, path, 2)
    assert domain.geometry.dim == domain.topology.dim == 2
    assert measure(domain, ufl.dx) == pytest.approx(12 * 0.5 * np.sin(np.pi / 6), rel=1e-13)
    assert measure(domain, ufl.ds) == pytest.approx(24 * np.sin(np.pi / 12), rel=1e-13)
    assert domain.topology.index_map(2).size_global == 12
    assert domain.topology.index_map(0).size_global == 13


@pytest.mark.mpi
def test_intervals(shared_tmp_path):
    x = np.array([-2.0, -1.5, 0.0, 0.25, 3.0])
    cells = [("line", np.column_stack([np.arange(4), np.arange(1, 5)]))]
    domain = read_mesh(MPI.COMM_WORLD, write(shared_tmp_path / "line.vtu", x[:, None], cells), 1)
    assert measure(domain, ufl.dx) == pytest.approx(5.0, rel=1e-14)
    assert measure(domain, ufl.ds) == pytest.approx(2.0, rel=1e-14)


@pytest.mark.mpi
def test_tetrahedra(shared_tmp_path):
    corners = np.array([[0.0, 0, 0], [2, 0, 0], [0, 2, 0], [0, 0, 2], [2, 2, 2]])
    cells = [("triangle", np.array([[0, 1, 2]])), ("tetra", np.array([[0, 1, 2, 3], [1, 2, 3, 4]]))]
    path = write(shared_tmp_path / "two.msh", corners, cells, file_format="gmsh22", binary=False)
    domain = read_mesh(MPI.COMM_WORLD, path, 3)
    assert measure(domain, ufl.dx) == pytest.approx(8 / 6 + 16 / 6, rel=1e-13)


@pytest.mark.mpi
@pytest.mark.parametrize(
    ("name", "content", "reason"),
    [
        ("absent.msh", None, "cannot be read as a mesh"),
        ("words.msh", "this is no mesh\n", "cannot be read as a mesh"),
        ("empty.vtu", "", "cannot be read as a mesh"),
        ("mesh.unknown", "x", "cannot be read as a mesh"),
    ],
)
def test_unreadable(shared_tmp_path, name, content, reason):
    path = shared_tmp_path / name
    if content is not None and MPI.COMM_WORLD.rank == 0:
        path.write_text(content)
    MPI.COMM_WORLD.Barrier()
    with pytest.raises(UnreadableMesh, match=reason) as failure:
        read_mesh(MPI.COMM_WORLD, path, 2)
    assert "\n" not in str(failure.value)


@pytest.mark.mpi
def test_wrong_dimension(shared_tmp_path):
    path = write(shared_tmp_path / "fan.vtu", POINTS, [("triangle", TRIANGLES)])
    with pytest.raises(UnreadableMesh, match=r"has no tetra cells \(found triangle\)"):
        read_mesh(MPI.COMM_WORLD, path, 3)


@pytest.mark.mpi
def test_surface_in_space(shared_tmp_path):
    raised = np.column_stack([POINTS, np.linspace(0, 1, len(POINTS))])
    path = write(shared_tmp_path / "raised.vtu", raised, [("triangle", TRIANGLES)])
    with pytest.raises(UnreadableMesh, match="off the first 2 coordinates"):
        read_mesh(MPI.COMM_WORLD, path, 2)


def laid(points, cells):
    """What is wrong with a mesh given by arrays."""
    return trouble(np.asarray(points, dtype=float), np.asarray(cells, dtype=np.int64))


FAN = POINTS[:-1]
SQUARE = np.array([[0.0, 0], [1, 0], [1, 1], [0, 1]])


def test_what_is_no_mesh():
    assert laid(FAN, TRIANGLES) is None
    assert laid(1e-30 * FAN, TRIANGLES) is None
    assert laid(1e30 * FAN, TRIANGLES) is None
    assert "has a cell twice (number 2" in laid(FAN, [*TRIANGLES, [3, 4, 0]])
    assert "has a flat cell (number 12" in laid(FAN, [*TRIANGLES, [0, 1, 1]])
    assert "has a flat cell (number 0" in laid([[0, 0], [1, 1], [2, 2], [0, 1]], [[0, 1, 2], [0, 2, 3]])
    assert "with the node 99 of 13" in laid(FAN, [*TRIANGLES, [0, 1, 99]])
    assert "with the node -1 of 13" in laid(FAN, [*TRIANGLES, [0, 1, -1]])
    # the other way of cutting a square in two, on the same nodes
    crossed = [[0, 1, 2], [0, 2, 3], [0, 1, 3], [1, 2, 3]]
    assert "has a cell" not in laid(SQUARE, crossed)
    assert "the same side of a facet" in laid(SQUARE, crossed)
    # a third cell at a facet
    assert "more than two cells" in laid([*SQUARE, [2, 0.5]], [[0, 1, 2], [0, 2, 3], [0, 2, 4]])
    assert "2 parts" in laid([*FAN, *FAN], [*TRIANGLES, *(TRIANGLES + 13)])
    assert "2 parts" in laid([*FAN, *(FAN + 5)], [*TRIANGLES, *(TRIANGLES + 13)])
    # two parts that touch in one node only
    assert "2 parts" in laid([[0, 0], [1, 0], [0, 1], [-1, 0], [0, -1]], [[0, 1, 2], [0, 3, 4]])


def spiral(turns):
    """A strip that winds round the origin, at the same radius all the time."""
    count = 8 * turns
    angles = 2 * np.pi * np.arange(count + 1) / 9.3
    ring = np.column_stack([np.cos(angles), np.sin(angles)])
    points = np.concatenate([ring, 2 * ring])
    near, far = np.arange(count), np.arange(count) + count + 1
    return points, np.concatenate(
        [np.column_stack([near, near + 1, far]), np.column_stack([near + 1, far + 1, far])]
    )


def test_a_mesh_that_covers_a_place_twice():
    assert laid(*spiral(1)) is None
    assert re.search("covers the place|does not fit together", laid(*spiral(2)))


def test_hanging_nodes_are_refused_and_slits_are_not():
    points = np.array([[0.0, 0], [1, 0], [1, 1], [0, 1], [2, 0], [2, 1], [1, 0.5], [0, 2], [2, 2]])
    left = [[0, 1, 2], [0, 2, 3]]
    bridge = [[3, 2, 7], [2, 5, 8], [2, 8, 7]]
    hanging = [[1, 4, 6], [4, 5, 6], [5, 2, 6]]
    assert "does not fit together at (1, " in laid(points, [*left, *bridge, *hanging])
    # the line from (1, 0) to (1, 1) is a wall: on its right there is another node at (1, 0)
    walled = points.copy()
    walled[6] = points[1]
    assert laid(walled, [*left, *bridge, [6, 4, 5], [6, 5, 2]]) is None


@pytest.mark.parametrize(
    ("kind", "old", "new"),
    [
        ("gmsh", "\n2 1 3 4\n", "\n2 -1 3 4\n"),
        ("gmsh", "\n1 1 2 3\n", "\n1 -1 2 3\n"),
        ("gmsh22", "\n2 2 2 0 0 1 3 4\n", "\n2 2 2 0 0 1 -1 4\n"),
        ("gmsh", "\n1 1 2 3\n", "\n1 1 2 999999999999\n"),
    ],
)
def test_numbers_of_nodes_that_are_not_there(kind, old, new, tmp_path):
    path = tmp_path / "fan.msh"
    meshio.write(
        path, meshio.Mesh(np.column_stack([FAN, np.zeros(13)]), [("triangle", TRIANGLES)]), kind, binary=False
    )
    text = path.read_text()
    assert read_cells(path, 2)[1].shape == (12, 3)
    assert old in text
    path.write_text(text.replace(old, new))
    with pytest.raises(UnreadableMesh, match=r"negative|node|out of bounds|allocate"):
        read_cells(path, 2)


def test_a_check_reads_the_mesh(tmp_path, capsys):
    path = tmp_path / "fan.vtu"
    cells = np.concatenate([TRIANGLES, TRIANGLES[:1]])
    meshio.write(path, meshio.Mesh(np.column_stack([FAN, np.zeros(13)]), [("triangle", cells)]))
    case = tmp_path / "case.toml"
    case.write_text(
        '[system]\ncoordinates = ["x", "y"]\nloss = "x**2 + y**2"\n[domain]\nmesh = "fan.vtu"\n'
        '[noise.one]\ndiffusion = "identity"\n'
    )
    assert main(["check", str(case)]) == 2
    err = capsys.readouterr().err
    assert "domain.mesh: fan.vtu has a cell twice (number 0, counted from 0); give a mesh of 2D" in err
