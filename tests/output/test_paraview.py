"""Real ParaView opens the files and finds the same values as the probe."""

from __future__ import annotations

import json
import os
from pathlib import Path

import numpy as np
import pytest
from dolfinx import fem

from cases.base.display import run_on_display
from solver.output.polylines import Polyline, read_polylines, write_polylines
from solver.output.probe import sample
from solver.output.vtkhdf import write_vtkhdf
from tests.output.common import CELLS, COMM, make_mesh, polynomial, random_points

SCRIPT = Path(__file__).with_name("pv_probe.py")


def ask_paraview(request, folder):
    """Run pvpython under a virtual display, outside MPI, and return its answer."""
    clean = {
        key: value
        for key, value in os.environ.items()
        if not key.startswith(("OMPI_", "PMIX_", "PRTE_", "PMI_", "PYTHON"))
    }
    (folder / "request.json").write_text(json.dumps(request))
    command = ["pvpython", str(SCRIPT), str(folder / "request.json")]
    done = run_on_display(command, "1024x768", clean, 120)
    assert "ANSWER" in done.stdout, done.stdout + done.stderr
    return json.loads(done.stdout.split("ANSWER", 1)[1])


@pytest.mark.mpi
def test_paraview_agrees_with_probe(shared_tmp_path):
    requests = []
    for cell in CELLS:
        domain = make_mesh(cell)
        dim = domain.geometry.dim
        for degree in (1, 2, 3, 4):
            space = fem.functionspace(domain, ("Lagrange", degree))
            u = fem.Function(space)
            u.interpolate(lambda x, dim=dim, degree=degree: polynomial(degree, dim, x))
            path = shared_tmp_path / f"{cell}{degree}.vtkhdf"
            fields = {"u": u, "w": lambda x: 2.0 * x, "T": lambda x: np.einsum("in,jn->ijn", x, x)}
            cells = np.full(domain.topology.index_map(dim).size_local, True)
            write_vtkhdf(path, domain, fields, degree, cell_fields={"valid": cells})
            points = random_points(dim, 15)[:-2]
            padded = np.zeros((len(points), 3))
            padded[:, :dim] = points
            requests.append(
                {"file": str(path), "points": padded.tolist(), "fields": ["u", "w", "T"], "dim": dim}
                | {"cells": domain.topology.index_map(dim).size_global}
            )
    if COMM.rank > 0:
        return
    answers = ask_paraview({"probe": requests}, shared_tmp_path)["probe"]
    for request, answer in zip(requests, answers, strict=True):
        dim, points = request["dim"], np.array(request["points"])[:, : request["dim"]]
        assert answer["cells"] == request["cells"]
        assert all(answer["found"]), request["file"]
        tensor = np.array(answer["T"]).reshape(-1, 3, 3)
        assert np.abs(tensor[:, dim:]).max(initial=0.0) == 0.0
        for name, got in (
            ("u", np.array(answer["u"])),
            ("w", np.array(answer["w"])[:, :dim]),
            ("T", tensor[:, :dim, :dim]),
        ):
            expected = sample(request["file"], name, points)
            assert np.abs(got - expected).max() < 1e-11 * max(1.0, np.abs(expected).max()), request["file"]


def test_paraview_reads_paths_and_draws(tmp_path):
    domain = make_mesh("triangle", size=8)
    space = fem.functionspace(domain, ("Lagrange", 3))
    u = fem.Function(space)
    u.interpolate(lambda x: np.where(x[0] ** 2 + x[1] ** 2 < 0.1, np.nan, (x[0] ** 2 - 0.5) ** 2 + x[1] ** 2))
    write_vtkhdf(tmp_path / "grid.vtkhdf", domain, {"V": u}, 3)
    t = np.linspace(0, 1, 30)
    paths = [
        Polyline(np.array([2 * t - 1, t**2]).T, {"action": t}, {"from": 0, "to": 1}, "isotropic"),
        Polyline(np.array([t, 1 - t])[:, :20].T, {"speed": t[:20]}, {"from": 1}, "measured"),
    ]
    write_polylines(tmp_path / "paths.vtkhdf", paths)
    write_polylines(tmp_path / "none.vtkhdf", [])
    answer = ask_paraview(
        {
            "lines": [str(tmp_path / "paths.vtkhdf"), str(tmp_path / "none.vtkhdf")],
            "picture": {
                "file": str(tmp_path / "grid.vtkhdf"),
                "paths": str(tmp_path / "paths.vtkhdf"),
                "field": "V",
                "image": str(tmp_path / "picture.png"),
            },
        },
        tmp_path,
    )
    lines, none = answer["lines"]
    assert lines["type"] == none["type"] == "vtkPolyData"
    assert (lines["sizes"], none["sizes"]) == ([30, 20], [])
    assert np.allclose(np.array(lines["points"])[:30, :2], paths[0].points, rtol=0, atol=1e-15)
    assert np.allclose(lines["arrays"]["action"][:30], t, rtol=0, atol=0)
    assert np.isnan(lines["arrays"]["action"][30:]).all()
    assert lines["cell_arrays"] == {"name": [0, 1], "from": [0, 1], "to": [1, -1]}
    assert (tmp_path / "picture.png").stat().st_size > 5000

    back = read_polylines(tmp_path / "paths.vtkhdf")
    assert [line.name for line in back] == ["isotropic", "measured"]
    assert back[1].ids == {"from": 1, "to": -1}
    assert np.array_equal(back[1].points, paths[1].points)
    assert read_polylines(tmp_path / "none.vtkhdf") == []


def test_polyline_refuses():
    with pytest.raises(ValueError, match="a path needs points"):
        Polyline(np.zeros((1, 2)))
    with pytest.raises(ValueError, match="one number per point"):
        Polyline(np.zeros((3, 2)), {"action": np.zeros(2)})
