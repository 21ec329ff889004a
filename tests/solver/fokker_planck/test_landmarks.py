"""Where the quadratic of a well first reaches a face of a box."""

import numpy as np
import pytest

from solver.fokker_planck.landmarks import Pin


def test_the_level_at_the_box_is_the_least_on_its_faces():
    covariance = np.array([[0.5, 0.3], [0.3, 0.4]])
    pin, low, high = Pin(np.array([0.2, 1.5]), covariance), np.array([0.0, 0.0]), np.array([3.5, 2.0])
    s = np.linspace(-3.0, 5.0, 80001)
    faces = [np.stack([0 * s + end, s]) for end in (low[0], high[0])]
    faces += [np.stack([s, 0 * s + end]) for end in (low[1], high[1])]
    y = np.concatenate(faces, axis=1) - pin.point[:, None]
    values = 0.5 * np.einsum("in,ij,jn->n", y, np.linalg.inv(covariance), y)
    assert pin.level_at(low, high) == pytest.approx(values.min(), rel=1e-6)
