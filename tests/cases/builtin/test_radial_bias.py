"""The reference barriers of the case radial-bias, from the data."""

import numpy as np
import pytest
from scipy.optimize import root
from sklearn.datasets import load_diabetes

from cases.loading.load import load

L2 = 0.02
DATA = load_diabetes()
Z, Y = ((v - v.mean()) / v.std() for v in (DATA.data[:, DATA.feature_names.index("s5")], DATA.target))
PASS = (-0.375, 0.833, -0.825)


def residuals(p):
    return 2 * np.exp(-2 * (Z - p[0]) ** 2) + p[1] * Z + p[2] - Y


def loss(p):
    return np.mean(residuals(p) ** 2) / 2 + L2 * p @ p


def slope(p):
    bump = 2 * np.exp(-2 * (Z - p[0]) ** 2)
    return np.array([residuals(p) @ part for part in (4 * (Z - p[0]) * bump, Z, np.ones_like(Z))]) / len(
        Z
    ) + 2 * L2 * np.asarray(p)


@pytest.mark.parametrize("way", ["out", "back"])
def test_barriers(way):
    reference = load("radial-bias")[0].references[f"isotropic-{way}"]
    top, start = (root(slope, place, tol=1e-13).x for place in (PASS, reference.from_))
    np.testing.assert_allclose(start, reference.from_, atol=1e-7)
    assert reference.value == pytest.approx(2 * (loss(top) - loss(start)), rel=1e-9)
