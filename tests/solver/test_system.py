"""How systems are made, and what is made of them."""

import doctest
from functools import partial

import numpy as np
import pytest
import sympy as sp

import solver.system
from solver.derivatives import central
from solver.system import System

x, y = sp.symbols("x y")
LOSS = (x**2 - 1) ** 2 / 4 + y**2 / 2 + sp.exp(x * y / 3)
TENSOR = [[1 + x**2 / 4, x * y / 5], [x * y / 5, 2 + sp.sin(y)]]
BOUNDS = [(-1.5, 1.5), (-1.0, 2.0)]
POINTS = np.random.default_rng(3).uniform(-1.0, 1.5, (2, 40))


def trial(loss=LOSS):
    return System.from_loss(loss, [x, y], TENSOR)


def loss_of_rows(p):
    return (p[:, 0] ** 2 - 1) ** 2 / 4 + p[:, 1] ** 2 / 2 + np.exp(p[:, 0] * p[:, 1] / 3)


def tensor_of_rows(p):
    off = p[:, 0] * p[:, 1] / 5
    return np.array([[1 + p[:, 0] ** 2 / 4, off], [off, 2 + np.sin(p[:, 1])]]).transpose(2, 0, 1)


def require_consistent(system, tolerance=1e-10):
    """All derivatives against central differences of what they are derivatives of."""
    slope = partial(central, steps=np.full(system.dim, 0.01))
    close = partial(np.testing.assert_allclose, rtol=tolerance, atol=tolerance)
    close(system.jacobian(POINTS), slope(system.drift)(POINTS))
    tensor_slope = slope(system.diffusion)(POINTS)
    close(system.divergence(POINTS), np.einsum("ijjn->in", tensor_slope))
    if system.diffusion_slope is not None:
        close(system.diffusion_slope(POINTS), tensor_slope)
    if system.loss is not None:
        close(system.drift(POINTS), -slope(system.loss)(POINTS))


def test_the_examples_of_the_docstrings_are_right():
    found = doctest.testmod(solver.system)
    assert found.attempted > 5
    assert found.failed == 0


@pytest.mark.parametrize(
    "system",
    [
        trial(),
        System.from_loss(LOSS, [x, y]),
        System.from_loss(LOSS, [x, y], 1 + x**2),
        System.from_loss(LOSS, [x, y], sp.Matrix(TENSOR)),
        System.from_drift([y, -x - y * (1 - x**2)], [x, y], TENSOR),
        System.from_sympy([x, y], loss=LOSS, drift=[-sp.diff(LOSS, x), -sp.diff(LOSS, y)]),
        trial().reversed(),
        trial().with_floor(0.1),
        trial().isotropic(),
        trial().plus_drift(
            lambda p: np.array([p[1] ** 2, p[0] * p[1]]),
            lambda p: np.array([[0 * p[0], 2 * p[1]], [p[1], p[0]]]),
        ),
    ],
)  # fmt: skip
def test_derivatives_belong_to_their_functions(system):
    require_consistent(system)


def test_what_is_made_of_a_system():
    system = trial()
    assert (system.reversed().drift(POINTS) == -system.drift(POINTS)).all()
    floored = system.with_floor(0.25).diffusion(POINTS) - system.diffusion(POINTS)
    np.testing.assert_allclose(floored, 0.25 * np.eye(2)[:, :, None] + 0 * POINTS[0], atol=1e-15)
    pushed = system.plus_drift(lambda p: 2 * p, lambda p: 2 * np.eye(2)[:, :, None] + 0 * p[0])
    np.testing.assert_allclose(
        pushed.drift(POINTS) - system.drift(POINTS), 2 * POINTS, rtol=1e-13, atol=1e-13
    )
    assert pushed.loss is None
    assert (system.isotropic().diffusion(POINTS) == np.eye(2)[:, :, None]).all()


@pytest.mark.parametrize("given", ["drift", "loss", "real loss"])
def test_functions_of_rows_give_the_system_of_the_expressions(given):
    exact = trial()
    arguments = {
        "drift": {"drift": lambda p: np.array([
            -(p[:, 0] ** 3 - p[:, 0]) - p[:, 1] / 3 * np.exp(p[:, 0] * p[:, 1] / 3),
            -p[:, 1] - p[:, 0] / 3 * np.exp(p[:, 0] * p[:, 1] / 3),
        ]).T},
        "loss": {"loss": loss_of_rows},
        # complex numbers are refused: differences of differences
        "real loss": {"loss": lambda p: loss_of_rows(np.asarray(p, dtype=float))},
    }[given]  # fmt: skip
    found = System.from_functions(diffusion=tensor_of_rows, bounds=BOUNDS, **arguments)
    rough = 1e-6 if given == "real loss" else 1e-9
    for name in ("drift", "jacobian", "diffusion", "divergence", "diffusion_slope"):
        np.testing.assert_allclose(
            getattr(found, name)(POINTS), getattr(exact, name)(POINTS), rtol=rough, atol=rough
        )
    if "loss" in arguments:
        np.testing.assert_allclose(found.loss(POINTS), exact.loss(POINTS), rtol=1e-14)


def test_functions_are_not_called_for_no_points():
    found = System.from_functions(lambda p: -p / p.shape[0], np.diag([1.0, 2.0]), bounds=BOUNDS)
    assert found.drift(np.empty((2, 0))).shape == (2, 0)
    assert found.diffusion(np.empty((2, 0))).shape == (2, 2, 0)
    assert found.divergence(POINTS).shape == (2, 40)


@pytest.mark.parametrize(
    ("make", "complaint"),
    [
        (lambda: System.from_loss(LOSS + sp.Symbol("kappa"), [x, y]), "the loss has the symbol kappa"),
        (lambda: System.from_drift([x], [x, y]), "the drift has 1 components for 2 coordinates"),
        (lambda: System.from_loss(LOSS, [x, y], [[1, x], [0, 1]]), "must be symmetric"),
        (lambda: System.from_loss(LOSS, [x, y], [[1, 0, 0]]), "must be 2×2 expressions"),
        (lambda: System.from_sympy([x, y]), "neither a loss nor a drift"),
        (lambda: System.from_loss(x**2, list(sp.symbols("a b c d"))), "symbol x"),
        (lambda: System.from_functions(lambda p: p[:, 0], bounds=BOUNDS), "must return (n, 2) for n points"),
        (lambda: System.from_functions(bounds=BOUNDS), "neither a drift nor a loss"),
        (lambda: System.from_functions(np.negative, np.tri(2), bounds=BOUNDS), "symmetric 2×2"),
        (lambda: System.from_functions(lambda p: -p, bounds=[(1, 0)]), "low < high"),
    ],
)  # fmt: skip
def test_what_makes_no_system_is_refused(make, complaint):
    with pytest.raises(ValueError, match=complaint.replace("(", r"\(").replace(")", r"\)")):
        make()
