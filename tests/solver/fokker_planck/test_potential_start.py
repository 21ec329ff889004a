"""The gauge from which a continuation in space starts, and where that leads."""

import numpy as np
import pytest
import sympy as sp
from dolfinx import fem
from mpi4py import MPI

from meshes.box import box
from solver.analysis import noise_levels
from solver.elements.discretisation import discretise
from solver.errors import NotConverged
from solver.fokker_planck.landmarks import first_epsilon
from solver.fokker_planck.potential_start import MODERATE, least_transport, potential_start
from tests.exact import Line, X, Y, Z, function, manufactured, system
from tests.solver.sweeps import DRIVEN_SPACE, DRIVEN_SPACE_BOX, DRIVEN_SPACE_LINE, boxes, landmarks

BOX = ((-1.6, 1.6), (-1.2, 1.2), (-1.2, 1.2))
V = (X**2 - 1) ** 2 / 2 + Y**2 * (1 + X**2 / 4) + Z**2
VARIABLE = sp.diag(1 + X**2 / 4, 1 + Y / 4, 1)
TURNING = sp.Matrix([[0, 1, 0], [-1, 0, 1], [0, -1, 0]])


def on_mesh(case, bounds, counts, degree):
    return discretise(case, boxes(bounds, counts), degree), landmarks(case, bounds)


@pytest.mark.mpi
def test_it_is_the_potential_where_the_drift_is_a_gradient():
    """A varies in space; V is in the space of the elements."""
    known, marks = on_mesh(manufactured(V, VARIABLE, sp.zeros(3)), BOX, (4, 2, 2), 4)
    gauge, left = least_transport(known, marks)
    exact = fem.Function(known.space)
    exact.interpolate(lambda x: function(V, 3)(x[:3]))
    gap = gauge.x.array - exact.x.array
    comm = known.comm
    top, bottom = comm.allreduce(float(gap.max()), op=MPI.MAX), comm.allreduce(float(gap.min()), op=MPI.MIN)
    assert top - bottom < 1e-10
    assert left < 1e-20
    start = potential_start(known, 0.05, marks)
    assert start is not None
    assert start.epsilon == 0.05


@pytest.mark.mpi
def test_with_rotation_it_starts_at_a_moderate_noise():
    known, marks = on_mesh(manufactured(V, sp.eye(3), 2 * TURNING), BOX, (6, 4, 4), 3)
    _, left = least_transport(known, marks)
    assert left > 0.1
    start = potential_start(known, 0.01, marks)
    assert start is not None
    # the barrier is 0.5, less what the projection lost
    assert 0.02 < start.epsilon < 0.5 / MODERATE


def test_one_well_has_no_such_start():
    case = system([-X, -Y, -Z], sp.eye(3))
    known, marks = on_mesh(case, BOX, (2, 2, 2), 2)
    assert potential_start(known, 0.1, marks) is None


def levels(case, bounds, counts, epsilon):
    """The level, and the noises at which densities were solved for down to it."""
    known, marks = on_mesh(case, bounds, counts, 3)
    asked = []
    found, _, _ = noise_levels.continue_levels(
        known, [epsilon], marks, lambda text: asked.append(float(text.split()[-1]))
    )
    wells = [float(pin.point[0]) for pin in marks.pins]
    return found[epsilon], [e for e in asked if e >= epsilon], wells


def test_passage_times_from_a_gradient_drift_without_higher_levels():
    slope = 2 * X * (X**2 - 1)
    case = system([-slope, -2 * Y, -2 * Z], sp.eye(3))
    level, asked, wells = levels(case, BOX, (12, 4, 4), 0.1)
    assert asked == [0.1]
    exact = Line(sp.lambdify(X, -slope), np.ones_like, *BOX[0]).log_time(*wells, 0.1)
    assert level.state.rates.log_mfpt[0, 1] == pytest.approx(exact, abs=1e-2)
    assert level.density_refresh < 1e-2


def test_passage_times_of_a_driven_process(monkeypatch):
    level, asked, wells = levels(DRIVEN_SPACE, DRIVEN_SPACE_BOX, (7, 4, 4), 0.12)
    exact = DRIVEN_SPACE_LINE.log_time(*wells, 0.12)
    assert level.state.rates.log_mfpt[0, 1] == pytest.approx(exact, abs=1e-2)
    usual = level.state.rates.log_mfpt
    # the same from a density without any gauge, where that start fails
    density, calls = noise_levels.density, []

    def failing(*arguments):
        calls.append(arguments[2])
        if len(calls) == 1:
            raise NotConverged("no density")
        return density(*arguments)

    monkeypatch.setattr(noise_levels, "density", failing)
    level, again, _ = levels(DRIVEN_SPACE, DRIVEN_SPACE_BOX, (7, 4, 4), 0.12)
    assert again[0] == asked[0] < again[1]
    marks = landmarks(DRIVEN_SPACE, DRIVEN_SPACE_BOX)
    corners = np.array(np.meshgrid(*DRIVEN_SPACE_BOX)).reshape(3, -1).T
    assert again[1] == pytest.approx(first_epsilon(corners, marks.pins), rel=1e-3)
    np.testing.assert_allclose(level.state.rates.log_mfpt[0, 1], usual[0, 1], atol=2e-3)


def test_in_the_plane_nothing_has_changed():
    """The high levels cost little there."""
    case = system([X - X**3, -Y], sp.eye(2))
    known = discretise(case, box(MPI.COMM_WORLD, [(-1.6, 1.6), (-1.2, 1.2)], 12), 3)
    marks = landmarks(case, ((-1.6, 1.6), (-1.2, 1.2)))
    asked = []
    noise_levels.continue_levels(known, [0.1], marks, asked.append)
    corners = np.array([(1.6, 1.2), (-1.6, 1.2)])
    assert float(asked[0].split()[-1]) == pytest.approx(first_epsilon(corners, marks.pins), rel=1e-3)
