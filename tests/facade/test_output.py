"""Pictures and files of a result."""

import h5py
import matplotlib as mpl
import numpy as np
import pytest
from mpi4py import MPI

from solver.analysis import fields
from tests.facade.problems import line, printed, space

mpl.use("agg")


@pytest.mark.mpi
def test_maps_show_the_field_the_places_and_the_paths():
    result, _ = printed()
    axes = result.plot("V")
    assert (axes.get_xlabel(), axes.get_ylabel()) == ("x", "y")
    assert axes.get_xlim() == (-1.8, 1.8)
    red = [one for one in axes.lines if one.get_color() == "#C1121F"]
    ends = sorted(tuple(np.round(one.get_xydata()[0], 6) + 0.0) for one in red)
    assert ends == [(-1.0, 0.0), (1.0, 0.0)]
    assert [text.get_text() for text in axes.texts] == ["0", "1"]
    (bar,) = [one for one in axes.figure.axes if one is not axes]
    assert bar.get_ylabel() == "V"
    density = result.plot("density", epsilon=0.1)
    assert next(one for one in density.figure.axes if one is not density).get_ylabel() == "p at ε = 0.1"
    assert result.plot("committor", ax=density) is density


@pytest.mark.mpi
def test_curves_on_the_line():
    result, exact = line()
    axes = result.plot("V")
    x, y = axes.lines[0].get_data()
    well = float(result.places.attractors[1].point[0])
    inside = np.isfinite(y) & (x > 0.3)
    expected = np.array([exact.potential(well, s) for s in x[inside]])
    # the deeper well has weight zero, the other one the difference of the barriers
    gap = max(0.0, result.barrier(0, 1).value - result.barrier(1, 0).value)
    np.testing.assert_allclose(y[inside], expected + gap, atol=1e-4)
    times = result.plot("log_mfpt")
    assert times.lines[0].get_ydata()[1] == result.at(0.04).log_mfpt[0, 1]
    assert times.get_xlabel() == "1/ε"


def test_planes_in_space():
    result, _, _ = space()
    axes = result.plot("V", plane=(0, 2))
    assert (axes.get_xlabel(), axes.get_ylabel()) == ("$x_0$", "$x_2$")
    with pytest.raises(
        ValueError, match=r"^plane: \(0, 3\) are not two coordinates; give for example \(0, 1\)$"
    ):
        result.plot("V", plane=(0, 3))
    with pytest.raises(ValueError, match=r"^what: there is no 'U'; the choices are: "):
        result.plot("U")


def test_every_potential_is_made_once(monkeypatch):
    """For the field of one attractor and for the one of all together."""
    made, make = [], fields.whole_potential
    monkeypatch.setattr(fields, "whole_potential", lambda *given: made.append(given[1]) or make(*given))
    result, _ = line()
    found = fields.output_fields(result.analysis)
    assert made == [0, 1]
    assert {"V", "V_0", "V_1", "V_error"} <= set(found)


@pytest.mark.mpi
def test_fields_for_paraview(shared_tmp_path):
    result, _ = printed()
    path = result.to_vtk(shared_tmp_path / "out.vtkhdf")
    MPI.COMM_WORLD.Barrier()
    with h5py.File(path) as file:
        points = file["VTKHDF/Points"][:, :2]
        fields = file["VTKHDF/PointData"]
        assert {"V", "grad_V", "drift", "diffusion", "density_eps0.05", "loss"} <= set(fields)
        rows = np.arange(0, len(points), max(1, len(points) // 50))
        stored, points = fields["V"][:][rows], points[rows]
    MPI.COMM_WORLD.Barrier()
    # The file goes on above the pass, where V is another scheme's and the Result gives none.
    known = np.isfinite(values := result.V(points))
    assert known.sum() >= 5
    np.testing.assert_allclose(values[known], stored.ravel()[known], atol=1e-12)
