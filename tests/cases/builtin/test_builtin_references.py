"""The reference values in the built-in cases, derived anew by methods that share nothing with the solver."""

import numpy as np
import pytest
import scipy.sparse as sp
import scipy.sparse.linalg as sla
from scipy.integrate import quad, solve_ivp
from scipy.interpolate import CubicSpline
from scipy.optimize import minimize_scalar, root
from sklearn.datasets import load_diabetes

from cases.loading.catalogue import builtin_cases
from cases.loading.load import load
from tests.exact import Line


def value(case, name):
    return load(case)[0].references[name].value


def slowest(log_density, spread, low, high, cells=6000):
    """λ₂ of a one-dimensional generator with this density and ε·A, by finite volumes, extrapolated."""

    def on(n):
        x = np.linspace(low, high, n + 1)
        middle, h = (x[1:] + x[:-1]) / 2, x[1] - x[0]
        top = log_density(x).max()
        mass = np.maximum(np.exp(log_density(x) - top), 1e-280) * h
        mass[[0, -1]] /= 2
        flow = np.exp(log_density(middle) - top) * spread(middle) / 2 / h
        stiff = sp.diags([np.r_[flow, 0] + np.r_[0, flow], -flow, -flow], [0, 1, -1])
        scale = sp.diags(1 / np.sqrt(mass))
        return np.sort(
            sla.eigsh((scale @ stiff @ scale).tocsc(), k=2, sigma=-1e-9, return_eigenvectors=False)
        )[1]

    coarse, fine = on(cells), on(2 * cells)
    return fine + (fine - coarse) / 3


def test_every_case_has_references_or_is_a_sweep_with_closed_forms():
    for name in builtin_cases():
        case, _ = load(name)
        assert case.references or (case.sweep is not None and case.sweep.exact), name


@pytest.mark.parametrize("phi", [0, 30, 45, 60, 90])
def test_rotated_well(phi):
    along = 1 + 0.6 * np.cos(np.radians(2 * phi))
    assert value("rotated-well", f"barrier-{phi}") == pytest.approx(0.5 / along, rel=1e-10)
    found = slowest(
        lambda x: -((x**2 - 1) ** 2) / (2 * 0.1 * along), lambda x: 0.1 * along + 0 * x, -2.2, 2.2
    )
    assert value("rotated-well", f"eigenvalue-{phi}") == pytest.approx(found, rel=1e-4)


@pytest.mark.parametrize(
    ("noise", "change"),
    [("deg0", [[1, 0], [0, -1]]), ("deg45", [[0, 1], [1, 0]]), ("deg90", [[-1, 0], [0, 1]])],
)
def test_sheared_well_to_first_order(noise, change):
    """½ − 2 ∫ ∇lossᵀ δA dx, with x for the parameter of the steepest ascent."""
    c, (row, column) = 0.7, 0.5 * np.array(change)

    def rates(x, state):
        across = state[0] - c * x
        slope = np.array([x**3 - x - c * across, across])
        rise = slope[1] / slope[0]
        return [rise, slope @ np.array([row, column]) @ [1, rise]]

    start = np.linalg.eigh([[c * c - 1, -c], [-c, 1]])[1][:, 0]
    near = -1e-5
    down = solve_ivp(
        rates, (near, -1 + 1e-7), [near * start[1] / start[0], 0], "Radau", rtol=1e-11, atol=1e-13
    )
    assert value("sheared-well", f"first-order-{noise}") == pytest.approx(0.5 + 2 * down.y[1, -1], rel=1e-8)


@pytest.mark.parametrize(("epsilon", "which"), [(0.2, "high"), (0.1, "low")])
def test_selection(epsilon, which):
    def spread(x):
        return 1 + np.tanh(2 * x) / 2

    x = np.linspace(-2.4, 2.4, 8001)
    potential = CubicSpline(x, 2 * (x**3 - x) / spread(x)).antiderivative()

    def log_density(x):
        return -(potential(x) - potential(-1.0)) / epsilon - np.log(spread(x))

    def mass(low, high):
        return quad(
            lambda x: np.exp(log_density(x)), low, high, points=[-1, 1] if low < -1 else [1], limit=300
        )[0]

    assert value("selection", f"mass-{which}") == pytest.approx(mass(0, 2.2) / mass(-2.2, 2.2), rel=1e-6)
    found = slowest(log_density, lambda x: epsilon * spread(x), -2.1, 2.1)
    assert value("selection", f"eigenvalue-{which}") == pytest.approx(found, rel=1e-6)
    for side, name in ((-1.0, "barrier-left"), (1.0, "barrier-right")):
        height = potential(0.0) - potential(side)
        assert value("selection", name) == pytest.approx(height, rel=1e-8)
    assert value("double-well-1d", "eigenvalue") == value("selection", "eigenvalue-low")
    assert value("double-well-1d", "mass") == value("selection", "mass-low")


@pytest.mark.parametrize(("noise", "kappa"), [("isotropic", 1.0), ("projected", 0.5)])
@pytest.mark.parametrize(("epsilon", "which"), [(0.1, "1"), (0.05, "05")])
def test_rings(noise, kappa, epsilon, which):
    def log_density(r):
        return kappa * np.log(r) - ((r - 2) ** 2 - 1) ** 2 / (2 * epsilon)

    def integral(low, high, power=0):
        points = [r for r in (1, 2, 3) if low < r < high]
        return quad(lambda r: r**power * np.exp(log_density(r)), low, high, points=points, limit=300)[0]

    total = integral(0.2, 4.2)
    assert value("projected-rings", f"mass-{noise}-{which}") == pytest.approx(
        integral(2, 4.2) / total, rel=1e-7
    )
    square = integral(0.2, 4.2, 2) / total
    assert value("projected-rings", f"square-{noise}-{which}") == pytest.approx(square, rel=1e-7)
    found = slowest(log_density, lambda r: epsilon + 0 * r, 0.25, 3.9)
    assert value("projected-rings", f"eigenvalue-{noise}-{which}") == pytest.approx(found, rel=1e-5)


def test_sharp_flat():
    far = 2 * 2**0.5

    def loss(v):
        sharp, flat = 100 * v * v, (far - v) ** 2
        return (sharp + flat - np.hypot(sharp - flat, 2.0)) / 2

    def extreme(sign, low, high):
        return minimize_scalar(
            lambda v: sign * loss(v), bounds=(low, high), method="bounded", options={"xatol": 1e-12}
        ).x

    here, top, there = extreme(1, -0.05, 0.05), extreme(-1, 0.1, 0.5), extreme(1, far - 0.1, far + 0.1)
    assert value("sharp-flat", "isotropic") == pytest.approx(2 * (loss(top) - loss(here)), rel=1e-9)
    assert value("sharp-flat", "isotropic-back") == pytest.approx(2 * (loss(top) - loss(there)), rel=1e-9)
    # the largest eigenvalue at the minimum decides between the top eigenvector and the floor of 10
    step = 1e-3
    top_value = (loss(here + step) - 2 * loss(here) + loss(here - step)) / step**2
    with_floor = (loss(top) - loss(here)) * (top_value + 20) / (top_value + 10)
    assert value("sharp-flat", "top") == pytest.approx(with_floor, rel=1e-6)
    assert value("sharp-flat", "top-without-floor") == pytest.approx(loss(top) - loss(here), rel=1e-9)
    # the limit of a sharp ridge: 100 v² = (far − v)²
    assert value("sharp-flat", "top-limit") == pytest.approx(100 * (far / 11) ** 2, rel=1e-6)
    assert value("sharp-flat", "isotropic-limit") == pytest.approx(200 * (far / 11) ** 2, rel=1e-6)
    assert value("sharp-flat", "hessian-limit") == pytest.approx(
        200 * (far / 11) ** 2 / (400 / 220), rel=1e-6
    )


@pytest.mark.parametrize(
    ("case", "feature", "start", "top", "end"),
    [
        ("radial-diabetes", "bmi", (0.549, 0.308), (-0.155, 0.765), (-1.001, 1.162)),
        ("radial-diabetes-s5", "s5", (-1.036, 1.102), (-0.351, 0.842), (0.901, 0.110)),
    ],
)
def test_radial_unit_on_the_data(case, feature, start, top, end):
    data = load_diabetes()
    z, y = ((v - v.mean()) / v.std() for v in (data.data[:, data.feature_names.index(feature)], data.target))

    def residual(p):
        return 2 * np.exp(-2 * (z - p[0]) ** 2) - 1 + p[1] * z - y

    def gradients(p):
        return residual(p) * np.stack([8 * (z - p[0]) * np.exp(-2 * (z - p[0]) ** 2), z])

    def loss(p):
        return np.mean(residual(p) ** 2) / 2 + 0.005 * (p @ p)

    a, s, b = (
        root(lambda p: gradients(p).mean(axis=1) + 0.01 * p, at, tol=1e-12).x for at in (start, top, end)
    )
    strength = np.trace(np.cov(gradients(a), bias=True)) / 2
    assert value(case, "isotropic-out") == pytest.approx(2 * (loss(s) - loss(a)) / strength, rel=1e-9)
    assert value(case, "isotropic-back") == pytest.approx(2 * (loss(s) - loss(b)) / strength, rel=1e-9)


def test_factorization_by_quadrature_in_the_plane():
    x, y = np.meshgrid(np.linspace(-8, 8, 1201), np.linspace(-5, 5, 1201), indexing="ij")
    for s1, s2, names in ((0.5, 0.25, ("xx", "xy", "yy")), (0.3, 0.3, ("xx-equal", "xy-equal"))):
        loss = ((x * y - 1) ** 2 + s2**2 * x**2 + s1**2 * y**2) / 2
        p = np.exp(-2 * (loss - loss.min()) / 0.1)
        for name in names:
            moment = {"xx": x * x, "xy": x * y, "yy": y * y}[name[:2]]
            assert value("factorization", name) == pytest.approx((moment * p).sum() / p.sum(), rel=1e-7)


def test_rectangular_factorization_by_quadrature():
    """Given y, x1 and x2 are Gaussian under exp(−2 mean loss/ε)."""
    epsilon, lx, ly = 0.1, 0.3**2, 2 * 0.3**2
    y = np.linspace(-4, 4, 4001)
    stiff = y**2 + lx
    p = np.exp(-2 / epsilon * (ly * y**2 / 2 - y**2 / (2 * stiff))) / stiff
    p /= p.sum()
    moments = {
        "xx": (p * ((y / stiff) ** 2 + epsilon / (2 * stiff))).sum(),
        "across": (p * epsilon / (2 * stiff)).sum(),
        "yy": (p * y**2).sum(),
        "xy": (p * y**2 / stiff).sum(),
    }
    for name, moment in moments.items():
        assert value("factorization-rectangular", name) == pytest.approx(moment, rel=1e-8)
    balance = lx * (moments["xx"] + moments["across"]) - ly * moments["yy"]
    assert value("factorization-rectangular", "balance") == pytest.approx(balance, rel=1e-9)
    # from the minimum x1 y = 1 − g to the saddle at zero, twice the mean loss
    assert value("factorization-rectangular", "barrier") == pytest.approx(
        (1 - (lx * ly) ** 0.5) ** 2, rel=1e-9
    )


@pytest.mark.parametrize(("epsilon", "name"), [(0.1, "projected"), (0.2, "projected-high")])
def test_matrices(epsilon, name):
    def weight(r):
        return r * (r**2 + 0.05**2) ** -0.25 * np.exp(-(r**2) / epsilon)

    square = quad(lambda r: r**2 * weight(r), 0, 3)[0] / quad(weight, 0, 3)[0]
    assert value("projected-matrices", name) == pytest.approx(2 * square, rel=1e-8)


def test_loss_noise():
    for epsilon, which in ((0.1, "1"), (0.05, "05")):
        mean = 0.1 / (1 - epsilon * 3 / 2)
        assert value("loss-noise", f"loss-{which}") == pytest.approx(mean, rel=1e-9)
        assert value("loss-noise", f"xx-{which}") == pytest.approx(epsilon * mean, rel=1e-9)


def test_loss_noise_escape():
    """log T from one minimum to the other, by quadrature; the barrier log(L_s/L_*)/h; the power law."""

    def loss(x):
        return (x**2 - 1) ** 2 / 4 + 0.05

    line = Line(lambda x: x - x**3, lambda x: 4 * loss(x), -2.2, 2.2)
    for epsilon, which in ((0.1, "1"), (0.05, "05"), (0.03, "03")):
        exact = line.log_time(-1.0, 1.0, epsilon)
        assert value("loss-noise-escape", f"time-{which}") == pytest.approx(exact, abs=1e-6)
        law = np.log(2 * np.pi / 2**0.5) + (0.5 + 1 / (2 * epsilon)) * np.log(6)
        assert value("loss-noise-escape", f"law-{which}") == pytest.approx(law, abs=1e-6)
    assert value("loss-noise-escape", "barrier") == pytest.approx(np.log(6) / 2, rel=1e-9)
    still = Line(lambda x: x - x**3, lambda x: 0.2 + 0 * x, -2.2, 2.2)
    assert value("loss-noise-escape", "isotropic-03") == pytest.approx(
        still.log_time(-1.0, 1.0, 0.03), abs=1e-6
    )
    found = slowest(lambda x: -(1 + 1 / 0.2) * np.log(loss(x)), lambda x: 0.1 * 4 * loss(x), -2.2, 2.2)
    assert value("loss-noise-escape", "eigenvalue") == pytest.approx(found, rel=2e-5)
