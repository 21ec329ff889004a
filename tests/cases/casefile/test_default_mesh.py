"""The resolution of a case that gives none, and what it costs."""

import math
import tomllib

import pytest

from cases.base.errors import CaseError
from cases.loading.load import from_data, load
from cases.problem import memory
from cases.problem.default_mesh import COARSEST, SPACE, default_resolution, nodes
from meshes.box import cells_per_side

BOXES = [
    [(-2.0, 2.0)],
    [(-2.0, 2.0), (-1.5, 1.5)],
    [(0.0, 10.0), (0.0, 1.0)],
    [(0.0, 1e5), (0.0, 1.0)],
    [(-1.0, 1.0)] * 3,
    [(0.0, 30.0), (0.0, 1.0), (-1e-3, 0.0)],
]


@pytest.mark.parametrize("bounds", BOXES)
def test_default_is_as_fine_as_a_run_of_minutes_allows(bounds):
    found = default_resolution(bounds, 3)
    counts = cells_per_side(bounds, found)
    if len(bounds) == 3:
        assert found >= COARSEST
        assert nodes(bounds, found, 3) <= SPACE < nodes(bounds, found + 1, 3)
    else:
        assert min(counts) >= 8
        assert math.prod(counts) <= 64 * 64


def test_memory_of_a_graded_mesh_is_looked_at(monkeypatch):
    case, _ = load("rotated-well")
    monkeypatch.setattr(memory, "available", lambda: 1e9)
    memory.check_cells(case, 10_000)
    with pytest.raises(CaseError, match=r"has 10000000 cells, 4.5e\+07 unknowns.*mesh.deviations"):
        memory.check_cells(case, 10_000_000)
    # one density in the plane took 210 and 970 MB
    assert 0.21e9 < memory.estimate(83_521, 2) < 0.3e9
    assert 0.97e9 < memory.estimate(332_929, 2) < 1.3e9
    # 84 000 tetrahedra of degree 3 had passed 11.6 GB
    assert 11.6e9 < memory.estimate(84_000 * 27 // 6, 3) < 16e9


def test_default_depends_on_the_dimension_and_is_written_out():
    data = {
        "system": {"coordinates": ["x", "y", "z"], "loss": "x**2+y**2+z**2"},
        "domain": {"bounds": [[-1, 1]] * 3},
        "noise": {"n": {"diffusion": "identity"}},
    }
    case, text = from_data(data, name="a", file="a.toml", folder=".")
    assert case.mesh.resolution == 11
    assert tomllib.loads(text)["mesh"]["resolution"] == 11
    again, _ = from_data(tomllib.loads(text), name="a", file="a.toml", folder=".")
    assert again == case
    given, _ = from_data(data | {"mesh": {"resolution": 20}}, name="a", file="a.toml", folder=".")
    assert given.mesh.resolution == 20
