"""Meshes cut out of a grid: measures of sets with known area, holes, walls, and sets that there are not."""

import numpy as np
import pytest
import ufl
from dolfinx import fem
from mpi4py import MPI

from meshes.cut import NothingToMesh, cut_out

COMM = MPI.COMM_WORLD
SQUARE = np.array([[-2.0, 2.0]] * 2)


def disc(x):
    return (x**2).sum(axis=0) - 1.0


def annulus(x):
    return (np.hypot(*x) - 1.2) ** 2 - 0.25


def measures(domain):
    """Area and length of the boundary."""
    one = fem.Constant(domain, 1.0)
    parts = [fem.assemble_scalar(fem.form(one * d(degree=8))) for d in (ufl.dx, ufl.ds)]
    return [COMM.allreduce(part, op=MPI.SUM) for part in parts]


@pytest.mark.mpi
@pytest.mark.parametrize(
    ("level", "centre", "area", "length"),
    [(disc, [0.1, 0.05], np.pi, 2 * np.pi), (annulus, [1.2, 0.0], 2.4 * np.pi, 4.8 * np.pi)],
)
def test_area_and_boundary(level, centre, area, length):
    errors = []
    for cells in (16, 32, 64):
        found = measures(cut_out(COMM, level, np.array(centre), SQUARE, cells))
        errors.append([abs(found[0] / area - 1), abs(found[1] / length - 1)])
    assert max(errors[0]) < 1e-4
    # of order four where all boundary edges are curved
    assert np.log2(errors[0][0] / errors[2][0]) / 2 > 3


def test_one_component_and_walls():
    # of two discs the one round the centre
    def two(x):
        return np.minimum(disc(2 * (x - 1)), disc(2 * (x + 1)))

    area, _ = measures(cut_out(COMM, two, np.array([-1.0, -1.0]), SQUARE, 24))
    assert area == pytest.approx(np.pi / 4, rel=1e-5)
    # a strip ends at the walls, which stay straight
    area, length = measures(cut_out(COMM, lambda x: x[1] ** 2 - 0.3, np.zeros(2), SQUARE, 24))
    height = 2 * np.sqrt(0.3)
    assert area == pytest.approx(4 * height, rel=1e-9)
    assert length == pytest.approx(8 + 2 * height, rel=1e-9)


@pytest.mark.parametrize("seed", range(4))
def test_no_cell_is_folded(seed):
    rng = np.random.default_rng(seed)
    waves, phases = rng.integers(2, 6, 3), rng.uniform(0, 6, 3)

    def level(x):
        angle = np.arctan2(x[1], x[0])
        return (
            np.hypot(*x) - 1.1 - 0.15 * sum(np.sin(k * angle + p) for k, p in zip(waves, phases, strict=True))
        )

    domain = cut_out(COMM, level, np.zeros(2), SQUARE, 30)
    test = ufl.TestFunction(fem.functionspace(domain, ("DG", 0)))
    J = ufl.JacobianDeterminant(domain)
    signed = fem.assemble_vector(fem.form(J * test * ufl.dx(degree=6))).array
    unsigned = fem.assemble_vector(fem.form(abs(J) * test * ufl.dx(degree=6))).array
    np.testing.assert_allclose(np.abs(signed), unsigned, rtol=1e-10)
    area, _ = measures(domain)
    angle = np.linspace(0, 2 * np.pi, 4001)[:-1]
    radius = 1.1 + 0.15 * sum(np.sin(k * angle + p) for k, p in zip(waves, phases, strict=True))
    assert area == pytest.approx(np.pi * np.mean(radius**2), rel=2e-4)


def test_nothing_to_mesh():
    with pytest.raises(NothingToMesh, match="does not lie"):
        cut_out(COMM, disc, np.array([1.5, 0.0]), SQUARE, 10)
    with pytest.raises(NothingToMesh, match="smaller than"):
        cut_out(COMM, lambda x: disc(1000 * (x - 0.01)), np.array([0.01, 0.01]), SQUARE, 10)
