"""The state script of a run, drawn by real ParaView."""

from __future__ import annotations

import json

import matplotlib.image
import numpy as np
import pytest

from cases import cli
from cases.figures.rundata import load_run
from cases.report.paraview import describe, draw, write_script
from tests.output.synthetic import CRITICAL, NOISES, diagonal, make_run, rotation, well


def keep_noises(folder, names):
    """Leave only some noises in the summary: without a graphics card each view takes seconds."""
    summary = json.loads((folder / "summary.json").read_text())
    summary["noises"] = {name: summary["noises"][name] for name in names}
    (folder / "summary.json").write_text(json.dumps(summary))
    return summary


@pytest.mark.parametrize(("dim", "names"), [(1, list(NOISES)), (2, ["isotropic", "across"]), (3, ["across"])])
def test_script_draws(dim, names, tmp_path):
    folder = make_run(tmp_path / "run", dim)
    keep_noises(folder, names)
    picture = tmp_path / "picture.png"
    draw(write_script(folder), picture)
    image = matplotlib.image.imread(picture)[:, :, :3].astype(float)
    panels = np.split(image, len(names), axis=1) if dim > 1 else [image]
    for panel in panels:
        red, green, blue = np.moveaxis(panel, -1, 0)
        coloured = panel.max(axis=2) - panel.min(axis=2) > 0.1
        assert coloured.sum() > 1000 * dim  # curves, map, isosurfaces
        if dim > 1:  # the path: red through the whole middle of the view
            path = red - np.maximum(green, blue) > 0.15
            assert path.sum() > 150
            columns = np.flatnonzero(path.any(axis=0))
            assert columns.max() - columns.min() > 0.2 * panel.shape[1]
    if dim == 1:
        for wanted in ((0, 114, 178), (213, 94, 0), (0, 158, 115)):  # one curve per noise
            assert (np.abs(image * 255 - wanted).max(axis=2) < 8).sum() > 300


def test_script_without_fields_of_v(tmp_path):
    """A run that has no V, no saddle and no paths: the density is drawn."""
    folder = make_run(tmp_path / "run", 2)
    (folder / "instantons.vtkhdf").unlink()
    summary = keep_noises(folder, ["along"])
    summary |= {"saddles": []}
    for noise in summary["noises"].values():
        noise |= {"barriers": [], "anisotropy": {"attractors": [], "saddles": []}}
    (folder / "summary.json").write_text(json.dumps(summary))
    found = describe(load_run(folder))
    assert {noise["path_group"] for noise in found["noises"]} == {None}
    picture = tmp_path / "picture.png"
    draw(write_script(folder), picture)
    image = matplotlib.image.imread(picture)[:, :, :3]
    assert (image.max(axis=2) - image.min(axis=2) > 0.1).sum() > 3000


@pytest.mark.parametrize("dim", [2, 3])
def test_ellipses_are_those_of_the_noise(dim, tmp_path):
    """The half-axes are the square roots of the eigenvalues of A, on one scale for all noises."""
    found = describe(load_run(make_run(tmp_path / "run", dim)))
    for noise, axx in zip(found["noises"], NOISES.values(), strict=True):
        turn = rotation(dim)
        tensor = turn.T @ np.diag(diagonal(axx, dim)) @ turn
        assert len(noise["tensors"]) >= (3 if dim == 3 else 8)
        for _, root in noise["tensors"]:
            square = np.array(root).reshape(3, 3) @ np.array(root).reshape(3, 3)
            assert np.allclose(square[:dim, :dim], tensor, atol=1e-12)
            assert not square[dim:].any()
    barrier = 2 * (well(CRITICAL[1]) - well(CRITICAL[0])) / min(NOISES.values())
    assert found["palette"][-4] == pytest.approx({2: 1.25, 3: 1.0}[dim] * barrier, rel=1e-5)


def test_command(tmp_path, capsys):
    folder = make_run(tmp_path / "run", 1)
    assert cli.main(["paraview", str(folder)]) == 0
    script = folder / "paraview_state.py"
    assert capsys.readouterr().out.strip() == str(script)
    compile(script.read_text(), str(script), "exec")
    assert cli.main(["paraview", str(folder), "--picture", str(tmp_path / "none" / "a.png")]) == 2
    for path in folder.glob("*.vtkhdf"):
        path.unlink()
    assert cli.main(["paraview", str(folder)]) == 2
    assert "there is no field to show" in capsys.readouterr().err
