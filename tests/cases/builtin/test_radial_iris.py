"""The case radial-iris: its reference values, derived from the data without anything of the project."""

import numpy as np
import pytest
from scipy.optimize import minimize, root
from sklearn.datasets import load_iris

from cases.loading.load import load

L2 = 0.02
PLACES = {
    "left": (-2.0013, 0.5119),
    "middle": (0.0483, -0.03),
    "right": (2.339, 0.1138),
    "over left": (-1.3877, 0.9965),
    "over right": (1.5378, -0.258),
}
WAYS = {
    "left-out": ("left", "over left"),
    "middle-left": ("middle", "over left"),
    "middle-right": ("middle", "over right"),
    "right-out": ("right", "over right"),
}
# sines of the path that is varied, and pieces of its action
COUNTS, PIECES = (6, 14), (200, 800)


def data():
    bunch = load_iris()
    z = bunch.data[:, bunch.feature_names.index("petal length (cm)")]
    return (z - z.mean()) / z.std(), np.where(bunch.target == 1, 1.0, -1.0)


def unit(p):
    """Residuals of all samples, and the gradients of their squares."""
    z, y = data()
    bell = 2 * np.exp(-2 * (z - p[0]) ** 2)
    residual = bell - 1 + p[1] * z - y
    return residual, residual * np.stack([4 * (z - p[0]) * bell, z])


def loss(p):
    return np.mean(unit(p)[0] ** 2) / 2 + L2 * (p @ p)


def places():
    return {
        name: root(lambda p: unit(p)[1].mean(axis=1) + 2 * L2 * p, at, tol=1e-12).x
        for name, at in PLACES.items()
    }


def test_references_of_isotropic_noise():
    found, references = places(), load("radial-iris")[0].references
    strength = np.trace(np.cov(unit(found["left"])[1], bias=True)) / 2
    for name, (start, top) in WAYS.items():
        height = 2 * (loss(found[top]) - loss(found[start])) / strength
        assert references[name].value == pytest.approx(height, rel=1e-9)


def test_wells_are_closed_within_the_box():
    # no point of the boundary is lower than the passes, so that no path leaves through it first
    case, found = load("radial-iris")[0], places()
    (left, right), (low, high) = case.domain.bounds
    c, w = np.linspace(left, right, 400), np.linspace(low, high, 400)
    edges = [np.column_stack([c, np.full(400, at)]) for at in (low, high)]
    for at, way in ((left, "over left"), (right, "over right")):
        side = np.column_stack([np.full(400, at), w])
        assert min(loss(p) for p in np.concatenate([side, *edges])) > 0.8
        assert min(loss(p) for p in side) > loss(found[way]) + 0.015


def segment(x0, y0, x1, y1):
    """Geometric action |v||b| - v.b in the metric of the inverse covariance, at the middles of segments."""
    z, y = data()
    c, w = (0.5 * (x0 + x1))[:, None], (0.5 * (y0 + y1))[:, None]
    bell = 2 * np.exp(-2 * (z - c) ** 2)
    residual = bell - 1 + w * z - y
    first, second = 4 * residual * (z - c) * bell, residual * z
    m, n = first.mean(axis=1), second.mean(axis=1)
    a, q, d = ((f * g).mean(axis=1) for f, g in ((first, first), (first, second), (second, second)))
    a, q, d = a - m * m, q - m * n, d - n * n
    b = (-m - 2 * L2 * c[:, 0], -n - 2 * L2 * w[:, 0])
    v = (x1 - x0, y1 - y0)

    def product(u, v):
        return (d * u[0] * v[0] - q * (u[0] * v[1] + u[1] * v[0]) + a * u[1] * v[1]) / (a * d - q * q)

    return np.sqrt(product(v, v) * product(b, b)) - product(v, b)


def action(free, start, end, pieces):
    """Action of the straight line plus sines, and its gradient in their coefficients, by complex steps."""
    t = np.linspace(0, 1, pieces + 1)[:, None]
    order = np.arange(1, len(free) // 2 + 1)
    sines = np.sin(np.pi * t * order) / order
    points = start + (end - start) * t + sines @ free.reshape(-1, 2)
    ends = (points[:-1, 0], points[:-1, 1], points[1:, 0], points[1:, 1])
    slope = np.zeros_like(points)
    for k in range(4):
        shifted = [np.array(e, dtype=complex) for e in ends]
        shifted[k] += 1e-30j
        values = segment(*shifted)
        (slope[:-1] if k < 2 else slope[1:])[:, k % 2] += values.imag / 1e-30
    return values.real.sum(), (sines.T @ slope).ravel()


def least_action(start, end, bulge):
    """The least action of such curves near a bulged one, extrapolated in the number of pieces."""
    free = bulge * np.array([start[1] - end[1], end[0] - start[0]])
    for count in COUNTS:
        free = np.pad(free, (0, 2 * count - len(free)))
        options = {"gtol": 1e-6, "maxiter": 200}
        free = minimize(action, free, (start, end, PIECES[0]), jac=True, method="BFGS", options=options).x
    coarse, fine = (action(free, start, end, pieces)[0] for pieces in PIECES)
    ratio = (PIECES[1] / PIECES[0]) ** 2
    return fine + (fine - coarse) / (ratio - 1)


@pytest.mark.parametrize(
    ("name", "bulges", "accuracy"),
    [
        ("left-out", (-0.2, 0.3), 1e-5),
        ("right-out", (0.5,), 1e-5),
        ("middle-right", (0.2,), 1e-4),
        ("middle-left", (0.3,), 1e-4),
    ],
)
def test_references_of_measured_noise(name, bulges, accuracy):
    # the direct method of the calculus of variations: every such curve costs at least V of the pass
    found = places()
    start, end = (found[place] for place in WAYS[name])
    least = min(least_action(start, end, bulge) for bulge in bulges)
    reference = load("radial-iris")[0].references[f"measured-{name}"]
    assert reference.value == pytest.approx(least, rel=accuracy)
    assert reference.relative <= 2 * accuracy
