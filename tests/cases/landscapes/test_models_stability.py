import itertools

import numpy as np
import pytest
from scipy.optimize import minimize_scalar

from cases.landscapes.models.factorization import NODES
from cases.landscapes.models.stability import gauss_newton, largest_stable_rate, stability

ANGLES = 2 * np.pi * np.arange(8) / 8
CIRCLE = np.sqrt(2) * np.stack(
    [np.cos(ANGLES), np.sin(ANGLES)], axis=1
)  # moments of the circle up to degree 7


def neuron(a):
    """f = a wᵀx at the minimum (a, 1/a, 0) for the target x₁: slopes (wᵀx, a x)."""
    return gauss_newton(np.column_stack([CIRCLE[:, 0] / a, a * CIRCLE]))


@pytest.mark.parametrize(
    ("a", "trace", "frobenius", "largest", "rate"),
    [
        (0.5, 4.5, 4.257346591, 4.25, 0.311577491),
        (0.840896, 2.828427125, 2.236067977, 2.121320344, 0.597716981),
        (1.0, 3, 2.236067977, 2, 0.609611797),
        (1.5, 4.944444444, 3.510346260, 2.694444444, 0.401302710),
    ],
)
def test_linear_neuron(a, trace, frobenius, largest, rate):
    found = stability(neuron(a))
    assert found.trace == pytest.approx(trace, rel=1e-6)
    assert found.frobenius == pytest.approx(frobenius, rel=1e-6)
    assert found.largest == pytest.approx(largest, rel=1e-6)
    assert found.sgd == pytest.approx(rate, rel=2e-6)
    assert found.sgd <= found.by_trace <= found.gradient_descent


def test_three_notions_of_flat_select_three_minima():
    def flattest(measure):
        return minimize_scalar(measure, bounds=(0.6, 1.3), method="bounded", options={"xatol": 1e-9})

    exact = flattest(lambda a: -stability(neuron(a)).sgd)
    assert exact.x == pytest.approx(0.9412779, abs=1e-6)
    assert -exact.fun == pytest.approx(0.6146585, rel=1e-6)
    assert flattest(lambda a: stability(neuron(a)).trace).x == pytest.approx(2**-0.25, abs=1e-6)
    assert flattest(lambda a: stability(neuron(a)).largest).x == pytest.approx(1, abs=1e-6)


def test_product_of_two_weights():
    # f = a b x, x standard normal: exactly a² + b² ≤ 2/(3η) for B = 1, 2/η for gradient descent
    a, b = 1.7, 0.4
    found = stability(gauss_newton(NODES[:, None] * np.array([[b, a]])))
    assert found.sgd == pytest.approx(2 / (3 * (a**2 + b**2)), rel=1e-12)
    assert found.gradient_descent == pytest.approx(2 / (a**2 + b**2), rel=1e-12)


@pytest.mark.parametrize(("batch", "rate"), [(1, 0.576039492), (2, 0.938164490), (3, 1.131482908)])
def test_three_rows_of_data(batch, rate):
    found = stability(gauss_newton(np.array([[1.0, 0.0], [0.0, 2.0], [1.0, 1.0]])), batch)
    assert found.trace == pytest.approx(7 / 3, rel=1e-14)
    assert found.sgd == pytest.approx(rate, rel=1e-8)
    # a bound on the trace holds for single samples, and fails beyond
    assert (found.trace <= 2 / found.sgd) == (batch == 1)
    assert (batch == 3) == bool(np.isclose(found.sgd, found.gradient_descent, rtol=1e-12))


@pytest.mark.parametrize("batch", [1, 2])
def test_second_moment_of_the_iteration_itself(batch):
    # one step averaged over all batches, as a matrix on second moments: spectral radius 1 at η*
    rng = np.random.default_rng(3)
    slopes = rng.normal(size=(5, 3))
    hessians = gauss_newton(slopes)
    rate = largest_stable_rate(hessians, batch)
    batches = list(itertools.combinations(range(5), batch))

    def radius(eta):
        steps = [np.eye(3) - eta * hessians[list(chosen)].mean(axis=0) for chosen in batches]
        return np.abs(np.linalg.eigvals(np.mean([np.kron(step, step) for step in steps], axis=0))).max()

    assert radius(rate) == pytest.approx(1, abs=1e-10)
    assert radius(0.99 * rate) < 1 < radius(1.01 * rate)


def test_flat_directions_do_not_matter():
    hessians = gauss_newton(np.array([[1.0, 0.0, 0.0], [2.0, 1.0, 0.0]]))
    assert largest_stable_rate(hessians) == pytest.approx(largest_stable_rate(hessians[:, :2, :2]), rel=1e-12)


def test_diagonal_networks_have_the_stated_traces():
    # E x xᵀ = I and loss ½(·)²: u∘u has tr H = 4‖w‖₁, a∘b at least 2‖w‖₁, with equality at |a| = |b|
    x = np.array(np.meshgrid([-1.0, 1.0], [-1.0, 1.0])).reshape(2, -1).T
    u = np.array([0.7, 1.3])
    assert stability(gauss_newton(2 * u * x)).trace == pytest.approx(4 * np.sum(u**2), rel=1e-14)
    for ratio in (1.0, 2.0):
        a, b = ratio * u, u / ratio
        trace = stability(gauss_newton(np.hstack([b * x, a * x]))).trace
        assert trace == pytest.approx((ratio**2 + ratio**-2) * np.sum(u**2), rel=1e-14)


@pytest.mark.parametrize(("hessians", "batch"), [(np.zeros((2, 1, 1)), 1), (np.ones((2, 1, 1)), 3)])
def test_bad_input(hessians, batch):
    with pytest.raises(ValueError, match=r"batch|zero"):
        largest_stable_rate(hessians, batch)
