import meshio
import numpy as np
import pytest
import ufl
from dolfinx import fem
from mpi4py import MPI

from meshes.files import UnreadableMesh, read_mesh

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
